"""The golden model: the wire protocol executed in Python, bit-exact with the gateware."""

from crossloop_sim.golden.model import GoldenModel
from crossloop_sim.golden.safety import Plant

__all__ = ["GoldenModel", "Plant"]
