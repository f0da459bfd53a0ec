"""The coincidence update: its pulses against a plain reading of the contract, and against probability theory."""

import numpy as np
import pytest

from crossloop.protocol import commands, streams
from crossloop.protocol import microops as ops
from crossloop.protocol.microops import LineState
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import Family
from crossloop_sim.events import Kind

COUNTERS = [Register.SLOTS, Register.ROW_PULSES, Register.COLUMN_PULSES, Register.CELL_PULSES]


def load(bench, rows: list[int], columns: list[int], seeds=(11, 22)) -> None:
    """Fill both stream banks (values of lines 0, 1, ...) and seed the streams."""
    bench.send(
        commands.write_register(Register.ROW_SEED, seeds[0]),
        commands.write_register(Register.COLUMN_SEED, seeds[1]),
        commands.write_bytes(1, bytes(rows[::-1])),
        commands.write_bytes(2, bytes(columns[::-1])),
        *(commands.write_register(register, 0) for register in COUNTERS),
    )


def update(bench, slots: int, *, row_sign: int = 0, column_sign: int = 0):
    bench.plant.seen.clear()
    bench.run(
        ops.connect(Family.ROWS, LineState.DRIVE),
        ops.connect(Family.COLUMNS, LineState.DRIVE),
        ops.coincide(slots, 10, 5, row_sign=row_sign, column_sign=column_sign),
    )
    return bench.plant.gates()


def expected(family: Family, values: list[int], seed: int, slots: int, sign: int) -> list[int]:
    """Gates per slot, one bit per line, by the sentence in crossloop.protocol.streams."""
    lanes = [streams.lane_start(family, lane, seed) for lane in range(streams.lanes(len(values)))]
    fired = []
    for _ in range(slots):
        fire = [0] * len(values)
        for bit in range(7):
            lanes = [streams.step(family, state) for state in lanes]
            for line, value in enumerate(values):
                random = lanes[line // 32] >> line % 32 & 1
                fire[line] = fire[line] | random if value >> bit & 1 else fire[line] & random
        fired.append(sum(1 << line for line, value in enumerate(values) if fire[line] and value >> 7 == sign))
    return fired


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (4, 3), (33, 31), (65, 64), (32, 130)])
@pytest.mark.parametrize(("row_sign", "column_sign"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_gates_follow_the_streams_bit_by_bit(make_bench, rng, rows, columns, row_sign, column_sign) -> None:
    bench = make_bench(rows=rows, columns=columns).ready()
    row_values = rng.integers(0, 256, rows).tolist()
    column_values = rng.integers(0, 256, columns).tolist()
    load(bench, row_values, column_values)
    row_gates = expected(Family.ROWS, row_values, 11, 40, row_sign)
    column_gates = expected(Family.COLUMNS, column_values, 22, 40, column_sign)
    events = []
    for slot, gates in enumerate(zip(row_gates, column_gates, strict=True)):
        start = 2 * 11 + 14 + 15 * slot
        if any(gates):
            events += [(start, *gates), (start + 10, 0, 0)]
    assert update(bench, 40, row_sign=row_sign, column_sign=column_sign) == events
    ones = [(r.bit_count(), c.bit_count()) for r, c in zip(row_gates, column_gates, strict=True)]
    assert [bench.register(register) for register in COUNTERS] == [
        40,
        sum(r for r, _ in ones),
        sum(c for _, c in ones),
        sum(r * c for r, c in ones),
    ]


def test_streams_go_on_where_the_last_pass_ended(bench) -> None:
    load(bench.ready(), [64] * 4, [100] * 3)
    whole = [gates[1:] for gates in update(bench, 30)]
    load(bench, [64] * 4, [100] * 3)
    parts = [gates[1:] for slots in (7, 1, 22) for gates in update(bench, slots)]
    assert parts == whole


def test_lines_that_are_not_driven_do_not_fire(bench) -> None:
    load(bench.ready(), [127] * 4, [127] * 3)
    bench.plant.seen.clear()
    drive = ops.connect(Family.ROWS, LineState.DRIVE, selection=ops.Selection.ONE, index=2)
    bench.run(drive, ops.coincide(200, 1, 1, row_sign=0, column_sign=0))
    assert {gates[1:] for gates in bench.plant.gates()} == {(0b0100, 0), (0, 0)}


def test_a_shorter_bank_leaves_the_upper_lines_at_zero(bench) -> None:
    load(bench.ready(), [127] * 4, [127] * 3)
    bench.send(commands.write_bytes(1, bytes([255, 127])))
    bench.run(ops.connect(Family.ROWS, LineState.DRIVE, others=LineState.GROUND, selection=ops.Selection.SIGNED))
    assert bench.plant.of(Kind.STATES)[-1].words == (0b1101, 0b0010, 0b111, 0)
    assert {gates[1] for gates in update(bench, 100)} == {0b0001, 0}


def test_pulse_counts_agree_with_their_probabilities(bench) -> None:
    """Means within 3 sigma, for every cell; the reference is the binomial distribution."""
    slots = 20_000
    rows, columns = [5, 40, 96, 127], [13, 64, 120]
    load(bench.ready(DEAD_MAN=2**32 - 1), rows, columns, seeds=(2024, 7))
    gates = np.array([gates[1:] for gates in update(bench, slots) if any(gates[1:])])
    fired = [(gates[:, [family]] >> np.arange(lines)) & 1 for family, lines in ((0, 4), (1, 3))]
    p, q = np.array(rows) / 128, np.array(columns) / 128
    for count, probability in (
        (fired[0].sum(0), p),
        (fired[1].sum(0), q),
        (fired[0].T @ fired[1], np.outer(p, q)),
    ):
        sigma = np.sqrt(slots * probability * (1 - probability))
        assert (np.abs(count - slots * probability) < 3 * sigma).all()


def test_row_and_column_streams_are_uncorrelated(make_bench) -> None:
    slots = 20_000
    bench = make_bench(rows=8, columns=8).ready(DEAD_MAN=2**32 - 1)
    load(bench, [64] * 8, [64] * 8, seeds=(5, 5))
    fired = np.zeros((slots, 16))
    for cycle, rows, columns in update(bench, slots):
        if rows or columns:
            slot = (cycle - 36) // 15
            fired[slot] = [rows >> n & 1 for n in range(8)] + [columns >> n & 1 for n in range(8)]
    correlation = np.corrcoef(fired.T)[:8, 8:]
    # One sigma of 20 000 slots is 0.007; the largest of 64 stays below 4 of them.
    assert abs(correlation.mean()) < 0.003
    assert np.abs(correlation).max() < 0.028
