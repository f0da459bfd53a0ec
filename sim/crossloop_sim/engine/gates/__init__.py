"""The synthesised netlist, and the netlist read back from the bitstream, as designs of the native engine."""
