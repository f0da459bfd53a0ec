"""Electrochemical cells at the pins: gates driven by voltage and by charge, against the law in the docstring of the cell's model."""

from __future__ import annotations

import numpy as np
import pytest

import crossloop
from crossloop import Limits
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop.session import Session
from crossloop_sim.plant import Plant, preset

ROWS, COLUMNS = 3, 4
KAPPA_V, V_WRITE_V, STEP = 0.5, 1.0, 0.002
T_PULSE_S = 80e-9
QUERY = (
    f"rows={ROWS}&columns={COLUMNS}&tiles=1&gate_full_scale_uv=2000000&gate_full_scale_pa=2000&preset=ecram-voltage&kappa_v={KAPPA_V}"
    f"&kappa_dtod=0&v_write_v={V_WRITE_V}&dw_min={STEP}&dw_min_dtod=0&up_down_dtod=0&w_max_dtod=0&w_min_dtod=0&c2c=0&read_noise=0"
    "&cell_gate=electrochemical&i_gate_a=1e-9"
)
LIMITS = Limits(v_gate_min_v=-1.5)
EDGE = 0.9


def _edge_asymmetry(session: Session, **drive: float) -> float:
    """Steps up and down of a cell near the edge of its range, in a pulse each: their difference over their mean."""
    plant = session.transport.world.plant  # type: ignore[attr-defined]
    device = plant.configuration.device
    steps = []
    for sign in (1, -1):
        plant.set_conductance_s(0, device.g_mid_s + EDGE * device.g_half_s)
        before = plant.weights()
        session.tile(0).pulse_gate(1, 1, width_s=T_PULSE_S, **{name: sign * value for name, value in drive.items()})
        moved = np.abs(plant.weights() - before)
        along = moved[1, :] if session.parameters.gate_lines == 1 else moved[:, 1]
        assert np.count_nonzero(moved) == along.size, "cells of other gate lines moved"
        steps.append(along)
    up, down = steps
    assert np.ptp(up) == pytest.approx(0, abs=1e-15)
    return float(abs(up[0] - down[0]) / ((up[0] + down[0]) / 2))


@pytest.mark.parametrize("along", [1, 2])
@pytest.mark.parametrize("target", ["model", "rtl"])
def test_the_voltage_gate_is_asymmetric_as_v_oc_says_and_the_current_gate_is_not(
    open_session, target: str, along: int
) -> None:
    session = open_session(target, f"{QUERY}&gate_lines={along}", limits=LIMITS)
    session.arm()
    # V_OC = kappa*(g - 1/2) with g = (w + 1)/2; steps are in proportion to V - V_OC, up and down.
    g = (EDGE + 1) / 2
    assert _edge_asymmetry(session, v_gate_v=V_WRITE_V) == pytest.approx(2 * KAPPA_V * (g - 0.5) / V_WRITE_V, rel=1e-9)
    assert _edge_asymmetry(session, v_gate_v=V_WRITE_V) > 0.4
    assert _edge_asymmetry(session, i_gate_a=1e-9) == pytest.approx(0, abs=1e-9)


def test_a_current_moves_the_same_charge_at_every_state_and_in_proportion_to_its_size(open_session) -> None:
    session = open_session("model", f"{QUERY}&gate_lines=1", limits=LIMITS)
    session.arm()
    plant = session.transport.world.plant
    for state in (-0.5, 0.0, 0.5):
        for current_a, width_s, count in ((1e-9, 80e-9, 1), (0.5e-9, 160e-9, 2), (-0.25e-9, 80e-9, 5)):
            device = plant.configuration.device
            plant.set_conductance_s(0, device.g_mid_s + state * device.g_half_s)
            session.tile(0).pulse_gate(2, count, i_gate_a=current_a, width_s=width_s)
            charge = count * current_a * width_s / (1e-9 * T_PULSE_S)
            np.testing.assert_allclose(plant.weights()[2] - state, STEP * charge, rtol=1e-9)
    ledger = plant.ledger()
    assert ledger.up[2].tolist() == [9] * COLUMNS
    assert ledger.down[2].tolist() == [15] * COLUMNS
    assert not ledger.pulses[:2].any()


