"""The ladder of a write-verify: how pulses of one direction grow from one to the next, and the micro-ops that climb it.

A cell of a passive array gets half of the amplitude on its row and the other half, inverted, on its column; its neighbours on both lines
see the half. With a transistor per cell the voltages are never below ground, so that a transistor whose gate is at ground stays off. The
direction that raises the line which crosses the gate line disturbs nobody. The other direction raises the line along the gate line, where
all transistors are on; there the crossing lines of the other cells are raised too (inhibition).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from crossloop.fabric.assembly import Assembly, Label
from crossloop.limits import LimitCodes
from crossloop.protocol import microops as m
from crossloop.protocol.arithmetic import Condition, Function
from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, Selection
from crossloop.protocol.parameters import ALL_LINES, GateLines, Parameters
from crossloop.protocol.streams import Family

_LINE = {Family.ROWS: "row", Family.COLUMNS: "column"}
LINE_OF_CELL = {GateLines.ROWS: "row", GateLines.COLUMNS: "column"}
"""Register that holds the number of a cell's gate line."""


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Pulses of one direction. The innermost quantity grows first; at its end it starts again while the next one grows.

    From the inside: gate voltage (in builds with gate lines), amplitude, width.
    """

    start: int
    """First amplitude in level codes, from 1, as it is on a line."""
    stop: int
    """Last amplitude."""
    step: int
    """Growth of the amplitude from one pulse to the next; 0 keeps it."""
    width_taps: int
    """First width in taps."""
    width_stop_taps: int = 0
    """Last width; 0 stays at the first."""
    width_step_taps: int = 0
    """Growth of the width each time the amplitude has reached its end; 0 ends the ladder there."""
    width_first: bool = False
    """The width is inside the amplitude instead."""
    gate: int = 0
    """First level code of the cell's gate line: what its transistor lets through during the pulse."""
    gate_stop: int = 0
    """Last gate code."""
    gate_step: int = 0
    """Growth of the gate code from one pulse to the next; 0 keeps it."""

    @property
    def widest(self) -> int:
        """The longest width in taps."""
        return max(self.width_stop_taps, self.width_taps)

    def quantities(self) -> list[tuple[str, int, int, int]]:
        """Return register, first value, last value and step of what grows, from the inside."""
        amplitude = ("amplitude", self.start, self.stop, self.step)
        width = ("width", self.width_taps - 1, self.widest - 1, self.width_step_taps)
        inner = [width, amplitude] if self.width_first else [amplitude, width]
        return [("gate", self.gate, self.gate_stop, self.gate_step), *inner]

    def check(self, name: str, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse a ladder that makes no sense or leaves the limits; raises RangeError."""
        rising = 1 <= self.start <= self.stop and self.step >= 0 and self.width_step_taps >= 0 and self.width_taps >= 1
        if not rising or self.gate_step < 0 or (self.gate_step and self.gate_stop < self.gate):
            values = ", ".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self))
            raise RangeError(
                f"ladder {name!r} needs amplitudes from 1 that rise from start to stop, gate codes that rise, and widths from 1 tap, "
                f"not {values}; nothing was pulsed"
            )
        levels, clock = Levels.of(parameters), Clock.of(parameters)
        for amplitude in (self.stop,) if parameters.gate_lines else (self.stop, -self.stop):
            limits.check_level(amplitude, levels, f"amplitude of ladder {name!r}")
        limits.check_width(self.widest, clock, f"width of ladder {name!r}")
        if not parameters.gate_lines and (self.gate or self.gate_stop or self.gate_step):
            raise RangeError(f"ladder {name!r} has gate codes, but this build has no gate lines; nothing was pulsed")
        for code in (self.gate, self.gate_stop) if parameters.gate_lines else ():
            limits.check_gate(code, Levels.of(parameters, Family.GATES), f"gate voltage of ladder {name!r}")


@dataclass(frozen=True)
class Stop:
    """When a cell is given up, and where the program goes then."""

    attempts: int
    """Most pulses."""
    turns: int
    """Most changes of direction."""
    at_attempts: Label
    """Where to go when there were so many pulses."""
    at_turns: Label
    """Where to go when the direction turned so often."""
    at_end: Label
    """Where to go after the last rung."""


def begin(code: Assembly, ladder: Ladder, *, gated: bool) -> None:
    """Put the registers on the first rung."""
    for name, start, _stop, _step in ladder.quantities():
        if gated or name != "gate":
            code.set(name, start)


def climb(code: Assembly, ladder: Ladder, climbed: Label, ended: Label) -> None:
    """Go to the next rung and branch to `climbed`, or to `ended` after the last one."""
    growing = [quantity for quantity in ladder.quantities() if quantity[3]]
    for name, start, stop, step in growing:
        code.increase(name, step)
        code.branch(climbed, Condition.NOT_GREATER, name, stop)
        code.set(name, start)
    # A ladder of one rung is given again and again.
    code.branch(ended if growing else climbed)


def next_pulse(code: Assembly, ladder: Ladder, stop: Stop, *, sign: int, gated: bool) -> None:
    """Count a pulse of direction `sign` and go to its rung: the first one where the direction turns, else the next.

    Registers `tries`, `turns` and `direction` must be 0 before a cell's first pulse.
    """
    same, turned, climbed = Label(), Label(), Label()
    code.branch(stop.at_attempts, Condition.NOT_LESS, "tries", stop.attempts)
    code.branch(same, Condition.EQUAL, "direction", sign)
    code.branch(turned, Condition.EQUAL, "direction", 0)
    code.branch(stop.at_turns, Condition.NOT_LESS, "turns", stop.turns)
    code.increase("turns")
    code.here(turned)
    code.set("direction", sign)
    begin(code, ladder, gated=gated)
    code.branch(climbed)
    code.here(same)
    climb(code, ladder, climbed, stop.at_end)
    code.here(climbed)
    code.increase("tries")


def pulse(code: Assembly, gap_taps: int, gate_lines: GateLines, *, sign: int) -> None:
    """Give the pulse of the rung at hand to the cell in registers `row` and `column`."""
    code.compute("last", Function.MULTIPLY, "amplitude", sign)
    if not gate_lines:
        _halves(code)
    else:
        high, low = (Family.ROWS, Family.COLUMNS) if sign > 0 else (Family.COLUMNS, Family.ROWS)
        if (high is Family.ROWS) == (gate_lines == GateLines.COLUMNS):
            _whole(code, high, low)
        else:
            _whole_with_inhibition(code, high, low)
        code.indexed(m.level(Family.GATES, 0, 0), b=LINE_OF_CELL[gate_lines], c="gate")
    code.indexed(m.pulse(1, 1, gap_taps), c="width")


def _halves(code: Assembly) -> None:
    """Half of the voltage on the row, the other half, inverted, on the column."""
    code.set("opposite", 0)
    code.compute("opposite", Function.SUBTRACT, "opposite", "last")
    code.indexed(m.level(Family.ROWS, 0, 0), b="row", c="last")
    code.indexed(m.level(Family.COLUMNS, 0, 0), b="column", c="opposite")
    code.indexed(_one(Family.COLUMNS), b="column")


def _whole(code: Assembly, high: Family, low: Family) -> None:
    """All of it on the line that crosses the gate line: of the cells on that line, only ours has its transistor on."""
    code.indexed(m.level(high, 0, 0), b=_LINE[high], c="amplitude")
    code.indexed(_one(high), b=_LINE[high])
    code.add(m.connect(low, LineState.GROUND))


def _whole_with_inhibition(code: Assembly, high: Family, low: Family) -> None:
    """All of it on the line along the gate line, whose cells all have their transistors on: the lines of the others follow it."""
    code.indexed(m.level(high, 0, 0), b=_LINE[high], c="amplitude")
    code.indexed(_one(high), b=_LINE[high])
    code.indexed(m.level(low, ALL_LINES, 0), c="amplitude")
    code.indexed(m.level(low, 0, 0), b=_LINE[low])
    code.add(m.connect(low, LineState.DRIVE))


def _one(family: Family) -> m.MicroOp:
    return m.connect(family, LineState.DRIVE, selection=Selection.ONE)
