"""Named plants: a kind of cell and a front end."""

from __future__ import annotations

from crossloop.protocol.errors import RangeError
from crossloop_sim.devices.presets import DEVICES
from crossloop_sim.frontend.settings import FrontEnd
from crossloop_sim.plant.configuration import PlantConfiguration

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
