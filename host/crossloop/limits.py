"""The limits of the safety gate: given in volts and seconds, written to the device once after its reset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import CommandError, RangeError, Status
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import DEAD_MAN_BITS, DUTY_BITS, DUTY_UNIT, WIDTH_BITS, Register, Rule
from crossloop.protocol.streams import Family


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What no program may exceed; the device enforces it, and nothing can widen it until the device is reset."""

    v_level_max_v: float | None = None
    """Largest voltage of a row or column against ground, either sign, in volts; None is the full range of the level DACs."""
    v_level_min_v: float | None = None
    """Lowest voltage of a row or column in volts, where it is not -v_level_max_v; 0 for arrays that bear one polarity only."""
    v_gate_max_v: float | None = None
    """Highest voltage of a gate line in volts; None is the full range of its DACs. The lowest is 0."""
    one_gate: bool = False
    """Whether at most one gate line may be driven at a time."""
    width_cap_s: float = 100e-6
    """Longest time a pulse gate may be on, in seconds."""
    duty_cap: float = 1.0
    """Largest part of the time for which pulse gates may be on, pulse by pulse: the rest before the next pulse sees to it. 1: no cap."""
    dead_man_s: float = 200e-3
    """Longest silence of the host while the outputs are armed, in seconds."""


@dataclass(frozen=True)
class LimitCodes:
    """Limits in codes, taps and cycles, as the device holds them."""

    level_min: int
    """Lowest level code."""
    level_max: int
    """Highest level code."""
    width_cap: int
    """Longest gate time in taps."""
    dead_man: int
    """Dead-man time in cycles."""
    gate_min: int = 0
    """Lowest level code of gate lines."""
    gate_max: int = 0
    """Highest level code of gate lines."""
    rules: int = 0
    """Bits of `Rule`."""
    duty_rest: int = 0
    """Rest that a tap of gate time costs, in sixteenths of a tap."""

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
        if limits.v_level_min_v is not None:
            level_min = levels.code(limits.v_level_min_v, "v_level_min_v")
            if level_min > 0:
                raise RangeError(f"v_level_min_v must not be above 0 V, not {limits.v_level_min_v!r}; nothing was sent")
        gates = Levels.of(parameters, Family.GATES)
        gate_max = gates.code_max if parameters.gate_lines else 0
        if limits.v_gate_max_v is not None:
            if not parameters.gate_lines:
                raise RangeError("v_gate_max_v was given, but this build has no gate lines; nothing was sent")
            gate_max = gates.code(limits.v_gate_max_v, "v_gate_max_v")
        return cls(
            level_min,
            level_max,
            clock.width_taps(limits.width_cap_s, "width_cap_s", (1 << WIDTH_BITS) - 1),
            clock.cycles(limits.dead_man_s, "dead_man_s", (1 << DEAD_MAN_BITS) - 1),
            0,
            gate_max,
            Rule.ONE_GATE if limits.one_gate else 0,
            _duty_rest(limits.duty_cap),
        )

    @classmethod
    def from_registers(cls, values: dict[Register, int], parameters: Parameters) -> LimitCodes:
        """Read limits from register values."""
        return cls(
            _signed(values[Register.LEVEL_MIN], parameters.level_bits),
            _signed(values[Register.LEVEL_MAX], parameters.level_bits),
            values[Register.WIDTH_CAP],
            values[Register.DEAD_MAN],
            _signed(values[Register.GATE_LEVEL_MIN], parameters.level_bits),
            _signed(values[Register.GATE_LEVEL_MAX], parameters.level_bits),
            values[Register.RULES],
            values[Register.DUTY_REST],
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
            Register.GATE_LEVEL_MIN: self.gate_min,
            Register.GATE_LEVEL_MAX: self.gate_max,
            Register.RULES: self.rules,
            Register.DUTY_REST: self.duty_rest,
        }

    def in_volts(self, parameters: Parameters) -> Limits:
        """Return the limits in volts and seconds."""
        levels, clock = Levels.of(parameters), Clock.of(parameters)
        return Limits(
            v_level_max_v=levels.volts(self.level_max),
            v_level_min_v=None if self.level_min == -self.level_max else levels.volts(self.level_min),
            v_gate_max_v=Levels.of(parameters, Family.GATES).volts(self.gate_max) if parameters.gate_lines else None,
            one_gate=bool(self.rules & Rule.ONE_GATE),
            width_cap_s=clock.tap_seconds(self.width_cap),
            duty_cap=self.duty_cap,
            dead_man_s=clock.seconds(self.dead_man),
        )

    def describe(self, parameters: Parameters) -> str:
        """Return the limits in volts and seconds."""
        levels, clock = Levels.of(parameters), Clock.of(parameters)
        return (
            f"levels {levels.volts(self.level_min):.6g} to {levels.volts(self.level_max):.6g} V, "
            f"gate time {clock.tap_seconds(self.width_cap):.6g} s, dead-man {clock.seconds(self.dead_man):.6g} s"
            + (f", duty {self.duty_cap:.6g}" if self.duty_rest else "")
            + (
                f", gate lines up to {Levels.of(parameters, Family.GATES).volts(self.gate_max):.6g} V"
                if self.gate_max
                else ""
            )
            + (", one gate line at a time" if self.rules & Rule.ONE_GATE else "")
        )

    @property
    def duty_cap(self) -> float:
        """Largest part of the time for which pulse gates may be on."""
        return 1 / (1 + self.duty_rest / DUTY_UNIT)

    def check_train(self, width_taps: int, gap_taps: int, clock: Clock) -> None:
        """Refuse a train whose gaps are shorter than the rest that its pulses demand."""
        if gap_taps * DUTY_UNIT < width_taps * self.duty_rest:
            needed = -(-width_taps * self.duty_rest // DUTY_UNIT)
            raise RangeError(
                f"pulses of {clock.tap_seconds(width_taps):.6g} s with gaps of {clock.tap_seconds(gap_taps):.6g} s are on for "
                f"{width_taps / (width_taps + gap_taps):.3g} of the time, above the duty cap of {self.duty_cap:.3g}; "
                f"make the gaps at least {clock.tap_seconds(needed):.6g} s, nothing was sent"
            )

    def check_gate(self, code: int, levels: Levels, name: str) -> None:
        """Refuse a level code of a gate line outside its window."""
        if not self.gate_min <= code <= self.gate_max:
            raise RangeError(
                f"{name} of {levels.volts(code):.6g} V is outside the gate lines' window of {levels.volts(self.gate_min):.6g} to "
                f"{levels.volts(self.gate_max):.6g} V; choose a smaller voltage, nothing was sent"
            )

    def check_level(self, code: int, levels: Levels, name: str) -> None:
        """Refuse a level code outside the window."""
        if not self.level_min <= code <= self.level_max:
            raise RangeError(
                f"{name} of {levels.volts(code):.6g} V is outside the level window of {levels.volts(self.level_min):.6g} to "
                f"{levels.volts(self.level_max):.6g} V; choose a smaller voltage, nothing was sent"
            )

    def check_width(self, taps: int, clock: Clock, name: str) -> None:
        """Refuse a gate time above the cap."""
        if taps > self.width_cap:
            raise RangeError(
                f"{name} of {clock.tap_seconds(taps):.6g} s is longer than the cap of {clock.tap_seconds(self.width_cap):.6g} s "
                f"({taps} > {self.width_cap} {'cycles' if clock.gate_taps == 1 else 'taps'}); choose a shorter one, nothing was sent"
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


def _duty_rest(duty_cap: float) -> int:
    """Return the rest that a tap of gate time costs, in sixteenths of a tap."""
    most = (1 << DUTY_BITS) - 1
    least = 1 / (1 + most / DUTY_UNIT)
    if not least <= duty_cap <= 1:
        raise RangeError(f"duty_cap must be from {least:.4g} to 1, not {duty_cap!r}; nothing was sent")
    rest = DUTY_UNIT * (1 / duty_cap - 1)
    if abs(rest - round(rest)) > 1e-6:
        near = (1 / (1 + part / DUTY_UNIT) for part in (int(rest) + 1, int(rest)))
        raise RangeError(
            f"duty_cap of {duty_cap!r} has no code (the rest per gate time is a multiple of 1/{DUTY_UNIT}); the nearest are "
            f"{' and '.join(f'{value:.9g}' for value in near)}, nothing was sent"
        )
    return round(rest)


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value
