"""The limits of the safety gate: given in volts and seconds, written to the device once after its reset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import CommandError, RangeError, Status
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import DEAD_MAN_BITS, WIDTH_BITS, Register


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What no program may exceed; the device enforces it, and nothing can widen it until the device is reset."""

    v_level_max_v: float | None = None
    """Largest voltage of a line against ground, either sign, in volts; None is the full range of the level DACs."""
    width_cap_s: float = 100e-6
    """Longest time a pulse gate may be on, in seconds."""
    dead_man_s: float = 200e-3
    """Longest silence of the host while the outputs are armed, in seconds."""


@dataclass(frozen=True)
class LimitCodes:
    """Limits in codes and cycles, as the device holds them."""

    level_min: int
    """Lowest level code."""
    level_max: int
    """Highest level code."""
    width_cap: int
    """Longest gate time in cycles."""
    dead_man: int
    """Dead-man time in cycles."""

    @classmethod
    def of(cls, limits: Limits, parameters: Parameters) -> LimitCodes:
        """Convert limits for a build; raises RangeError for what it cannot represent."""
        levels, clock = Levels.of(parameters), Clock.of(parameters)
        level_min, level_max = levels.code_min, levels.code_max
        if limits.v_level_max_v is not None:
            level_max = levels.code(limits.v_level_max_v, "v_level_max_v")
            level_min = -level_max
            if level_max <= 0:
                raise RangeError(f"v_level_max_v must be above 0 V, not {limits.v_level_max_v!r}; nothing was sent")
        return cls(
            level_min,
            level_max,
            clock.cycles(limits.width_cap_s, "width_cap_s", (1 << WIDTH_BITS) - 1),
            clock.cycles(limits.dead_man_s, "dead_man_s", (1 << DEAD_MAN_BITS) - 1),
        )

    @classmethod
    def from_registers(cls, values: dict[Register, int], parameters: Parameters) -> LimitCodes:
        """Read limits from register values."""
        return cls(
            _signed(values[Register.LEVEL_MIN], parameters.level_bits),
            _signed(values[Register.LEVEL_MAX], parameters.level_bits),
            values[Register.WIDTH_CAP],
            values[Register.DEAD_MAN],
        )

    @cached_property
    def allowed_bytes(self) -> bytes:
        """Every level code in the window that fits into a signed byte, as bytes."""
        return bytes(code & 0xFF for code in range(max(self.level_min, -128), min(self.level_max, 127) + 1))

    @property
    def unset(self) -> bool:
        """Whether the device has no limits yet: then it lets nothing through."""
        return self == LimitCodes(0, 0, 0, 0)

    def registers(self) -> dict[Register, int]:
        """Return what to write where."""
        return {
            Register.LEVEL_MIN: self.level_min,
            Register.LEVEL_MAX: self.level_max,
            Register.WIDTH_CAP: self.width_cap,
            Register.DEAD_MAN: self.dead_man,
        }

    def describe(self, parameters: Parameters) -> str:
        """Return the limits in volts and seconds."""
        levels, clock = Levels.of(parameters), Clock.of(parameters)
        return (
            f"levels {levels.volts(self.level_min):.6g} to {levels.volts(self.level_max):.6g} V, "
            f"gate time {clock.seconds(self.width_cap):.6g} s, dead-man {clock.seconds(self.dead_man):.6g} s"
        )

    def check_level(self, code: int, levels: Levels, name: str) -> None:
        """Refuse a level code outside the window."""
        if not self.level_min <= code <= self.level_max:
            raise RangeError(
                f"{name} of {levels.volts(code):.6g} V is outside the level window of {levels.volts(self.level_min):.6g} to "
                f"{levels.volts(self.level_max):.6g} V; choose a smaller voltage, nothing was sent"
            )

    def check_width(self, cycles: int, clock: Clock, name: str) -> None:
        """Refuse a gate time above the cap."""
        if cycles > self.width_cap:
            raise RangeError(
                f"{name} of {clock.seconds(cycles):.6g} s is longer than the cap of {clock.seconds(self.width_cap):.6g} s "
                f"({cycles} > {self.width_cap} cycles); choose a shorter one, nothing was sent"
            )


def settle(wanted: Limits | None, held: LimitCodes, parameters: Parameters) -> LimitCodes:
    """Return the limits to work with: those wanted, or those a device already holds when the caller has no wish.

    Raises
    ------
    CommandError
        If the device holds other limits than those asked for (LIMIT_LOCKED); both are named.
    """
    if held.unset:
        return LimitCodes.of(wanted or Limits(), parameters)
    if wanted is None:
        return held
    codes = LimitCodes.of(wanted, parameters)
    if codes != held:
        raise CommandError(
            Status.LIMIT_LOCKED,
            0,
            f"the device already has other limits ({held.describe(parameters)}) than asked for ({codes.describe(parameters)})",
        )
    return codes


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value
