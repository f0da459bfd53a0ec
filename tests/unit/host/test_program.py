"""Programs in SI units, their dry run, and rounding; the dry run's cycles are counted here from the contract's formulas by hand."""

import numpy as np
import pytest

from crossloop.dry_run import dry_run
from crossloop.program import Program
from crossloop.protocol import microops as m
from crossloop.protocol import timing
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family

PARAMETERS = Parameters(rows=5, columns=4, tiles=2)  # 50 MHz: 1 us is 50 cycles


@pytest.fixture
def program():
    return Program(PARAMETERS, 1)


def test_a_program_is_written_in_volts_and_seconds(program):
    program.level(Family.ROWS, 0.25, line=3).level(Family.COLUMNS, -0.125)
    program.levels(Family.ROWS, [0.0, 0.0078125]).levels(Family.COLUMNS, [-0.0078125])
    program.connect(Family.ROWS, LineState.DRIVE, line=3, others=LineState.FLOAT)
    program.connect(Family.COLUMNS, LineState.SENSE, first=2)
    program.pulse(9, width_s=2e-6, gap_s=1e-6).wait(1e-6)
    with program.loop(4):
        program.convert(Family.COLUMNS, pair=True, settle_s=1e-6, integrate_s=2e-6, range_index=3)
    assert program.program(PARAMETERS) == (
        m.tile(1),
        m.level(Family.ROWS, 3, 32),
        m.level(Family.COLUMNS, 0xFFFF, -16),
        m.levels(Family.ROWS, 2, 0),
        m.levels(Family.COLUMNS, 1, 2),
        m.connect(Family.ROWS, LineState.DRIVE, others=LineState.FLOAT, selection=m.Selection.ONE, index=3),
        m.connect(Family.COLUMNS, LineState.SENSE, selection=m.Selection.FIRST, index=2),
        m.pulse(9, 100, 50),
        m.wait(45),
        m.loop(4),
        m.convert(Family.COLUMNS, 2, settle_cycles=50, integrate_cycles=100, pair=True, range_index=3),
        m.next_(),
        m.halt(),
    )
    assert program.data_commands(PARAMETERS) == (bytes([3, 0, 2, 0, 0, 0, 0, 1]), bytes([3, 0, 1, 0, 2, 0, 255]))


def test_the_dry_run_counts_time_pulses_and_conversions(program):
    program.connect(Family.ROWS, LineState.DRIVE, first=3).connect(Family.COLUMNS, LineState.DRIVE, line=0)
    with program.loop(10), program.loop(2):
        program.pulse(7, width_s=1e-6, gap_s=3e-6)
    program.connect(Family.COLUMNS, LineState.SENSE).convert(Family.COLUMNS, settle_s=1e-6, integrate_s=1e-6)
    run = program.dry_run()
    connect = timing.BASE_CYCLES + timing.CONNECT_EXTRA + 4
    expected = (
        4 * connect  # tile and three connects
        + 11 * 5  # one outer LOOP, ten inner ones
        + 20 * (timing.BASE_CYCLES + timing.PULSE_EXTRA + 7 * 200)
        + 30 * 5  # NEXTs
        + timing.BASE_CYCLES + timing.CONVERT_EXTRA + 100 + timing.READOUT_CYCLES * 4
        + 5  # HALT
    )  # fmt: skip
    assert run.cycles == expected
    assert run.time_s == pytest.approx(expected * 20e-9)
    assert (run.row_pulses, run.column_pulses) == (3 * 140, 140)
    assert (run.slots, run.conversions, run.serial_cycles) == (0, 4, timing.READOUT_CYCLES * 4)


def test_lines_selected_by_others_pulse_too():
    program = (
        m.tile(0),
        m.connect(Family.ROWS, LineState.GROUND, others=LineState.DRIVE, selection=m.Selection.ONE, index=0),
        m.pulse(2, 5, 5),
        m.halt(),
    )
    assert dry_run(program, PARAMETERS).row_pulses == 8
    assert dry_run(program, PARAMETERS).column_pulses == 0


def test_dry_runs_add_up(program):
    one = program.pulse(3, width_s=1e-6, gap_s=1e-6).dry_run()
    assert (one + one).cycles == 2 * one.cycles


