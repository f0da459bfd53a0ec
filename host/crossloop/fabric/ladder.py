"""The ladder of a write-verify: how pulses of one direction grow from one to the next, and the micro-ops that climb it.

A cell of a passive array gets half of the amplitude on its row and the other half, inverted, on its column. A cell with a transistor gets
all of it on the line that crosses its gate line: the cells that share the line have their transistors off, those that share the gate line
have no voltage, so nothing else is disturbed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from crossloop.fabric.assembly import Assembly, Label
from crossloop.limits import LimitCodes
from crossloop.protocol import microops as m
from crossloop.protocol.arithmetic import Condition, Function
from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import RangeError
from crossloop.protocol.parameters import GateLines, Parameters
from crossloop.protocol.streams import Family

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
    width_cycles: int
    """First width in cycles."""
    width_stop_cycles: int = 0
    """Last width; 0 stays at the first."""
    width_step_cycles: int = 0
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
        """The longest width in cycles."""
        return max(self.width_stop_cycles, self.width_cycles)

    def quantities(self) -> list[tuple[str, int, int, int]]:
        """Return register, first value, last value and step of what grows, from the inside."""
        amplitude = ("amplitude", self.start, self.stop, self.step)
        width = ("width", self.width_cycles - 1, self.widest - 1, self.width_step_cycles)
        inner = [width, amplitude] if self.width_first else [amplitude, width]
        return [("gate", self.gate, self.gate_stop, self.gate_step), *inner]

    def check(self, name: str, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse a ladder that makes no sense or leaves the limits; raises RangeError."""
        rising = (
            1 <= self.start <= self.stop and self.step >= 0 and self.width_step_cycles >= 0 and self.width_cycles >= 1
        )
        if not rising or self.gate_step < 0 or (self.gate_step and self.gate_stop < self.gate):
            values = ", ".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self))
            raise RangeError(
                f"ladder {name!r} needs amplitudes from 1 that rise from start to stop, gate codes that rise, and widths from 1 cycle, "
                f"not {values}; nothing was pulsed"
            )
        levels, clock = Levels.of(parameters), Clock.of(parameters)
        for amplitude in (self.stop, -self.stop):
            limits.check_level(amplitude, levels, f"amplitude of ladder {name!r}")
        limits.check_width(self.widest, clock, f"width of ladder {name!r}")
        if not parameters.gate_lines and (self.gate or self.gate_stop or self.gate_step):
            raise RangeError(f"ladder {name!r} has gate codes, but this build has no gate lines; nothing was pulsed")
        for code in (self.gate, self.gate_stop) if parameters.gate_lines else ():
            limits.check_gate(code, Levels.of(parameters, Family.GATES), f"gate voltage of ladder {name!r}")


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


def pulse(code: Assembly, gap_cycles: int, gate_lines: GateLines, *, sign: int) -> None:
    """Give the pulse of the rung at hand to the cell in registers `row` and `column`; both lines are driven."""
    code.compute("last", Function.MULTIPLY, "amplitude", sign)
    code.set("opposite", 0)
    code.compute("opposite", Function.SUBTRACT, "opposite", "last")
    code.indexed(m.level(Family.ROWS, 0, 0), b="row", c=None if gate_lines == GateLines.ROWS else "last")
    code.indexed(m.level(Family.COLUMNS, 0, 0), b="column", c=None if gate_lines == GateLines.COLUMNS else "opposite")
    if gate_lines:
        code.indexed(m.level(Family.GATES, 0, 0), b=LINE_OF_CELL[gate_lines], c="gate")
    code.indexed(m.pulse(1, 1, gap_cycles), c="width")
