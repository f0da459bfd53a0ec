"""The transfer controller: weights stay what they were, in two banks and one fast cell, and cells that do not obey are named."""

from __future__ import annotations

import numpy as np
import pytest

from crossloop.fabric.endings import Reason
from crossloop.protocol.errors import RangeError
from crossloop.session import Session
from crossloop.transferring import Transferred, transfer
from crossloop.writing import VoltageLadder
from crossloop_sim import transcript

SEED = 20261125
BUILD = "rows=5&columns=4&tiles=2&sample_bits=12&level_bits=12"
QUIET = f"{BUILD}&preset=capacitor&read_noise=0&seed=7"
LSB_S = 200e-9 / 2048 / 0.25
"""One converter code at the read voltage, in siemens."""
PULSE = VoltageLadder(v_start_v=0.96875, v_stop_v=0.96875, v_step_v=0.0, width_s=1e-6)


def _load(session: Session) -> None:
    """Put fast cells beside a common reference, and something old into the slow pairs."""
    rng = np.random.default_rng(SEED)
    fast_s = rng.uniform(3e-8, 5e-8, (5, 4))
    fast_s[:, 1::2] = 4e-8
    session.transport.world.plant.set_conductance_s(0, fast_s)
    session.transport.world.plant.set_conductance_s(1, rng.uniform(3e-8, 5e-8, (5, 4)))
    session.arm()


def _transfer(session: Session, polarity: int = 1, **changes: object) -> Transferred:
    given = {
        "set_ramp": PULSE, "reset": PULSE, "reset_pulses": 450, "up": PULSE, "down": PULSE, "slow_tolerance_s": LSB_S,
        "fast_tolerance_s": LSB_S, "v_read_v": 0.25, "gain_bits": 1, "attempts": 255,
    }  # fmt: skip
    return transfer(session.tile(0), session.tile(1), polarity=polarity, **(given | changes))  # type: ignore[arg-type]


def _weights(session: Session, polarity: int) -> np.ndarray:
    """Return the weights as a look behind the pins shows them, in siemens."""
    fast, slow = (session.transport.world.plant.conductance_s(tile) for tile in range(2))
    return 2 * (slow[:, ::2] - slow[:, 1::2]) + polarity * (fast[:, ::2] - fast[:, 1::2])


def test_the_weight_outlives_the_flip_of_the_polarity(open_session) -> None:
    session = open_session("model", QUIET)
    _load(session)
    polarity = 1
    for flipped in (-1, 1, -1):
        before = _weights(session, polarity)
        moved = _transfer(session, polarity)
        polarity = moved.polarity
        assert polarity == flipped
        assert moved.failures == []
        # Readings agree within one code; the cells themselves within one more, since a reading is rounded to half a code in each part.
        assert np.abs(moved.after_s - moved.before_s).max() <= LSB_S * 1.001
        assert np.abs(moved.before_s - before).max() <= 1.5 * LSB_S
        assert np.abs(_weights(session, polarity) - before).max() <= 3 * LSB_S
        # The pair holds the weight but for its window: what is left on the fast cell is small.
        assert np.abs(moved.fast_s).max() <= (2 + 1 + 1) * LSB_S * 1.001


def test_without_inversion_the_polarity_stays(open_session) -> None:
    session = open_session("model", QUIET)
    _load(session)
    before = _weights(session, -1)
    moved = _transfer(session, -1, invert=False)
    assert moved.polarity == -1
    assert np.abs(_weights(session, -1) - before).max() <= 3 * LSB_S


def test_transfers_are_equal_on_model_and_rtl_in_every_bit(open_session) -> None:
    found = []
    for target in ("model", "rtl"):
        session = open_session(target, f"{BUILD}&preset=capacitor&seed=7")
        _load(session)
        _transfer(session, averages=2, attempts=40, reset_pulses=40, turns=3)
        session.close()
        found.append(session.transport.world.transcript)
    assert transcript.difference(*found) is None


PCM = f"{BUILD}&preset=pcm&seed=3&range_full_scale_pa=10240000,2560000,640000,160000&drifts=0"
STRONG = VoltageLadder(v_start_v=0.96875, v_stop_v=0.96875, v_step_v=0.0, width_s=1e-7)
"""Above the voltage that melts."""
RAMP = VoltageLadder(
    v_start_v=0.75, v_stop_v=0.75, v_step_v=0.0, width_s=2e-8, width_stop_s=1.6e-7, width_step_s=2e-8, width_first=True
)


