"""The plant and the host under cocotb: the same seams as the native engine, on an event-driven HDL simulator."""
