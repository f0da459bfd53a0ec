"""Reading one cell inside a program: its row at the read level, its column sensed, and both driven again afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.streams import Family


@dataclass(frozen=True)
class Reading:
    """How a cell is read, in codes and cycles."""

    code: int
    """Level code of the row."""
    range_index: int = 0
    """Converter range."""
    settle_cycles: int = 50
    """Time the level drives before the integration."""
    integrate_cycles: int = 50
    """Time of integration."""


def drive_cell(tile: int, cell: tuple[int, int]) -> list[MicroOp]:
    """Return the start of a program on one cell: row and column driven, all other lines at ground, readings to vector word 0 and on."""
    row, column = cell
    return [
        m.tile(tile), m.connect(Family.ROWS, LineState.DRIVE, selection=Selection.ONE, index=row), _drive_column(column), ar.point(0),
    ]  # fmt: skip


def read_cell(cell: tuple[int, int], reading: Reading) -> list[MicroOp]:
    """Return the reading of a driven cell; its code is then in the vector word of its column's number."""
    row, column = cell
    converting = m.convert(
        Family.COLUMNS, column + 1, settle_cycles=reading.settle_cycles, integrate_cycles=reading.integrate_cycles,
        range_index=reading.range_index,
    )  # fmt: skip
    return [
        m.level(Family.ROWS, row, reading.code), m.connect(Family.COLUMNS, LineState.SENSE), ar.sample(converting),
        _drive_column(column),
    ]  # fmt: skip


def _drive_column(column: int) -> MicroOp:
    return m.connect(Family.COLUMNS, LineState.DRIVE, selection=Selection.ONE, index=column)
