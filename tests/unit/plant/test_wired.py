"""The plant on lines with resistance: what the pins measure and what the cells see, against the array solver and by hand."""

import numpy as np
import pytest

from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState
from crossloop.protocol.streams import CROSSING, Family
from crossloop_sim.array import Array, Lines, Sinh, Wires
from crossloop_sim.events import conversion_record

LEVEL_STEP_V = 0.5 / 64
SAMPLE_STEP_A = 200e-9 / 2**14
WIRES = {"r_row_ohm": 20e3, "r_column_ohm": 30e3, "r_driver_ohm": 1e5, "r_amplifier_ohm": 5e4}
"""Resistances that matter beside cells of 24 Mohm."""


def conductances(rng, shape):
    return rng.uniform(9.3e-9, 74e-9, shape)


@pytest.mark.parametrize("sensed", CROSSING)
def test_conversions_have_the_ir_drop_of_the_array(bench, rng, sensed):
    pins = bench(rows=12, columns=9, sample_bits=15, **WIRES)
    pins.plant.set_conductance_s(0, conductances(rng, (12, 9)))
    driven = 9 if sensed is Family.ROWS else 12
    codes = rng.integers(5, 20, driven)
    measured, _ = pins.convert(sensed, codes)
    wires = Wires(**WIRES)
    states = [LineState.DRIVE, LineState.DRIVE]
    states[sensed] = LineState.SENSE
    v = [np.zeros(12), np.zeros(9)]
    v[1 - sensed] = codes * LEVEL_STEP_V
    found = Array(pins.plant.conductance_s(), wires).solve(
        Lines.of_states(wires, [states[0]] * 12, [states[1]] * 9, *v)
    )
    currents = (found.row_near_a, found.column_near_a)[sensed]
    assert np.abs(measured - currents / SAMPLE_STEP_A).max() <= 0.51
    ideal = pins.plant.ideal_product(sensed, codes * LEVEL_STEP_V)
    assert (currents < 0.98 * ideal).all()


def test_wires_of_next_to_no_resistance_change_nothing(bench, rng):
    g_s = conductances(rng, (5, 4))
    pulses = [(int(rng.integers(1, 32)), int(rng.integers(1, 16))) for _ in range(20)]
    found = []
    for wires in ({}, {"r_row_ohm": 1e-3, "r_column_ohm": 1e-3}):
        pins = bench(rows=5, columns=4, name="rpu", sample_bits=15, read_noise=0.0, **wires)
        pins.plant.set_conductance_s(0, g_s)
        pins.coincide(60)
        for rows, columns in pulses:
            pins.pulse(rows, columns)
        codes = pins.convert(Family.COLUMNS, [20] * 5)[0]
        found.append((pins.plant.weights(), pins.plant.ledger().half_selected, codes))
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-12)
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert np.abs(found[0][2] - found[1][2]).max() <= 1


def test_far_cells_move_less_where_the_device_follows_the_voltage(bench):
    # A voltage-driven gate writes in proportion to what it sees.
    quiet = dict.fromkeys(("dw_min_dtod", "up_down_dtod", "w_max_dtod", "w_min_dtod", "c2c", "read_noise"), 0.0)
    pins = bench(rows=8, columns=8, name="ecram-compensated", r_row_ohm=5e4, r_column_ohm=5e4, **quiet)
    pins.coincide(60)
    pins.pulse(0xFF, 0xFF)
    moved = pins.plant.weights()
    # Rows are driven at the left, columns at the bottom.
    assert moved[7, 0] == moved.max()
    assert moved[0, 7] == moved.min()
    assert moved.min() < 0.97 * moved.max()
    assert (pins.plant.ledger().up == 1).all()


def test_nonlinear_cells_are_solved(bench, rng):
    pins = bench(rows=4, columns=4, sample_bits=15, iv="sinh")
    g_s = conductances(rng, (4, 4))
    pins.plant.set_conductance_s(0, g_s)
    measured, _ = pins.convert(Family.COLUMNS, [50, 10, 30, 20])
    v = np.array([50, 10, 30, 20]) * LEVEL_STEP_V
    v0 = Sinh().v0_v
    np.testing.assert_allclose(measured * SAMPLE_STEP_A, v0 * np.sinh(v / v0) @ g_s, atol=0.51 * SAMPLE_STEP_A)


def test_lines_take_time_to_settle(bench):
    # One cell: Elmore delays c*(r_driver + r) of the row and c*(r_amplifier + r) of the column.
    wires = {"r_row_ohm": 1e5, "r_column_ohm": 1e5, "r_driver_ohm": 1e5, "c_row_f": 1e-12, "c_column_f": 1e-12}
    tau_s = 1e-12 * (2e5 + 1e5)
    pins = bench(rows=1, columns=1, sample_bits=15, **wires)
    pins.plant.set_conductance_s(0, 60e-9)
    pins.states(LineState.DRIVE, LineState.SENSE)
    pins.level(Family.ROWS, 0, 40)
    pins.cycle += 1000
    pins.gates(1, 0)
    final = 40 * LEVEL_STEP_V / (1 / 60e-9 + 3e5) / SAMPLE_STEP_A
    begin = pins.cycle
    for cycles in (5, 15, 200):
        word = pins.plant.convert(conversion_record(pins.parameters, begin + cycles, Family.COLUMNS, 1))[0]
        assert word == pytest.approx(final * (1 - np.exp(-cycles * 20e-9 / tau_s)), abs=1)


def test_wrong_wires_are_refused(bench):
    with pytest.raises(RangeError, match=r"r_row_ohm must be finite and not negative, not -1\.0"):
        bench(r_row_ohm=-1.0)
    with pytest.raises(RangeError, match="iv must be one of ohmic, sinh, cubic, 1s1r, not '1t1r'"):
        bench(iv="1t1r")