def test_results_are_amperes_and_seconds(device, session):
    device.answer = lambda channels: [0x8001, *range(1, channels)]
    program = session.program(1)
    for range_index in (0, 3):
        program.convert(Family.ROWS, settle_s=1e-6, integrate_s=1e-6, range_index=range_index)
    wide, narrow = session.execute(program)[0]
    assert np.isnan(wide.currents_a[0])
    assert wide.currents_a[1:] == pytest.approx(np.arange(1, 5) * 200e-9 / 256)
    assert narrow.currents_a[1:] == pytest.approx(np.arange(1, 5) * 3.125e-9 / 256)
    assert narrow.time_s > 0


REFUSED = {
    "level outside": (lambda p: p.level(Family.ROWS, 0.7), RangeError, "outside -0.5 to 0.492188 V"),
    "level without a code": (lambda p: p.level(Family.ROWS, 0.1), RangeError, "nearest are 0.09375 and 0.1015625 V"),
    "line outside": (
        lambda p: p.level(Family.COLUMNS, 0.0, line=4),
        RangeError,
        "line must be an integer from 0 to 3, not 4",
    ),
    "too many levels": (lambda p: p.levels(Family.ROWS, np.zeros(6)), ShapeError, r"n from 1 to 5, not \(6,\)"),
    "levels NaN": (lambda p: p.levels(Family.ROWS, [0, np.nan]), RangeError, r"levels_v\[1\] is nan"),
    "line and first": (lambda p: p.connect(Family.ROWS, LineState.DRIVE, line=0, first=1), RangeError, "not both"),
    "more lines than there are": (
        lambda p: p.connect(Family.ROWS, LineState.DRIVE, first=6),
        RangeError,
        "first must be",
    ),
    "width between cycles": (
        lambda p: p.pulse(1, width_s=1.5e-8, gap_s=1e-6),
        RangeError,
        "width_s of 1.5e-08 s is outside|is not a",
    ),
    "gap too long": (lambda p: p.pulse(1, width_s=1e-6, gap_s=2e-3), RangeError, "gap_s of 0.002 s is outside"),
    "no pulses": (lambda p: p.pulse(0, width_s=1e-6, gap_s=1e-6), RangeError, "pulse count must be an integer from 1"),
    "too many channels": (
        lambda p: p.convert(Family.ROWS, channels=6, settle_s=1e-6, integrate_s=1e-6),
        RangeError,
        "channels",
    ),
    "wait too short": (lambda p: p.wait(2e-8), RangeError, "shorter than the 1e-07 s that a WAIT takes"),
    "tile outside": (lambda _p: Program(PARAMETERS, 2), RangeError, "tile must be an integer from 0 to 1, not 2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_where_it_is_written(program, name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call(program)


def test_loops_nested_too_deep_are_refused_before_the_run(session, device):
    program = session.program()
    with program.loop(2), program.loop(2), program.loop(2), program.loop(2), program.loop(2):
        program.wait(1e-6)
    device.frames.clear()
    with pytest.raises(RangeError, match="nested 5 deep, this device allows 4"):
        session.execute(program)
    assert device.frames == []


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        ((m.tile(0),), "must end with HALT"),
        ((m.loop(2), m.halt()), "LOOP has no NEXT"),
        ((m.next_(), m.halt()), "NEXT has no LOOP"),
    ],
)
def test_a_malformed_program_has_no_dry_run(ops, message):
    with pytest.raises(RangeError, match=message):
        dry_run(ops, PARAMETERS)


def test_a_program_for_another_build_is_refused(session):
    with pytest.raises(RangeError, match=r"made for build .* make it anew with session.program\(\)"):
        session.execute(Program(Parameters(rows=9, columns=9)).wait(1e-6))


def test_more_level_vectors_than_the_memory_holds_are_refused():
    program = Program(Parameters(rows=16, columns=16, vector_words=16))
    program.levels(Family.ROWS, np.zeros(16))
    with pytest.raises(RangeError, match="level vectors take 17 words, the device has 16"):
        program.levels(Family.ROWS, np.zeros(1))
