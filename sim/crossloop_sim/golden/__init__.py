"""The golden model: the wire protocol executed in Python, bit-exact with the gateware."""

from crossloop_sim.golden.model import GoldenModel

__all__ = ["GoldenModel"]
