"""Spike trains: pulses where spikes are, and a window that is antisymmetric in the delay."""

from __future__ import annotations

import numpy as np
import pytest

import crossloop
from crossloop.fabric.spikes import exponential_spike, spike_trains
from crossloop.protocol.errors import RangeError

BUILD = "rows=3&columns=4&level_bits=12&preset=protonic&c2c=0&dw_min_dtod=0&up_down_dtod=0&w_max_dtod=0&w_min_dtod=0"
WIDTH, GAP = 5, 400
DECAY = 8.0
PEAK, TAIL = -900, 800
"""A spike is low and then high, so that a row that fired first is high when the column goes low: the cell rises."""
SHAPE = exponential_spike(PEAK, TAIL, DECAY, 32)


def _weight_change(session, delay_slots: int) -> float:
    plant = session.transport.world.plant
    plant.set_conductance_s(0, plant.configuration.device.g_mid_s)
    steps = spike_trains([0, 100, 200, 300, 400], [0, 100, 200, 300, 400], SHAPE, SHAPE, delay_slots=delay_slots,
                         width_taps=WIDTH, gap_taps=GAP)  # fmt: skip
    session.tile(0).play(1, 2, steps)
    return float(plant.weights(0)[1, 2])


def test_spikes_are_where_their_trains_have_them() -> None:
    steps = spike_trains([0, 10], [2, 4], (5, -3, 1), (7, -2, -1), delay_slots=1, width_taps=4, gap_taps=6)
    row, column = np.zeros(20, int), np.zeros(20, int)
    row[0:3], row[10:13] = (5, -3, 1), (5, -3, 1)
    column[3:5], column[5:8] = (7, -2), (7, -2, -1)  # the second spike ends the first
    begins = np.cumsum([0, *(step.width_taps + step.gap_taps for step in steps)]) // 10
    for begin, step in zip(begins, steps, strict=False):
        assert (step.row_code, step.column_code, step.width_taps) == (row[begin], column[begin], 4)
    assert len(steps) == np.count_nonzero(row | column)


def test_trains_are_equal_everywhere_and_exact_at_the_pins(open_session) -> None:
    steps = spike_trains([0, 4], [1, 9], SHAPE[:3], SHAPE[:4], width_taps=WIDTH, gap_taps=GAP)
    found = []
    for target in ("model", "rtl"):
        session = open_session(target, BUILD)
        session.arm()
        session.tile(0).play(1, 2, steps)
        gates = [entry for entry in session.transport.world.transcript.pins if entry.what == "GATES"]
        on = [entry.cycle for entry in gates if any(entry.values)]
        assert np.diff(on).tolist() == [step.width_taps + step.gap_taps for step in steps[:-1]]
        found.append(session.transport.world.plant.conductance_s(0))
    assert np.array_equal(*found)


def test_the_window_is_antisymmetric_and_decays(open_session) -> None:
    """Two trains of five spikes: what the cell learns against a sum of sinh over the slots, which knows neither player nor plant."""
    session = open_session("model", BUILD)
    session.arm()
    device = session.transport.world.plant.configuration.device
    delays = [delay for delay in range(-16, 17, 2) if delay]
    changes = np.array([_weight_change(session, delay) for delay in delays])
    spike_v = np.array(SHAPE) * session.levels.step_v

    def expected(delay: int) -> float:
        pre, post = np.zeros(96), np.zeros(96)
        pre[32:64] = spike_v
        post[32 + delay : 64 + delay] = spike_v
        seen = pre - post
        dose = np.where(np.abs(seen) >= device.v_threshold_v, np.sinh(seen / device.v0_v), 0.0).sum()
        return 5 * device.dw_min * WIDTH / 50e6 / device.t_pulse_s * dose / np.sinh(device.v_write_v / device.v0_v)

    wanted = np.array([expected(delay) for delay in delays])
    assert (changes[np.array(delays) > 0] > 0).all()
    assert (changes[np.array(delays) < 0] < 0).all()
    assert changes == pytest.approx(wanted, rel=0.1)
    assert changes + changes[::-1] == pytest.approx(0.0, abs=0.05 * np.abs(changes).max())
    # Fitted decay within a tenth of the sum's.
    later = np.array(delays) > 0
    fits = [np.polyfit(np.array(delays)[later], np.log(values[later]), 1)[0] for values in (changes, wanted)]
    assert fits[0] == pytest.approx(fits[1], rel=0.1)


def test_bad_trains_are_refused() -> None:
    with pytest.raises(RangeError, match="pre_slots must rise"):
        spike_trains([3, 3], [1], (1,), (1,), width_taps=1, gap_taps=100)
    with pytest.raises(RangeError, match="need at least one spike"):
        spike_trains([], [], (1,), (1,), width_taps=1, gap_taps=100)
    with pytest.raises(RangeError, match="a spike needs at least 1 slot"):
        exponential_spike(1, -1, 0.0, 5)


def test_a_pause_that_is_too_long_is_refused_with_its_limit(open_session) -> None:
    session = open_session("model", BUILD, limits=crossloop.Limits())
    session.arm()
    steps = spike_trains([0, 1000], [0], (100,), (-100,), width_taps=WIDTH, gap_taps=GAP)
    with pytest.raises(RangeError, match="gaps from"):
        session.tile(0).play(1, 2, steps)
