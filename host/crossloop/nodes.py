"""Reading voltages: some lines held at levels, the others left floating, and what all of them come to."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop.limits import LimitCodes
from crossloop.operation import Codes, Operation, check_line, lines_of
from crossloop.operations import check_levels, level_write
from crossloop.programming import mask_write
from crossloop.protocol import commands
from crossloop.protocol import microops as m
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import CROSSING, Family

_BANKS = (commands.Bank.ROW_STREAMS, commands.Bank.COLUMN_STREAMS)


@dataclass(frozen=True, eq=False, slots=True)
class ReadNodes(Operation):
    """Hold some rows and columns at levels, let the others float, and convert the voltages of all of them.

    A floating line finds the voltage at which no current flows into it. The result is the `Codes` of the rows and that of the columns; the
    two conversions come one after the other, with the gates off between them.
    """

    tile: int
    """Which array."""
    codes: tuple[NDArray[np.integer], NDArray[np.integer]]
    """Level codes of all rows and of all columns, shapes (rows,) and (columns,); those of floating lines are not used."""
    held: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    """Which lines are held, same shapes."""
    settle_cycles: int = 50
    """Cycles the levels drive before the integration."""
    integrate_cycles: int = 50
    """Cycles of integration."""

    @property
    def key(self) -> Hashable:
        """What the program depends on; which lines are held travels in the stream banks."""
        return (ReadNodes, self.tile, self.settle_cycles, self.integrate_cycles)

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("tile", self.tile, parameters.tiles)
        ops = [m.tile(self.tile)]
        for family in CROSSING:
            address = parameters.rows if family is Family.COLUMNS else 0
            ops.append(m.levels(family, lines_of(family, parameters), address))
            ops.append(m.connect(family, LineState.DRIVE, others=LineState.FLOAT, selection=Selection.SIGNED))
        reads = [
            m.convert(
                family, lines_of(family, parameters), settle_cycles=self.settle_cycles, integrate_cycles=self.integrate_cycles,
                voltage=True,
            )
            for family in CROSSING
        ]  # fmt: skip
        return (*ops, *reads, m.halt())

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse codes outside the level window and arrays of another geometry."""
        for family, codes, held in zip(CROSSING, self.codes, self.held, strict=True):
            shape = (lines_of(family, parameters),)
            if codes.shape != shape or held.shape != shape:
                raise ShapeError(
                    f"codes and held of {family.name.lower()} must have shape {shape}, not {codes.shape} and {held.shape}; nothing was sent"
                )
            check_levels(np.where(held, codes, 0), parameters, limits)
        if parameters.rows + parameters.columns > parameters.vector_words:
            raise RangeError(
                f"the levels of {parameters.rows} rows and {parameters.columns} columns do not fit into the {parameters.vector_words} "
                "vector words of this device; nothing was sent"
            )

    def data_commands(self, parameters: Parameters) -> tuple[bytes, ...]:
        """Return the writes of the levels and of the masks."""
        found: list[bytes] = []
        for bank, address, codes, held in zip(_BANKS, (0, parameters.rows), self.codes, self.held, strict=True):
            found += [level_write(np.where(held, codes, 0), address, parameters), mask_write(bank, held)]
        return tuple(found)

    def result(self, conversions: list[Codes]) -> tuple[Codes, Codes]:
        """Return the two conversions."""
        rows, columns = conversions
        return rows, columns
