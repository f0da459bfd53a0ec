"""Reading conductances: one line driven at a time, all crossing lines sensed at virtual ground."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from crossloop.limits import LimitCodes
from crossloop.operation import Codes, Operation, check_line, lines_of, other
from crossloop.protocol import microops as m
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family


@dataclass(frozen=True, slots=True)
class ReadLines(Operation):
    """Drive the lines first, first + 1, ... of one family one after the other and convert all crossing lines each time.

    Only the driven line is at its level; every other line of its family is grounded and the crossing lines are at virtual ground, so no
    current takes a way around. The result is a list of `Codes`, `averages` of them per driven line, in order.
    """

    tile: int
    """Which array."""
    driven: Family
    """Family whose lines are driven in turn."""
    first: int
    """First driven line."""
    count: int
    """Number of driven lines."""
    code: int
    """Level code of the driven line."""
    averages: int = 1
    """Conversions per line."""
    range_index: int = 0
    """Converter range, 0 is the widest."""
    settle_cycles: int = 50
    """Cycles the level drives before the integration."""
    integrate_cycles: int = 50
    """Cycles of integration."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return self

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("tile", self.tile, parameters.tiles)
        check_line("first line", self.first, lines_of(self.driven, parameters))
        check_line("last line", self.first + self.count - 1, lines_of(self.driven, parameters))
        if self.count < 1:
            raise RangeError(f"line count must be at least 1, not {self.count}; nothing was sent")
        sensed = other(self.driven)
        convert = m.convert(
            sensed, lines_of(sensed, parameters), settle_cycles=self.settle_cycles, integrate_cycles=self.integrate_cycles,
            range_index=self.range_index,
        )  # fmt: skip
        body = (convert,) if self.averages == 1 else (m.loop(self.averages), convert, m.next_())
        ops = [m.tile(self.tile), m.connect(sensed, LineState.SENSE)]
        for line in range(self.first, self.first + self.count):
            ops += [
                m.level(self.driven, line, self.code),
                m.connect(self.driven, LineState.DRIVE, selection=Selection.ONE, index=line),
                *body,
            ]
        return (*ops, m.halt())

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Nothing beside the program."""

    def data_commands(self, parameters: Parameters) -> tuple[bytes, ...]:  # noqa: ARG002  same on every build
        """Return no command: everything is in the program."""
        return ()

    def result(self, conversions: list[Codes]) -> list[Codes]:
        """Return all conversions."""
        return conversions
