"""The kinds of cells by name, as target URLs use them: `model:?device=soft-bounds`."""

from __future__ import annotations

from crossloop_sim.devices.constant import ConstantStep
from crossloop_sim.devices.device import Device
from crossloop_sim.devices.exponential import ExpStep
from crossloop_sim.devices.linear import LinearStep
from crossloop_sim.devices.piecewise import PiecewiseStep
from crossloop_sim.devices.power import PowStep
from crossloop_sim.devices.soft_bounds import SoftBounds

KINDS: dict[str, type[Device]] = {
    "constant": ConstantStep,
    "linear": LinearStep,
    "soft-bounds": SoftBounds,
    "exponential": ExpStep,
    "power": PowStep,
    "piecewise": PiecewiseStep,
}
"""Classes by name."""
