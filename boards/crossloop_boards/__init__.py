"""Boards: from a controller's build to a bitstream and onto an FPGA."""
