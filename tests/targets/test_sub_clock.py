"""Pulses that begin and end in the middle of a clock cycle: every width and gap is at the pins what was asked for, to the tap."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scenarios.raw import run_raw

import crossloop
from crossloop.fabric.endurance import Cycling, Endurance
from crossloop.fabric.reading import Reading
from crossloop.fabric.waveform import Step, Waveform
from crossloop.operations import PulseTrain
from crossloop.protocol import microops as m
from crossloop.protocol.errors import RangeError, Status
from crossloop.protocol.microops import LineState
from crossloop.protocol.streams import Family
from crossloop.session import Session

CLOCK_HZ = 48_000_000
TAP_S = 1 / (2 * CLOCK_HZ)
QUERY = f"rows=2&columns=2&gate_taps=2&clock_hz={CLOCK_HZ}&vector_words=256&program_ops=256"
LONGEST = 2**24 - 1
DRIVE = (m.connect(Family.ROWS, LineState.DRIVE), m.connect(Family.COLUMNS, LineState.DRIVE))
TARGETS = pytest.mark.parametrize("target", ["model", "rtl"])


def _open(target: str, *, width_cap: int = LONGEST, **limits: float) -> Session:
    given = crossloop.Limits(width_cap_s=width_cap * TAP_S, **limits)
    session = crossloop.connect(f"{target}:?{QUERY}&transcript=1", limits=given)
    session.arm()
    return session


def _edges(session: Session, seen: int = 0) -> list[tuple[int, int]]:
    """Return (run, tap) of every change of the row gates from entry `seen` on; they go on, off, on, ..."""
    record = session.transport.world.transcript.pins[seen:]  # type: ignore[attr-defined]
    edges = [entry for entry in record if entry.what == "GATES"]
    for number, entry in enumerate(edges):
        assert entry.values == ((0b11, 0b11, 0, 0) if number % 2 == 0 else (0, 0, 0, 0)), entry
    return [(entry.run, 2 * entry.cycle + entry.tap) for entry in edges]


def _check(edges: list[tuple[int, int]], trains: list[tuple[int, int, int]], first_tap: int) -> None:
    """Compare edges with trains of (count, width, gap), one per run, each beginning at `first_tap`."""
    wanted = []
    for run, (count, width, gap) in enumerate(trains, edges[0][0]):
        for pulse in range(count):
            start = first_tap + pulse * (width + gap)
            wanted += [(run, start), (run, start + width)]
    assert edges == wanted


@TARGETS
def test_every_width_begins_and_ends_in_its_tap(target: str) -> None:
    """Widths from 1 to 300 taps with short, odd and even gaps; an odd sum of both makes every second pulse begin in mid-cycle."""
    rng = np.random.default_rng(20261125)
    session = _open(target)
    trains = [(3, width, gap) for width in range(1, 301) for gap in (3, 4, int(rng.integers(5, 300)))]
    for count, width, gap in trains:
        assert run_raw(session, *DRIVE, m.pulse(count, width, gap), m.halt()).status is Status.OK
    edges = _edges(session)
    # Two CONNECTs of nine cycles, and four cycles from the PULSE's first to the first edge.
    _check(edges, trains, 2 * (11 + 11 + 6))
    starts = [tap % 2 for _run, tap in edges[::2]]
    assert {0, 1} == set(starts)
    session.close()


@TARGETS
def test_random_widths_over_the_whole_range(target: str) -> None:
    rng = np.random.default_rng(7)
    highest, tries = {"model": (LONGEST, 300), "rtl": (200_000, 40)}[target]
    session = _open(target)
    trains = [
        (int(rng.integers(1, 5)), int(np.exp(rng.uniform(0, np.log(highest)))), int(rng.integers(3, 65536)))
        for _ in range(tries)
    ]
    trains += [(2, highest, 3), (2, highest - 1, 3), (3, 1, 65535)]
    for count, width, gap in trains:
        assert run_raw(session, *DRIVE, m.pulse(count, width, gap), m.halt()).status is Status.OK
    _check(_edges(session), trains, 2 * (11 + 11 + 6))
    session.close()


@pytest.mark.slow
def test_the_longest_pulses_are_exact_in_the_gateware() -> None:
    session = _open("rtl")
    trains = [(2, LONGEST, 3), (2, LONGEST - 1, 4)]
    for count, width, gap in trains:
        assert run_raw(session, *DRIVE, m.pulse(count, width, gap), m.halt()).status is Status.OK
    _check(_edges(session), trains, 2 * (11 + 11 + 6))
    session.close()


@TARGETS
def test_a_long_train_has_no_jitter(target: str) -> None:
    session = _open(target)
    run_raw(session, *DRIVE, m.pulse(5001, 5, 4), m.halt())
    taps = [tap for _run, tap in _edges(session)]
    assert {after - before for before, after in pairwise(taps[::2])} == {9}
    assert {off - on for on, off in zip(taps[::2], taps[1::2], strict=True)} == {5}
    session.close()


@TARGETS
def test_a_train_takes_the_cycles_that_the_dry_run_says(target: str) -> None:
    session = _open(target)
    cell = Reading(20)
    waveform = Waveform(0, (0, 1), (Step(40, -40, 7, 501), Step(20, -20, 8, 500), Step(-30, 30, 1, 503)), cell)
    cycling = Cycling(set_taps=5, reset_taps=6, gap_taps=3, set_levels=(40, -40), reset_levels=(-40, 40), reading=cell)
    operations = [
        *(PulseTrain(0, 0, 0, count, (40, -40), width, gap) for count in (1, 2, 3) for width in (1, 2) for gap in (3, 4)),
        waveform, Endurance(cycling, 0, (1, 1), (1, 4)),
    ]  # fmt: skip
    for operation in operations:
        if isinstance(operation, Waveform):
            session.write_words(operation.first_word, operation.words(session.parameters))
        if isinstance(operation, Endurance):
            session.write_words(operation.first_word, operation.words())
        before = session.cycles
        session.execute(operation)
        assert session.cycles - before == operation.dry_run(session.parameters).cycles, operation
    session.close()


@TARGETS
def test_a_waveform_keeps_its_widths_and_gaps(target: str) -> None:
    session = _open(target)
    steps = [
        Step(20, -20, width, gap) for width, gap in ((1, 203), (2, 202), (9, 301), (10, 250), (301, 777), (4, 200))
    ]
    session.tile(0).play(0, 0, steps)
    record = session.transport.world.transcript.pins  # type: ignore[attr-defined]
    taps = [2 * entry.cycle + entry.tap for entry in record if entry.what == "GATES"]
    assert [off - on for on, off in zip(taps[::2], taps[1::2], strict=True)] == [step.width_taps for step in steps]
    assert [on - off for off, on in zip(taps[1::2], taps[2::2], strict=False)] == [step.gap_taps for step in steps[:-1]]
    with pytest.raises(RangeError, match="no whole number of cycles of 2 taps; the nearest gaps are 202 and 204"):
        session.tile(0).play(0, 0, [Step(20, -20, 2, 203)])
    session.close()


@TARGETS
def test_the_rest_after_a_pulse_is_kept_to_the_tap(target: str) -> None:
    """With a duty cap the shortest gap that passes is the rest that the pulse demands, wherever in the cycle it ends."""
    for duty_cap, sixteenths in ((0.5, 16), (0.64, 9), (16 / 25, 9), (0.25, 48)):
        session = _open(target, duty_cap=duty_cap)
        for width in (*range(1, 24), 101):
            rest = -(-width * sixteenths // 16)
            for gap in range(max(3, rest - 2), rest + 3):
                # Three pulses: the second or the third begins in mid-cycle.
                reply = run_raw(session, *DRIVE, m.pulse(3, width, gap), m.halt())
                assert reply.status is (Status.OK if gap >= rest else Status.TRIPPED), (width, gap, duty_cap)
                if reply.status:
                    session.arm()
        session.close()


@TARGETS
def test_a_gap_without_a_whole_cycle_is_refused(target: str) -> None:
    session = _open(target)
    for gap, status in ((1, Status.LINE_RANGE), (2, Status.LINE_RANGE), (3, Status.OK)):
        assert run_raw(session, *DRIVE, m.pulse(2, 5, gap), m.halt()).status is status
    with pytest.raises(RangeError, match=r"gap_s of 2.08333e-08 s is outside 3.125e-08 to"):
        session.tile(0).pulse(0, 0, 1, width_s=5 * TAP_S, gap_s=2 * TAP_S)
    with pytest.raises(RangeError, match=r"a gap of 2.08333e-08 s .* \(3 taps\)"):
        session.execute(PulseTrain(0, 0, 0, 1, (40, -40), 5, 2))
    session.close()


def test_seconds_are_whole_taps() -> None:
    session = _open("model", width_cap=41)
    tile = session.tile(0)
    tile.pulse(0, 0, 2, width_s=41 * TAP_S, gap_s=9 * TAP_S)
    taps = [2 * e.cycle + e.tap for e in session.transport.world.transcript.pins if e.what == "GATES"]  # type: ignore[attr-defined]
    assert [after - before for before, after in pairwise(taps)] == [41, 9, 41]
    with pytest.raises(
        RangeError, match=r"not a multiple of 1.04166667e-08 s; the nearest are 4.16666667e-08 and 5.20833333e-08 s"
    ):
        tile.pulse(0, 0, 1, width_s=45e-9, gap_s=9 * TAP_S)
    with pytest.raises(
        RangeError, match=r"width_s of 4.375e-07 s is longer than the cap of 4.27083e-07 s \(42 > 41 taps\)"
    ):
        tile.pulse(0, 0, 1, width_s=42 * TAP_S, gap_s=9 * TAP_S)
    with pytest.raises(RangeError, match=r"width_s of 5.20833333e-08 s is not a multiple of 2.08333333e-08 s"):
        tile.update(np.ones(2) / 2, np.ones(2) / 2, width_s=5 * TAP_S, gap_s=10 * TAP_S)
    session.close()


WORLDS = {
    "ideal lines": ("", 1e-9),
    "gate lines": ("&gate_lines=1&gate_k_a_per_v2=0", 1e-9),
    "lines with a little resistance": ("&r_row_ohm=1&r_column_ohm=1", 1e-4),
    "a filter before the converters": ("&t_filter_s=1e-7", 1e-9),
}
STEP, T_STEP_S = 0.0016, 80e-9
"""What a nominal pulse of the preset `ideal` moves a cell by, and its width."""


@TARGETS
@pytest.mark.parametrize("world", WORLDS)
def test_a_cell_moves_in_proportion_to_the_taps(target: str, world: str) -> None:
    query, tolerance = WORLDS[world]
    for width in (1, 2, 3, 5, 8, 33):
        session = crossloop.connect(f"{target}:?{QUERY}&preset=ideal{query}")
        session.arm()
        session.execute(PulseTrain(0, 1, 0, 20, (60, -60), width, 4))
        moved = session.transport.world.plant.weights()  # type: ignore[attr-defined]
        assert moved[1, 0] == pytest.approx(20 * STEP * width * TAP_S / T_STEP_S, rel=tolerance)
        moved[1, 0] = 0
        assert not moved.any()
        session.close()
