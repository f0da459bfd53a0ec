"""The emulated array as integers: what the fixed-point array in the FPGA does, bit for bit."""

from crossloop_sim.emulated.array import ArrayInside, EmulatedArray

__all__ = ["ArrayInside", "EmulatedArray"]