def test_phase_change_pairs_come_into_their_windows_or_are_named(open_session) -> None:
    found = []
    for target in ("model", "rtl"):
        session = open_session(target, PCM)
        fast_s = np.full((5, 4), 4e-6)
        fast_s[:, ::2] = np.random.default_rng(SEED).uniform(1e-6, 12e-6, (5, 2))
        session.transport.world.plant.set_conductance_s(0, fast_s)
        session.arm()
        moved = transfer(
            session.tile(0), session.tile(1), polarity=1, set_ramp=RAMP, reset=STRONG, up=RAMP, down=STRONG,
            slow_tolerance_s=4e-7, fast_tolerance_s=4e-7, v_read_v=0.25, attempts=100, turns=15,
        )  # fmt: skip
        found.append(moved)
        named = {(row, pair) for row, pair, _which, _why in moved.failures}
        fine = np.array([[(row, pair) not in named for pair in range(2)] for row in range(5)])
        assert fine.mean() >= 0.8
        assert np.abs(moved.after_s - moved.before_s)[fine].max() <= 4e-7
        ledger = session.transport.world.plant.ledger(1)
        # Every pair was reset in both banks, then only raised: in the bank of the weight's sign, and in the other after going too far.
        assert (ledger.down == 1).all()
        attempts = moved.outcome.slow.attempts
        assert np.array_equal(ledger.up[:, ::2] + ledger.up[:, 1::2], attempts)
        straight = moved.outcome.slow.turns == 0
        wrong = np.where(moved.before_s > 0, ledger.up[:, 1::2], ledger.up[:, ::2])
        assert (wrong[straight] == 0).all()
    assert np.array_equal(found[0].after_s, found[1].after_s)
    assert found[0].time_s == found[1].time_s


def test_cells_that_do_not_obey_are_named_with_their_reason(open_session) -> None:
    session = open_session("model", QUIET)
    _load(session)
    weak = VoltageLadder(v_start_v=0.125, v_stop_v=0.25, v_step_v=0.0625, width_s=1e-6)
    moved = _transfer(
        session, set_ramp=weak, up=weak, down=weak, reset_pulses=1, slow_tolerance_s=0, fast_tolerance_s=0
    )
    reasons = {why for _row, _pair, which, why in moved.failures if which == "slow"}
    assert Reason.LADDER in reasons
    assert len(moved.failures) >= 15


def test_a_weight_that_saturates_the_converter_is_left_alone_and_named(open_session) -> None:
    session = open_session("model", QUIET)
    _load(session)
    # In the narrowest range the largest difference of a pair is 12.5 nS.
    fast_s, slow_s = np.full((5, 4), 4e-8), np.full((5, 4), 4e-8)
    fast_s[1, 0], slow_s[3, 3] = 6e-8, 6e-8
    for tile, g_s in enumerate((fast_s, slow_s)):
        session.transport.world.plant.set_conductance_s(tile, g_s)
    moved = _transfer(session, range_index=3)
    assert {(row, pair) for row, pair, _which, why in moved.failures if why is Reason.SATURATED} == {(1, 0), (3, 1)}
    pulses = sum(session.transport.world.plant.ledger(tile).pulses for tile in range(2))
    assert not pulses[1, :2].any()
    assert not pulses[3, 2:].any()
    assert pulses[0].all()


def test_a_transfer_takes_no_longer_than_its_dry_run(open_session) -> None:
    session = open_session("model", QUIET)
    _load(session)
    before = session.cycles
    longest = session.dry_run(_transfer(session).operation)
    assert not longest.exact
    assert session.cycles - before <= longest.cycles


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"polarity": 0}, "polarity must be 1 or -1"),
        ({"averages": 6}, "largest weight in codes of the transfer table must be from 1 to 32767, not 36864"),
        ({"attempts": 300}, "attempts of the transfer table must be from 1 to 255"),
        ({"shape": (6, 2)}, "last row must be an integer from 0 to 4"),
        ({"origin": (0, 1)}, "last pair must be an integer from 0 to 1"),
        (
            {"reset": VoltageLadder(v_start_v=0.96875, v_stop_v=1.5, v_step_v=0.125, width_s=1e-6)},
            "outside -0.5 to 0.49",
        ),
        (
            {"up": VoltageLadder(v_start_v=0.5, v_stop_v=0.5, v_step_v=0.0, width_s=1e-6, v_gate_v=1.25)},
            "must have no gate codes",
        ),
        ({"slow_tolerance_s": -1.0}, "slow_tolerance_s must not be below 0 S"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused_before_any_pulse(open_session, changes, text) -> None:
    session = open_session("model", QUIET)
    _load(session)
    with pytest.raises(RangeError, match=text):
        _transfer(session, **changes)
    assert session.counters().train_pulses == 0


def test_a_block_that_does_not_fit_says_how_much_would(open_session) -> None:
    session = open_session("model", f"{QUIET}&vector_words=32")
    _load(session)
    with pytest.raises(
        RangeError, match="takes 53 vector words, this device has 32; transfer at most 2 rows at a time"
    ):
        _transfer(session)


def test_a_mismatch_of_up_and_down_steps_cancels_over_two_transfers(open_session) -> None:
    """Updates that mean nothing, as many up as down: what a cell's mismatch makes of them is the same each time, its sign is not."""
    drift_s = {}
    for invert in (True, False):
        session = open_session("model", f"{QUIET}&up_down_dtod=0.3&c2c=0")
        _load(session)
        polarity = _transfer(session, invert=invert).polarity
        begin = _weights(session, polarity)
        for _interval in range(2):
            counts = np.zeros((5, 4), int)
            counts[:, ::2] = 100
            session.tile(0).pulse_block(counts)
            session.tile(0).pulse_block(-counts)
            polarity = _transfer(session, polarity, invert=invert).polarity
        drift_s[invert] = float(np.sqrt(np.mean((_weights(session, polarity) - begin) ** 2)))
    assert drift_s[False] > 10 * LSB_S
    assert drift_s[True] <= 0.1 * drift_s[False]
