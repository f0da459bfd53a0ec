"""Settings of the simulated analog world: cells, front end, seed; and their flat names, as target URLs use them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from crossloop.protocol.errors import RangeError
from crossloop_sim.array.wiring import Wires
from crossloop_sim.devices.constant import ConstantStep
from crossloop_sim.devices.device import Device
from crossloop_sim.devices.kinds import KINDS
from crossloop_sim.frontend.settings import FrontEnd

CELL_GATES = ("transistor", "electrochemical")
"""What the gate lines of a build lead to."""

IVS = ("ohmic", "sinh", "cubic", "1s1r")
"""I-V laws of cells without a third terminal; what a build's gate lines switch is in `Transistor`."""


@dataclass(frozen=True, kw_only=True)
class Transistor:
    """The transistors of 1T1R cells, in a build with gate lines; without these lines there are none."""

    v_gate_threshold_v: float = 0.5
    """Threshold voltage in volts. A choice, as in `crossloop_sim.array.laws`."""
    gate_k_a_per_v2: float = 4e-4
    """Transconductance parameter in A/V^2; 0: an ideal switch. A choice: 3.6 kohm at 1.2 V on the gate."""

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if not (math.isfinite(value) and value >= 0):
                raise RangeError(f"plant setting {setting.name} must be finite and not below 0, not {value!r}")


@dataclass(frozen=True, kw_only=True)
class CellGate:
    """The cells' third terminal, in a build with gate lines."""

    cell_gate: str = "transistor"
    """One of CELL_GATES. A transistor's gate decides whether the cell conducts. An electrochemical one writes it: by its voltage against
    the middle of the channel (line state DRIVE), or by charge (state CURRENT). Cells keep their charge while their gate line floats.
    """
    i_gate_a: float = 1e-9
    """Gate current in amperes that makes the nominal step in the nominal time, in state CURRENT. A choice: 80 aC in 80 ns."""

    def __post_init__(self) -> None:
        if self.cell_gate not in CELL_GATES:
            raise RangeError(f"plant setting cell_gate must be one of {', '.join(CELL_GATES)}, not {self.cell_gate!r}")
        if not (math.isfinite(self.i_gate_a) and self.i_gate_a > 0):
            raise RangeError(f"plant setting i_gate_a must be finite and above 0 A, not {self.i_gate_a!r}")


@dataclass(frozen=True, kw_only=True)
class PlantConfiguration:
    """The analog world behind the pins. The defaults are the preset `rpu`."""

    device: Device = field(default_factory=ConstantStep)
    """Kind of cell."""
    front_end: FrontEnd = field(default_factory=FrontEnd)
    """Converters and their errors."""
    wires: Wires = field(default_factory=Wires)
    """Resistances and capacitances of the lines; ideal by default."""
    transistor: Transistor = field(default_factory=Transistor)
    """Transistors of the cells, in a build with gate lines."""
    gate: CellGate = field(default_factory=CellGate)
    """What gate lines lead to."""
    iv: str = "ohmic"
    """I-V law of the cells, one of IVS."""
    seed: int = 0
    """Seed of every spread and every noise."""

    def __post_init__(self) -> None:
        if self.iv not in IVS:
            raise RangeError(f"plant setting iv must be one of {', '.join(IVS)}, not {self.iv!r}")
        if not 0 <= self.seed < 2**32:
            raise RangeError(f"plant setting seed must be from 0 to {2**32 - 1}, not {self.seed!r}")

    def settings(self) -> dict[str, Any]:
        """Return every setting by its flat name; `device` is the name of the kind of cell."""
        flat = {name: getattr(part, name) for part in self._parts.values() for name in _types(part)}
        return {"device": kind_of(self.device), **flat, "iv": self.iv, "seed": self.seed}

    def setting_types(self) -> dict[str, str]:
        """Return the type of every setting by its flat name: float, int, str or bool."""
        flat = {name: kind for part in self._parts.values() for name, kind in _types(part).items()}
        return {"device": "str", **flat, "iv": "str", "seed": "int"}

    def changed(self, changes: Mapping[str, Any]) -> PlantConfiguration:
        """Return a copy with settings changed by their flat names.

        A change of `device` keeps every setting that both kinds of cells have.

        Raises
        ------
        RangeError
            If a name is unknown or a value out of range.
        """
        kind = changes.get("device", kind_of(self.device))
        base = self if kind == kind_of(self.device) else replace(self, device=_as_kind(self.device, kind))
        known = base.setting_types()
        for key in changes:
            if key not in known:
                raise RangeError(
                    f"the plant has no setting {key!r}; with cells of kind {kind!r} it has {', '.join(known)}"
                )
        parts = {
            name: replace(part, **{key: changes[key] for key in changes if key in _types(part)})
            for name, part in base._parts.items()  # noqa: SLF001  (another object of this class)
        }
        return replace(base, **parts, iv=changes.get("iv", self.iv), seed=changes.get("seed", self.seed))

    @property
    def _parts(self) -> dict[str, Any]:
        return {
            "device": self.device, "front_end": self.front_end, "wires": self.wires, "transistor": self.transistor, "gate": self.gate,
        }  # fmt: skip


def _types(part: Any) -> dict[str, str]:
    return {setting.name: str(setting.type) for setting in fields(part)}


def kind_of(device: Device) -> str:
    """Return the name of a cell's kind; for kinds of one's own, the name of the class."""
    return next((name for name, kind in KINDS.items() if kind is type(device)), type(device).__name__)


def _as_kind(device: Device, kind: str) -> Device:
    if kind not in KINDS:
        raise RangeError(f"plant setting device must be one of {', '.join(KINDS)}, not {kind!r}")
    wanted = KINDS[kind]
    return wanted(
        **{name: getattr(device, name) for name in _types(device) if name in {f.name for f in fields(wanted)}}
    )
