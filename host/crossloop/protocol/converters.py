"""Volts to level codes, converter codes to amperes, seconds to cycles: the one place where units meet integers.

A value that has no exact code is refused with the nearest ones; rounding happens only where a caller asks for it by name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import GAP_MAX
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import gap_min_taps

_TOLERANCE = 1e-6
"""Largest distance, in steps, between a value and a code that still counts as equal (float arithmetic of the caller)."""


def _exact(name: str, value: float, step: float, low: int, high: int, unit: str) -> int:
    if not math.isfinite(value):
        raise RangeError(f"{name} must be a finite number of {unit}, not {value!r}; nothing was sent")
    position = value / step
    code = round(position)
    if not low <= code <= high:
        raise RangeError(
            f"{name} of {value:.6g} {unit} is outside {low * step:.6g} to {high * step:.6g} {unit}; choose a value inside, nothing was sent"
        )
    if abs(position - code) > _TOLERANCE * max(1.0, abs(position)):
        below = math.floor(position)
        nearest = " and ".join(
            f"{candidate * step:.9g}" for candidate in (below, below + 1) if low <= candidate <= high
        )
        raise RangeError(
            f"{name} of {value:.9g} {unit} is not a multiple of {step:.9g} {unit}; the nearest are {nearest} {unit}, nothing was sent"
        )
    return code


@dataclass(frozen=True)
class Levels:
    """The level DACs: two's complement codes, `step_v` volts apart."""

    bits: int
    step_v: float

    @classmethod
    def of(cls, parameters: Parameters, family: Family = Family.ROWS) -> Levels:
        """Return the level converter of a family: rows and columns have the same, gate lines one of their own."""
        full_scale_uv = parameters.gate_full_scale_uv if family is Family.GATES else parameters.level_full_scale_uv
        return cls(parameters.level_bits, full_scale_uv * 1e-6 / (1 << (parameters.level_bits - 1)))

    @property
    def code_min(self) -> int:
        """Lowest code."""
        return -(1 << (self.bits - 1))

    @property
    def code_max(self) -> int:
        """Highest code."""
        return (1 << (self.bits - 1)) - 1

    def code(self, value_v: float, name: str = "level") -> int:
        """Return the code of a voltage that has one; raises RangeError otherwise."""
        return _exact(name, value_v, self.step_v, self.code_min, self.code_max, "V")

    def nearest_v(self, value_v: float) -> float:
        """Return the representable voltage nearest to a finite one inside the range; raises RangeError outside."""
        if not math.isfinite(value_v):
            raise RangeError(f"level must be a finite number of V, not {value_v!r}; nothing was sent")
        return self.step_v * self.code(round(value_v / self.step_v) * self.step_v)

    def volts(self, code: int) -> float:
        """Return the voltage of a code."""
        return code * self.step_v


@dataclass(frozen=True)
class Samples:
    """The current converters: two's complement codes, one step size per range."""

    bits: int
    steps_a: tuple[float, ...]

    @classmethod
    def of(cls, parameters: Parameters) -> Samples:
        """Return the current converter of a build."""
        scale = 1e-12 / (1 << (parameters.sample_bits - 1))
        return cls(
            parameters.sample_bits, tuple(full_scale_pa * scale for full_scale_pa in parameters.range_full_scale_pa)
        )

    @property
    def code_min(self) -> int:
        """Lowest code; the converter answers it, flagged as saturated, for any current below."""
        return -(1 << (self.bits - 1))

    @property
    def code_max(self) -> int:
        """Highest code; the converter answers it, flagged as saturated, for any current above."""
        return (1 << (self.bits - 1)) - 1

    def amperes(self, code: int, range_index: int) -> float:
        """Return the current of a code."""
        return code * self.steps_a[range_index]


@dataclass(frozen=True)
class Clock:
    """The controller's clock."""

    hz: int
    gate_taps: int = 1
    """Taps per cycle, in which the widths and gaps of pulses are counted."""

    @classmethod
    def of(cls, parameters: Parameters) -> Clock:
        """Return the clock of a build."""
        return cls(parameters.clock_hz, parameters.gate_taps)

    def cycles(self, time_s: float, name: str = "time", limit: int = 2**32 - 1) -> int:
        """Return the number of cycles (at least 1) of a time that is a whole number of them; raises RangeError otherwise."""
        return _exact(name, time_s, 1.0 / self.hz, 1, limit, "s")

    def seconds(self, cycles: int) -> float:
        """Return the time of a number of cycles."""
        return cycles / self.hz

    def width_taps(self, time_s: float, name: str = "width_s", limit: int = 2**32 - 1) -> int:
        """Return the taps (at least 1) of a pulse width that is a whole number of them; raises RangeError otherwise."""
        return self._taps(name, time_s, 1, limit)

    def gap_taps(self, time_s: float, name: str = "gap_s") -> int:
        """Return the taps of a gap after a pulse; raises RangeError for what is no whole number of them or too short."""
        return self._taps(name, time_s, gap_min_taps(self.gate_taps), GAP_MAX)

    def tap_seconds(self, taps: int) -> float:
        """Return the time of a number of taps."""
        return taps / (self.hz * self.gate_taps)

    def _taps(self, name: str, time_s: float, low: int, high: int) -> int:
        return _exact(name, time_s, 1.0 / (self.hz * self.gate_taps), low, high, "s")
