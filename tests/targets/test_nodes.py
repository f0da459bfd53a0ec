"""Free and nudged phases of a network of conductances, on the golden model and on the gateware, against the nodal equations."""

from __future__ import annotations

import numpy as np
import pytest
from scenarios.raw import run_raw

import crossloop
from crossloop.fabric.nodes import NodeRule
from crossloop.fabric.settle import SettleRule
from crossloop.node_phases import NodePhase, SettledNodes, settle_nodes
from crossloop.protocol import microops as m
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.microops import LineState, Selection
from crossloop.protocol.streams import Family
from crossloop.session import Session
from crossloop.settling import Phase, settle
from crossloop_sim import transcript

ROWS, COLUMNS = 5, 3
BETA_S = 4e-9
QUERY = (
    f"rows={ROWS}&columns={COLUMNS}&tiles=1&preset=ideal&level_bits=12&sample_bits=15&voltage_full_scale_uv=250000"
    f"&nudge_lines=1&nudge_g_s={BETA_S}"
)
SEED = 5
NAN = float("nan")


def _given(session: Session) -> tuple[np.ndarray, np.ndarray]:
    """Set the conductances; return levels of the rows and targets, on the grid of the level converters."""
    rng = np.random.default_rng(SEED)
    plant = session.transport.world.plant  # type: ignore[attr-defined]
    plant.set_conductance_s(0, rng.uniform(9.3e-9, 74e-9, (ROWS, COLUMNS)))
    x_v = session.levels.step_v * rng.integers(-600, 601, ROWS)
    t_v = session.levels.step_v * rng.choice([-1, 1], COLUMNS) * rng.integers(400, 601, COLUMNS)
    return x_v, t_v


def _three_phases(session: Session) -> SettledNodes:
    x_v, t_v = _given(session)
    session.arm()
    free, nudged = NodePhase(v_row_v=x_v), NodePhase(v_row_v=x_v, v_target_v=t_v)
    return settle_nodes(session, [free, nudged, NodePhase(v_row_v=x_v, v_target_v=t_v, mirrored=True)])


def _conductances(session: Session) -> np.ndarray:
    found: np.ndarray = session.transport.world.plant.conductance_s()  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("target", ["model", "rtl"])
def test_free_and_nudged_voltages_are_those_of_the_nodal_equations(open_session, target: str) -> None:
    session = open_session(target, QUERY)
    found = _three_phases(session)
    g_s, (x_v, t_v) = _conductances(session), _given(session)
    free = x_v @ g_s / g_s.sum(0)
    targets = [t_v, 2 * free - t_v]
    nudged = [(x_v @ g_s + BETA_S * target_v) / (g_s.sum(0) + BETA_S) for target_v in targets]
    lsb_v = session.voltages.step_v
    assert found.at_rest.all()
    assert np.abs(found.v_column_v - [free, *nudged]).max() <= lsb_v
    np.testing.assert_allclose(found.v_row_v, np.tile(x_v, (3, 1)), atol=lsb_v)
    assert np.abs(nudged[0] - free).min() > 40 * lsb_v


def test_nudges_give_the_gradient_of_the_squared_error(open_session) -> None:
    """Equilibrium propagation against finite differences of C = |v - t|**2 / 2 over each conductance and each injected current."""
    session = open_session("model", QUERY)
    found = _three_phases(session)
    g_s, (x_v, t_v) = _conductances(session), _given(session)

    def cost(conductances: np.ndarray, injected_a: np.ndarray) -> float:
        v = (x_v @ conductances + injected_a) / conductances.sum(0)
        return float(((v - t_v) ** 2).sum() / 2)

    by_current, by_cell = np.zeros(COLUMNS), np.zeros((ROWS, COLUMNS))
    none = np.zeros(COLUMNS)
    for j in range(COLUMNS):
        step = np.where(np.arange(COLUMNS) == j, 1e-12, 0.0)
        by_current[j] = (cost(g_s, step) - cost(g_s, -step)) / 2e-12
        for i in range(ROWS):
            change = np.zeros((ROWS, COLUMNS))
            change[i, j] = 1e-13
            by_cell[i, j] = (cost(g_s + change, none) - cost(g_s - change, none)) / 2e-13
    free, plus, minus = found.v_column_v
    np.testing.assert_allclose((plus - free) / BETA_S, -by_current, rtol=0.05)
    np.testing.assert_allclose((minus - free) / BETA_S, by_current, rtol=0.05)
    drops = [x_v[:, None] - v for v in (plus, minus)]
    centred = (drops[0] ** 2 - drops[1] ** 2) / (4 * BETA_S)
    largest = np.abs(by_cell).max()
    np.testing.assert_allclose(centred, by_cell, rtol=0.05, atol=0.01 * largest)
    assert (np.sign(centred) == np.sign(by_cell))[np.abs(by_cell) > 0.02 * largest].all()


@pytest.mark.parametrize(
    "query",
    [
        QUERY,
        QUERY + "&gate_lines=2&gate_k_a_per_v2=0",
        QUERY.replace("ideal", "rpu") + "&frontend=reference&frame_bytes=2048",
    ],
    ids=["direct", "with gate lines", "reference"],
)
def test_model_and_rtl_agree_in_every_bit(open_session, query: str) -> None:
    found = []
    for target in ("model", "rtl"):
        session = open_session(target, query, first_sequence=1)
        settled = _three_phases(session)
        session.close()
        found.append((settled, session.transport.world.transcript))
    assert transcript.difference(found[0][1], found[1][1]) is None
    np.testing.assert_array_equal(found[0][0].v_column_v, found[1][0].v_column_v)
    assert found[0][0].cycles == found[1][0].cycles


