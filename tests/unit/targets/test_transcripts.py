"""Transcripts: equal behaviour gives equal ones, a difference is named."""

import numpy as np

from crossloop.protocol.parameters import Parameters
from crossloop_sim.events import Kind, conversion_record, gates_record, level_record, record, states_record
from crossloop_sim.targets import open_model
from crossloop_sim.transcript import Transcript, difference


def test_equal_runs_have_equal_transcripts(host_of):
    url = "model:?rows=4&columns=4&transcript=1&seed=3"
    first, second = host_of(open_model(url)).scenario(), host_of(open_model(url)).scenario()
    assert difference(first, second) is None
    assert first == second
    assert len(first.frames_in) == len(first.frames_out) == 5
    assert [entry.what for entry in first.pins].count("CODES") == 1


def test_a_change_is_named(host_of):
    url = "model:?rows=4&columns=4&transcript=1&seed=3"
    first, second = host_of(open_model(url)).scenario(), host_of(open_model(url)).scenario(level_code=41)
    said = difference(first, second)
    assert first != second
    assert said is not None
    assert said.startswith("pins differ at entry")
    assert "LEVEL 0 65535 40" in said
    assert "LEVEL 0 65535 41" in said


def test_other_noise_shows_in_the_codes(host_of):
    first, second = (
        host_of(open_model(f"model:?rows=4&columns=4&transcript=1&seed={seed}")).scenario() for seed in (1, 2)
    )
    assert "CODES" in difference(first, second)


PARAMETERS = Parameters(rows=2, columns=2)


def noted(*records, cut: int = 1, start: int = 0) -> Transcript:
    """A transcript of records, each with `start` cycles added, noted in batches of `cut`."""
    transcript = Transcript(PARAMETERS)
    rows = np.array(records)
    rows[:, 0] += np.uint64(start)
    for at in range(0, len(rows), cut):
        transcript.applied(rows[at : at + cut])
    return transcript


RUN_UP, RUN_DOWN = record(PARAMETERS, 100, Kind.RUN, 1), record(PARAMETERS, 130, Kind.RUN, 0)


def test_cycles_count_from_the_start_of_a_run():
    records = [RUN_UP, gates_record(PARAMETERS, 110, 1, 2), gates_record(PARAMETERS, 114, 0, 0), RUN_DOWN]
    late = noted(*records, start=5_000, cut=3)
    assert noted(*records) == late
    assert [(entry.run, entry.cycle, entry.what, entry.values) for entry in late.pins] == [
        (1, 0, "RUN", (1,)), (1, 10, "GATES", (1, 2, 0, 0)), (1, 14, "GATES", (0, 0, 0, 0)), (1, 30, "RUN", (0,)),
    ]  # fmt: skip
    moved = [RUN_UP, gates_record(PARAMETERS, 111, 1, 2), *records[2:]]
    assert "cycle 11: GATES 0x1 0x2" in difference(noted(*records), noted(*moved))


def test_between_runs_only_the_order_counts():
    states = [states_record(PARAMETERS, cycle, [1, 1], [1, 1]) for cycle in (200, 300)]
    assert noted(RUN_UP, RUN_DOWN, states[0]) == noted(RUN_UP, RUN_DOWN, states[1])
    assert noted(RUN_UP, RUN_DOWN, states[0]) != noted(RUN_UP, RUN_DOWN)


def test_records_that_change_nothing_are_left_out():
    again = gates_record(PARAMETERS, 112, 1, 2)
    records = [RUN_UP, gates_record(PARAMETERS, 110, 1, 2), RUN_DOWN]
    assert noted(*records) == noted(*records[:2], again, records[2])
    level = level_record(PARAMETERS, 105, 1, 0, -3)
    assert noted(RUN_UP, level) != noted(RUN_UP, level, level)
    assert noted(RUN_UP, level).pins[-1].values == (1, 0, -3)


def test_codes_are_compared():
    one, other = Transcript(PARAMETERS), Transcript(PARAMETERS)
    event = conversion_record(PARAMETERS, 10, 1, 2)
    one.converted(event, np.array([1, 2]))
    other.converted(event, np.array([1, 3]))
    assert "CODES 1 2" in difference(one, other)
    assert "CODES 1 3" in difference(one, other)


def test_frames_are_compared_whatever_the_chunks():
    one, other = Transcript(PARAMETERS), Transcript(PARAMETERS)
    one.sent(b"ab\0\0cd\0")
    for byte in b"\0ab\0cd\0":
        other.sent(bytes([byte]))
    assert one == other
    one.received(b"x\0")
    other.received(b"y\0")
    assert "frames_out differ at entry 0" in difference(one, other)
