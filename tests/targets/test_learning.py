"""Learning engines as programs: equal on every target to the last bit and cycle, and right by sums of our own in numpy."""

from __future__ import annotations

import numpy as np
import pytest

from crossloop.counting import counted_pulses
from crossloop.hidden import HiddenAccumulators
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.streams import Family
from crossloop.session import Session
from crossloop_sim import transcript

SEED = 20261125


def _ledger(session: Session, tile: int = 0) -> np.ndarray:
    """Return the pulses that each cell has had, up less down, as the plant saw them."""
    ledger = session.transport.world.plant.ledger(tile)
    return ledger.up - ledger.down


def _counts(shape: tuple[int, int], largest: int) -> np.ndarray:
    return np.random.default_rng(SEED).integers(-largest, largest + 1, shape)


BLOCKS = {
    "single pulses": (_counts((5, 4), 1), 0, False),
    "many": (_counts((5, 4), 127), 0, False),
    "one sign, from row 2": (np.abs(_counts((3, 4), 20)), 2, False),
    "a few columns": (_counts((2, 3), 9), 1, False),
    "pairs": (_counts((5, 2), 12), 0, True),
    "a row of nothing": (np.array([[3, -1, 0, 4], [0, 0, 0, 0], [0, 0, -8, 0]]), 0, False),
    "nothing": (np.zeros((2, 4), int), 0, False),
}


@pytest.mark.parametrize(("counts", "first_row", "pair"), BLOCKS.values(), ids=BLOCKS.keys())
def test_every_cell_gets_its_count_in_exactly_the_predicted_time(open_session, counts, first_row, pair) -> None:
    wanted = np.zeros((5, 4), int)
    block = np.stack([counts, -counts], axis=2).reshape(len(counts), -1) if pair else counts
    wanted[first_row : first_row + len(block), : block.shape[1]] = block
    for target in ("model", "rtl"):
        session = open_session(target, "rows=5&columns=4&tiles=1&preset=ideal")
        session.arm()
        tile = session.tile(0)
        tile.pulse_block(counts, first_row=first_row, pair=pair)
        ledger = session.transport.world.plant.ledger()
        # Up and down pulses of one cell never cancel in these sums: a cell's digits have all the same sign.
        assert np.array_equal(_ledger(session), wanted)
        assert np.array_equal(ledger.pulses, np.abs(wanted))
        predicted = session.dry_run(counted_pulses(tile, counts, first_row=first_row, pair=pair))
        assert predicted.exact
        if counts.any():
            assert session.cycles == predicted.cycles
            assert session.counters().train_pulses == predicted.row_pulses
            assert ledger.pulses.sum() == predicted.column_pulses


@pytest.mark.parametrize(
    ("counts", "kind", "text"),
    [
        (np.full((2, 4), 0.5), RangeError, "counts must be integers"),
        (np.zeros(4, int), ShapeError, "counts must have shape"),
        (np.full((1, 4), 40000), RangeError, "counts must be from -32767 to 32767 pulses, not 40000"),
        (np.ones((6, 4), int), RangeError, "last line must be an integer from 0 to 4"),
        (np.ones((1, 5), int), RangeError, "cells of a line must be from 1 to 4, not 5"),
        (np.ones((4, 4), int), RangeError, "this device has 16; give at most 0 lines"),
    ],
)
def test_counts_that_cannot_be_given_are_refused(open_session, counts, kind, text) -> None:
    small = "&vector_words=16" if text.startswith("this") else ""
    session = open_session("model", f"rows=5&columns=4{small}")
    session.arm()
    with pytest.raises(kind, match=text):
        session.tile(0).pulse_block(counts)
    assert session.counters().train_pulses == 0


TWO_TILES = "rows=5&columns=4&tiles=2&sample_bits=12&seed=7&preset=rpu"


def _conversions(session: Session) -> list[np.ndarray]:
    """Return the converter codes of the session, as they passed the seam: what every sum of this page starts from."""
    bits = session.parameters.sample_bits
    found = [entry.values for entry in session.transport.world.transcript.pins if entry.what == "CODES"]
    return [np.array([(w & (1 << bits - 1) - 1) - (w & 1 << bits - 1) for w in words], np.int64) for words in found]