def test_rows_that_float_are_hidden_nodes(open_session) -> None:
    """Two rows held, three floating, one column nudged: against the nodal matrix of all eight lines."""
    session = open_session("model", QUERY)
    x_v, t_v = _given(session)
    session.arm()
    x_v[2:] = NAN
    t_v[1:] = NAN
    found = settle_nodes(session, [NodePhase(v_row_v=x_v, v_target_v=t_v)])
    g_s = _conductances(session)
    laplacian = np.block([[np.diag(g_s.sum(1)), -g_s], [-g_s.T, np.diag(g_s.sum(0))]])
    laplacian[ROWS, ROWS] += BETA_S
    unknown = np.arange(2, ROWS + COLUMNS)
    drawn = -laplacian[np.ix_(unknown, [0, 1])] @ x_v[:2]
    drawn[ROWS - 2] += BETA_S * t_v[0]
    expected = np.linalg.solve(laplacian[np.ix_(unknown, unknown)], drawn)
    measured = np.concatenate([found.v_row_v[0, 2:], found.v_column_v[0]])
    assert np.abs(measured - expected).max() <= session.voltages.step_v


def test_noise_above_the_tolerance_ends_at_the_limit_of_readings(open_session) -> None:
    session = open_session("model", QUERY + "&read_noise=0.06")
    x_v, _t_v = _given(session)
    session.arm()
    tight = settle_nodes(session, [NodePhase(v_row_v=x_v)], NodeRule(tolerance=0, iterations=4))
    assert (tight.readings.tolist(), tight.at_rest.tolist()) == ([4], [False])
    loose = settle_nodes(session, [NodePhase(v_row_v=x_v)], NodeRule(tolerance=2000, rests=2))
    assert (loose.readings.tolist(), loose.at_rest.tolist()) == ([3], [True])


def test_what_the_circuit_cannot_do_is_refused(open_session) -> None:
    session = open_session("model", QUERY)
    x_v, t_v = _given(session)
    session.arm()
    free, mirrored = NodePhase(v_row_v=x_v), NodePhase(v_row_v=x_v, v_target_v=t_v, mirrored=True)
    far = NodePhase(v_row_v=x_v, v_target_v=-np.sign(x_v[0]) * 0.375 * np.ones(COLUMNS), mirrored=True)
    refused = {
        "phase 0 one without nudges": [mirrored, free],
        "mirrored target of phase 1, at its worst": [free, far],
        "the same rows float": [free, NodePhase(v_row_v=[NAN, *x_v[1:]])],
        "at least one phase": [],
    }
    for text, phases in refused.items():
        with pytest.raises(RangeError, match=text):
            settle_nodes(session, phases)
    with pytest.raises(ShapeError, match="v_target_v of phase 0"):
        settle_nodes(session, [NodePhase(v_row_v=x_v, v_target_v=[0.0])])
    assert session.cycles == 0
    plain = crossloop.connect("model:?rows=5&columns=3&level_bits=12&sample_bits=15")
    with pytest.raises(RangeError, match="no nudge lines"):
        settle_nodes(plain, [free, NodePhase(v_row_v=x_v, v_target_v=t_v)])
    plain.close()
    odd = crossloop.connect(f"model:?{QUERY.replace('250000', '240000')}")
    with pytest.raises(RangeError, match="mirrored targets need 1, 2, 4"):
        settle_nodes(odd, [free, mirrored])
    odd.close()


def _settled(session: Session):
    """A recurrent network that reads voltages and is nudged at two of its columns in the second phase."""
    _given(session)
    session.arm()
    rule = SettleRule(neurons=COLUMNS, table_scale=7, tolerance=4, iterations=20, voltage=True, nudges=True)
    table = np.clip(np.arange(-128, 128) * 16, -2000, 2000)
    held = np.array([True, False, False])
    codes = np.array([700, 0, 0])
    nudged = np.array([True, False, True])
    phases = [Phase(held, codes), Phase(held, codes, nudged, np.array([1500, 0, -1500]))]
    return settle(session, rule, table, phases, start=[0, 300, -300])


def test_the_settle_engine_reads_voltages_and_nudges_on_both_targets(open_session) -> None:
    model, rtl = (open_session(target, QUERY.replace("4e-09", "1e-7"), first_sequence=1) for target in ("model", "rtl"))
    first, second = _settled(model), _settled(rtl)
    np.testing.assert_array_equal(first.states, second.states)
    assert transcript.difference(model.transport.world.transcript, rtl.transport.world.transcript) is None
    assert first.at_rest.all()
    # The nudged neurons moved towards their targets.
    assert first.states[1, 2] < first.states[0, 2]


@pytest.mark.parametrize("target", ["model", "rtl"])
def test_nudge_lines_pulse_with_every_gate_and_only_while_they_are_driven(open_session, target: str) -> None:
    """One row and one nudge line after the other: their gates go on and off in the same cycles, and no others do."""
    session = open_session(target, QUERY)
    session.arm()
    for line in range(COLUMNS):
        run_raw(
            session,
            m.tile(0),
            m.connect(Family.ROWS, LineState.DRIVE, selection=Selection.ONE, index=line + 1),
            m.connect(Family.NUDGES, LineState.DRIVE, selection=Selection.ONE, index=line, others=LineState.FLOAT),
            m.level(Family.NUDGES, line, -5),
            m.pulse(2, 5, 5),
            m.halt(),
        )
    gates = [entry.values for entry in session.transport.world.transcript.pins if entry.what == "GATES"]
    expected = [[(2 << line, 0, 0, 1 << line), (0, 0, 0, 0)] * 2 for line in range(COLUMNS)]
    assert gates == [values for train in expected for values in train]
