"""Products, floating lines and the converters, against floating-point linear algebra."""

import numpy as np
import pytest

from crossloop.protocol.microops import LineState
from crossloop.protocol.streams import CROSSING, Family
from crossloop_sim.events import conversion_record

LEVEL_STEP_V = 0.5 / 64
SAMPLE_STEPS_A = [full_scale / 256 for full_scale in (200e-9, 50e-9, 12.5e-9, 3.125e-9)]


def conductances(rng, shape):
    """Conductances across the whole range of the presets, 9.3 to 74 nS."""
    return rng.uniform(9.3e-9, 74e-9, shape)


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (1, 1), (7, 3), (65, 64), (13, 70)])
@pytest.mark.parametrize("sensed", CROSSING)
def test_product_is_within_half_a_step_of_the_matrix_product(bench, rng, rows, columns, sensed):
    pins = bench(rows=rows, columns=columns)
    pins.plant.set_conductance_s(0, conductances(rng, (rows, columns)))
    g_s = pins.plant.conductance_s()
    driven = columns if sensed is Family.ROWS else rows
    codes = rng.integers(-64, 64, driven) // max(1, driven // 4)
    measured, saturated = pins.convert(sensed, codes)
    v = codes * LEVEL_STEP_V
    expected = (g_s @ v if sensed is Family.ROWS else g_s.T @ v) / SAMPLE_STEPS_A[0]
    assert not saturated.any()
    assert np.abs(measured - expected).max() <= 0.5 + 1e-9
    np.testing.assert_allclose(pins.plant.ideal_product(sensed, v) / SAMPLE_STEPS_A[0], expected, rtol=1e-12)


def test_conductances_can_be_set_and_read(bench, rng):
    pins = bench()
    g_s = conductances(rng, (4, 4))
    pins.plant.set_conductance_s(0, g_s)
    np.testing.assert_allclose(pins.plant.conductance_s(), g_s, rtol=1e-12)


def test_pairs_give_plus_minus_minus(bench, rng):
    pins = bench(rows=10, columns=8)
    pins.plant.set_conductance_s(0, conductances(rng, (10, 8)))
    codes = rng.integers(-64, 64, 10)
    measured, saturated = pins.convert(Family.COLUMNS, codes, pair=True)
    g_s = pins.plant.conductance_s()
    expected = (g_s[:, 0::2] - g_s[:, 1::2]).T @ (codes * LEVEL_STEP_V) / SAMPLE_STEPS_A[0]
    assert not saturated.any()
    assert np.abs(expected).max() > 10
    assert np.abs(measured - expected).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("range_index", range(4))
def test_ranges_scale_the_codes(bench, range_index):
    pins = bench()
    pins.plant.set_conductance_s(0, 20e-9)
    measured, saturated = pins.convert(Family.COLUMNS, [8, 0, 0, 0], range_index=range_index)
    expected = 20e-9 * 8 * LEVEL_STEP_V / SAMPLE_STEPS_A[range_index]
    assert not saturated.any()
    assert np.abs(measured - expected).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(("code", "limit"), [(63, 255), (-64, -256)])
def test_currents_beyond_full_scale_saturate(bench, code, limit):
    pins = bench()
    measured, saturated = pins.convert(Family.COLUMNS, [code] * 4, range_index=2)
    assert (measured == limit).all()
    assert saturated.all()


def test_the_last_code_is_not_saturated(bench):
    pins = bench(rows=1, columns=1)
    for target, flag in ((255.4, 0), (255.6, 1)):
        pins.plant.set_conductance_s(0, target * SAMPLE_STEPS_A[2] / (32 * LEVEL_STEP_V))
        measured, saturated = pins.convert(Family.COLUMNS, [32], range_index=2)
        assert (measured[0], saturated[0]) == (255, flag)


