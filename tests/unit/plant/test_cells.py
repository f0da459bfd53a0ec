"""Single cells: how pulses of known voltage and duration move them."""

import numpy as np
import pytest

from crossloop.protocol.microops import LineState
from crossloop.protocol.streams import Family

G_MID_S = 1 / 24e6
"""Mean conductance of the presets, from the mean resistance of 24 Mohm."""
G_HALF_S = G_MID_S * 7 / 9
"""Half the conductance range for an on/off ratio of 8 about that mean."""
STEP = 0.0016
"""Step of w of the preset `ideal`."""

HALF_CODE = 60
"""60 of 64 steps of 0.5 V: 0.469 V, so a coincidence has 0.9375 V and a half-selected cell 0.469 V."""


def test_window_follows_mean_resistance_and_on_off_ratio(bench):
    device = bench().plant.configuration.device
    assert device.g_max_s / device.g_min_s == pytest.approx(8)
    assert (device.g_max_s + device.g_min_s) / 2 == pytest.approx(1 / 24e6)


@pytest.mark.parametrize(("code", "sign"), [(HALF_CODE, 1), (-HALF_CODE, -1)])
def test_n_pulses_move_one_cell_by_n_steps(bench, code, sign):
    pins = bench()
    pins.coincide(code)
    for _ in range(25):
        pins.pulse(0b0010, 0b0100)
    expected = np.full((4, 4), G_MID_S)
    expected[1, 2] += sign * 25 * STEP * G_HALF_S
    np.testing.assert_allclose(pins.plant.conductance_s(), expected, rtol=1e-12)


@pytest.mark.parametrize("polarity", [1, -1])
def test_walking_cell_moves_alone(bench, polarity):
    pins = bench(rows=5, columns=3)
    pins.coincide(polarity * HALF_CODE)
    for row in range(5):
        for column in range(3):
            before = pins.plant.weights()
            pins.pulse(1 << row, 1 << column)
            moved = pins.plant.weights() - before
            assert moved[row, column] == pytest.approx(polarity * STEP)
            moved[row, column] = 0
            assert not moved.any()


def test_lines_beyond_one_word_are_reached(bench):
    pins = bench(rows=70, columns=66)
    pins.coincide(HALF_CODE)
    pins.pulse(1 << 69, 1 << 65)
    assert pins.plant.weights()[69, 65] == pytest.approx(STEP)
    assert np.count_nonzero(pins.plant.weights()) == 1


def test_step_is_proportional_to_duration(bench):
    pins = bench()
    pins.coincide(HALF_CODE)
    pins.pulse(1, 1, cycles=2)
    pins.pulse(2, 2, cycles=10)
    assert pins.plant.weights()[0, 0] == pytest.approx(STEP / 2)
    assert pins.plant.weights()[1, 1] == pytest.approx(STEP * 2.5)


def test_half_selected_cells_stay(bench):
    pins = bench()
    pins.coincide(HALF_CODE)
    for _ in range(100):
        pins.pulse(0b1111, 0)
        pins.pulse(0, 0b1111)
    assert not pins.plant.weights().any()


def test_equal_polarities_do_not_move(bench):
    pins = bench()
    pins.states(LineState.DRIVE, LineState.DRIVE)
    pins.level(Family.ROWS, 65535, HALF_CODE)
    pins.level(Family.COLUMNS, 65535, HALF_CODE)
    pins.pulse(0b1111, 0b1111)
    assert not pins.plant.weights().any()


def test_one_line_alone_moves_cells_above_the_threshold(bench):
    pins = bench(v_threshold_v=0.4)
    pins.states(LineState.DRIVE, LineState.GROUND)
    pins.level(Family.ROWS, 1, HALF_CODE)
    pins.pulse(0b0010, 0)
    moved = pins.plant.weights()
    np.testing.assert_allclose(moved[1], STEP)
    assert np.count_nonzero(moved) == 4
    pins.states(LineState.GROUND, LineState.DRIVE)
    pins.level(Family.COLUMNS, 2, HALF_CODE)
    pins.pulse(0, 0b0100)
    np.testing.assert_allclose(pins.plant.weights()[[0, 2, 3], 2], -STEP)


