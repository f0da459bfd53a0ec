"""Engines as programs: equal on every target to the last bit and cycle, and right by measures that use neither."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

import crossloop
from crossloop.cycling import EnduranceRecord
from crossloop.fabric.endings import Reason
from crossloop.fabric.endurance import Cycling, Endurance, log_spaced, segments_of
from crossloop.fabric.ladder import Ladder
from crossloop.fabric.reading import Reading
from crossloop.fabric.settle import Settle, SettleRule
from crossloop.fabric.waveform import Step, Waveform, spike_pair, staircase
from crossloop.fabric.write_verify import WriteVerify, WriteVerifyTable
from crossloop.protocol.errors import RangeError, SafetyTrip
from crossloop.protocol.parameters import GateLines
from crossloop.session import Session
from crossloop.settling import Phase, Settled, settle
from crossloop.writing import Verified, VoltageLadder, run

SEED = 20261124
RRAM = (
    "vector_words=4096&clock_hz=48000000&level_bits=12&sample_bits=12&level_full_scale_uv=2048000"
    "&range_full_scale_pa=10240000,2560000,640000,160000&preset=rram&seed=3"
)
"""Filamentary cells of 1 to 40 uS, with converters that reach them."""
LIMITS = crossloop.Limits(v_level_max_v=1.9, width_cap_s=1e-4, dead_man_s=0.2)
UP = VoltageLadder(v_start_v=1.0, v_stop_v=2.6, v_step_v=0.1, width_s=1e-6)
DOWN = VoltageLadder(v_start_v=1.2, v_stop_v=3.0, v_step_v=0.1, width_s=1e-6)


def _targets(shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(SEED).uniform(1e-6, 40e-6, shape)


def _write_verify(session: Session, shape: tuple[int, int], **changes: object) -> Verified:
    session.arm()
    given = {"tolerance_s": 1e-6, "v_read_v": 0.2, "up": UP, "down": DOWN} | changes
    return session.tile(0).write_verify(_targets(shape), **given)  # type: ignore[arg-type]


LONGER = {"width_s": 2.5e-7, "width_stop_s": 1e-6, "width_step_s": 2.5e-7}
TABLES: dict[str, dict[str, object]] = {
    "plain": {},
    "averages and confirmation": {"averages": 3, "confirmations": 1, "wait_s": 1e-6},
    "few attempts": {"attempts": 4},
    "no turns": {"turns": 0},
    "weak ladder": {"up": VoltageLadder(v_start_v=0.6, v_stop_v=0.8, v_step_v=0.1, **LONGER)},
    "width first": {"up": VoltageLadder(v_start_v=1.4, v_stop_v=2.6, v_step_v=0.2, **LONGER, width_first=True)},
}
"""Every branch of the controller is taken by one of them."""


def test_no_run_takes_longer_than_its_dry_run(open_session) -> None:
    session = open_session("model", f"rows=6&columns=5&{RRAM}", limits=LIMITS)
    # A target that no reading ever meets: every cell takes every attempt.
    table = WriteVerifyTable(
        up=Ladder(start=10, stop=10, step=0, width_taps=48), down=Ladder(start=10, stop=10, step=0, width_taps=48), window=1,
        read_code=200, attempts=40, averages=2,
    )  # fmt: skip
    session.arm()
    outcome = run(session, table, 0, np.full((6, 5), 3000))
    assert set(outcome.attempts.ravel()) == {40}
    longest = WriteVerify(table, 0, (0, 0), (6, 5)).dry_run(session.parameters)
    assert not longest.exact
    assert outcome.cycles <= longest.cycles <= 4 * outcome.cycles


@pytest.mark.parametrize("changes", TABLES.values(), ids=TABLES.keys())
def test_write_verify_is_equal_on_model_and_rtl(open_session, changes) -> None:
    found = [
        _write_verify(open_session(t, f"rows=6&columns=5&{RRAM}", limits=LIMITS), (6, 5), **changes)
        for t in ("model", "rtl")
    ]
    model, rtl = (verified.outcome for verified in found)
    for name in ("codes", "attempts", "turns", "reasons", "last_amplitudes"):
        assert np.array_equal(getattr(model, name), getattr(rtl, name)), name
    assert model.cycles == rtl.cycles


GATED = crossloop.Limits(
    v_level_min_v=0.0, v_level_max_v=3.0, v_gate_max_v=3.125, one_gate=True, width_cap_s=1e-4, duty_cap=0.5
)
"""One polarity only, one gate line at a time, and a rest after every pulse."""


def _gated(open_session, target: str, along: GateLines, plant: str = "", **changes: object) -> tuple[Session, Verified]:
    query = f"rows=6&columns=5&gate_lines={int(along)}&{RRAM.replace('full_scale_uv=2048000', 'full_scale_uv=4096000')}{plant}"
    session = open_session(target, query, limits=GATED)
    ladders = {
        "up": replace(UP, v_gate_v=1.25, v_gate_stop_v=3.125, v_gate_step_v=0.625), "down": replace(DOWN, v_gate_v=3.125),
    }  # fmt: skip
    return session, _write_verify(session, (6, 5), **(ladders | changes))


@pytest.mark.parametrize("along", [GateLines.ROWS, GateLines.COLUMNS])
def test_gated_write_verify_is_equal_on_model_and_rtl(open_session, along: GateLines) -> None:
    model, rtl = (_gated(open_session, target, along)[1].outcome for target in ("model", "rtl"))
    for name in ("codes", "attempts", "turns", "reasons", "last_amplitudes"):
        assert np.array_equal(getattr(model, name), getattr(rtl, name)), name
    assert model.cycles == rtl.cycles


@pytest.mark.parametrize("along", [GateLines.ROWS, GateLines.COLUMNS])
def test_cells_with_transistors_keep_what_was_written_to_them(open_session, along: GateLines) -> None:
    session, verified = _gated(open_session, "model", along)
    ledger = session.transport.world.plant.ledger()
    # No cell sees a pulse that was meant for another one.
    assert np.array_equal(ledger.pulses, verified.pulses)
    assert (verified.outcome.reasons == Reason.IN_WINDOW).mean() > 0.9


def test_a_gate_ladder_on_a_build_without_gate_lines_is_refused(open_session) -> None:
    session = open_session("model", f"rows=6&columns=5&{RRAM}", limits=LIMITS)
    with pytest.raises(RangeError, match="has gate codes, but this build has no gate lines"):
        _write_verify(session, (6, 5), up=replace(UP, v_gate_v=1.25))


def test_one_command_programs_a_block_and_the_ledger_agrees(open_session) -> None:
    session = open_session("model", f"rows=8&columns=8&{RRAM}", limits=LIMITS)
    verified = _write_verify(session, (3, 4), origin=(2, 3))
    assert np.abs(verified.error_s[verified.outcome.reasons == Reason.IN_WINDOW]).max() <= 1e-6
    assert verified.pulses.sum() == session.counters().train_pulses
    signs = np.sign(verified.outcome.last_amplitudes)
    assert np.array_equal(signs != 0, verified.pulses > 0)
    frames = session.transport.world.transcript.frames_in
    # Besides limits, arming and the counters: targets, program with its run, and nothing while the device works.
    assert len(frames) < 10


def test_a_cell_that_does_not_move_is_listed_with_its_reason(open_session) -> None:
    session = open_session("model", f"rows=2&columns=2&{RRAM}", limits=LIMITS)
    weak = VoltageLadder(v_start_v=0.2, v_stop_v=0.5, v_step_v=0.1, width_s=1e-6)
    verified = _write_verify(session, (2, 2), up=weak, down=weak)
    assert [(row, column) for row, column, _reason in verified.failures] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert {reason for *_cell, reason in verified.failures} == {Reason.LADDER}
    assert set(verified.pulses.ravel()) == {4}


RELAXING = {"passes": 3, "rest_s": 2e-3}


def _relaxing(open_session, target: str) -> tuple[Session, Verified]:
    query = f"rows=8&columns=8&gate_lines=2&{RRAM.replace('full_scale_uv=2048000', 'full_scale_uv=4096000')}&relaxation_time_s=1e-3"
    session = open_session(target, query, limits=replace(GATED, dead_man_s=5.0))
    ladders = {
        "up": replace(UP, v_gate_v=1.25, v_gate_stop_v=3.125, v_gate_step_v=0.625), "down": replace(DOWN, v_gate_v=3.125),
    }  # fmt: skip
    return session, _write_verify(session, (8, 8), **ladders, **RELAXING)


def test_passes_narrow_what_relaxation_has_spread(open_session) -> None:
    session, verified = _relaxing(open_session, "model")
    before, *_between, after = verified.spread_s
    assert len(verified.spread_s) == 3
    assert after <= 0.8 * before
    # What the last reading says is what the plant holds, but for its noise of 0.3 uS and the code of 0.025 uS.
    held_s = session.transport.world.plant.conductance_s(0)
    assert verified.error_s.std() == pytest.approx(after, rel=1e-9)
    assert np.abs(verified.g_s - held_s).mean() < 3e-6
    # The device decides in codes: half of one may lie between its window and the one asked for.
    listed = np.zeros((8, 8), bool)
    listed[tuple(zip(*((row, column) for row, column, _reason in verified.failures), strict=True))] = True
    assert np.abs(verified.error_s[listed]).min() > 1e-6 - 0.0125e-6
    assert np.abs(verified.error_s[~listed]).max() < 1e-6 + 0.0125e-6
    assert verified.pulses.sum() == session.counters().train_pulses


def test_passes_leave_cells_alone_that_stayed_in_their_windows(open_session) -> None:
    """Cells that do not relax are programmed in the first pass; later passes give nothing."""
    pulses = []
    for passes in (1, 4):
        session, verified = _gated(
            open_session, "model", GateLines.COLUMNS, "&relaxation=0&read_white=0&read_noise=0", passes=passes
        )
        pulses.append(verified.pulses)
        assert session.counters().train_pulses == verified.pulses.sum()
    assert np.array_equal(*pulses)


def test_passes_are_equal_on_model_and_rtl(open_session) -> None:
    (_s, model), (_t, rtl) = (_relaxing(open_session, target) for target in ("model", "rtl"))
    assert np.array_equal(model.outcome.codes, rtl.outcome.codes)
    assert np.array_equal(model.pulses, rtl.pulses)
    assert np.array_equal(model.spread_s, rtl.spread_s)
    assert model.time_s == rtl.time_s


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"passes": 0}, "passes must be from 1 to 100, not 0"),
        ({"up": VoltageLadder(v_start_v=1.0, v_stop_v=4.0, v_step_v=0.1, width_s=1e-6)}, "outside the level window"),
        ({"down": VoltageLadder(v_start_v=1.2, v_stop_v=1.0, v_step_v=0.1, width_s=1e-6)}, "rise from start to stop"),
        ({"up": VoltageLadder(v_start_v=1.0, v_stop_v=2.0, v_step_v=0.1, width_s=1e-3)}, "longer than the cap"),
        ({"tolerance_s": 1e-9}, "below the .* of one converter code"),
        ({"attempts": 256}, "attempts of the write-verify table must be from 1 to 255"),
        ({"origin": (5, 0)}, "last row must be an integer from 0 to 5"),
    ],
)
def test_a_bad_table_is_refused_before_any_pulse(open_session, changes, text) -> None:
    session = open_session("model", f"rows=6&columns=5&{RRAM}", limits=LIMITS)
    with pytest.raises(RangeError, match=text):
        _write_verify(session, (6, 5), **changes)
    assert session.counters().train_pulses == 0
    assert _write_verify(session, (6, 5)).pulses.sum() > 0


def _endure(session: Session, last: int) -> EnduranceRecord:
    session.arm()
    return session.tile(0).endure(1, 2, log_spaced(last), v_set_v=2.0, v_reset_v=2.4, v_read_v=0.2)


def test_endurance_is_equal_on_model_and_rtl_and_as_fast_as_predicted(open_session) -> None:
    sessions = [open_session(target, f"rows=3&columns=4&{RRAM}", limits=LIMITS) for target in ("model", "rtl")]
    model, rtl = (_endure(session, 700) for session in sessions)
    assert np.array_equal(model.g_set_s, rtl.g_set_s)
    assert np.array_equal(model.g_reset_s, rtl.g_reset_s)
    assert model.time_s == rtl.time_s
    assert sessions[0].counters().train_pulses == 1400
    clock = sessions[0].clock
    cycling = Cycling(
        set_levels=(1000, -1000), reset_levels=(-1200, 1200), set_taps=48, reset_taps=48, gap_taps=48,
        reading=Reading(200, settle_cycles=48, integrate_cycles=48),
    )  # fmt: skip
    predicted = Endurance(cycling, 0, (1, 2), segments_of(log_spaced(700))).dry_run(sessions[0].parameters)
    assert predicted.exact
    assert predicted.row_pulses == 1400
    assert clock.seconds(predicted.cycles) == pytest.approx(rtl.time_s, rel=1e-12)


HELD = Cycling(
    set_levels=(1000, 0), reset_levels=(0, 1201), set_taps=48, reset_taps=30, gap_taps=48,
    reading=Reading(200, settle_cycles=48, integrate_cycles=48),
)  # fmt: skip
"""Levels that stay, one on each line of the cell."""


def _cell_voltages(session: Session) -> list[tuple[int, list[list[int]]]]:
    """Return width and codes across all cells of each pulse that is no reading."""
    rows, columns = session.parameters.rows, session.parameters.columns
    levels, states, found = {}, (0,) * 6, []
    pins = session.transport.world.transcript.pins
    for entry, after in itertools.pairwise(pins):
        if entry.what == "LEVEL":
            family, line, code = entry.values
            levels |= {(family, one): code for one in (range(max(rows, columns)) if line == 65535 else [line])}
        elif entry.what == "STATES":
            states = entry.values
        elif entry.what == "GATES" and any(entry.values) and after.what != "CONVERSION":
            at = [[levels.get((family, line), 0) if entry.values[family] >> line & 1 else 0 for line in range(count)]
                  for family, count in ((0, rows), (1, columns))]  # fmt: skip
            tied = [states[2 * family] >> line & 1 | (states[2 * family + 1] >> line & 1) << 1
                    for family, count in ((0, rows), (1, columns)) for line in range(count)]  # fmt: skip
            assert set(tied) <= {1, 2}, "a line floats during a pulse"
            found.append((after.cycle - entry.cycle, [[row - column for column in at[1]] for row in at[0]]))
    return found


def test_held_levels_give_the_cell_whole_voltages_and_others_half_at_most(open_session) -> None:
    session = open_session("model", f"rows=3&columns=4&{RRAM}", limits=LIMITS)
    session.arm()
    operation = Endurance(HELD, 0, (1, 2), segments_of(log_spaced(20)))
    session.write_words(operation.first_word, operation.words())
    before = session.cycles
    session.execute(operation)
    pulses = _cell_voltages(session)
    assert [(width, across[1][2]) for width, across in pulses] == [(48, 1000), (30, -1201)] * 20
    for _width, across in pulses:
        for row, column in itertools.product(range(3), range(4)):
            if (row, column) != (1, 2):
                assert abs(across[row][column]) <= 601
                assert across[row][column] == 0 or row == 1 or column == 2
    predicted = operation.dry_run(session.parameters)
    assert predicted.cycles == session.cycles - before
    assert (predicted.row_pulses, predicted.column_pulses) == (5 * 20, 7 * 20)
    changes = [entry for entry in session.transport.world.transcript.pins if entry.what == "LEVEL"]
    assert len(changes) == 4 + 2 * 2 * len(log_spaced(20)), "levels change at the start and for readings only"


def test_held_levels_are_equal_on_model_and_rtl_and_reach_the_same_ends(open_session) -> None:
    limits = replace(LIMITS, v_level_max_v=2.0)
    sessions = [open_session(target, f"rows=3&columns=4&{RRAM}", limits=limits) for target in ("model", "rtl")]
    records = []
    for session in sessions:
        session.arm()
        records.append(session.tile(0).endure(1, 2, log_spaced(300), v_set_v=2.0, v_reset_v=2.0, v_read_v=0.2))
    model, rtl = records
    assert np.array_equal(model.g_set_s, rtl.g_set_s)
    assert np.array_equal(model.g_reset_s, rtl.g_reset_s)
    assert model.time_s == rtl.time_s
    assert model.g_set_s[5:].mean() > 35e-6
    assert model.g_reset_s[5:].mean() < 10e-6


@pytest.mark.parametrize("front_end", ["direct", "reference", "reference-dac8568"])
def test_levels_that_are_held_make_a_hundred_thousand_cycles_a_second(open_session, front_end: str) -> None:
    """As dry-run; that the RTL takes the same cycles is compared above, and on every front end by ./scripts/bench endurance."""
    session = open_session("model", f"rows=3&columns=4&{RRAM}&frontend={front_end}", limits=LIMITS)
    reading = Reading(200, settle_cycles=4800, integrate_cycles=48)
    operation = Endurance(replace(HELD, reading=reading), 0, (1, 2), segments_of(log_spaced(100_000)))
    assert 100_000 / operation.dry_run(session.parameters).time_s > 100_000


def test_a_cell_swings_between_its_ends(open_session) -> None:
    record = _endure(open_session("model", f"rows=3&columns=4&{RRAM}", limits=LIMITS), 1000)
    assert record.rate_hz > 1e5
    assert record.g_set_s.mean() > 35e-6
    assert record.g_reset_s.mean() < 4e-6


def test_readings_must_come_at_rising_counts() -> None:
    with pytest.raises(RangeError, match="must rise"):
        segments_of((1, 5, 5))
    assert log_spaced(100, 3) == (1, 2, 5, 10, 22, 46, 100)


def _random_steps(count: int) -> tuple[Step, ...]:
    rng = np.random.default_rng(SEED)
    return tuple(
        Step(
            int(rng.integers(-1500, 1501)),
            int(rng.integers(-1500, 1501)),
            int(rng.integers(1, 300)),
            int(rng.integers(400, 900)),
        )
        for _ in range(count)
    )


@pytest.mark.parametrize("reading", [None, Reading(200, settle_cycles=20, integrate_cycles=30)], ids=["blind", "read"])
def test_a_waveform_is_equal_everywhere_and_exact_at_the_pins(open_session, reading) -> None:
    steps = _random_steps(25)
    found = []
    for target in ("model", "rtl"):
        session = open_session(target, f"rows=3&columns=4&{RRAM}", limits=LIMITS)
        session.arm()
        found.append(session.tile(0).play(1, 2, steps, reading=reading))
        pins = session.transport.world.transcript.pins
        gates = [(entry.cycle, entry.values) for entry in pins if entry.what == "GATES"]
        on = [(cycle, gates[n + 1][0]) for n, (cycle, values) in enumerate(gates) if values == (0b010, 0b0100, 0, 0)]
        assert [end - begin for begin, end in on] == [step.width_taps for step in steps]
        assert [after[0] - before[1] for before, after in itertools.pairwise(on)] == [s.gap_taps for s in steps[:-1]]
        operation = Waveform(0, (1, 2), steps, reading)
        assert session.cycles == operation.dry_run(session.parameters).cycles
    assert np.array_equal(*found)
    assert len(found[0]) == (len(steps) if reading else 0)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step(1901, 0, 10, 500), "level of step 1 .* outside the level window"),
        (Step(0, -1901, 10, 500), "level of step 1 .* outside the level window"),
        (Step(0, 0, 4801, 500), "width of step 1 .* longer than the cap"),
        (Step(0, 0, 10, 20), "step 1 has a width of 10 and a gap of 20 cycles"),
        (Step(0, 0, 0, 500), "step 1 has a width of 0"),
    ],
)
def test_a_waveform_with_one_bad_step_is_refused_as_a_whole(open_session, step, text) -> None:
    session = open_session("model", f"rows=3&columns=4&{RRAM}", limits=LIMITS)
    session.arm()
    with pytest.raises(RangeError, match=text):
        session.tile(0).play(1, 2, [Step(100, -100, 10, 500), step])
    assert session.counters().train_pulses == 0


def test_a_staircase_raises_a_cell_above_its_threshold(open_session) -> None:
    session = open_session(
        "model", f"rows=3&columns=4&{RRAM}&c2c=0&read_white=0&read_noise=0&relaxation=0", limits=LIMITS
    )
    session.arm()
    session.transport.world.plant.set_conductance_s(0, 1e-6)
    reading = Reading(200, settle_cycles=20, integrate_cycles=30)
    codes = session.tile(0).play(1, 2, staircase(100, 1400, 50, width_taps=48, gap_taps=500), reading=reading)
    assert np.ptp(codes[:4]) <= 4
    assert codes[-1] > 10 * codes[0]


def test_spikes_meet_with_their_delay() -> None:
    pair = spike_pair((5, -3), (4, -2), 1, width_taps=10, gap_taps=100)
    assert [(step.row_code, step.column_code) for step in pair] == [(5, 0), (-3, 4), (0, -2)]
    early = spike_pair((5, -3), (4, -2), -1, width_taps=10, gap_taps=100)
    assert [(step.row_code, step.column_code) for step in early] == [(0, 4), (5, -2), (-3, 0)]


NEURONS = 12
RULE = SettleRule(neurons=NEURONS, table_scale=1, damping=1, tolerance=1, rests=2, iterations=25, pair=True)
TABLE = np.rint(50 * np.tanh(np.arange(-128, 128) / 40)).astype(int)


def _phases(session: Session, rule: SettleRule = RULE, table: np.ndarray = TABLE) -> Settled:
    rng = np.random.default_rng(SEED)
    session.arm()
    tile = session.tile(0)
    counts = rng.integers(-40, 41, tile.shape)
    tile.pulse_counts(counts)
    inputs = np.arange(rule.neurons) < rule.neurons // 3
    outputs = np.arange(rule.neurons) >= rule.neurons - 2
    codes = rng.integers(-50, 51, rule.neurons)
    return settle(session, rule, table, [Phase(inputs, codes), Phase(inputs | outputs, codes)])


@pytest.mark.parametrize("query", ["preset=rpu", "preset=ideal", "preset=rpu&read_noise=3"])
def test_states_are_equal_on_model_and_rtl_in_every_bit(open_session, query) -> None:
    model, rtl = (_phases(open_session(target, f"rows=12&columns=24&{query}&seed=4")) for target in ("model", "rtl"))
    assert np.array_equal(model.states, rtl.states)
    assert np.array_equal(model.iterations, rtl.iterations)
    assert np.array_equal(model.at_rest, rtl.at_rest)
    assert model.cycles == rtl.cycles
    assert len(set(model.states[0])) > NEURONS // 2


def test_forty_eight_neurons_settle_in_two_phases(open_session) -> None:
    rule = SettleRule(neurons=48, table_scale=1, damping=1, tolerance=0, rests=25, iterations=25, pair=True)
    model, rtl = (_phases(open_session(target, "rows=48&columns=96&seed=4"), rule) for target in ("model", "rtl"))
    assert np.array_equal(model.states, rtl.states)
    assert model.iterations.tolist() == [25, 25]
    assert model.cycles == rtl.cycles


def test_what_is_latched_is_a_fixed_point_of_array_and_table(open_session) -> None:
    """An array without noise: the currents of the latched states, through the table, give the states back within the tolerance."""
    session = open_session("model", "rows=12&columns=24&preset=ideal&seed=4")
    found = _phases(session)
    assert found.at_rest.all()
    inputs = np.arange(NEURONS) < NEURONS // 3
    for phase, held in ((0, inputs), (1, inputs | (np.arange(NEURONS) >= NEURONS - 2))):
        states = found.states[phase]
        currents = session.tile(0).multiply(states * session.levels.step_v, pair=True)
        codes = np.rint(currents / session.samples.steps_a[0]).astype(int)
        wanted = TABLE[np.clip(codes >> RULE.table_scale, -128, 127) + 128]
        # Damping halves each step: a state stops one step before it would move by more than the tolerance.
        assert np.abs(np.where(held, states, wanted) - states).max() <= 2 * (RULE.tolerance + 1)


def test_clamped_neurons_keep_their_values(open_session) -> None:
    found = _phases(open_session("model", "rows=12&columns=24&preset=rpu"))
    assert np.array_equal(found.states[0][:4], found.states[1][:4])


def test_states_outside_the_level_window_are_refused(open_session) -> None:
    session = open_session("model", "rows=12&columns=24", limits=crossloop.Limits(v_level_max_v=0.3125))
    with pytest.raises(RangeError, match=r"activation table of .* outside the level window"):
        _phases(session)


def test_a_table_that_slips_through_trips_the_gate(open_session) -> None:
    """The host's check is a courtesy; the gate refuses the level itself."""
    session = open_session("model", "rows=12&columns=24", limits=crossloop.Limits(v_level_max_v=0.3125))
    session.arm()
    operation = Settle(RULE, 0, 1)
    session.write_words(0, np.full(12, 63))
    with pytest.raises(SafetyTrip, match="LEVEL_WINDOW"):
        session.execute(operation)
