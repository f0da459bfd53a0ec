"""Delayed feedback in the fabric: a network oscillates above its critical delay and comes to rest below it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crossloop.fabric.settle import Settle, SettleRule
from crossloop.protocol.errors import RangeError
from crossloop.session import Session
from crossloop.settling import Phase, Settled, settle

N, GAIN, DAMPING = 8, 4.0, 4
SCALE, PLACE_CODES = 1000, 4
BUILD = f"rows={N}&columns={2 * N}&level_bits=12&sample_bits=12&preset=ideal&read_noise=0"
G_HIGH_S, G_LOW_S = 70e-9, 10e-9
CRITICAL = math.acos(-1 / GAIN) / math.sqrt(GAIN**2 - 1) * 2**DAMPING
"""Critical delay of Marcus and Westervelt, Phys. Rev. A 39:347 (1989), in iterations: one is 2**-DAMPING of RC."""


def _inhibit(session: Session) -> np.ndarray:
    """Let every neuron inhibit all others, and return the activation table that makes the loop gain GAIN."""
    g_s = np.full((N, 2 * N), G_LOW_S)
    g_s[:, 1::2] = np.where(np.eye(N, dtype=bool), G_LOW_S, G_HIGH_S)
    session.transport.world.plant.set_conductance_s(0, g_s)
    all_on = (N - 1) * (G_HIGH_S - G_LOW_S) * SCALE * session.levels.step_v / session.samples.steps_a[0]
    inputs = (np.arange(-128, 128) + 0.5) * PLACE_CODES / all_on
    return np.rint(SCALE * np.tanh(GAIN * inputs)).astype(int)


def _run(session: Session, delay: int, **changes: int) -> Settled:
    session.arm()
    table = _inhibit(session)
    rule = SettleRule(neurons=N, table_scale=2, damping=DAMPING, pair=True, delay=delay,
                      **({"tolerance": 4, "rests": 60, "iterations": 900} | changes))  # fmt: skip
    free = Phase(np.zeros(N, bool), np.zeros(N, int))
    return settle(session, rule, table, [free], start=np.full(N, 300))


def _grows(delay: int) -> bool:
    """Return whether z**(delay + 1) = (1 - h) z**delay + h mu, the sampled loop in the small, has a root outside the unit circle."""
    h = 2.0**-DAMPING
    polynomial = np.zeros(delay + 2)
    polynomial[0], polynomial[1] = 1.0, -(1 - h)
    polynomial[-1] += h * GAIN
    return bool(np.abs(np.roots(polynomial)).max() > 1)


@pytest.mark.parametrize(("part", "oscillates"), [(0.75, False), (1.25, True)])
def test_a_ring_oscillates_above_its_critical_delay_and_not_below(open_session, part: float, oscillates: bool) -> None:
    delay = round(part * CRITICAL)
    assert _grows(delay) == oscillates
    found = [_run(open_session(target, BUILD), delay) for target in ("model", "rtl")]
    assert found[0].at_rest.tolist() == [not oscillates]
    assert np.array_equal(found[0].states, found[1].states)
    assert found[0].iterations.tolist() == found[1].iterations.tolist()
    assert found[0].cycles == found[1].cycles
    if not oscillates:
        assert np.abs(found[0].states).max() < SCALE / 10


def test_the_drive_is_as_old_as_the_delay_says(open_session) -> None:
    """Every level that reaches the rows is the state of so many iterations before, by a model of the loop in plain integers."""
    session = open_session("model", BUILD)
    delay, iterations = 3, 12
    _run(session, delay, iterations=iterations, tolerance=0, rests=iterations)
    table, bits = _inhibit(session), session.parameters.sample_bits
    pins = session.transport.world.transcript.pins
    codes = [entry.values for entry in pins if entry.what == "CODES"]
    driven = [entry.values for entry in pins if entry.what == "LEVEL" and entry.values[0] == 0]
    states = [np.full(N, 300)]
    for words in codes:
        code = np.array([(word & (1 << bits - 1) - 1) - (word & 1 << bits - 1) for word in words])
        wanted = table[np.clip(code >> 2, -128, 127) + 128]
        states.append(states[-1] + ((wanted - states[-1]) >> DAMPING))
    assert len(codes) == iterations
    history = [np.full(N, 300)] * delay + states
    levels = np.array([values[-1] for values in driven]).reshape(iterations, N)
    assert np.array_equal(levels, np.array(history[:iterations]))


def test_a_delay_line_that_does_not_fit_is_refused(open_session) -> None:
    session = open_session("model", BUILD)
    session.arm()
    rule = SettleRule(neurons=N, table_scale=2, delay=200, pair=True)
    with pytest.raises(RangeError, match=r"delayed by 200 iterations, take .* vector words, this device has 1024"):
        session.execute(Settle(rule, 0, 1))
