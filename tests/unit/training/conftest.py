"""A stand-in for a session: arrays written in plain numpy, sharing nothing with the golden model, the plant or the gateware."""

from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest

from crossloop.limits import Limits
from crossloop.operation import Codes
from crossloop.operations import Product, Update
from crossloop.protocol.converters import Levels, Samples
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop.session import Counters
from crossloop.training.data import Digits, Part, load_digits

UNIT_S = 7 / (24e6 * 4.5) / 2


class NumpyArrays:
    """Executes products exactly (but for the converters) and updates with numpy's own random numbers."""

    def __init__(self, parameters: Parameters, *, step: float = 0.0016, noise: float = 0.0, seed: int = 0) -> None:
        self.parameters = parameters
        self.step = step
        self.noise = noise
        self.rng = np.random.default_rng(seed)
        self.cells = np.zeros((parameters.tiles, parameters.rows, parameters.columns))
        self.pulses = np.zeros_like(self.cells, int)
        self.trips: list[list[str]] = []
        self.cycles = 0
        self.events: list[str] = []
        self.interrupt_at = -1
        world = SimpleNamespace(plant=self, statistics=self.statistics, keeps_ledger=True)
        self.transport = SimpleNamespace(world=world, name="numpy:")
        self.configuration = SimpleNamespace(front_end=SimpleNamespace(read_noise=0.0, output_bound=12.0))
        self.limits = Limits(v_level_max_v=0.5)

    def seed(self, row_seed: int, column_seed: int) -> None:
        self.rng = np.random.default_rng([row_seed, column_seed])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.events.append("closed")

    def arm(self) -> None:
        self.events.append("armed")

    def counters(self) -> Counters:
        return Counters(1, 2, 3, 4, 0, 0)

    def statistics(self) -> dict[str, Any]:
        return {"engine": "numpy", "cycles": 1000, "run_s": 0.5, "plant_s": 0.25, "compile_s": 0.0}

    def conductance_s(self, tile: int) -> np.ndarray:
        return UNIT_S * (1.3 + self.cells[tile])

    def ledger(self, tile: int) -> Any:
        return SimpleNamespace(pulses=self.pulses[tile])

    def execute(self, *operations: Any) -> list[Any]:
        if len(self.trips) == self.interrupt_at:
            raise KeyboardInterrupt
        self.trips.append([f"{type(operation).__name__} {operation.tile}" for operation in operations])
        self.cycles += 1
        return [self.product(each) if isinstance(each, Product) else self.update(each) for each in operations]

    def product(self, operation: Product) -> Codes:
        g_s = self.conductance_s(operation.tile)
        forward = operation.sensed is Family.COLUMNS
        levels_v = np.zeros(g_s.shape[0 if forward else 1])
        levels_v[: operation.codes.size] = operation.codes * Levels.of(self.parameters).step_v
        amperes = levels_v @ g_s if forward else g_s @ levels_v
        if operation.pair:
            amperes = amperes[0::2] - amperes[1::2]
        samples = Samples.of(self.parameters)
        codes = amperes[: operation.channels] / samples.steps_a[operation.range_index]
        codes = np.rint(codes + self.noise * self.rng.standard_normal(codes.size))
        limited = np.clip(codes, samples.code_min, samples.code_max)
        return Codes(limited.astype(np.int32), limited != codes, 0, operation.range_index)

    def update(self, operation: Update) -> None:
        rows, columns = operation.row_bytes, operation.column_bytes
        for row_sign in (0, 1):
            for column_sign in (0, 1):
                for _ in range(operation.slots):
                    fire_rows = self.fire(rows, row_sign)
                    fire_columns = self.fire(columns, column_sign)
                    both = np.outer(fire_rows, fire_columns)
                    used = self.cells[operation.tile, : rows.size, : columns.size]
                    used += both * (self.step if row_sign == column_sign else -self.step)
                    self.pulses[operation.tile, : rows.size, : columns.size] += both

    def fire(self, values: np.ndarray, sign: int) -> np.ndarray:
        return (self.rng.random(values.size) < (values & 0x7F) / 128) & (values >> 7 == sign)


@pytest.fixture
def numpy_arrays():
    return NumpyArrays


@pytest.fixture
def tiny_digits():
    """Two hundred training images and few others: enough to see learning, quick to go through."""
    whole = load_digits()

    def cut(part: Part, count: int) -> Part:
        return Part(part.inputs[:count], part.labels[:count])

    return Digits(cut(whole.train, 200), cut(whole.validation, 60), cut(whole.test, 60))