def test_ungated_and_grounded_lines_rest_at_ground(bench):
    pins = bench()
    pins.coincide(HALF_CODE)
    pins.cycle += 1000
    pins.states([LineState.GROUND] * 3 + [LineState.DRIVE], LineState.DRIVE)
    # Gates of lines that are not in the state DRIVE connect nothing.
    pins.pulse(0b1111, 0b1111)
    moved = pins.plant.weights()
    assert not moved[:3].any()
    np.testing.assert_allclose(moved[3], STEP)


def test_overlapping_pulses_move_for_their_overlap(bench):
    pins = bench()
    pins.coincide(HALF_CODE)
    pins.gates(0b1, 0)
    pins.cycle += 6
    pins.gates(0b1, 0b1)
    pins.cycle += 3
    pins.gates(0, 0b1)
    pins.cycle += 6
    pins.gates(0, 0)
    assert pins.plant.weights()[0, 0] == pytest.approx(STEP * 3 / 4)
    ledger = pins.plant.ledger()
    assert ledger.up[0, 0] == 1
    # The rest of the column's pulse, after the row's has ended, only half-selected the cell.
    assert ledger.half_selected[0, 0] == 1


def test_bounds_stop_a_cell(bench):
    pins = bench(dw_min=0.3)
    pins.coincide(HALF_CODE)
    for _ in range(5):
        pins.pulse(1, 1)
    assert pins.plant.weights()[0, 0] == 1.0
    pins.coincide(-HALF_CODE)
    for _ in range(9):
        pins.pulse(1, 1)
    assert pins.plant.weights()[0, 0] == -1.0


def test_soft_bounds_follow_the_closed_form(bench):
    step, bound = 0.01, 1.0
    pins = bench(device="soft-bounds", dw_min=step)
    pins.coincide(HALF_CODE)
    for n in range(1, 301):
        pins.pulse(1, 1)
        if n % 50 == 0:
            assert pins.plant.weights()[0, 0] == pytest.approx(bound * (1 - (1 - step / bound) ** n))


def test_soft_bounds_settle_at_the_symmetry_point(bench):
    pins = bench(
        rows=6,
        columns=6,
        name="soft-bounds",
        c2c=0.0,
        dw_min=0.002,
        up_down_dtod=0.2,
        dw_min_dtod=0.2,
        w_max_dtod=0.1,
        seed=5,
    )
    fields = pins.plant.cell_fields()
    up, down, upper, lower = (fields[key] for key in ("up", "down", "upper", "lower"))
    symmetry = (up - down) / (up / upper - down / lower)
    assert np.abs(symmetry).max() > 0.1
    everything = 0b111111
    pins.coincide(HALF_CODE)
    for _ in range(3000):
        pins.coincide(HALF_CODE)
        pins.pulse(everything, everything)
        pins.coincide(-HALF_CODE)
        pins.pulse(everything, everything)
    # Alternating pulses swing by about one step around the point.
    np.testing.assert_allclose(pins.plant.weights(), symmetry, atol=0.004)


@pytest.mark.parametrize(("kind", "device"), [("multiplicative", "constant"), ("additive", "soft-bounds")])
def test_cycle_to_cycle_spread_has_the_set_size(bench, kind, device):
    pins = bench(rows=64, columns=64, device=device, c2c=0.5, c2c_kind=kind, dw_min=0.001)
    pins.coincide(HALF_CODE)
    every = (1 << 64) - 1
    steps = []
    for _ in range(4):
        before = pins.plant.weights()
        pins.pulse(every, every)
        steps.append(pins.plant.weights() - before)
    steps = np.array(steps).ravel() / 0.001
    assert steps.size == 4 * 4096
    assert steps.mean() == pytest.approx(1.0, abs=4 * 0.5 / np.sqrt(steps.size) + 0.004)
    assert steps.std() == pytest.approx(0.5, rel=4 / np.sqrt(2 * steps.size))


def test_pulses_of_one_cell_are_independent(bench):
    pins = bench(rows=64, columns=64, c2c=0.5, dw_min=0.001)
    pins.coincide(HALF_CODE)
    every = (1 << 64) - 1
    weights = [pins.plant.weights()]
    for _ in range(3):
        pins.pulse(every, every)
        weights.append(pins.plant.weights())
    steps = np.diff([w.ravel() for w in weights], axis=0)
    correlation = np.corrcoef(steps)
    assert np.abs(correlation[np.triu_indices(3, 1)]).max() < 4 / 64


@pytest.mark.parametrize("name", ["rpu", "soft-bounds", "reram-sb"])
def test_result_does_not_depend_on_batches(bench, name, rng):
    first = bench(rows=9, columns=7, name=name, tiles=2, seed=3)
    for tile in (0, 1, 0):
        first.states(LineState.FLOAT, LineState.FLOAT)
        first.tile(tile)
        for _ in range(20):
            first.coincide(HALF_CODE if rng.random() < 0.5 else -HALF_CODE)
            for _ in range(5):
                first.pulse(int(rng.integers(1 << 9)), int(rng.integers(1 << 7)), int(rng.integers(1, 9)))
    assert first.plant.ledger(0).pulses.sum() > 1000
    again = bench(rows=9, columns=7, name=name, tiles=2, seed=3).plant
    log = np.array(first.log)
    cuts = np.sort(rng.integers(0, len(log), 6))
    for part in np.split(log, cuts):
        again.apply(part)
    for tile in range(2):
        np.testing.assert_array_equal(first.plant.weights(tile), again.weights(tile))
        np.testing.assert_array_equal(first.plant.ledger(tile).half_selected, again.ledger(tile).half_selected)


def test_tiles_move_apart(bench):
    pins = bench(tiles=3)
    pins.tile(1)
    pins.coincide(HALF_CODE)
    pins.pulse(1, 1)
    pins.tile(2)
    pins.coincide(-HALF_CODE)
    pins.pulse(2, 2)
    assert not pins.plant.weights(0).any()
    assert pins.plant.weights(1)[0, 0] == pytest.approx(STEP)
    assert pins.plant.weights(2)[1, 1] == pytest.approx(-STEP)
    assert pins.plant.ledger(1).pulses.sum() == pins.plant.ledger(2).pulses.sum() == 1


def test_ledger_counts_full_and_half_selected_pulses(bench):
    pins = bench(rows=4, columns=5)
    pins.coincide(HALF_CODE)
    for _ in range(3):
        pins.pulse(0b0011, 0b00001)
    pins.coincide(-HALF_CODE)
    pins.pulse(0b0100, 0b00011)
    ledger = pins.plant.ledger()
    up, down, half = np.zeros((3, 4, 5), int)
    up[0:2, 0] = 3
    down[2, 0:2] = 1
    half[0:2, 1:] += 3  # other columns of the fired rows
    half[2:, 0] += 3  # other rows of the fired column
    half[2, 2:] += 1
    half[[0, 1, 3], 0:2] += 1
    np.testing.assert_array_equal(ledger.up, up)
    np.testing.assert_array_equal(ledger.down, down)
    np.testing.assert_array_equal(ledger.half_selected, half)
    assert not ledger.reads.any()


def test_ledger_counts_reads_apart(bench):
    pins = bench()
    pins.convert(Family.COLUMNS, [5, 5, 5, 0])
    pins.convert(Family.ROWS, [5, 0, 0, 0])
    ledger = pins.plant.ledger()
    # A row at level 0 is not exposed.
    np.testing.assert_array_equal(ledger.reads[:, 0], [2, 2, 2, 1])
    np.testing.assert_array_equal(ledger.reads[:, 1], [1, 1, 1, 0])
    assert not ledger.half_selected.any()
    assert ledger.conversions == 2
