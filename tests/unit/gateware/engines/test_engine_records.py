"""CONVERT writes what the converters say, and micro-ops outside the build end before they touch anything."""

import pytest

from crossloop.protocol import microops
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.microops import LineState, MicroOp, Opcode, Selection
from crossloop.protocol.records import RecordKind, unpack_records
from crossloop.protocol.streams import Family

DRIVE_ROWS = microops.connect(Family.ROWS, LineState.DRIVE)


def test_record_holds_the_samples_with_their_flags(bench):
    box = bench(4, 6, sample_bits=9)
    box.samples = [(0, 0), (-256, 1), (255, 1), (-1, 0), (17, 0)]
    run = box.run(DRIVE_ROWS, microops.convert(Family.COLUMNS, 5, settle_cycles=2, integrate_cycles=3, range_index=1))
    (record,) = unpack_records(run.records)
    assert (record.kind, record.flags, record.count, record.operation) == (RecordKind.CODES, 0b0101, 5, 1)
    assert record.cycle == run.conversions[0][0]
    assert record.data.hex(" ", 2) == "0000 00ff ffff ff7f 1100".replace("00ff ffff ff7f", "00ff ff80 ff7f")


def test_pairs_are_told_to_the_front_end(bench):
    box = bench(4, 6)
    box.samples = [(1, 0), (2, 0), (3, 0)]
    run = box.run(microops.convert(Family.COLUMNS, 3, settle_cycles=1, integrate_cycles=1, pair=True, range_index=3))
    assert run.conversions[0][1] == {"family": Family.COLUMNS, "pair": 1, "range": 3, "count": 3}
    assert len(run.records) == 16


