"""Contrastive updates behind a settle in one program: pulses as sums of our own in numpy have them, and equal on every target."""

from __future__ import annotations

import numpy as np
import pytest

from crossloop.contrasting import Latches, activity_coincidence, activity_counts, square_counts, square_update
from crossloop.fabric.chain import Chain
from crossloop.fabric.settle import Settle, SettleRule
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.session import Session
from crossloop.settling import Phase, Settled, settle
from crossloop_sim import transcript

SEED = 20261125
N = 6
BUILD = "rows=6&columns=12&preset=ideal&seed=4"
TABLE = np.rint(50 * np.tanh(np.arange(-128, 128) / 40)).astype(int)


def _rule(*, pair: bool) -> SettleRule:
    return SettleRule(neurons=N, table_scale=1, damping=1, tolerance=1, rests=2, iterations=15, pair=pair)


def _settle_and_learn(session: Session, rule: SettleRule, then: list) -> tuple[Settled, np.ndarray]:
    """Return the states of both phases, and the net pulses of each cell in the run."""
    rng = np.random.default_rng(SEED)
    session.arm()
    session.tile(0).pulse_counts(rng.integers(-60, 61, session.tile(0).shape))
    inputs, outputs = np.arange(N) < 2, np.arange(N) >= N - 2
    codes = rng.integers(-50, 51, N)
    ledger = session.transport.world.plant.ledger()
    found = settle(session, rule, TABLE, [Phase(inputs, codes), Phase(inputs | outputs, codes)], then=then)
    after = session.transport.world.plant.ledger()
    return found, (after.up - after.down) - (ledger.up - ledger.down)


def _doubled(values: np.ndarray) -> np.ndarray:
    return np.stack([values, -values], axis=2).reshape(len(values), -1)


def _towards_zero(differences: np.ndarray, unit: int, digits: int) -> np.ndarray:
    return np.clip(np.trunc(differences / unit), 1 - 2**digits, 2**digits - 1).astype(int)


@pytest.mark.parametrize(("pair", "diagonal"), [(False, True), (True, True), (True, False)])
def test_counted_activity_differences_are_exact(open_session, pair, diagonal) -> None:
    for target in ("model", "rtl"):
        session = open_session(target, BUILD)
        update = activity_counts(session.tile(0), Latches(_rule(pair=pair), 2), unit=40, digits=5, diagonal=diagonal)
        found, pulses = _settle_and_learn(session, _rule(pair=pair), [update])
        free, clamped = found.states
        wanted = _towards_zero(np.outer(clamped, clamped) - np.outer(free, free), 40, 5)
        assert np.diag(wanted).any()
        if not diagonal:
            np.fill_diagonal(wanted, 0)
        assert len(set(wanted.ravel())) >= 5
        assert np.array_equal(pulses[:, : 2 * N if pair else N], _doubled(wanted) if pair else wanted)
        assert not pulses[:, 2 * N if pair else N :].any()


def test_square_differences_are_exact(open_session) -> None:
    for target in ("model", "rtl"):
        session = open_session(target, BUILD)
        update = square_counts(session.tile(0), Latches(_rule(pair=False), 2), unit=150, digits=4, scale=2)
        found, pulses = _settle_and_learn(session, _rule(pair=False), [update])
        drops = [(states[None, :] - states[:, None]) ** 2 for states in found.states]
        wanted = _towards_zero((drops[0] - drops[1]) >> 2, 150, 4)
        assert len(set(wanted.ravel())) >= 4
        assert np.array_equal(pulses[:, :N], wanted)


def test_square_differences_of_given_voltages_follow_the_float_rule(open_session) -> None:
    """12-bit node voltages: every pulse count is the float rule's, rounded towards zero."""
    rng = np.random.default_rng(SEED)
    rows, columns = rng.integers(-1000, 1000, (2, 6)), rng.integers(-1000, 1000, (2, 12))
    session = open_session("model", BUILD)
    session.arm()
    square_update(session.tile(0), rows, columns, unit=1000, digits=5, scale=7)
    drops_v = [(columns[phase][None, :] - rows[phase][:, None]) / 2048.0 for phase in range(2)]
    exact = (drops_v[0] ** 2 - drops_v[1] ** 2) * 2048.0**2 / 2**7 / 1000
    ledger = session.transport.world.plant.ledger()
    counts = ledger.up - ledger.down
    assert np.abs(counts - np.trunc(exact)).max() <= 1
    # One count off is a shift's rounding right at a step, which is rare.
    assert (counts == np.trunc(exact)).mean() > 0.95
    assert np.abs(counts).max() > 15


