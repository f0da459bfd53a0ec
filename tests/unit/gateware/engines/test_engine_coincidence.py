"""The coincidence controller fires exactly the lines the contract's streams say, and counts them."""

import random

import numpy as np
import pytest

from crossloop.protocol import microops, streams
from crossloop.protocol.microops import LineState, Selection
from crossloop.protocol.streams import CROSSING, LANE_BITS, MAGNITUDE_BITS, Family

DRIVE_ROWS = microops.connect(Family.ROWS, LineState.DRIVE)
DRIVE_COLUMNS = microops.connect(Family.COLUMNS, LineState.DRIVE)
WIDTH, GAP = 3, 2


class Stream:
    """One family's stream, written from the docstrings of crossloop.protocol.streams."""

    def __init__(self, family: Family, magnitudes: list[int], seed: int) -> None:
        self.family, self.magnitudes = family, magnitudes
        self.lanes = [streams.lane_start(family, lane, seed) for lane in range(streams.lanes(len(magnitudes)))]

    def draw(self) -> list[int]:
        fire = [0] * len(self.magnitudes)
        for bit in range(MAGNITUDE_BITS):
            self.lanes = [streams.step(self.family, lane) for lane in self.lanes]
            for line, magnitude in enumerate(self.magnitudes):
                r = self.lanes[line // LANE_BITS] >> line % LANE_BITS & 1
                fire[line] = fire[line] | r if magnitude >> bit & 1 else fire[line] & r
        return fire


def mask(bits):
    return sum(int(bit) << line for line, bit in enumerate(bits))


def gates_of_slots(run, op_index, slots, name):
    first = run.starts[op_index] + 14
    return [run.trace[name][first + slot * 8] for slot in range(slots)]


@pytest.mark.parametrize("shape", [(1, 1), (4, 5), (33, 20)])
def test_gates_are_bit_exact_with_the_streams(bench, shape):
    generator = random.Random(7)
    banks = [[generator.randrange(256) for _ in range(lines)] for lines in shape]
    seeds = {Family.ROWS: 0x12345678, Family.COLUMNS: 0xCAFEF00D}
    box = bench(*shape)
    box.banks, box.seeds = [bytes(bank) for bank in banks], seeds
    slots = 5
    passes = [(0, 0), (1, 0), (1, 1)]
    run = box.run(
        DRIVE_ROWS,
        DRIVE_COLUMNS,
        *(microops.coincide(slots, WIDTH, GAP, row_sign=row, column_sign=column) for row, column in passes),
    )
    families = dict(zip(CROSSING, banks, strict=True))
    models = {
        family: Stream(family, [byte & 0x7F for byte in bank], seeds[family]) for family, bank in families.items()
    }
    fired = {family: [] for family in CROSSING}
    for number, signs in enumerate(passes):
        expected = {family: [] for family in CROSSING}
        for _ in range(slots):
            for family, sign in zip(CROSSING, signs, strict=True):
                bits = models[family].draw()
                bits = [bit and byte >> 7 == sign for bit, byte in zip(bits, families[family], strict=True)]
                expected[family].append(mask(bits))
        assert gates_of_slots(run, 2 + number, slots, "row_gates") == expected[Family.ROWS]
        assert gates_of_slots(run, 2 + number, slots, "column_gates") == expected[Family.COLUMNS]
        for family in CROSSING:
            fired[family] += [value.bit_count() for value in expected[family]]
    assert run.counters["slots"] == slots * len(passes)
    assert run.counters["row_pulses"] == sum(fired[Family.ROWS])
    assert run.counters["column_pulses"] == sum(fired[Family.COLUMNS])
    assert run.counters["cell_pulses"] == sum(a * b for a, b in zip(*fired.values(), strict=True))


def test_only_lines_in_state_drive_fire_and_are_counted(bench):
    box = bench(9, 3)
    box.banks = [bytes([127] * 9), bytes([127] * 3)]
    run = box.run(
        microops.connect(Family.ROWS, LineState.DRIVE, selection=Selection.FIRST, index=4),
        microops.connect(Family.COLUMNS, LineState.SENSE),
        microops.coincide(16, WIDTH, GAP, row_sign=0, column_sign=0),
    )
    rows = gates_of_slots(run, 2, 16, "row_gates")
    # A magnitude of 127 misses one time in 128.
    assert all(value & ~0b1111 == 0 for value in rows)
    assert sum(value.bit_count() for value in rows) > 56
    assert set(run.trace["column_gates"]) == {0}
    assert run.counters["row_pulses"] == sum(value.bit_count() for value in rows)
    assert run.counters["column_pulses"] == run.counters["cell_pulses"] == 0


def test_bytes_come_to_the_lines_from_the_highest_on(bench):
    box = bench(5, 1)
    # Only the last three bytes of a longer line are sent: lines 0 to 2.
    box.banks = [bytes([127, 0, 127]), bytes(1)]
    run = box.run(DRIVE_ROWS, microops.coincide(8, WIDTH, GAP, row_sign=0, column_sign=0))
    seen = 0
    for value in gates_of_slots(run, 1, 8, "row_gates"):
        seen |= value
    assert seen == 0b00101


def test_sign_planes_select_lines_for_connect(bench):
    box = bench(10, 3)
    box.banks = [bytes([0x80, 0x7F, 0xFF, 0, 0, 0, 0, 0, 0, 0x80]), bytes([0, 0x80, 0])]
    run = box.run(
        microops.connect(Family.ROWS, LineState.DRIVE, selection=Selection.SIGNED),
        microops.connect(Family.COLUMNS, LineState.SENSE, others=LineState.FLOAT, selection=Selection.SIGNED),
    )
    at = run.starts[2] - 1
    assert run.trace["row_states_high"][at] == 0b1000000101
    assert run.trace["row_states_low"][at] == 0b0111111010
    assert run.trace["column_states_high"][at] == run.trace["column_states_low"][at] == 0b010


@pytest.mark.parametrize(
    ("selection", "index", "expected"),
    [(Selection.ALL, 0, 0x1FFFFFFFF), (Selection.ONE, 0, 1), (Selection.ONE, 32, 1 << 32), (Selection.FIRST, 33, 0x1FFFFFFFF),
     (Selection.FIRST, 0, 0), (Selection.FIRST, 17, 0x1FFFF)],
)  # fmt: skip
def test_connect_selects_lines_by_number(bench, selection, index, expected):
    run = bench(33, 2).run(microops.connect(Family.ROWS, LineState.DRIVE, selection=selection, index=index))
    at = run.starts[1] - 1
    assert run.trace["row_states_high"][at] == expected
    assert run.trace["row_states_low"][at] == ~expected & 0x1FFFFFFFF


# The next two tests judge the streams themselves; that the gateware follows them bit by bit is shown above.
SLOTS = 40_000


def draws(family, magnitudes, seed):
    """Return (slots, lines) of firing bits; whole lanes at a time, so that thousands of slots are quick."""
    found = []
    for lane in range(streams.lanes(len(magnitudes))):
        own = [int(m) for m in magnitudes[lane * LANE_BITS : (lane + 1) * LANE_BITS]]
        planes = [mask(m >> bit & 1 for m in own) for bit in range(MAGNITUDE_BITS)]
        state = streams.lane_start(family, lane, seed)
        words = np.empty(SLOTS, np.uint32)
        for slot in range(SLOTS):
            fire = 0
            for plane in planes:
                state = streams.step(family, state)
                fire = (fire | state) & plane | (fire & state) & ~plane
            words[slot] = fire & 0xFFFFFFFF
        found.append(words[:, None] >> np.arange(len(own), dtype=np.uint32) & 1)
    return np.concatenate(found, axis=1).astype(bool)


@pytest.fixture(scope="module")
def pair():
    generator = np.random.default_rng(3)
    magnitudes = [generator.integers(0, 128, 40), generator.integers(0, 128, 36)]
    return magnitudes, [draws(family, m, 1000 + family) for family, m in zip(CROSSING, magnitudes, strict=True)]


def test_firing_rates_are_the_probabilities_asked_for(pair):
    for magnitudes, fired in zip(*pair, strict=True):
        p = magnitudes / 128
        sigma = np.sqrt(p * (1 - p) / SLOTS)
        assert np.all(np.abs(fired.mean(axis=0) - p) <= 4 * sigma)


def test_rows_and_columns_fire_independently(pair):
    magnitudes, (rows, columns) = pair
    p, q = (m / 128 for m in magnitudes)
    expected = np.outer(p, q)
    coincidences = rows.T.astype(float) @ columns.astype(float)
    # 3 sigma would be left by four of the 1440 cells by chance.
    sigma = np.sqrt(SLOTS * expected * (1 - expected))
    assert np.all(np.abs(coincidences - SLOTS * expected) <= 4.5 * sigma)
    assert (np.abs(coincidences - SLOTS * expected) <= 3 * sigma).mean() > 0.99
    active = [(m > 12) & (m < 116) for m in magnitudes]
    a, b = rows[:, active[0]], columns[:, active[1]]
    correlation = np.corrcoef(a.T.astype(float), b.T.astype(float))[: a.shape[1], a.shape[1] :]
    # The estimate itself scatters by 1 / sqrt(SLOTS) = 0.005.
    assert np.abs(correlation).max() < 0.02
    assert abs(np.corrcoef(a.mean(axis=1), b.mean(axis=1))[0, 1]) < 0.02
