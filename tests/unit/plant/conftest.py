"""Drives a plant through its pins, as a controller would."""

from collections.abc import Callable

import numpy as np
import pytest

from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop_sim.events import (
    Kind,
    conversion_record,
    gates_record,
    level_record,
    record,
    states_record,
)
from crossloop_sim.plant import Plant, PlantConfiguration, preset

PULSE_CYCLES = 4
"""80 ns at 50 MHz: the nominal pulse of every preset."""


class PinDriver:
    """Collects event records and hands them to the plant one at a time, or all at once."""

    def __init__(self, parameters: Parameters, configuration: PlantConfiguration) -> None:
        self.parameters = parameters
        self.plant = Plant(parameters, configuration)
        self.cycle = 10
        self.log: list[np.ndarray] = []

    def put(self, *records: np.ndarray) -> None:
        self.log += records
        self.plant.apply(np.array(records, np.uint64))

    def tile(self, tile: int) -> None:
        self.put(record(self.parameters, self.cycle, Kind.TILE, tile))
        self.cycle += 1

    def states(self, rows, columns) -> None:
        p = self.parameters
        spread = [
            [state] * lines if isinstance(state, LineState) else list(state)
            for state, lines in ((rows, p.rows), (columns, p.columns))
        ]
        self.put(states_record(p, self.cycle, *spread))
        self.cycle += 1

    def level(self, family: Family, line: int, code: int) -> None:
        self.put(level_record(self.parameters, self.cycle, family, line, code))
        self.cycle += 1

    def gates(self, rows: int, columns: int) -> None:
        self.put(gates_record(self.parameters, self.cycle, rows, columns))

    def pulse(self, rows: int, columns: int, cycles: int = PULSE_CYCLES) -> None:
        self.gates(rows, columns)
        self.cycle += cycles
        self.gates(0, 0)
        self.cycle += PULSE_CYCLES

    def coincide(self, code: int) -> None:
        """Drive every line: rows at +code, columns at -code."""
        self.states(LineState.DRIVE, LineState.DRIVE)
        self.level(Family.ROWS, 65535, code)
        self.level(Family.COLUMNS, 65535, -code)

    def convert(self, sensed: Family, codes, *, range_index: int = 0, pair: bool = False, channels: int | None = None):
        """Sense a family with the other one at level codes; return codes and saturation flags."""
        p = self.parameters
        driven = Family(1 - sensed)
        families = {driven: LineState.DRIVE, sensed: LineState.SENSE}
        self.states(families[Family.ROWS], families[Family.COLUMNS])
        for line, code in enumerate(codes):
            self.level(driven, line, int(code))
        every = [(1 << p.rows) - 1, (1 << p.columns) - 1]
        every[sensed] = 0
        self.gates(*every)
        self.cycle += 5
        lines = (p.rows, p.columns)[sensed]
        count = channels or (lines // 2 if pair else lines)
        words = self.plant.convert(conversion_record(p, self.cycle, sensed, count, range_index=range_index, pair=pair))
        self.cycle += 1
        self.gates(0, 0)
        self.cycle += 1
        limit = 1 << (p.sample_bits - 1)
        codes_out = (words & (2 * limit - 1)) - ((words & limit) << 1)
        return codes_out, words >> p.sample_bits


Bench = Callable[..., PinDriver]


@pytest.fixture
def bench() -> Bench:
    """Makes a pin driver: geometry, preset, and changed plant settings."""

    def make(rows: int = 4, columns: int = 4, name: str = "ideal", tiles: int = 1, **settings) -> PinDriver:
        build = {key: settings.pop(key) for key in ("sample_bits", "level_bits") if key in settings}
        parameters = Parameters(rows=rows, columns=columns, tiles=tiles, **build)
        return PinDriver(parameters, preset(name, **settings))

    return make