FAULTS = {
    "tile": (microops.tile(2), Status.LINE_RANGE),
    "level line": (microops.level(Family.ROWS, 4, 0), Status.LINE_RANGE),
    "level column": (microops.level(Family.COLUMNS, 7, 0), Status.LINE_RANGE),
    "levels count": (microops.levels(Family.ROWS, 5), Status.LINE_RANGE),
    "levels zero": (MicroOp(Opcode.LEVELS, 0, 0, 0), Status.LINE_RANGE),
    "levels address": (microops.levels(Family.ROWS, 4, 61), Status.ADDRESS_RANGE),
    "levels far address": (MicroOp(Opcode.LEVELS, 0, 1, 0x10000), Status.ADDRESS_RANGE),
    "one": (microops.connect(0, LineState.DRIVE, selection=Selection.ONE, index=4), Status.LINE_RANGE),
    "one far": (microops.connect(0, LineState.DRIVE, selection=Selection.ONE, index=256), Status.LINE_RANGE),
    "first": (microops.connect(0, LineState.DRIVE, selection=Selection.FIRST, index=5), Status.LINE_RANGE),
    "no pulses": (MicroOp(Opcode.PULSE, 0, 0, 0x01000001), Status.LINE_RANGE),
    "no width": (MicroOp(Opcode.PULSE, 0, 1, 0x01000000), Status.LINE_RANGE),
    "no gap": (MicroOp(Opcode.PULSE, 0, 1, 0x00000001), Status.LINE_RANGE),
    "no slots": (MicroOp(Opcode.COINCIDE, 0, 0, 0x00010001), Status.LINE_RANGE),
    "no slot gap": (MicroOp(Opcode.COINCIDE, 0, 1, 0x00000001), Status.LINE_RANGE),
    "no settling": (MicroOp(Opcode.CONVERT, 1, 1, 0x00010000), Status.LINE_RANGE),
    "channels": (microops.convert(Family.COLUMNS, 8, settle_cycles=1, integrate_cycles=1), Status.LINE_RANGE),
    "pairs": (microops.convert(Family.COLUMNS, 4, settle_cycles=1, integrate_cycles=1, pair=True), Status.LINE_RANGE),
    "reply": (microops.convert(Family.COLUMNS, 7, settle_cycles=1, integrate_cycles=1), Status.REPLY_FULL),
    "halt": (microops.halt(), Status.UNKNOWN_MICRO_OP),
    "unknown": (MicroOp(99), Status.UNKNOWN_MICRO_OP),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_lies_outside_the_build_ends_in_the_safe_state_and_does_nothing(bench, name):
    op, status = FAULTS[name]
    box = bench(4, 7, tiles=2, vector_words=64)
    box.records_free = 20 + 2 * 6
    box.tail = 12
    run = box.run(DRIVE_ROWS, op)
    assert run.faults == [Status.OK, status]
    assert run.durations()[1] == 5
    assert run.levels == run.conversions == []
    assert set(run.trace["row_gates"]) == set(run.trace["tile"]) == set(run.trace["tripped"]) == {0}
    end = run.starts[2]
    # Two cycles after the run's end the driven lines float, break_cycles later they are at ground; the outputs stay armed.
    assert run.changes("row_states_high")[-1] == (end + 2, 0)
    assert run.changes("row_states_low")[-1] == (end + 2 + box.parameters.break_cycles, 0b1111)
    assert run.changes("column_states_low") == [(0, 0b1111111)]
    assert run.trace["armed"][-1] == 1


def test_a_record_that_just_fits_is_written(bench):
    box = bench(4, 7)
    box.records_free, box.samples = 20 + 2 * 7, [(k, 0) for k in range(7)]
    run = box.run(microops.convert(Family.COLUMNS, 7, settle_cycles=1, integrate_cycles=1))
    assert run.faults == [Status.OK]


def test_a_record_is_completed_when_the_gate_trips_meanwhile(bench):
    box = bench(2, 2)
    box.samples = [(5, 0)]
    box.strobes = {20: ["stop"]}
    run = box.run(microops.convert(Family.COLUMNS, 2, settle_cycles=4, integrate_cycles=4))
    assert run.faults == [Status.TRIPPED]
    (record,) = unpack_records(run.records)
    # The second sample never came.
    assert record.data == b"\x05\x00\x00\x80"


OVER = {
    "level": (microops.level(Family.ROWS, 0, 11), TripCause.LEVEL_WINDOW, 7),
    "level below": (microops.level(Family.ROWS, 65535, -11), TripCause.LEVEL_WINDOW, 7),
    "no code": (microops.level(Family.ROWS, 0, 128), TripCause.LEVEL_WINDOW, 7),
    "32-bit code": (MicroOp(Opcode.LEVEL, 0, 0, 0x10000), TripCause.LEVEL_WINDOW, 7),
    "vector": (microops.levels(Family.ROWS, 3, 0), TripCause.LEVEL_WINDOW, 11),
    "pulse": (microops.pulse(1, 51, 1), TripCause.PULSE_WIDTH, 7),
    "slot": (microops.coincide(1, 51, 1, row_sign=0, column_sign=0), TripCause.PULSE_WIDTH, 7),
    "convert": (microops.convert(Family.COLUMNS, 1, settle_cycles=25, integrate_cycles=25), TripCause.PULSE_WIDTH, 7),
}


@pytest.mark.parametrize("name", OVER)
def test_what_is_over_a_limit_trips_and_is_not_done(bench, name):
    op, cause, length = OVER[name]
    box = bench(4, 4)
    box.limits |= {"level_min": -10, "level_max": 10, "width_cap": 50}
    box.vector = {0: 10, 1: -10, 2: 11}
    box.tail = 12
    run = box.run(DRIVE_ROWS, op)
    assert run.faults == [Status.OK, Status.TRIPPED]
    assert run.durations()[1] == length
    trip = run.starts[2] - 1
    assert run.changes("tripped") == [(0, 0), (trip, 1)]
    assert run.trace["trip_cause"][-1] == cause
    assert set(run.trace["row_gates"]) == {0}
    assert [code for *_, code in run.levels] == ([10, -10] if name == "vector" else [])
    assert run.changes("row_states_low")[-1] == (trip + 1 + box.parameters.break_cycles, 0b1111)


def test_what_is_just_at_a_limit_is_done(bench):
    box = bench(4, 4)
    box.limits |= {"level_min": -10, "level_max": 10, "width_cap": 50}
    box.samples = [(0, 0)]
    run = box.run(
        DRIVE_ROWS,
        microops.level(Family.ROWS, 0, 10),
        microops.level(Family.ROWS, 0, -10),
        microops.pulse(2, 50, 1),
        microops.convert(Family.COLUMNS, 1, settle_cycles=25, integrate_cycles=24),
    )
    assert run.faults == [Status.OK] * 5


@pytest.mark.parametrize("strobe", ["stop", "disarm"])
@pytest.mark.parametrize(
    "op",
    [microops.pulse(3, 40, 5), microops.coincide(9, 40, 5, row_sign=0, column_sign=0),
     microops.convert(Family.COLUMNS, 2, settle_cycles=40, integrate_cycles=9), microops.connect(0, LineState.SENSE)],
    ids=lambda op: op.opcode.name,
)  # fmt: skip
def test_a_stop_ends_any_micro_op_in_the_next_cycle(bench, op, strobe):
    box = bench(4, 4, break_cycles=30)
    box.banks = [bytes([127] * 4), bytes(4)]
    box.tail = 40
    start = 5 + 2 + 30
    box.strobes = {start + 20: [strobe]}
    run = box.run(DRIVE_ROWS, op)
    # Gates are off in the next cycle, in which the micro-op ends, too.
    assert run.starts[1:] == [start, start + 22]
    assert run.faults[1] == (Status.TRIPPED if strobe == "stop" else Status.NOT_ARMED)
    assert set(run.trace["row_gates"][start + 21 :]) == {0}
    assert run.trace["gates_off"][start + 21] == 1
    assert run.trace["trip_cause"][-1] == (TripCause.STOP_FRAME if strobe == "stop" else TripCause.NONE)
    if op.opcode != Opcode.CONNECT:
        assert run.trace["row_gates"][start + 20] != 0
    assert run.trace["row_states_high"][start + 22] == 0
    assert run.trace["row_states_low"][start + 22 + 30] == 0b1111


def test_nothing_runs_while_not_armed(bench):
    box = bench(4, 4)
    box.arm = False
    run = box.run(DRIVE_ROWS)
    assert run.faults == [Status.NOT_ARMED]
    assert set(run.trace["row_states_high"]) == {0}
