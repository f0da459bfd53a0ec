"""Frames at the link's two sides: sessions, sequence numbers, slots, repetitions, refusals.

The bench plays the dispatcher: it answers a request with its payload in reverse, and counts how often each was executed.
"""

import struct
import zlib
from collections.abc import Callable

import pytest
from amaranth.sim import Simulator
from cobs import cobs

from crossloop.protocol.errors import Status
from crossloop.protocol.frames import FrameKind, Reply, pack_request, unpack_reply
from crossloop.protocol.identity import pack_identity
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.link.request_link import RequestLink

PARAMETERS = Parameters(frame_bytes=128, request_slots=2)
ENOUGH_CYCLES = 300
"""More than any exchange of these tests takes."""


def line(kind: int, sequence: int, payload: bytes = b"") -> bytes:
    return cobs.encode(pack_request(kind, sequence, payload)) + b"\0"


def hello(sequence: int) -> bytes:
    return line(FrameKind.HELLO, sequence)


def request(sequence: int, payload: bytes = b"") -> bytes:
    return line(FrameKind.REQUEST, sequence, payload)


class Bench:
    """A link between a host that sends whole frames and a dispatcher of the bench."""

    def __init__(self, ctx, link):
        self.ctx, self.link = ctx, link
        self.executed: list[bytes] = []
        self.strobes = {"stop": 0, "frame_seen": 0, "session_opened": 0}
        self.hold = False
        """The dispatcher does not finish."""
        self.cycle = 0
        self._line = bytearray()
        self._replies: list[Reply] = []
        self._payload = bytearray()
        self._answer: bytearray | None = None
        ctx.set(link.stopped, 1)
        ctx.set(link.tx.ready, 1)

    async def tick(self):
        ctx, link = self.ctx, self.link
        self._dispatch()
        if ctx.get(link.tx.valid) and ctx.get(link.tx.ready):
            byte = ctx.get(link.tx.payload)
            self._line.append(byte)
            if byte == 0:
                self._replies.append(unpack_reply(cobs.decode(bytes(self._line[:-1]))))
                self._line.clear()
        for name in self.strobes:
            self.strobes[name] += ctx.get(getattr(link, name))
        self.cycle += 1
        await ctx.tick()

    def _dispatch(self):
        """Decide this cycle's inputs of the link from its outputs, as a state machine would."""
        ctx, link = self.ctx, self.link
        ctx.set(link.records.valid, 0)
        ctx.set(link.finish, 0)
        ctx.set(link.payload.ready, 0)
        if not ctx.get(link.active):
            return
        if self._answer is None:
            if ctx.get(link.payload_left) == 0:
                self.executed.append(bytes(self._payload))
                self._answer = self._payload[::-1]
                self._payload = bytearray()
            elif ctx.get(link.payload.valid):
                ctx.set(link.payload.ready, 1)
                self._payload.append(ctx.get(link.payload.payload))
        elif self._answer:
            ctx.set(link.records.valid, 1)
            ctx.set(link.records.payload, self._answer.pop(0))
        elif not self.hold:
            ctx.set(link.finish, 1)
            ctx.set(link.status, Status.ADDRESS_RANGE if self.executed[-1] == b"bad" else Status.OK)
            ctx.set(link.detail, 5)
            self._answer = None

    async def send(self, data: bytes):
        for byte in data:
            self.ctx.set(self.link.rx.valid, 1)
            self.ctx.set(self.link.rx.payload, byte)
            await self.tick()
        self.ctx.set(self.link.rx.valid, 0)

    async def replies(self) -> list[Reply]:
        for _ in range(ENOUGH_CYCLES):
            await self.tick()
        replies, self._replies = self._replies, []
        return replies

    async def ask(self, data: bytes) -> list[Reply]:
        await self.send(data)
        return await self.replies()


@pytest.fixture
def run() -> Callable:
    def run_bench(scenario, parameters=PARAMETERS):
        link = RequestLink(parameters)

        async def testbench(ctx):
            await scenario(Bench(ctx, link))

        simulator = Simulator(link)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()

    return run_bench


def verdicts(replies):
    return [(reply.kind, reply.status, reply.sequence) for reply in replies]


def refusal(status, sequence):
    return (FrameKind.REFUSAL, status, sequence)


def reply(sequence, status=Status.OK):
    return (FrameKind.REPLY, status, sequence)


