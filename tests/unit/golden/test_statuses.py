"""Every refusal and fault of the contract, each with what must not have happened."""

import zlib

import pytest
from cobs import cobs

from crossloop.protocol import commands
from crossloop.protocol import microops as ops
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.frames import FrameKind
from crossloop.protocol.microops import LineState, MicroOp, Opcode, Selection
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import Family
from crossloop_sim.events import Kind

ROWS, COLUMNS = Family.ROWS, Family.COLUMNS
NOTHING = commands.read_words(0)


def refusal(bench, data: bytes):
    (reply,) = bench.raw(data)
    assert reply.kind is FrameKind.REFUSAL
    assert (reply.sequence, reply.detail, reply.credit, reply.payload) == (bench.sequence, 0, 2, b"")
    return reply.status


def test_requests_before_the_identity_exchange_are_refused(bench) -> None:
    assert refusal(bench, bench.frame(b"", 0)) is Status.NO_SESSION


def test_a_number_ahead_is_a_gap_and_an_old_one_is_stale(bench) -> None:
    bench.hello(first=2**32 - 2)
    for _ in range(4):
        bench.send(NOTHING)
    assert bench.sequence == 2  # the numbers went round
    assert refusal(bench, bench.frame(b"", 3)) is Status.SEQUENCE_GAP
    assert refusal(bench, bench.frame(b"", 2**32 - 1)) is Status.SEQUENCE_STALE
    assert refusal(bench, bench.frame(b"", 2 + 2**31)) is Status.SEQUENCE_GAP
    assert refusal(bench, bench.frame(b"", 3 + 2**31)) is Status.SEQUENCE_STALE
    assert bench.send(b"").status is Status.OK


def test_a_frame_beyond_the_credit_overflows_and_can_be_sent_again(bench) -> None:
    bench.ready()
    first, second, third = (bench.frame(commands.run(0), bench.sequence + n) for n in range(3))
    overflow, *replies = bench.raw(first + second + third)
    assert (overflow.kind, overflow.status) == (FrameKind.REFUSAL, Status.OVERFLOW)
    assert [reply.sequence for reply in replies] == [bench.sequence, bench.sequence + 1]
    (again,) = bench.raw(third)
    assert (again.status, again.sequence) == (Status.OK, bench.sequence + 2)


def test_a_repetition_that_comes_before_its_reply_is_ignored(bench) -> None:
    bench.ready()
    frame = bench.frame(commands.run(0), bench.sequence)
    (reply,) = bench.raw(frame + frame)
    assert reply.sequence == bench.sequence
    assert len(bench.plant.of(Kind.RUN)) == 2  # one rise, one fall


def test_an_identity_exchange_finds_a_running_program_busy(bench) -> None:
    bench.ready()
    busy, reply = bench.raw(bench.frame(commands.run(0), bench.sequence) + bench.frame(b"", 77, FrameKind.HELLO))
    assert (busy.kind, busy.status) == (FrameKind.REFUSAL, Status.BUSY)
    assert (reply.kind, reply.status) == (FrameKind.REPLY, Status.OK)
    assert bench.model.armed


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x05abcd\0", Status.LENGTH_MISMATCH),
        (b"\x01\0", Status.LENGTH_MISMATCH),
        (b"\x0eabcdefghijklm\0", Status.CRC_MISMATCH),
        (b"\x20abcdefghijklm\0", Status.CRC_MISMATCH),
        (b"\x09abcd\0", Status.LENGTH_MISMATCH),
        (b"\xff" + b"x" * 254 + b"\x20" + b"x" * 31 + b"\0", Status.LENGTH_MISMATCH),
        (b"x" * 5000 + b"\0", Status.LENGTH_MISMATCH),
    ],
    ids=["short", "empty", "wrong CRC", "cut block", "cut block, short", "long", "endless"],
)
def test_broken_frames_are_refused_and_counted(bench, data, status) -> None:
    bench.hello()
    assert refusal(bench, data) is status
    assert bench.register(Register.BAD_FRAMES) == 1


def test_delimiters_alone_are_no_frames(bench) -> None:
    bench.hello()
    assert bench.raw(bytes(50)) == []
    assert bench.register(Register.BAD_FRAMES) == 0


def test_a_length_field_that_lies_and_a_kind_of_the_device_are_refused(bench) -> None:
    bench.hello()
    for body, status in (
        (bytes.fromhex("02000500 00000000") + b"abcd", Status.LENGTH_MISMATCH),
        (bytes.fromhex("05000400 00000000") + b"abcd", Status.UNKNOWN_KIND),
        (bytes.fromhex("82000400 00000000") + b"abcd", Status.UNKNOWN_KIND),
    ):
        data = cobs.encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"
        assert refusal(bench, data) is status
    assert bench.register(Register.BAD_FRAMES) == 3