def test_lines_that_are_not_sensed_give_nothing(bench):
    pins = bench()
    pins.states(LineState.DRIVE, [LineState.SENSE, LineState.GROUND, LineState.FLOAT, LineState.SENSE])
    pins.level(Family.ROWS, 65535, 30)
    pins.gates(0b1111, 0)
    words = pins.plant.convert(conversion_record(pins.parameters, pins.cycle + 3, Family.COLUMNS, 6))
    current_steps = 4 / 24e6 * 30 * LEVEL_STEP_V / SAMPLE_STEPS_A[0]
    assert words.tolist() == [round(current_steps), 0, 0, round(current_steps), 0, 0]


def test_reading_with_gates_off_gives_zero(bench):
    pins = bench()
    pins.states(LineState.DRIVE, LineState.SENSE)
    pins.level(Family.ROWS, 65535, 30)
    assert not pins.plant.convert(conversion_record(pins.parameters, pins.cycle, Family.COLUMNS, 4)).any()


def test_no_current_flows_into_floating_lines(bench, rng):
    pins = bench(rows=9, columns=8)
    pins.plant.set_conductance_s(0, conductances(rng, (9, 8)))
    row_states = [LineState.DRIVE] * 2 + [LineState.FLOAT] * 6 + [LineState.GROUND]
    column_states = [LineState.FLOAT] * 5 + [LineState.DRIVE, LineState.GROUND, LineState.SENSE]
    pins.states(row_states, column_states)
    for line, code in enumerate((60, -35)):
        pins.level(Family.ROWS, line, code)
    pins.level(Family.COLUMNS, 5, -50)
    pins.gates(0b11, 1 << 5)
    row_v, column_v = pins.plant.voltages_v()
    into_rows = (pins.plant.conductance_s() * (column_v - row_v[:, None])).sum(axis=1)
    into_columns = (pins.plant.conductance_s() * (row_v[:, None] - column_v)).sum(axis=0)
    scale = np.abs(into_rows[:2]).max()
    np.testing.assert_allclose(into_rows[2:8], 0, atol=1e-12 * scale)
    np.testing.assert_allclose(into_columns[:5], 0, atol=1e-12 * scale)
    assert np.abs(row_v[2:8]).min() > 1e-3
    # What goes in comes out again.
    assert into_rows.sum() + into_columns.sum() == pytest.approx(0, abs=1e-12 * scale)
    np.testing.assert_allclose(row_v[[0, 1, 8]], [60 * LEVEL_STEP_V, -35 * LEVEL_STEP_V, 0])


def test_sneak_current_through_floating_lines_is_measured(bench):
    # Row 0 is driven, row 1 floats, column 0 is sensed, column 1 floats: cell (0, 0) in parallel with three cells in series.
    pins = bench(rows=2, columns=2)
    pins.plant.set_conductance_s(0, [[40e-9, 60e-9], [30e-9, 20e-9]])
    pins.states([LineState.DRIVE, LineState.FLOAT], [LineState.SENSE, LineState.FLOAT])
    pins.level(Family.ROWS, 0, 40)
    pins.gates(1, 0)
    words = pins.plant.convert(conversion_record(pins.parameters, pins.cycle + 3, Family.COLUMNS, 1, range_index=1))
    sneak_s = 1 / (1 / 60e-9 + 1 / 20e-9 + 1 / 30e-9)
    expected = (40e-9 + sneak_s) * 40 * LEVEL_STEP_V / SAMPLE_STEPS_A[1]
    assert words.tolist() == [round(expected)]


def test_a_floating_line_can_be_moved(bench):
    # Many columns at -0.47 V pull the floating row to nearly that, so the one column at +0.47 V moves its cell of this row downwards.
    pins = bench(rows=2, columns=16)
    pins.states([LineState.FLOAT, LineState.GROUND], LineState.DRIVE)
    pins.level(Family.COLUMNS, 65535, -60)
    pins.level(Family.COLUMNS, 3, 60)
    pins.pulse(0, 0xFFFF)
    moved = pins.plant.weights()
    assert moved[0, 3] == pytest.approx(-0.0016)
    assert np.count_nonzero(moved) == 1


def test_everything_floating_is_at_ground(bench):
    pins = bench()
    pins.states(LineState.FLOAT, LineState.FLOAT)
    row_v, column_v = pins.plant.voltages_v()
    assert not row_v.any()
    assert not column_v.any()