def test_hello_is_answered_with_the_identity_and_opens_a_session_once(run):
    async def scenario(bench):
        (identity,) = await bench.ask(hello(0xFFFFFFFF))
        assert identity == Reply(FrameKind.IDENTITY, Status.OK, 0xFFFFFFFF, 2, 0, pack_identity(PARAMETERS))
        # The sequence number wraps around, and the session's own HELLO changes nothing.
        assert verdicts(await bench.ask(request(0xFFFFFFFF, b"x"))) == [reply(0xFFFFFFFF)]
        assert (await bench.ask(hello(0xFFFFFFFF)))[0].kind is FrameKind.IDENTITY
        assert verdicts(await bench.ask(request(0, b"y"))) == [reply(0)]
        assert bench.executed == [b"x", b"y"]
        assert bench.strobes["session_opened"] == 1

    run(scenario)


def test_replies_carry_records_status_and_detail(run):
    async def scenario(bench):
        await bench.ask(hello(7))
        payload = bytes(range(60))
        (good,) = await bench.ask(request(7, payload))
        assert good == Reply(FrameKind.REPLY, Status.OK, 7, 2, 5, payload[::-1])
        (bad,) = await bench.ask(request(8, b"bad"))
        assert (bad.status, bad.detail, bad.payload) == (Status.ADDRESS_RANGE, 5, b"dab")

    run(scenario)


def test_the_largest_frame_passes_and_one_byte_more_does_not(run):
    async def scenario(bench):
        await bench.ask(hello(1))
        largest = PARAMETERS.frame_bytes - 12
        assert verdicts(await bench.ask(request(1, bytes(largest + 1)))) == [refusal(Status.LENGTH_MISMATCH, 1)]
        await bench.send(request(1, bytes([3]) * largest))
        bench.hold = True  # its reply would be larger than the records that fit, which a dispatcher must prevent
        await bench.replies()
        assert bench.executed == [bytes([3]) * largest]

    run(scenario)


def test_a_repetition_gets_the_stored_reply_and_is_not_executed_again(run):
    async def scenario(bench):
        await bench.ask(hello(10))
        first = await bench.ask(request(10, b"one"))
        second = await bench.ask(request(11, b"two"))
        assert await bench.ask(request(10, b"one")) == first
        assert await bench.ask(request(11, b"something else")) == second
        third = await bench.ask(request(12, b"three"))
        assert verdicts(await bench.ask(request(10, b"one"))) == [refusal(Status.SEQUENCE_STALE, 13)]
        assert await bench.ask(request(12) + request(11)) == third + second
        assert bench.executed == [b"one", b"two", b"three"]

    run(scenario)


def test_a_repetition_of_a_request_at_work_is_answered_once(run):
    async def scenario(bench):
        await bench.ask(hello(10))
        bench.hold = True
        assert await bench.ask(request(10, b"slow") + request(10, b"slow")) == []
        bench.hold = False
        assert verdicts(await bench.replies()) == [reply(10)]
        assert bench.executed == [b"slow"]

    run(scenario)


def test_frames_beyond_the_credit_are_refused_and_the_others_executed_in_order(run):
    async def scenario(bench):
        await bench.ask(hello(20))
        bench.hold = True
        await bench.send(request(20, b"a") + request(21, b"b") + request(22, b"c"))
        assert verdicts(await bench.replies()) == [refusal(Status.OVERFLOW, 22)]
        bench.hold = False
        assert verdicts(await bench.replies()) == [reply(20), reply(21)]
        assert verdicts(await bench.ask(request(22, b"c"))) == [reply(22)]
        assert bench.executed == [b"a", b"b", b"c"]

    run(scenario)


def test_refusals_name_the_reason_and_the_expected_number(run):
    unchecked = struct.pack("<BBHI", FrameKind.REQUEST, 0, 3, 30) + b"four"
    wrong_length = cobs.encode(unchecked + zlib.crc32(unchecked).to_bytes(4, "little")) + b"\0"
    wrong_crc = cobs.encode(pack_request(FrameKind.REQUEST, 30)[:-1] + b"\x99") + b"\0"

    async def scenario(bench):
        assert verdicts(await bench.ask(request(5))) == [refusal(Status.NO_SESSION, 0)]
        await bench.ask(hello(30))
        seen = bench.strobes["frame_seen"]
        for frame, status in [
            (request(31), Status.SEQUENCE_GAP),
            (request(27), Status.SEQUENCE_STALE),
            (wrong_crc, Status.CRC_MISMATCH),
            (wrong_length, Status.LENGTH_MISMATCH),
            (b"\x03ab\0", Status.LENGTH_MISMATCH),
            (line(FrameKind.REQUEST, 30)[:-2] + b"\0", Status.LENGTH_MISMATCH),
            (request(30, b"cut off")[:-3] + b"\0", Status.CRC_MISMATCH),
            (line(5, 30), Status.UNKNOWN_KIND),
            (line(FrameKind.REPLY, 30), Status.UNKNOWN_KIND),
        ]:
            (answer,) = await bench.ask(frame)
            assert (verdicts([answer]), answer.detail) == ([refusal(status, 30)], 0)
        assert bench.strobes["frame_seen"] - seen == 2, (
            "only frames that pass their checks keep the dead-man timer alive"
        )
        assert bench.ctx.get(bench.link.bad_frames) == 7
        assert await bench.ask(b"\0\0\0") == []
        assert bench.executed == []
        assert verdicts(await bench.ask(request(30, b"still works"))) == [reply(30)]

    run(scenario)


def test_a_reply_is_not_overwritten_while_a_slow_host_takes_it(run):
    # More than the transmitter's own buffer holds: the last requests have to wait for their slot of the cache.
    payloads = [bytes([number + 1] * 100) for number in range(7)]

    async def scenario(bench):
        await bench.ask(hello(0))
        bench.ctx.set(bench.link.tx.ready, 0)
        for number, payload in enumerate(payloads[:-1]):
            await bench.send(request(number, payload))
            await bench.replies()
        assert len(bench.executed) == len(payloads) - 2
        bench.ctx.set(bench.link.tx.ready, 1)
        answers = [answer for _ in range(4) for answer in await bench.replies()]
        answers += await bench.ask(request(6, payloads[6]))
        answers += await bench.replies()
        assert [answer.payload for answer in answers] == payloads

    run(scenario, Parameters(frame_bytes=128, request_slots=1))


def test_stop_trips_at_once_and_is_answered_when_the_gates_are_off(run):
    async def scenario(bench):
        await bench.ask(hello(40))
        bench.hold = True
        await bench.ask(request(40, b"running"))
        bench.ctx.set(bench.link.stopped, 0)
        assert await bench.ask(line(FrameKind.STOP, 99)) == []
        assert bench.strobes["stop"] == 1
        bench.ctx.set(bench.link.stopped, 1)
        assert verdicts(await bench.replies()) == [(FrameKind.STOPPED, Status.OK, 41)]

    run(scenario)


def test_kick_is_seen_and_not_answered(run):
    async def scenario(bench):
        assert await bench.ask(line(FrameKind.KICK, 0)) == []
        assert bench.strobes == {"stop": 0, "frame_seen": 1, "session_opened": 0}

    run(scenario)


def test_a_new_session_waits_for_requests_but_not_for_programs(run):
    async def scenario(bench):
        await bench.ask(hello(1))
        bench.hold = True
        bench.ctx.set(bench.link.busy, 1)
        assert verdicts(await bench.ask(request(1, b"program") + hello(50))) == [refusal(Status.BUSY, 2)]
        bench.ctx.set(bench.link.busy, 0)
        assert await bench.ask(hello(60)) == []
        bench.hold = False
        first, second = await bench.replies()
        assert verdicts([first]) == [reply(1)]
        assert (second.kind, second.sequence) == (FrameKind.IDENTITY, 60)
        assert await bench.ask(request(59)) == [], "there is nothing to repeat from before the session"
        assert verdicts(await bench.ask(request(60))) == [reply(60)]

    run(scenario)


@pytest.mark.parametrize("slots", [1, 8])
def test_every_number_of_slots_keeps_that_many_replies(run, slots):
    parameters = Parameters(frame_bytes=128, request_slots=slots)

    async def scenario(bench):
        (identity,) = await bench.ask(hello(0))
        assert identity.credit == slots
        answers = await bench.ask(b"".join(request(number, bytes([number, 9])) for number in range(slots)))
        answers += await bench.ask(request(slots, b"last"))
        assert verdicts(answers) == [reply(number) for number in range(slots + 1)]
        assert await bench.ask(request(1)) == answers[1:2]
        assert verdicts(await bench.ask(request(0))) == [refusal(Status.SEQUENCE_STALE, slots + 1)]
        assert len(bench.executed) == slots + 1

    run(scenario, parameters)


def test_request_and_reply_take_one_cycle_per_byte(run):
    # A longer payload takes as many cycles more as it has bytes: once each to take, to answer and to send.
    async def scenario(bench):
        await bench.ask(hello(0))
        taken = []
        for number, size in enumerate((10, 100)):
            await bench.send(request(number, bytes([number + 1, 0] * (size // 2))))
            start = bench.cycle
            while not bench._replies:
                await bench.tick()
            bench._replies.clear()
            taken.append(bench.cycle - start)
        assert taken[1] - taken[0] == 3 * 90

    run(scenario)
