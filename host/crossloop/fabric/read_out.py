"""Reading an array into the vector memory: one command for all rows, and no record per row on the link."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from crossloop.fabric.assembly import Assembly
from crossloop.fabric.program import FabricProgram
from crossloop.limits import LimitCodes
from crossloop.operation import check_line
from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family


@dataclass(frozen=True, slots=True)
class ReadOut(FabricProgram):
    """Drive rows one after the other, and put the codes of all columns into the vector words from 0 on. The result is None."""

    tile: int
    """Which array."""
    first: int
    """First row."""
    count: int
    """Number of rows."""
    code: int
    """Level code of the driven row."""
    range_index: int
    """Converter range."""
    settle_cycles: int
    """Cycles the level drives before the integration."""
    integrate_cycles: int
    """Cycles of integration."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return self

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("tile", self.tile, parameters.tiles)
        check_line("first row", self.first, parameters.rows)
        check_line("last row", self.first + self.count - 1, parameters.rows)
        code = Assembly()
        code.add(
            m.tile(self.tile), m.connect(Family.COLUMNS, LineState.SENSE), m.level(Family.ROWS, ALL_LINES, self.code)
        )
        code.set("row", self.first)
        code.set("place", 0)
        code.add(m.loop(self.count))
        code.indexed(m.connect(Family.ROWS, LineState.DRIVE, selection=Selection.ONE), b="row")
        code.add(ar.point(0, code.register("place")))
        converting = m.convert(
            Family.COLUMNS, parameters.columns, settle_cycles=self.settle_cycles, integrate_cycles=self.integrate_cycles,
            range_index=self.range_index,
        )  # fmt: skip
        code.add(ar.sample(converting))
        code.increase("row")
        code.increase("place", parameters.columns)
        code.add(m.next_())
        return code.ops()

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Nothing beside the program."""


def read_out_plan(
    tile: int,
    rows: range,
    parameters: Parameters,
    *,
    code: int,
    range_index: int,
    settle_cycles: int,
    integrate_cycles: int,
) -> Iterator[ReadOut]:
    """Yield reads of as many rows as the vector memory holds; parameters as in `ReadOut`."""
    at_once = max(1, parameters.vector_words // parameters.columns)
    for first in range(rows.start, rows.stop, at_once):
        count = min(at_once, rows.stop - first)
        yield ReadOut(tile, first, count, code, range_index, settle_cycles, integrate_cycles)
