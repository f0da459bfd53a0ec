"""Reading conductances: one line driven at a time, all crossing lines sensed at virtual ground."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop.limits import LimitCodes
from crossloop.operation import Codes, Operation, check_line, lines_of, other
from crossloop.protocol import microops as m
from crossloop.protocol.errors import RangeError
from crossloop.protocol.frames import CRC, REPLY_HEADER
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RECORD_HEADER
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


def read_plan(
    tile: int,
    rows: range,
    parameters: Parameters,
    *,
    code: int,
    averages: int,
    range_index: int,
    settle_cycles: int,
    integrate_cycles: int,
) -> Iterator[ReadLines]:
    """Yield reads of as many rows as one reply and the program memory hold; averages beyond one reply become repetitions.

    Parameters
    ----------
    tile : int
        Which array.
    rows : range
        Rows to read, in order.
    parameters : Parameters
        The build.
    code, averages, range_index, settle_cycles, integrate_cycles
        As in `ReadLines`.
    """

    def read(first: int, count: int, times: int) -> ReadLines:
        return ReadLines(
            tile, Family.ROWS, first, count, code, times, range_index, settle_cycles, integrate_cycles
        )  # fmt: skip

    room = parameters.frame_bytes - REPLY_HEADER.size - CRC.size - RECORD_HEADER.size
    conversions = max(1, room // (RECORD_HEADER.size + 2 * parameters.columns))
    if averages > conversions:
        for row in rows:
            for start in range(0, averages, conversions):
                yield read(row, 1, min(conversions, averages - start))
        return
    at_once = max(1, min(conversions // averages, (parameters.program_ops - 3) // 5))
    for first in range(rows.start, rows.stop, at_once):
        yield read(first, min(at_once, rows.stop - first), averages)


def mean_of_good(amperes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of currents over conversions, leaving out saturated ones.

    Parameters
    ----------
    amperes : ndarray
        Currents, shape (lines, conversions, channels); NaN where saturated.

    Returns
    -------
    ndarray
        Shape (lines, channels); NaN where every conversion was saturated.
    """
    good = ~np.isnan(amperes)
    count = good.sum(axis=1)
    total = np.where(good, amperes, 0.0).sum(axis=1)
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean
