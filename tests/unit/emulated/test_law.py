"""What pulses and conversions do, against float formulas."""

import math

import numpy as np
import pytest
from emulated_oracle import draws

from crossloop.protocol.emulated import cells, state_step_s
from crossloop.protocol.streams import Family

FULL = 1 << 16
UNIT = 64
"""Cycles of a pulse in these tests."""


def _table(build):
    """Return rates and bounds of the cells of the only tile, shape (rows, columns) each."""
    found = list(cells(build))
    shape = (build.rows, build.columns)
    names = ("rate_up", "rate_down", "upper_bound", "lower_bound")
    return [np.array([getattr(one, name) for one in found], np.float64).reshape(shape) for name in names]


def _moved(states: np.ndarray, rates: np.ndarray, bounds: np.ndarray, draws_: np.ndarray, width: int) -> np.ndarray:
    """Return states after a pulse, without any rounding: the soft-bounds law."""
    return states + (bounds - states) * rates * draws_ * width / 2**18


def test_ramps_follow_the_soft_bounds_law_within_a_percent(driver) -> None:
    array = driver(rows=16, columns=16, array_seed=21)
    rates_up, rates_down, upper, lower = _table(array.parameters)
    noise = draws(21)
    exact = array.array.states().astype(np.float64)
    worst = 0.0
    for _ramp in range(2):
        for row_code, rates, bounds in ((60, rates_up, upper), (-60, rates_down, lower)):
            for _pulse in range(600):
                array.pulse(row_code, -row_code, width=UNIT)
                drawn = np.array([next(noise) for _ in range(256)], np.float64).reshape(16, 16)
                exact = _moved(exact, rates, bounds, drawn, UNIT)
                worst = max(worst, np.abs(array.array.states() - exact).max())
            # 600 pulses are many for all but the slowest cells.
            fast = rates > 5
            assert (np.abs(array.array.states() - bounds)[fast] < 0.01 * FULL).all()
    assert worst < 0.01 * FULL
    assert worst > 0  # rounding is there to be bounded


def test_mean_response_is_an_exponential_with_the_cell_rate(driver) -> None:
    """Averaged over many cells and pulses, the noise is gone: 1 - (distance left) is 1 - exp(-n * rate * 7.5 * width / 2**18)."""
    array = driver(rows=64, columns=64, array_seed=4)
    rates_up, _rates_down, upper, _lower = _table(array.parameters)
    start = array.array.states()
    for _pulse in range(60):
        array.pulse(60, -60, width=UNIT)
    works = rates_up > 0
    left = ((upper - array.array.states()) / np.where(works, upper - start, 1))[works]
    expected = np.exp(60 * np.log1p(-rates_up * 7.5 * UNIT / 2**18))[works]
    # Cycle-to-cycle noise of 25.8 % a pulse: 3.3 % of the exponent after sixty.
    assert (np.log(left) / np.log(expected)).mean() == pytest.approx(1, abs=4 * 0.033 / math.sqrt(works.sum()) + 0.005)


def test_noise_from_pulse_to_pulse_has_the_stated_deviation(driver) -> None:
    array = driver(rows=64, columns=64, array_seed=8)
    rates_up, _down, upper, _lower = _table(array.parameters)
    start = array.array.states()
    array.pulse(60, -60, width=UNIT)
    works = rates_up > 0
    relative = ((array.array.states() - start)[works]) / (((upper - start) * rates_up * 7.5 * UNIT / 2**18)[works])
    assert relative.mean() == pytest.approx(1, abs=4 * 0.258 / math.sqrt(works.sum()))
    assert relative.std() == pytest.approx(math.sqrt(15) / 2 / 7.5, rel=4 / math.sqrt(2 * works.sum()))


def test_steps_grow_with_the_width_up_to_its_limit(driver) -> None:
    sizes = []
    for width in (1, 16, 64, 128, 255, 256, 3000):
        array = driver(rows=16, columns=16, array_seed=2)
        before = array.array.states()
        array.pulse(60, -60, width=width)
        sizes.append((array.array.states() - before).sum())
    assert sizes[1:5] == pytest.approx([sizes[2] * width / 64 for width in (16, 64, 128, 255)], rel=0.01)
    assert sizes[0] == pytest.approx(sizes[2] / 64, rel=0.1)
    assert sizes[4] == sizes[5] == sizes[6]


@pytest.mark.parametrize(("row_code", "column_code", "direction"), [
    (33, -32, 1), (32, -32, 0), (-33, 32, -1), (-32, 32, 0), (63, 0, 0), (-64, 0, 0), (-64, 1, -1), (63, -2, 1), (63, 63, 0),
])  # fmt: skip
def test_a_cell_moves_where_levels_differ_by_more_than_half_of_the_range(
    driver, row_code, column_code, direction
) -> None:
    array = driver(rows=4, columns=4, array_seed=1)
    before = array.array.states()
    for _ in range(10):
        array.pulse(row_code, column_code)
    moved = np.sign(array.array.states() - before)
    assert (moved == direction).all()


def test_only_cells_whose_row_and_column_were_on_move(driver) -> None:
    array = driver(rows=5, columns=7, tiles=2, array_seed=1)
    array.tile(1)
    before = array.array.states(1)
    for _ in range(10):
        array.pulse(60, -60, rows=0b10010, columns=0b0000101)
    moved = array.array.states(1) != before
    expected = np.zeros((5, 7), bool)
    expected[np.ix_([1, 4], [0, 2])] = True
    np.testing.assert_array_equal(moved, expected)
    assert (array.array.states(0) == (1 << 15)).all()


def test_stuck_cells_stay(driver) -> None:
    array = driver(rows=64, columns=64, array_seed=0)
    rates_up, _down, upper, lower = _table(array.parameters)
    stuck = rates_up == 0
    assert stuck.any()
    for row_code in (60, -60):
        array.pulse(row_code, -row_code, width=255)
    states = array.array.states()[stuck]
    assert ((states == upper[stuck]) | (states == lower[stuck])).all()


@pytest.mark.parametrize("sensed", [Family.ROWS, Family.COLUMNS])
@pytest.mark.parametrize("pair", [False, True])
def test_products_are_those_of_the_conductances(driver, sensed: Family, pair: bool) -> None:
    array = driver(rows=12, columns=10, array_seed=6)
    rng = np.random.default_rng(1)
    for _ in range(30):
        array.pulse(60, -60, rows=int(rng.integers(1 << 12)), columns=int(rng.integers(1 << 10)), width=200)
    p = array.parameters
    volts_per_code = p.level_full_scale_uv * 1e-6 / 64
    conductances = array.array.states() * state_step_s(p)
    matrix = conductances if sensed is Family.COLUMNS else conductances.T
    errors = []
    for range_index in range(3):
        step_a = p.range_full_scale_pa[range_index] * 1e-12 / 256
        for _ in range(40):
            levels = rng.integers(-10, 11, matrix.shape[0])
            codes, saturated = array.convert(sensed, levels, pair=pair, range_index=range_index)
            currents = levels * volts_per_code @ matrix
            wanted = (currents[::2][: len(codes)] - currents[1::2] if pair else currents) / step_a
            limit = (wanted > 254) | (wanted < -255)
            np.testing.assert_array_equal(codes[saturated], np.where(wanted[saturated] > 0, 255, -256))
            assert not saturated[np.abs(wanted) < 250].any()
            errors += list((codes - wanted)[~limit & ~saturated])
    # Noise of 0.484 codes, and the rounding to a code.
    assert np.std(errors) == pytest.approx(math.sqrt(15 / 64 + 1 / 12), rel=4 / math.sqrt(2 * len(errors)))
    assert abs(np.mean(errors)) < 4 * 0.57 / math.sqrt(len(errors))


def test_lines_that_are_not_sensed_give_no_current(driver) -> None:
    array = driver(rows=4, columns=4, array_seed=6)
    array.convert(Family.COLUMNS, [60] * 4)
    array.sense(Family.ROWS)
    words = array.array.convert(np.array([array.cycle, 6, Family.COLUMNS, 4, 0, 0], np.uint64))
    assert all(word in {0, 1, 2, 511, 510, 509} for word in words)


def test_read_back_is_exact_and_changes_nothing(driver) -> None:
    array = driver(rows=16, columns=16, array_seed=3)
    rng = np.random.default_rng(0)
    for _ in range(50):
        array.pulse(
            60,
            -60,
            rows=int(rng.integers(1 << 16)),
            columns=int(rng.integers(1 << 16)),
            width=int(rng.integers(1, 255)),
        )
    states = array.array.states()
    for row in range(16):
        unit = np.arange(16) == row
        low, _ = array.convert(Family.COLUMNS, unit, range_index=3)
        high, _ = array.convert(Family.COLUMNS, -unit.astype(int), range_index=3)
        np.testing.assert_array_equal(low + 256 * (-high - (low != 0)), states[row])
    np.testing.assert_array_equal(array.array.states(), states)
    # The next noisy reading draws the numbers that it would have drawn without all this.
    again = driver(rows=16, columns=16, array_seed=3)
    rng = np.random.default_rng(0)
    for _ in range(50):
        again.pulse(
            60,
            -60,
            rows=int(rng.integers(1 << 16)),
            columns=int(rng.integers(1 << 16)),
            width=int(rng.integers(1, 255)),
        )
    np.testing.assert_array_equal(again.convert(Family.ROWS, [9] * 16)[0], array.convert(Family.ROWS, [9] * 16)[0])


def test_a_pulse_into_which_a_conversion_falls_moves_nothing(driver) -> None:
    array = driver(rows=4, columns=4, array_seed=3)
    array.level(Family.COLUMNS, -60)
    before = array.array.states()
    array.convert(Family.COLUMNS, [60] * 4)
    np.testing.assert_array_equal(array.array.states(), before)


def test_ledger_counts_full_pulses_half_selected_cells_and_reads(driver) -> None:
    array = driver(rows=3, columns=4, array_seed=1)
    for _ in range(2):
        array.pulse(60, -60, rows=0b001, columns=0b0011)
    array.pulse(-60, 60, rows=0b100, columns=0b1000)
    array.pulse(30, -30, rows=0b100, columns=0b0001)  # too weak
    array.convert(Family.COLUMNS, [9, 9, 9])
    found = array.array.ledger()
    np.testing.assert_array_equal(found.up, [[2, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(found.down, [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_array_equal(found.half_selected, [[1, 0, 2, 3], [3, 2, 0, 1], [4, 4, 2, 1]])
    assert (found.reads == 1).all()
    assert found.conversions == 4


def test_conductances_are_set_within_bounds_and_stuck_cells_stay(driver) -> None:
    array = driver(rows=64, columns=64, array_seed=0)
    rates_up, _down, upper, lower = _table(array.parameters)
    before = array.array.states()
    array.array.set_conductance_s(0, 1.0)
    states = array.array.states()
    np.testing.assert_array_equal(states[rates_up > 0], upper[rates_up > 0])
    np.testing.assert_array_equal(states[rates_up == 0], before[rates_up == 0])
    wanted = np.random.default_rng(2).uniform(lower, upper)
    array.array.set_conductance_s(0, wanted * state_step_s(array.parameters))
    works = rates_up > 0
    assert np.abs(array.array.states() - wanted)[works].max() <= 0.5
