"""Named plants: a kind of cell and a front end."""

from __future__ import annotations

from crossloop.protocol.errors import RangeError
from crossloop_sim.devices.constant import ConstantStep
from crossloop_sim.devices.device import Device
from crossloop_sim.devices.soft_bounds import SoftBounds
from crossloop_sim.frontend.settings import FrontEnd
from crossloop_sim.plant.configuration import PlantConfiguration

DEVICES: dict[str, Device] = {
    # The device specification for training with plain gradient descent: symmetric constant steps, about 1200 of them.
    # Source: Gokmen and Vlasov, Front. Neurosci. 10:333 (2016), in the numbers of aihwkit's preset GokmenVlasov.
    "rpu": ConstantStep(),
    # The same without any spread or noise, cells and converter: products are exact to half a converter step.
    "ideal": ConstantStep(dw_min_dtod=0.0, up_down_dtod=0.0, w_max_dtod=0.0, w_min_dtod=0.0, c2c=0.0),
    # 200 soft-bounds states with the spreads of `rpu`: what plain gradient descent fails on.
    # Source: the calibration runs for the systems of this project; spreads as aihwkit's preset GokmenVlasov.
    "soft-bounds": SoftBounds(dw_min=0.01),
    # Resistive memory, loose fit of soft bounds to Gong et al., Nat. Commun. 9:2102 (2018).
    # Source: aihwkit's preset ReRamSB; its write noise of 56 steps is left out.
    "reram-sb": SoftBounds(
        dw_min=0.002, dw_min_dtod=0.3, up_down_dtod=0.01, w_max=1.25, w_max_dtod=0.24, w_min=-0.75, w_min_dtod=0.4, c2c=3.75,
        c2c_kind="additive",
    ),
}  # fmt: skip

_QUIET = FrontEnd(read_noise=0.0)
"""Converters that only quantise."""

PRESETS: dict[str, PlantConfiguration] = {
    name: PlantConfiguration(device=device, front_end=_QUIET if name == "ideal" else FrontEnd())
    for name, device in DEVICES.items()
}
"""Presets by name."""


def preset(name: str, **changes: object) -> PlantConfiguration:
    """Return a preset with some settings changed, by their flat names (`PlantConfiguration.settings`).

    Raises
    ------
    RangeError
        If the preset or a setting is unknown, or a value is out of range.
    """
    if name not in PRESETS:
        raise RangeError(f"unknown plant preset {name!r}; known are {', '.join(PRESETS)}")
    return PRESETS[name].changed(changes)
