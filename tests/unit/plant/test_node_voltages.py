"""Voltages of lines, against Kirchhoff's law solved by hand: weighted means, a divider, and the nodal equations in numpy."""

import numpy as np
import pytest

import crossloop
from crossloop.nodes import ReadNodes
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.microops import LineState
from crossloop.protocol.streams import CROSSING, Family
from crossloop_sim.events import conversion_record

LEVEL_STEP_V = 0.5 / 64
VOLTAGE_STEP_V = 0.5 / 256
FULL = 2**9


def read(pins, family: Family, channels: int, *, pair: bool = False) -> np.ndarray:
    """Codes of a voltage conversion; none may be saturated."""
    pins.cycle += 5
    words = pins.plant.convert(
        conversion_record(pins.parameters, pins.cycle, family, channels, pair=pair, voltage=True)
    )
    assert not (words >> 9).any()
    return (words & FULL - 1) - ((words & FULL // 2) << 1)


def test_a_floating_column_is_at_the_conductance_weighted_mean_of_its_rows(bench, rng):
    pins = bench(rows=6, columns=3)
    pins.plant.set_conductance_s(0, rng.uniform(9.3e-9, 74e-9, (6, 3)))
    codes = rng.integers(-63, 64, 6)
    pins.states(LineState.DRIVE, [LineState.GROUND, LineState.FLOAT, LineState.SENSE])
    for line, code in enumerate(codes):
        pins.level(Family.ROWS, line, int(code))
    pins.gates(0b111111, 0)
    g_s = pins.plant.conductance_s()[:, 1]
    mean_v = (g_s @ codes) / g_s.sum() * LEVEL_STEP_V
    measured = read(pins, Family.COLUMNS, 3)
    assert measured[[0, 2]].tolist() == [0, 0]
    assert abs(measured[1] - mean_v / VOLTAGE_STEP_V) <= 0.5 + 1e-9
    assert abs(mean_v / VOLTAGE_STEP_V) > 3
    np.testing.assert_array_equal(read(pins, Family.ROWS, 6), codes * 4)


def test_two_cells_are_a_divider(bench):
    pins = bench(rows=1, columns=2)
    pins.plant.set_conductance_s(0, [[60e-9, 20e-9]])
    pins.states([LineState.FLOAT], [LineState.DRIVE, LineState.GROUND])
    pins.level(Family.COLUMNS, 0, 40)
    pins.gates(0, 0b01)
    assert read(pins, Family.ROWS, 1).tolist() == [round(40 * LEVEL_STEP_V * 60 / 80 / VOLTAGE_STEP_V)]
    # Channel 0 is column 0 minus column 1.
    assert read(pins, Family.COLUMNS, 1, pair=True).tolist() == [160]


def test_an_array_of_floating_lines_is_at_0_v(bench):
    pins = bench()
    pins.states(LineState.FLOAT, LineState.FLOAT)
    for family in CROSSING:
        assert not read(pins, family, 4).any()


def test_with_the_gates_off_driven_lines_are_at_ground(bench):
    pins = bench()
    pins.states(LineState.DRIVE, LineState.FLOAT)
    pins.level(Family.ROWS, 65535, 50)
    for family in CROSSING:
        assert not read(pins, family, 4).any()


@pytest.mark.parametrize("row", range(4))
@pytest.mark.parametrize("column", range(3))
def test_a_single_device_walks_over_every_cell(bench, row, column):
    """One conductance stands out: only the floating column of its cell follows the one row that is driven."""
    pins = bench(rows=4, columns=3)
    g_s = np.full((4, 3), 10e-9)
    g_s[row, column] = 70e-9
    pins.plant.set_conductance_s(0, g_s)
    pins.states([LineState.DRIVE if line == row else LineState.GROUND for line in range(4)], LineState.FLOAT)
    pins.level(Family.ROWS, row, 63)
    pins.gates(1 << row, 0)
    expected = [63 * 4 * (70 / 100 if j == column else 10 / 40) for j in range(3)]
    np.testing.assert_allclose(read(pins, Family.COLUMNS, 3), expected, atol=0.5)


def test_a_filter_follows_the_voltage_too(bench):
    """One time constant after the gates went on a held row is read at 1 - 1/e of its level."""
    tau_s = 2e-6
    pins = bench(rows=2, columns=2, t_filter_s=tau_s)
    pins.states(LineState.DRIVE, LineState.FLOAT)
    pins.level(Family.ROWS, 0, 60)
    pins.gates(0b01, 0)
    pins.cycle += round(tau_s * pins.parameters.clock_hz) - 5
    assert abs(read(pins, Family.ROWS, 2)[0] - 240 * (1 - np.exp(-1))) <= 0.5 + 1e-9


def test_lines_of_both_families_float_as_the_nodal_equations_say(rng):
    """Through host and controller: the matrix of every line, held ones as known voltages, solved by numpy."""
    query = "rows=7&columns=5&preset=ideal&level_bits=12&sample_bits=14&frame_bytes=2048"
    with crossloop.connect(f"model:?{query}") as session:
        session.arm()
        plant = session.transport.world.plant
        plant.set_conductance_s(0, rng.uniform(9.3e-9, 74e-9, (7, 5)))
        g_s = plant.conductance_s()
        levels = [session.levels.step_v * rng.integers(-1900, 1900, lines) for lines in (7, 5)]
        floats = [rng.random(7) < 0.5, np.array([True, False, True, True, False])]
        wanted = [np.where(mask, np.nan, volts) for mask, volts in zip(floats, levels, strict=True)]
        measured = np.concatenate(session.tile(0).read_nodes(*wanted))
        step_v = session.voltages.step_v
    laplacian = np.block([[np.diag(g_s.sum(1)), -g_s], [-g_s.T, np.diag(g_s.sum(0))]])
    free, volts = np.concatenate(floats), np.concatenate(levels)
    volts[free] = np.linalg.solve(laplacian[np.ix_(free, free)], -laplacian[np.ix_(free, ~free)] @ volts[~free])
    assert np.abs(measured - volts).max() <= 0.5 * step_v * (1 + 1e-9)
    assert np.abs(volts[free]).max() > 20 * step_v


def test_drivers_with_resistance_make_the_near_ends_a_divider():
    """One cell between two drivers of 1 Mohm: what the followers see lies behind them."""
    query = "rows=1&columns=1&preset=ideal&r_driver_ohm=1e6&sample_bits=14&level_bits=12"
    with crossloop.connect(f"model:?{query}") as session:
        session.arm()
        session.transport.world.plant.set_conductance_s(0, 70e-9)
        rows, columns = session.tile(0).read_nodes([0.25], [0.0])
        cell_ohm = 1 / 70e-9
        step_v = session.voltages.step_v
    current_a = 0.25 / (cell_ohm + 2e6)
    assert abs(rows[0] - (0.25 - 1e6 * current_a)) <= step_v
    assert abs(columns[0] - 1e6 * current_a) <= step_v


def test_a_dry_run_is_exact_and_bad_input_is_refused():
    with crossloop.connect("model:?rows=3&columns=2&preset=ideal") as session:
        session.arm()
        tile = session.tile(0)
        with pytest.raises(ShapeError, match="v_row_v"):
            tile.read_nodes([0.0] * 2, [0.0] * 2)
        with pytest.raises(RangeError, match="not a multiple"):
            tile.read_nodes([0.001, 0.0, np.nan], [0.0] * 2)
        with pytest.raises(RangeError, match="outside"):
            tile.read_nodes([1.0, 0.0, np.nan], [0.0] * 2)
        assert session.cycles == 0
        tile.read_nodes([0.25, np.nan, np.nan], [0.0, np.nan])
        codes, held = (np.zeros(3, np.int64), np.zeros(2, np.int64)), (np.ones(3, np.bool_), np.ones(2, np.bool_))
        prediction = session.dry_run(ReadNodes(0, codes, held))
        assert (prediction.cycles, prediction.exact, prediction.conversions) == (session.cycles, True, 5)