COMMANDS = {
    "unknown opcode": (bytes(6), Status.UNKNOWN_COMMAND),
    "half a header": (commands.disarm()[:5], Status.COMMAND_TRUNCATED),
    "no data": (commands.write_register(Register.ROW_SEED, 1)[:-1], Status.COMMAND_TRUNCATED),
    "register": (commands.read_register(19), Status.ADDRESS_RANGE),
    "vector end": (commands.write_bytes(0, b"ab", 1023), Status.ADDRESS_RANGE),
    "vector end, words": (commands.write_words(b"abcd", 1023), Status.ADDRESS_RANGE),
    "vector end, reading": (commands.read_words(2, 1023), Status.ADDRESS_RANGE),
    "program end": (commands.write_program(bytes(16), 1023), Status.ADDRESS_RANGE),
    "run address": (commands.run(1024), Status.ADDRESS_RANGE),
    "bank": (commands.write_bytes(3, b""), Status.ADDRESS_RANGE),
    "stream bank": (commands.write_bytes(1, b"12345"), Status.ADDRESS_RANGE),
    "read-only register": (commands.write_register(Register.STATE, 1), Status.READ_ONLY),
    "limit": (commands.write_register(Register.WIDTH_CAP, 7), Status.LIMIT_LOCKED),
    "same limit": (commands.write_register(Register.WIDTH_CAP, 2000), Status.OK),
    "reply": (commands.read_words(60) * 2, Status.REPLY_FULL),
    "token": (commands.arm(1), Status.TOKEN_STALE),
    "token 0": (commands.arm(0), Status.TOKEN_STALE),
}


@pytest.mark.parametrize(("payload", "status"), COMMANDS.values(), ids=COMMANDS.keys())
def test_a_refused_command_names_its_index_and_stops_the_frame(bench, payload, status) -> None:
    bench.ready()
    reply = bench.send(NOTHING, payload, *([] if "TRUNCATED" in status.name else [commands.arm(77)]))
    assert reply.status is status
    if status is Status.OK:
        assert reply.detail == 0
    else:
        # The reply that overflows does so with its second record.
        assert reply.detail == (2 if status is Status.REPLY_FULL else 1)
        bench.token = 76
        assert bench.arm() is Status.OK, "the command after the refused one was executed"


def test_refused_writes_leave_the_memory_as_it_was(bench) -> None:
    bench.ready()
    bench.send(commands.write_bytes(0, bytes([1, 0x80, 3]), 0))
    bench.send(commands.write_bytes(0, b"xyz", 0)[:-1])
    reply = bench.send(commands.read_words(3))
    assert reply.payload[10:] == bytes.fromhex("0100 80ff 0300")


def test_programs_need_armed_outputs(bench) -> None:
    bench.hello()
    bench.limits()
    reply = bench.send(commands.run(0))
    assert (reply.status, reply.payload) == (Status.NOT_ARMED, b"")
    bench.arm()
    bench.stop()
    reply = bench.send(commands.run(0))
    assert (reply.status, reply.payload) == (Status.TRIPPED, b"")
    assert not bench.plant.of(Kind.RUN)


FAULTS = {
    "unknown micro-op": (MicroOp(99), Status.UNKNOWN_MICRO_OP),
    "next without loop": (ops.next_(), Status.LOOP_DEPTH),
    "loop of none": (MicroOp(Opcode.LOOP), Status.LINE_RANGE),
    "tile": (ops.tile(2), Status.LINE_RANGE),
    "level row": (ops.level(ROWS, 4, 0), Status.LINE_RANGE),
    "level column": (ops.level(COLUMNS, 3, 0), Status.LINE_RANGE),
    "levels": (ops.levels(COLUMNS, 4), Status.LINE_RANGE),
    "levels of none": (MicroOp(Opcode.LEVELS), Status.LINE_RANGE),
    "levels past the vector memory": (ops.levels(COLUMNS, 3, 1022), Status.ADDRESS_RANGE),
    "connect one": (ops.connect(ROWS, LineState.DRIVE, selection=Selection.ONE, index=4), Status.LINE_RANGE),
    "connect first": (ops.connect(ROWS, LineState.DRIVE, selection=Selection.FIRST, index=5), Status.LINE_RANGE),
    "channels": (ops.convert(COLUMNS, 4, settle_cycles=1, integrate_cycles=1), Status.LINE_RANGE),
    "pairs": (ops.convert(COLUMNS, 2, settle_cycles=1, integrate_cycles=1, pair=True), Status.LINE_RANGE),
    "no channel": (MicroOp(Opcode.CONVERT, c=0x10001), Status.LINE_RANGE),
    "no settling": (MicroOp(Opcode.CONVERT, b=1, c=0x10000), Status.LINE_RANGE),
    "no pulse": (MicroOp(Opcode.PULSE, b=0, c=0x01000001), Status.LINE_RANGE),
    "no width": (MicroOp(Opcode.PULSE, b=1, c=0x01000000), Status.LINE_RANGE),
    "no gap": (MicroOp(Opcode.PULSE, b=1, c=1), Status.LINE_RANGE),
    "no slot": (MicroOp(Opcode.COINCIDE, c=0x10001), Status.LINE_RANGE),
    "code above the window": (ops.level(ROWS, 0, 32), Status.TRIPPED),
    "code below the window": (ops.level(ROWS, 65535, -33), Status.TRIPPED),
    "pulse width": (ops.pulse(1, 2001, 1), Status.TRIPPED),
    "slot width": (ops.coincide(1, 2001, 1, row_sign=0, column_sign=0), Status.TRIPPED),
    "conversion width": (ops.convert(COLUMNS, 1, settle_cycles=1000, integrate_cycles=1000), Status.TRIPPED),
}


