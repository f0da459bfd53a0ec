"""Cells with transistors: what the plant makes of gate lines, against the 1T1R law of the array solver and against matrix products."""

import numpy as np
import pytest

import crossloop
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import GateLines, Parameters
from crossloop.protocol.streams import Family
from crossloop_sim import events
from crossloop_sim.array.laws import OneTransistorOneResistor
from crossloop_sim.plant import Plant, kernels, preset

SEED = 11
ALONG = [GateLines.ROWS, GateLines.COLUMNS]


def test_the_memristors_share_of_the_voltage_is_that_of_the_array_solvers_law() -> None:
    """The law finds the inner node by bisection and Newton's method, the plant by a formula."""
    rng = np.random.default_rng(SEED)
    law = OneTransistorOneResistor()
    for _ in range(2000):
        v_row, v_column = rng.uniform(-2, 2, 2)
        gate_v, cell_s = rng.uniform(-0.5, 4), 10 ** rng.uniform(-7, -2.5)
        arrays = (np.array([value]) for value in (cell_s, v_row, v_column, gate_v))
        current = float(law.branch(*arrays)[0][0])
        u = kernels.share(v_row, v_column, gate_v - law.v_threshold_v, cell_s, law.k_a_per_v2)
        assert cell_s * u == pytest.approx(current, rel=1e-6, abs=1e-15)


@pytest.mark.parametrize("along", ALONG)
@pytest.mark.parametrize("sensed", [Family.ROWS, Family.COLUMNS])
def test_only_cells_whose_gate_line_is_on_conduct(along: GateLines, sensed: Family) -> None:
    build = Parameters(
        rows=5, columns=4, gate_lines=along, sample_bits=15, range_full_scale_pa=(2_000_000, 200_000, 20_000, 2_000)
    )
    plant = Plant(build, preset("ideal", gate_k_a_per_v2=0.0, seed=SEED))
    rng = np.random.default_rng(SEED)
    device = plant.configuration.device
    plant.set_conductance_s(0, device.g_mid_s + device.g_half_s * rng.uniform(-0.5, 0.5, (5, 4)))
    on = 0b0101
    driven = Family(1 - sensed)
    lines = [
        [LineState.SENSE if family is sensed else LineState.DRIVE] * build.lines(family)
        for family in (Family.ROWS, Family.COLUMNS)
    ]
    states = events.states_record(build, 0, *lines, [LineState.DRIVE] * build.lines(Family.GATES))
    codes = rng.integers(-60, 60, build.lines(driven))
    levels = [events.level_record(build, 1, driven, line, int(code)) for line, code in enumerate(codes)]
    gates = [
        events.level_record(build, 1, Family.GATES, line, 40 if on >> line & 1 else 0)
        for line in range(build.lines(Family.GATES))
    ]
    drive = [0, 0]
    drive[driven] = (1 << build.lines(driven)) - 1
    every_gate = (1 << build.lines(Family.GATES)) - 1
    plant.apply(np.array([states, *levels, *gates, events.gates_record(build, 2, *drive, every_gate)]))
    words = plant.convert(events.conversion_record(build, 100, sensed, build.lines(sensed)))
    measured = ((words & 0xFFFF ^ 0x4000) - 0x4000 & 0xFFFF) - (0x10000 * ((words & 0x4000) != 0))
    mask = np.array([[on >> (i if along == GateLines.ROWS else j) & 1 for j in range(4)] for i in range(5)])
    g_s = plant.conductance_s() * mask
    step_v = build.level_full_scale_uv * 1e-6 / 64
    expected = (g_s.T if sensed is Family.COLUMNS else g_s) @ (codes * step_v)
    step_a = 2e-6 / (1 << 14)
    codes_read = np.where(words & 0x4000, (words & 0x7FFF) - 0x8000, words & 0x7FFF)
    assert np.abs(codes_read - expected / step_a).max() <= 0.5 + 1e-6, measured


@pytest.mark.parametrize("along", ALONG)
def test_a_pulse_on_a_line_moves_only_the_cell_whose_gate_is_on(along: GateLines) -> None:
    with crossloop.connect(
        f"model:?rows=5&columns=4&gate_lines={int(along)}&preset=ideal&gate_k_a_per_v2=0"
    ) as session:
        session.arm()
        before = session.transport.world.plant.conductance_s()
        tile = session.tile(0)
        tile.pulse(3, 2, 4)
        plant = session.transport.world.plant
        moved = np.argwhere(plant.conductance_s() != before).tolist()
        ledger = plant.ledger()
    assert moved == [[3, 2]]
    assert ledger.up[3, 2] == 4
    # Half-selected are the cells on the driven lines whose transistor is on: those along the gate line.
    rows, columns = np.nonzero(ledger.half_selected)
    other = columns if along == GateLines.ROWS else rows
    same = rows if along == GateLines.ROWS else columns
    assert set(same.tolist()) == {3 if along == GateLines.ROWS else 2}
    assert len(other) == (3 if along == GateLines.ROWS else 4)


def test_wires_with_resistance_and_gate_lines_are_refused_together() -> None:
    with pytest.raises(RangeError, match="gate lines must have ideal wires"):
        Plant(Parameters(rows=4, columns=4, gate_lines=GateLines.ROWS), preset("ideal", r_row_ohm=1.0))


def test_a_build_without_gate_lines_refuses_their_settings() -> None:
    with crossloop.connect("model:?rows=4&columns=4") as session, pytest.raises(RangeError, match="no gate lines"):
        session.v_gate_v = 1.0
    with pytest.raises(RangeError, match="no gate lines"):
        crossloop.connect("model:?rows=4&columns=4", limits=crossloop.Limits(v_gate_max_v=1.25))
