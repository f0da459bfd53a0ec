"""A rehearsal says beforehand, in every cycle and pulse, what a program that decides will take on a certain array."""

from __future__ import annotations

import numpy as np
import pytest

import crossloop
from crossloop.fabric.settle import SettleRule
from crossloop.hidden import HiddenAccumulators
from crossloop.protocol.errors import RangeError, SafetyTrip, TargetError
from crossloop.session import Session
from crossloop.settling import Phase, Settled, settle
from crossloop.writing import Verified, VoltageLadder

RRAM = (
    "rows=6&columns=5&vector_words=4096&clock_hz=48000000&level_bits=12&sample_bits=12&level_full_scale_uv=2048000"
    "&range_full_scale_pa=10240000,2560000,640000,160000"
)
PLANT = "preset=rram&seed=3"
LIMITS = crossloop.Limits(v_level_max_v=1.9, width_cap_s=1e-4, dead_man_s=0.2)
UP = VoltageLadder(v_start_v=1.0, v_stop_v=2.6, v_step_v=0.1, width_s=1e-6)
DOWN = VoltageLadder(v_start_v=1.2, v_stop_v=3.0, v_step_v=0.1, width_s=1e-6)


def _program_cells(session: Session) -> Verified:
    targets = np.random.default_rng(1).uniform(1e-6, 40e-6, (6, 5))
    return session.tile(0).write_verify(targets, tolerance_s=1e-6, v_read_v=0.2, up=UP, down=DOWN)


def test_write_verify_takes_on_the_rtl_what_it_took_in_the_rehearsal(open_session) -> None:
    session = open_session("rtl", f"{RRAM}&{PLANT}", limits=LIMITS)
    start_s = np.random.default_rng(2).uniform(5e-6, 30e-6, (6, 5))
    session.transport.world.plant.set_conductance_s(0, start_s)
    rehearsal = session.rehearse(_program_cells, plant=PLANT, conductance_s={0: start_s})
    assert session.cycles == 0
    assert session.counters().train_pulses == 0
    session.arm()
    verified = _program_cells(session)
    assert rehearsal.cycles == session.cycles
    assert rehearsal.time_s == session.clock.seconds(session.cycles)
    assert rehearsal.counters == session.counters()
    assert np.array_equal(rehearsal.result.pulses, verified.pulses)
    ledger = session.transport.world.plant.ledger()
    for name in ("up", "down", "half_selected", "reads"):
        assert np.array_equal(getattr(rehearsal.stress[0], name), getattr(ledger, name)), name


def test_another_array_takes_another_time(open_session) -> None:
    session = open_session("model", f"{RRAM}&{PLANT}", limits=LIMITS)
    cycles = {session.rehearse(_program_cells, plant=f"preset=rram&seed={seed}").cycles for seed in (3, 4)}
    assert len(cycles) == 2


def _settle(session: Session) -> Settled:
    rule = SettleRule(neurons=12, table_scale=1, damping=1, tolerance=1, rests=2, iterations=25, pair=True)
    table = np.rint(50 * np.tanh(np.arange(-128, 128) / 40)).astype(int)
    inputs = np.arange(12) < 4
    return settle(session, rule, table, [Phase(inputs, np.arange(-48, 48, 8)), Phase(~inputs, np.arange(12))])


def test_a_settle_takes_on_the_rtl_what_it_took_in_the_rehearsal(open_session) -> None:
    query = "rows=12&columns=24"
    session = open_session("rtl", f"{query}&preset=rpu&seed=4")
    g_s = np.random.default_rng(3).uniform(2e-8, 6e-8, (12, 24))
    session.transport.world.plant.set_conductance_s(0, g_s)
    rehearsal = session.rehearse(_settle, plant="preset=rpu&seed=4", conductance_s={0: g_s})
    session.arm()
    found = _settle(session)
    assert rehearsal.cycles == session.cycles
    assert np.array_equal(rehearsal.result.states, found.states)
    assert np.array_equal(rehearsal.result.iterations, found.iterations)


def test_the_twin_goes_on_from_the_vector_memory_of_the_device(open_session) -> None:
    query = "rows=5&columns=4&tiles=2&sample_bits=12&seed=7&preset=ideal&read_noise=0"
    session = open_session("model", query)
    session.arm()
    link = HiddenAccumulators(session.tile(0), session.tile(1), granularity_s=6e-8, v_read_v=0.25)
    link.transfer(7)
    words = session.read_words(0, session.parameters.vector_words)
    rehearsal = session.rehearse(lambda twin: twin.read_words(0, twin.parameters.vector_words), plant="preset=ideal")
    assert np.array_equal(rehearsal.result, words)
    assert words.any()


@pytest.mark.parametrize(
    "query",
    [
        "gate_lines=1",
        "gate_lines=2&frontend=reference&level_bits=12&sample_bits=12",
        "gate_lines=1&frontend=reference-dac8568",
    ],
)
def test_the_twin_has_the_build_limits_and_gate_voltage_of_the_device(open_session, query) -> None:
    limits = crossloop.Limits(v_level_max_v=0.25, v_gate_max_v=2.5, width_cap_s=2e-4, duty_cap=0.5, dead_man_s=0.125)
    session = open_session("model", f"rows=5&columns=4&tiles=2&{query}", limits=limits)
    session.v_gate_v = 1.25
    twin = session.rehearse(lambda twin: (twin.parameters, twin.limits, twin.v_gate_v)).result
    assert twin == (session.parameters, limits, 1.25)


def test_what_goes_wrong_on_the_twin_does_not_touch_the_device(open_session) -> None:
    session = open_session("model", f"{RRAM}&{PLANT}", limits=LIMITS)
    session.arm()
    with pytest.raises(SafetyTrip):
        session.rehearse(lambda twin: (twin.stop(), _program_cells(twin)))
    assert session.state().armed
    with pytest.raises(TargetError, match="unknown key 'presett'"):
        session.rehearse(_program_cells, plant="presett=rram")
    with pytest.raises(RangeError, match="tile must be an integer from 0 to 0, not 1"):
        session.rehearse(_program_cells, conductance_s={1: 1e-6})