def test_a_voltage_below_the_threshold_and_a_read_write_nothing(open_session) -> None:
    session = open_session("model", f"{QUERY}&gate_lines=1&level_full_scale_uv=2000000", limits=LIMITS)
    session.arm()
    plant = session.transport.world.plant
    before = plant.weights()
    assert session.v_gate_v is None
    session.tile(0).pulse_gate(0, 3, v_gate_v=0.5)
    session.tile(0).read_all(v_read_v=1.0)
    np.testing.assert_array_equal(plant.weights(), before)
    assert not plant.ledger().pulses.any()
    assert plant.ledger().reads.any()


@pytest.mark.parametrize("target", ["model", "rtl"])
def test_cells_keep_their_charge_while_their_gate_floats_and_lose_it_at_ground(open_session, target: str) -> None:
    """Three rows wait the same time: one with its gate floating, one grounded, one in state CURRENT between pulses."""
    lifetime_s, wait_s = 1e-3, 1e-3
    session = open_session(target, f"{QUERY}&gate_lines=1&lifetime_s={lifetime_s}", limits=LIMITS)
    session.arm()
    plant = session.transport.world.plant
    device = plant.configuration.device
    plant.set_conductance_s(0, device.g_mid_s + 0.5 * device.g_half_s)
    found = []
    for state in (LineState.FLOAT, LineState.GROUND, LineState.CURRENT):
        program = session.program()
        program.connect(Family.GATES, state, line=1, others=LineState.FLOAT).wait(wait_s)
        session.execute(program)
        found.append(session.tile(0).read_all(v_read_v=0.4375)[:, 0])
    g_s = device.g_mid_s + device.g_half_s * 0.5
    kept, lost, still = np.array(found)
    resolution = session.samples.steps_a[0] / 0.4375
    np.testing.assert_allclose(kept, g_s, atol=resolution)
    relaxed = device.g_mid_s + device.g_half_s * 0.5 * np.exp(-wait_s / lifetime_s)
    np.testing.assert_allclose(lost, [g_s, relaxed, g_s], atol=resolution)
    np.testing.assert_allclose(still, lost, atol=resolution / 100)
    assert g_s - relaxed > 5 * resolution


def test_what_does_not_fit_together_is_refused(open_session) -> None:
    session = open_session("model", f"{QUERY}&gate_lines=1", limits=LIMITS)
    tile = session.tile(0)
    refused = {
        "one of the two": {},
        "outside the gate lines' window of -1.5 to": {"v_gate_v": -1.75},
        "window of -1.5e-09 to": {"i_gate_a": -1.75e-9},
        "not a multiple": {"i_gate_a": 1.001e-9},
    }
    for text, drive in refused.items():
        with pytest.raises(RangeError, match=text):
            tile.pulse_gate(0, 1, **drive)
    with pytest.raises(RangeError, match="gate line must be"):
        tile.pulse_gate(ROWS, 1, v_gate_v=1.0)
    plain = crossloop.connect("model:?rows=2&columns=2&gate_lines=1")
    with pytest.raises(RangeError, match="no current sources"):
        plain.tile(0).pulse_gate(0, 1, i_gate_a=1e-9)
    with pytest.raises(RangeError, match="CURRENT in a build with"):
        plain.execute(plain.program().connect(Family.GATES, LineState.CURRENT))
    plain.close()
    with pytest.raises(RangeError, match="needs gate lines"):
        Plant(Parameters(), preset("ecram-voltage", cell_gate="electrochemical"))
    for name in ("ecram-current", "rpu"):
        with pytest.raises(RangeError, match="needs cells of the kind"):
            Plant(Parameters(gate_lines=1), preset(name, cell_gate="electrochemical"))
    with pytest.raises(RangeError, match="cell_gate must be one of"):
        preset("rpu", cell_gate="floating")
    with pytest.raises(RangeError, match="this build has none"):
        Parameters(gate_full_scale_pa=1000)
