"""The plant and the host under cocotb: the same seams as the native engine, on an event-driven HDL simulator.

One sampling convention for everything here: outputs change after a rising clock edge and are read at the falling edge of the same cycle;
inputs are written at a falling edge and taken by the next rising edge. Between changes nothing of this runs.
"""