@pytest.mark.parametrize("pair", [False, True])
def test_coincident_activity_differences_have_the_float_rules_mean(open_session, pair) -> None:
    session = open_session("model", BUILD)
    slots, repeats = 200, 10
    update = activity_coincidence(session.tile(0), Latches(_rule(pair=pair), 2), slots=slots)
    found, pulses = _settle_and_learn(session, _rule(pair=pair), [update] * repeats)
    p_free, p_target = (np.outer(states, states) / 128.0**2 for states in found.states)
    wanted = slots * repeats * (p_target - p_free)
    variance = slots * repeats * sum(np.abs(p) * (1 - np.abs(p)) for p in (p_free, p_target))
    if pair:
        wanted, variance = _doubled(wanted), np.repeat(variance, 2, axis=1)
    error = (pulses[:, : wanted.shape[1]] - wanted) / np.sqrt(np.maximum(variance, 1e-9))
    moving = variance > 0
    assert moving.mean() > 0.8
    assert np.abs(error[moving]).max() < 4
    assert 0.6 < error[moving].std() < 1.4
    assert not pulses[:, : wanted.shape[1]][~moving].any()


@pytest.mark.parametrize("kind", [activity_coincidence, activity_counts, square_counts])
def test_settle_and_update_are_one_run_with_equal_transcripts(open_session, kind) -> None:
    found = []
    for target in ("model", "rtl"):
        session = open_session(target, f"{BUILD}&read_noise=0.02")
        rule = _rule(pair=kind is not square_counts)
        options = {"slots": 12} if kind is activity_coincidence else {"unit": 100}
        update = kind(session.tile(0), Latches(rule, 2), **options)
        _settle_and_learn(session, rule, [update])
        session.close()
        found.append(session.transport.world.transcript)
    assert transcript.difference(*found) is None
    runs = {entry.run for entry in found[0].pins if entry.what == "CODES"}
    assert len(runs) == 1
    (run,) = runs
    last_code = max(entry.cycle for entry in found[0].pins if entry.run == run and entry.what == "CODES")
    gates = [entry for entry in found[0].pins if entry.run == run and entry.what == "GATES"]
    assert any(entry.cycle > last_code and any(entry.values) for entry in gates)


def test_an_update_alone_has_an_exact_dry_run_and_a_chain_takes_no_longer_than_its_own(open_session) -> None:
    session = open_session("model", BUILD)
    rule = _rule(pair=True)
    update = activity_coincidence(session.tile(0), Latches(rule, 2), slots=12)
    session.arm()
    session.execute(update)
    assert session.dry_run(update).exact
    assert session.cycles == session.dry_run(update).cycles
    chain = Chain((Settle(rule, 0, 2), update))
    found, _pulses = _settle_and_learn(session, rule, [update])
    assert not session.dry_run(chain).exact
    assert found.cycles <= session.dry_run(chain).cycles


def test_what_cannot_be_updated_is_refused_before_anything_is_driven(open_session) -> None:
    session = open_session("model", f"{BUILD}&vector_words=512")
    session.arm()
    tile, rule = session.tile(0), _rule(pair=True)
    with pytest.raises(RangeError, match="target must be a phase from 0 to 0, not 1"):
        activity_coincidence(tile, Latches(rule, 1), slots=3)
    with pytest.raises(RangeError, match="unit of the largest digit must be from 1 to 32767, not 40000"):
        _settle_and_learn(session, rule, [activity_counts(tile, Latches(rule, 2), unit=10000, digits=3)])
    with pytest.raises(RangeError, match="scale must be from 0 to 15, not 16"):
        _settle_and_learn(session, rule, [activity_coincidence(tile, Latches(rule, 2), slots=3, scale=16)])
    with pytest.raises(ShapeError, match=r"rows must have shape \(2, n\)"):
        square_update(tile, np.zeros(6, int), np.zeros((2, 12), int), unit=1)
    many = Latches(rule, 20)
    with pytest.raises(RangeError, match=r"contrastive update take .* vector words, this device has 512"):
        session.execute(activity_counts(tile, many, unit=100))
