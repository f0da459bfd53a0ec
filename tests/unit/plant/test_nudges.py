"""Nudge lines at the pins: what they add to the nodal equation, to a sensed column, to the cells and to the ledger."""

import numpy as np
import pytest

from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop_sim import events
from crossloop_sim.plant import Plant, preset

NUDGE_S = 50e-9
LEVEL_STEP_V = 0.5 / 64
FULL = 1 << 15
BUILD = Parameters(rows=3, columns=3, nudge_lines=1, sample_bits=15, range_full_scale_pa=(200_000,) * 4)


@pytest.fixture
def plant(rng) -> Plant:
    made = Plant(BUILD, preset("ideal", nudge_g_s=NUDGE_S))
    made.set_conductance_s(0, rng.uniform(9.3e-9, 74e-9, (3, 3)))
    return made


def drive(plant: Plant, rows, columns, nudges, row_codes, nudge_codes, gates=(0b111, 0, 0b111)) -> None:
    """Set states and levels and turn gates on, in cycles 0 to 2."""
    spread = [[state] * 3 if isinstance(state, LineState) else state for state in (rows, columns, nudges)]
    records = [events.states_record(BUILD, 0, spread[0], spread[1], (), spread[2])]
    for family, codes in ((Family.ROWS, row_codes), (Family.NUDGES, nudge_codes)):
        records += [events.level_record(BUILD, 1, family, line, code) for line, code in enumerate(codes)]
    row_gates, column_gates, nudge_gates = gates
    records.append(events.gates_record(BUILD, 2, row_gates, column_gates, 0, nudge_gates))
    plant.apply(np.array(records))


def read(plant: Plant, *, voltage: bool) -> np.ndarray:
    words = plant.convert(events.conversion_record(BUILD, 50, Family.COLUMNS, 3, voltage=voltage))
    assert not (words >> 15).any()
    return (words & FULL - 1) - ((words & FULL // 2) << 1)


def test_a_closed_nudge_is_one_more_branch_of_a_floating_column(plant) -> None:
    nudges = [LineState.DRIVE, LineState.FLOAT, LineState.GROUND]
    drive(plant, LineState.DRIVE, LineState.FLOAT, nudges, (40, -10, 25), (-30, 60, 0), gates=(0b111, 0, 0b001))
    g_s = plant.conductance_s()
    drawn = g_s.T @ [40, -10, 25]
    expected = [(drawn[0] - NUDGE_S * 30) / (g_s[:, 0].sum() + NUDGE_S), drawn[1] / g_s[:, 1].sum()]
    expected.append(drawn[2] / (g_s[:, 2].sum() + NUDGE_S))
    measured = read(plant, voltage=True) * (0.5 / FULL * 2)
    np.testing.assert_allclose(measured, np.array(expected) * LEVEL_STEP_V, atol=0.5 / FULL * 1.001)


def test_a_nudge_adds_its_current_to_a_sensed_column(plant) -> None:
    nudges = [LineState.DRIVE, LineState.FLOAT, LineState.GROUND]
    drive(plant, LineState.DRIVE, LineState.SENSE, nudges, (20, -10, 5), (-30, 60, 0), gates=(0b111, 0, 0b001))
    expected_a = (plant.conductance_s().T @ [20, -10, 5] + NUDGE_S * np.array([-30, 0, 0])) * LEVEL_STEP_V
    measured = read(plant, voltage=False) * (200e-9 / FULL * 2)
    np.testing.assert_allclose(measured, expected_a, atol=200e-9 / FULL * 1.001)


def test_a_held_column_takes_no_notice(plant) -> None:
    drive(plant, LineState.DRIVE, LineState.GROUND, LineState.DRIVE, (40, 40, 40), (60, 60, 60))
    assert not read(plant, voltage=True).any()


def test_a_nudge_can_pulse_cells_of_a_floating_column_and_the_ledger_counts_its_line() -> None:
    """A nudge far stronger than the cells takes its column to the target; the cells above the threshold then step, the others do not."""
    build = Parameters(rows=2, columns=2, nudge_lines=1, level_full_scale_uv=2_000_000)
    plant = Plant(build, preset("ideal", nudge_g_s=1e-3))
    before = plant.weights()
    floats = [LineState.FLOAT] * 2
    records = [
        events.states_record(build, 0, [LineState.GROUND] * 2, floats, (), [LineState.DRIVE, LineState.FLOAT]),
        events.level_record(build, 1, Family.NUDGES, 0, -40),
        events.gates_record(build, 2, 0, 0, 0, 0b01),
        events.gates_record(build, 6, 0, 0, 0, 0),
    ]
    plant.apply(np.array(records))
    moved = plant.weights() - before
    assert (moved[:, 0] > 0).all()
    assert not moved[:, 1].any()
    ledger = plant.ledger()
    assert ledger.up.tolist() == [[1, 0], [1, 0]]
    assert ledger.nudges.tolist() == [1, 0]


def test_wires_with_resistance_and_nudge_lines_are_refused_together() -> None:
    with pytest.raises(RangeError, match="nudge lines must have ideal wires"):
        Plant(Parameters(rows=4, columns=4, nudge_lines=1), preset("ideal", r_row_ohm=1.0))