def _handed_on(
    codes: list[np.ndarray],
    reference: np.ndarray,
    unit: int,
    *,
    gain: int,
    averages: int,
    chop_every: int,
    running: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return accumulators, pulses and choppers after the given readings: the rule in plain integers."""
    lines = len(reference)
    hidden, pulses, reference = np.zeros_like(reference), np.zeros_like(reference), reference.copy()
    signs, uses = np.ones(lines, np.int64), np.zeros(lines, np.int64)
    for number in range(len(codes) // averages):
        k = number % lines
        reading = sum(codes[number * averages : (number + 1) * averages])
        hidden[k] += signs[k] * gain * (reading - reference[k])
        if running:
            reference[k] += (reading - reference[k]) // 2**running
        fired = np.sign(hidden[k]) * (np.abs(hidden[k]) >= unit)
        hidden[k] -= unit * fired
        pulses[k] += fired
        uses[k] += 1
        if chop_every and uses[k] == chop_every:
            signs[k], uses[k] = -signs[k], 0
    return hidden, pulses, signs


HIDDEN = {
    "plain": {},
    "fixed reference": {"reference_s": np.linspace(2e-8, 6e-8, 20).reshape(5, 4)},
    "chopped": {"chop_every": 2, "averages": 2, "reference_s": np.full((5, 4), 4e-8)},
    "running reference": {"chop_every": 3, "running": 2, "gain": 5, "reference_s": np.full((5, 4), 6e-8)},
    "columns": {"lines": Family.COLUMNS, "chop_every": 1, "reference_s": np.full((4, 5), 4e-8)},
    "pairs": {"pair": True, "running": 3},
    "three lines": {"count": 3, "reference_s": np.full((3, 4), 4e-8)},
}


@pytest.mark.parametrize("options", HIDDEN.values(), ids=HIDDEN.keys())
def test_accumulators_give_up_what_the_integers_say(open_session, options) -> None:
    for target in ("model", "rtl"):
        session = open_session(target, TWO_TILES)
        session.arm()
        fast, slow = session.tile(0), session.tile(1)
        fast.pulse_block(_counts((5, 4), 60))
        begin, before = len(_conversions(session)), session.cycles
        link = HiddenAccumulators(fast, slow, granularity_s=1e-8, v_read_v=0.25, **options)
        link.transfer(4)
        link.transfer(17)
        assert session.cycles - before <= link.dry_run(4).cycles + link.dry_run(17).cycles
        rule = link.rule
        code_s = session.samples.steps_a[0] / 0.25 / rule.averages
        reference = options.get("reference_s", np.zeros((rule.lines, rule.pulses.values))) / code_s
        hidden, pulses, signs = _handed_on(
            _conversions(session)[begin:], np.rint(reference).astype(int), round(1e-8 / code_s * rule.gain), gain=rule.gain,
            averages=rule.averages, chop_every=rule.chop_every, running=rule.running,
        )  # fmt: skip
        assert np.array_equal(link.hidden(), hidden)
        assert np.array_equal(link.choppers(), signs)
        if options.get("pair"):
            pulses = np.stack([pulses, -pulses], axis=2).reshape(len(pulses), -1)
        if options.get("lines") is Family.COLUMNS:
            pulses = pulses.T
        assert np.array_equal(_ledger(session, 1)[: len(pulses)], pulses)
        assert (pulses > 0).any()
        assert (pulses < 0).any() == (len(options) > 0)


def test_transfers_are_equal_on_model_and_rtl_in_every_bit(open_session) -> None:
    found = []
    for target in ("model", "rtl"):
        session = open_session(target, TWO_TILES)
        session.arm()
        session.tile(0).pulse_block(_counts((5, 4), 60))
        link = HiddenAccumulators(
            session.tile(0), session.tile(1), granularity_s=1e-8, v_read_v=0.25, running=2, chop_every=2
        )
        link.transfer(12)
        session.close()
        found.append(session.transport.world.transcript)
    assert transcript.difference(*found) is None


def test_both_tiles_have_their_gate_lines_on(open_session) -> None:
    """TILE lets all lines float, the gate lines too: each time they are driven again."""
    found = []
    for target in ("model", "rtl"):
        session = open_session(target, "rows=5&columns=4&tiles=2&gate_lines=1&dead_cycles=7&preset=ideal&read_noise=0")
        session.arm()
        session.transport.world.plant.set_conductance_s(0, 6e-8)
        link = HiddenAccumulators(session.tile(0), session.tile(1), granularity_s=3e-8, v_read_v=0.25, chop_every=5)
        link.transfer(9)
        longest = link.dry_run(9).cycles
        assert 0.5 * longest <= session.cycles <= longest
        found.append((session.cycles, link.hidden().tolist(), _ledger(session, 1).tolist()))
        assert (_ledger(session, 1) > 0).all()
    assert found[0] == found[1]


def test_choppers_and_a_running_reference_cancel_an_offset_that_a_fixed_reference_hands_on(open_session) -> None:
    """The fast array learns nothing, but stands away from its reference: without choppers that is taken for learning."""
    session = open_session("model", f"{TWO_TILES}&read_noise=0")
    session.arm()
    net = []
    for options in ({}, {"chop_every": 2, "running": 2}):
        session.transport.world.plant.set_conductance_s(0, 3e-8)
        before = _ledger(session, 1)
        link = HiddenAccumulators(session.tile(0), session.tile(1), granularity_s=6e-8, v_read_v=0.25, **options)
        link.transfer(5 * 16)
        net.append(np.abs(_ledger(session, 1) - before).max())
    assert net[0] == 8
    assert net[1] <= 3


@pytest.mark.parametrize("seed", [7, 8])
def test_chopped_transfer_learns_what_plain_updates_of_the_same_cells_do_not(open_session, seed: int) -> None:
    """A linear map from cells whose up and down steps differ by 30 %: rms error of the slow array's weights, in units of w."""
    error = {}
    wanted = np.random.default_rng(SEED).uniform(-0.4, 0.4, (5, 4))
    for hidden in (False, True):
        session = open_session(
            "model", f"{TWO_TILES.replace('rpu', 'soft-bounds')}&up_down_dtod=0.3".replace("=7", f"={seed}")
        )
        session.arm()
        plant = session.transport.world.plant
        mid_s, half_s = plant.configuration.device.g_mid_s, plant.configuration.device.g_half_s
        fast, slow = session.tile(0), session.tile(1)
        for tile in range(2):
            plant.set_conductance_s(tile, mid_s)
        link = HiddenAccumulators(
            fast, slow, granularity_s=2 * half_s, v_read_v=0.25, reference_s=np.full((5, 4), mid_s), running=5, chop_every=2
        )  # fmt: skip
        rng, late = np.random.default_rng(SEED), []
        for step in range(600):
            x = rng.choice([-1.0, 1.0], 5)
            outputs = (slow.multiply(0.25 * x) - 0.25 * x.sum() * mid_s) / (0.25 * half_s)
            delta = np.clip(x @ wanted - outputs, -0.99, 0.99)
            if hidden:
                fast.update(0.5 * x * link.choppers(), delta, slots=20, quantise="nearest")
                link.transfer()
            else:
                slow.update(0.5 * x, 0.5 * delta, slots=5, quantise="nearest")
            if step >= 500:
                late.append(np.sqrt(np.mean((plant.conductance_s(1) / half_s - mid_s / half_s - wanted) ** 2)))
        error[hidden] = np.mean(late)
    untrained = np.sqrt(np.mean(wanted**2))
    assert error[True] < 0.5 * untrained
    assert error[False] > 2 * error[True]


def test_accumulators_stay_while_the_arrays_work(open_session) -> None:
    session = open_session("model", TWO_TILES)
    session.arm()
    fast = session.tile(0)
    link = HiddenAccumulators(fast, session.tile(1), granularity_s=1e-6, v_read_v=0.25)
    link.transfer(5)
    kept = link.hidden()
    fast.multiply(np.full(5, 0.25))
    fast.multiply_transposed(np.full(4, 0.25))
    fast.update(np.full(5, 0.5), np.full(4, 0.5))
    assert np.array_equal(link.hidden(), kept)
    assert kept.any()


@pytest.mark.parametrize(
    ("query", "options", "text"),
    [
        (TWO_TILES, {"granularity_s": 1e-15}, "granularity_s must be from"),
        (TWO_TILES, {"slow": 0}, "must be two tiles, not both tile 0"),
        (TWO_TILES, {"lines": Family.COLUMNS, "pair": True}, "with pair the lines must be rows"),
        (TWO_TILES, {"averages": 100}, "100 averages of 12-bit codes do not fit"),
        (TWO_TILES, {"count": 6}, "lines of the hidden accumulators must be from 1 to 5, not 6"),
        (f"{TWO_TILES}&vector_words=32", {}, "take 55 vector words, this device has 32; use at most 1 lines"),
    ],
)
def test_accumulators_that_cannot_be_are_refused(open_session, query, options, text) -> None:
    session = open_session("model", query)
    session.arm()
    slow = session.tile(options.get("slow", 1))
    rest = {"granularity_s": 1e-8, "v_read_v": 0.25} | {k: v for k, v in options.items() if k != "slow"}
    with pytest.raises(RangeError, match=text):
        HiddenAccumulators(session.tile(0), slow, **rest)
    assert session.counters().train_pulses == 0
