"""Drives the integer model through its pins, as a controller would."""

import numpy as np
import pytest

from crossloop.protocol.emulated import emulated_parameters
from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family
from crossloop_sim.emulated import EmulatedArray
from crossloop_sim.events import Kind, conversion_record, gates_record, level_record, record, states_record


class ArrayDriver:
    """An emulated array, pulsed and read as a controller would."""

    def __init__(self, **build) -> None:
        self.parameters = emulated_parameters(Parameters(**build))
        self.array = EmulatedArray(self.parameters)
        self.cycle = 10
        self.all_rows, self.all_columns = (
            (1 << lines) - 1 for lines in (self.parameters.rows, self.parameters.columns)
        )

    def put(self, event: np.ndarray) -> None:
        self.array.apply(event[None])
        self.cycle += 1

    def tile(self, tile: int) -> None:
        self.put(record(self.parameters, self.cycle, Kind.TILE, tile))

    def level(self, family: Family, code: int, line: int = ALL_LINES) -> None:
        self.put(level_record(self.parameters, self.cycle, family, line, code))

    def pulse(
        self, row_code: int, column_code: int, *, rows: int | None = None, columns: int | None = None, width: int = 64
    ) -> None:
        """Drive all lines, or those of two masks, with levels for some cycles."""
        self.level(Family.ROWS, row_code)
        self.level(Family.COLUMNS, column_code)
        on = (self.all_rows if rows is None else rows, self.all_columns if columns is None else columns)
        self.put(gates_record(self.parameters, self.cycle, *on))
        self.cycle += width - 1
        self.put(gates_record(self.parameters, self.cycle, 0, 0))

    def sense(self, sensed: Family) -> None:
        states = [LineState.DRIVE] * self.parameters.rows, [LineState.DRIVE] * self.parameters.columns
        states[sensed][:] = [LineState.SENSE] * len(states[sensed])
        self.put(states_record(self.parameters, self.cycle, *states))

    def convert(
        self, sensed: Family, codes, *, pair: bool = False, range_index: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Drive the crossing lines with level codes; return codes and saturation flags of all channels."""
        p, driven = self.parameters, Family(1 - sensed)
        for line, code in enumerate(codes):
            self.level(driven, int(code), line)
        self.sense(sensed)
        gates = (1 << p.lines(driven)) - 1
        self.put(gates_record(p, self.cycle, *((gates, 0) if driven is Family.ROWS else (0, gates))))
        channels = p.lines(sensed) // (2 if pair else 1)
        words = self.array.convert(
            conversion_record(p, self.cycle, sensed, channels, range_index=range_index, pair=pair)
        )
        self.put(gates_record(p, self.cycle, 0, 0))
        sign = 1 << (p.sample_bits - 1)
        return (words % (2 * sign) ^ sign) - sign, words >> p.sample_bits == 1


@pytest.fixture
def driver():
    return ArrayDriver
