"""The kinds of cells by name, as target URLs use them: `model:?device=soft-bounds`."""

from __future__ import annotations

from crossloop_sim.devices.constant import ConstantStep
from crossloop_sim.devices.device import Device
from crossloop_sim.devices.soft_bounds import SoftBounds

KINDS: dict[str, type[Device]] = {
    "constant": ConstantStep,
    "soft-bounds": SoftBounds,
}
"""Classes by name."""