@pytest.mark.parametrize(("op", "status"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_ends_the_run_in_the_safe_state(bench, op, status) -> None:
    bench.ready()
    reply, (done,) = bench.run(ops.connect(COLUMNS, LineState.SENSE), op)
    assert (reply.status, reply.detail) == (status, 0)
    # CONNECT's 11 cycles, then the 5 of the faulting micro-op; a level or a width is refused one cycle later. The run ends a cycle after
    # a trip.
    tripped = status is Status.TRIPPED
    fault = 16 + tripped
    assert (done.flags, done.operation, done.cycle) == (status, 1, fault + tripped)
    tail = [(e.cycle, e.kind, e.a, e.words) for e in bench.plant.seen if e.cycle >= 16]
    zeros = (0,) * 4
    trip = [(fault, Kind.TRIP, 1, zeros)] if tripped else []
    safe = fault + (1 if tripped else 2)
    assert tail == [
        *trip,
        (fault + tripped, Kind.RUN, 0, zeros),
        (safe, Kind.STATES, 0, (0b1111, 0, 0, 0)),
        (safe + 4, Kind.STATES, 0, (0b1111, 0, 0b111, 0)),
    ]
    assert not bench.plant.of(Kind.GATES, Kind.LEVEL, Kind.CONVERSION)
    assert bench.model.armed == (status is not Status.TRIPPED)


@pytest.mark.parametrize("edge", [ops.pulse(1, 2000, 1), ops.level(ROWS, 0, 31), ops.level(ROWS, 0, -32)])
def test_values_on_a_limit_pass(bench, edge) -> None:
    assert bench.ready().run(edge)[0].status is Status.OK


def test_conversions_on_the_width_limit_pass(bench) -> None:
    assert bench.ready().run(ops.convert(ROWS, 1, settle_cycles=1000, integrate_cycles=999))[0].status is Status.OK


def test_levels_trip_at_the_first_code_outside(bench) -> None:
    bench.ready()
    bench.send(commands.write_bytes(0, bytes([1, 2, 99, 3])))
    _, (done,) = bench.run(ops.levels(ROWS, 4))
    assert [(e.cycle, e.b, e.words[0]) for e in bench.plant.of(Kind.LEVEL)] == [(8, 0, 1), (9, 1, 2)]
    assert (done.cycle, done.flags, bench.model.trip_cause) == (11, Status.TRIPPED, TripCause.LEVEL_WINDOW)


def test_codes_that_the_converters_lack_are_outside_any_window(bench) -> None:
    bench.ready(LEVEL_MIN=-(2**31), LEVEL_MAX=2**31 - 1)
    assert bench.run(ops.level(ROWS, 0, 63))[0].status is Status.OK
    assert bench.run(ops.level(ROWS, 0, 64))[0].status is Status.TRIPPED


def test_loops_nest_as_deep_as_promised(bench) -> None:
    bench.ready()
    assert bench.run(*[ops.loop(2)] * 4, *[ops.next_()] * 4)[0].status is Status.OK
    reply, (done,) = bench.run(*[ops.loop(2)] * 5, *[ops.next_()] * 5)
    assert (reply.status, done.operation) == (Status.LOOP_DEPTH, 4)


def test_a_program_without_halt_ends_at_the_end_of_its_memory(make_bench) -> None:
    bench = make_bench(program_ops=16)
    reply, (done,) = bench.ready().run(*[ops.wait(0)] * 16, halt=False)
    assert (reply.status, done.operation, done.cycle) == (Status.ADDRESS_RANGE, 16, 16 * 5 + 5)


@pytest.mark.parametrize(("last", "status"), [(3, Status.OK), (4, Status.REPLY_FULL)])
def test_records_leave_room_for_the_end_of_the_run(bench, last, status) -> None:
    # A frame of 256 bytes has 240 for records: 11 of 10 + 2*4 bytes, 2 of 10 + 2*3, and 10 of DONE fill it exactly.
    bench.ready()
    reply, records = bench.run(
        ops.loop(11),
        ops.convert(ROWS, 4, settle_cycles=1, integrate_cycles=1),
        ops.next_(),
        ops.convert(ROWS, 3, settle_cycles=1, integrate_cycles=1),
        ops.convert(ROWS, last, settle_cycles=1, integrate_cycles=1),
    )
    assert (reply.status, records[-1].flags) == (status, status)
    assert len(records) == (14 if status is Status.OK else 13)


def test_a_run_that_has_no_room_for_its_end_does_not_start(bench) -> None:
    bench.ready()
    reply = bench.send(commands.read_words(111), commands.run(0))
    assert (reply.status, reply.detail) == (Status.REPLY_FULL, 1)
    assert not bench.plant.of(Kind.RUN)
