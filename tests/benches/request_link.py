"""Request link: every request is executed exactly once and in order, whatever the host or the line does."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, Timer

from benches import wire
from benches.stepper import PERIOD_NS, generator
from benches.wire import Answer, answers, frame
from crossloop_sim.cosim.byte_link import ByteLink
from crossloop_sim.cosim.simulator import parameters

GIVEN = parameters()
FRAME_BYTES = GIVEN.get("frame_bytes", 128)
SLOTS = GIVEN.get("request_slots", 2)
REQUEST_MAX, REPLY_MAX = FRAME_BYTES - 12, FRAME_BYTES - 16
"""Longest payloads: a frame without header and checksum."""
FIRST = 0xFFFFFFFA
"""Sequence numbers pass through zero early."""


def echo(payload: bytes) -> bytes:
    """What the bench's dispatcher answers."""
    return bytes(byte ^ 0x5A for byte in payload)[:REPLY_MAX]


class Bench:
    """The link between a line and a dispatcher that echoes; keeps what was executed."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.random = generator()
        self.line = ByteLink(dut)
        self.executed: list[bytes] = []
        self.strobes: list[str] = []
        self.delay = 0
        """Cycles that the dispatcher takes before it answers."""
        self.take_at_most = FRAME_BYTES
        self.next = FIRST

    @classmethod
    async def make(cls, dut: Any, *, session: bool = True) -> Bench:
        bench = cls(dut)
        dut.rst.value = 1
        for name in (
            "rx__valid",
            "rx__payload",
            "payload__ready",
            "records__valid",
            "records__payload",
            "finish",
            "status",
            "detail",
            "busy",
        ):
            getattr(dut, name).value = 0
        dut.stopped.value = 1
        Clock(dut.clk, PERIOD_NS, unit="ns", impl="gpi").start(start_high=False)
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        bench.line.start()
        cocotb.start_soon(bench._dispatch())
        for name in ("frame_seen", "stop", "session_opened"):
            cocotb.start_soon(bench._note(name))
        if session:
            (identity,) = await bench.ask(frame(wire.HELLO, FIRST))
            assert (identity.kind, identity.sequence) == (wire.IDENTITY, FIRST)
        return bench

    async def _note(self, name: str) -> None:
        while True:
            await RisingEdge(getattr(self.dut, name))
            await FallingEdge(self.dut.clk)
            if int(getattr(self.dut, name).value):
                self.strobes.append(name)

    async def _dispatch(self) -> None:
        dut, clock_falls = self.dut, FallingEdge(self.dut.clk)
        while True:
            while not int(dut.active.value):
                await RisingEdge(dut.active)
                await clock_falls
            payload = bytearray()
            free = int(dut.records_free.value)
            dut.payload__ready.value = 1
            while int(dut.payload_left.value) and len(payload) < self.take_at_most:
                if int(dut.payload__valid.value):
                    payload.append(int(dut.payload__payload.value))
                await clock_falls
            dut.payload__ready.value = 0
            self.executed.append(bytes(payload))
            for _ in range(self.delay):
                await clock_falls
            assert free == REPLY_MAX
            for count, byte in enumerate(echo(payload)):
                assert int(dut.records_free.value) == free - count
                dut.records__valid.value = 1
                dut.records__payload.value = byte
                await clock_falls
            dut.records__valid.value = 0
            dut.finish.value = 1
            dut.status.value = len(payload) % 21
            dut.detail.value = 1000 + len(payload)
            await clock_falls
            dut.finish.value = 0
            await clock_falls

    async def ask(self, data: bytes, *, rest: int = 400) -> list[Answer]:
        """Send bytes; return the answers that come until long after the last byte."""
        self.line.send(data)
        await Timer((4 * len(data) + rest + self.delay) * PERIOD_NS, unit="ns")
        return answers(self.line.take())

    def request(self, payload: bytes) -> bytes:
        """Return the next request's frame."""
        self.next += 1
        return frame(wire.REQUEST, self.next - 1, payload)

    async def check_still_works(self) -> None:
        """A request is executed once, and its answer is right."""
        before = len(self.executed)
        (reply,) = await self.ask(self.request(b"still"))
        assert reply == expected(self.next - 1, b"still")
        assert self.executed[before:] == [b"still"]


def expected(sequence: int, payload: bytes) -> Answer:
    """The reply to a request with this payload."""
    return Answer(wire.REPLY, len(payload) % 21, sequence % wire.MODULUS, SLOTS, 1000 + len(payload), echo(payload))


def refusal(status: int, sequence: int) -> Answer:
    return Answer(wire.REFUSAL, status, sequence % wire.MODULUS, SLOTS, 0, b"")


@cocotb.test()
async def requests_of_every_length_are_answered(dut: Any) -> None:
    bench = await Bench.make(dut)
    for length in (0, 1, 2, REPLY_MAX, REQUEST_MAX, *(bench.random.randrange(REQUEST_MAX) for _ in range(4))):
        payload = bytes(bench.random.choice((0, 1, 0xFF, bench.random.getrandbits(8))) for _ in range(length))
        sequence = bench.next
        (reply,) = await bench.ask(bench.request(payload))
        assert reply == expected(sequence, payload)
        assert bench.executed.pop() == payload
    # Neighbours in one go, as many as there is credit for.
    sent = [bench.random.randbytes(20) for _ in range(SLOTS)]
    sequence = bench.next
    replies = await bench.ask(b"".join(bench.request(payload) for payload in sent), rest=200 * SLOTS)
    assert replies == [expected(sequence + index, payload) for index, payload in enumerate(sent)]


@cocotb.test()
async def a_repeated_frame_is_never_executed_again(dut: Any) -> None:
    """Copies of recent frames at random places, also while the request is executed; the stored reply comes back unchanged."""
    bench = await Bench.make(dut)
    history: list[tuple[int, bytes, bytes]] = []
    sent = []
    for number in range(40):
        payload = number.to_bytes(2, "little") + bench.random.randbytes(bench.random.randrange(12))
        sequence = bench.next
        encoded = bench.request(payload)
        history.append((sequence, payload, encoded))
        sent.append(payload)
        bench.delay = bench.random.choice((0, 0, 100, 300))
        copies = [encoded, *(bench.random.choice(history[-SLOTS:])[2] for _ in range(bench.random.randrange(4)))]
        replies = await bench.ask(b"".join(copies), rest=500 + 400 * len(copies))
        known = {expected(*item[:2]) for item in history[-SLOTS:]}
        assert expected(sequence, payload) in replies
        assert set(replies) <= known
        assert len(replies) <= len(copies)
    assert bench.executed == sent
    assert int(dut.bad_frames.value) == 0


@cocotb.test()
async def sequence_numbers_outside_the_window_are_refused(dut: Any) -> None:
    bench = await Bench.make(dut)
    for _ in range(SLOTS + 1):
        await bench.check_still_works()
    executed = len(bench.executed)
    for ahead in (1, 2, 1000, (1 << 31) - 1):
        assert await bench.ask(frame(wire.REQUEST, bench.next + ahead, b"x")) == [refusal(wire.GAP, bench.next)]
    for behind in (SLOTS + 1, SLOTS + 2, 1000):
        assert await bench.ask(frame(wire.REQUEST, bench.next - behind, b"x")) == [refusal(wire.STALE, bench.next)]
    assert len(bench.executed) == executed
    assert int(dut.bad_frames.value) == 0
    await bench.check_still_works()


@cocotb.test()
async def more_requests_than_credit_overflow(dut: Any) -> None:
    bench = await Bench.make(dut)
    bench.delay = 3000
    sent = [bytes([index]) * 3 for index in range(SLOTS + 2)]
    sequence = bench.next
    got = await bench.ask(b"".join(bench.request(payload) for payload in sent), rest=3000 * (SLOTS + 2))
    refused = refusal(wire.OVERFLOW, sequence + SLOTS)
    assert refused in got
    # What comes after the refused one is ahead.
    assert set(got) - {expected(sequence + index, payload) for index, payload in enumerate(sent[:SLOTS])} == {
        refused, refusal(wire.GAP, sequence + SLOTS),
    }  # fmt: skip
    assert bench.executed == sent[:SLOTS]
    bench.next, bench.delay = sequence + SLOTS, 0
    await bench.check_still_works()


@cocotb.test()
async def damaged_frames_are_refused_by_name_and_change_nothing(dut: Any) -> None:
    bench = await Bench.make(dut)
    sequence = bench.next
    good = frame(wire.REQUEST, sequence, b"abcdefgh")
    flipped = bytearray(good)
    flipped[14] ^= 0x10
    bad = [
        (bytes(flipped), wire.CRC_MISMATCH),
        (b"\x01\x01\x01\0", wire.LENGTH_MISMATCH),
        (b"\x05" + bytes([1]) * 3 + b"\0", wire.LENGTH_MISMATCH),
        (b"\xff" + bytes([1]) * 60 + b"\0", wire.CRC_MISMATCH),
        (frame(wire.REQUEST, sequence, b"abc", length=4), wire.LENGTH_MISMATCH),
        (frame(wire.REQUEST, sequence, b"abc", length=2), wire.LENGTH_MISMATCH),
        (frame(wire.REQUEST, sequence, bytes(REQUEST_MAX + 1)), wire.LENGTH_MISMATCH),
        (frame(wire.REQUEST, sequence, bytes(3 * FRAME_BYTES)), wire.LENGTH_MISMATCH),
        (frame(5, sequence, b"abc"), wire.UNKNOWN_KIND),
        (frame(0, sequence, b"abc"), wire.UNKNOWN_KIND),
        (frame(wire.REPLY, sequence, b"abc"), wire.UNKNOWN_KIND),
    ]
    for count, (data, status) in enumerate(bad, 1):
        assert await bench.ask(data) == [refusal(status, sequence)], (count, status)
        assert int(dut.bad_frames.value) == count
    # Delimiters alone are no frames.
    assert await bench.ask(bytes(5)) == []
    assert not bench.executed
    assert sorted(bench.strobes) == ["frame_seen", "session_opened"], "a damaged frame is no sign of life"
    await bench.check_still_works()


@cocotb.test()
async def noise_on_the_line_executes_nothing_that_was_not_sent(dut: Any) -> None:
    """Flipped, lost and added bytes; the host sends each request until its reply is there."""
    bench = await Bench.make(dut)
    sent = []
    for number in range(25):
        payload = number.to_bytes(2, "little") + bench.random.randbytes(10)
        sequence, encoded = bench.next, bench.request(payload)
        sent.append(payload)
        for attempt in range(20):
            spoiled = bytearray(encoded)
            for _ in range(bench.random.randrange(3) if attempt < 15 else 0):
                at = bench.random.randrange(len(spoiled))
                match bench.random.randrange(3):
                    case 0:
                        spoiled[at] ^= 1 << bench.random.randrange(8)
                    case 1:
                        del spoiled[at]
                    case _:
                        spoiled.insert(at, bench.random.getrandbits(8))
            replies = await bench.ask(b"\0" + bytes(spoiled) + b"\0", rest=150)
            if expected(sequence, payload) in replies:
                break
        else:
            raise AssertionError(f"request {number} was never answered")
    assert bench.executed == sent


@cocotb.test()
async def sessions_open_once_and_not_while_a_program_runs(dut: Any) -> None:
    bench = await Bench.make(dut, session=False)
    assert await bench.ask(frame(wire.REQUEST, 0, b"early")) == [refusal(wire.NO_SESSION, 0)]
    (identity,) = await bench.ask(frame(wire.HELLO, FIRST))
    assert (identity.kind, identity.status, identity.sequence, identity.credit) == (wire.IDENTITY, 0, FIRST, SLOTS)
    assert identity.payload[:4] == b"XLOP"
    await bench.check_still_works()
    # The same HELLO again is answered and changes nothing.
    assert await bench.ask(frame(wire.HELLO, FIRST)) == [identity]
    assert bench.strobes.count("session_opened") == 1
    await bench.check_still_works()
    # A request that runs a program.
    bench.delay = 1000
    sequence = bench.next
    bench.line.send(bench.request(b"run"))
    await Timer(200 * PERIOD_NS, unit="ns")
    dut.busy.value = 1
    bench.line.send(frame(wire.HELLO, 77))
    await Timer(300 * PERIOD_NS, unit="ns")
    dut.busy.value = 0
    bench.delay = 0
    answered = await bench.ask(b"", rest=1500)
    assert answered == [refusal(wire.BUSY, sequence + 1), expected(sequence, b"run")]
    assert bench.strobes.count("session_opened") == 1
    await bench.check_still_works()
    # A new one starts over; numbers of the old session are strange to it.
    (identity,) = await bench.ask(frame(wire.HELLO, 5000))
    assert identity.sequence == 5000
    assert bench.strobes.count("session_opened") == 2
    assert await bench.ask(frame(wire.REQUEST, 4999 - SLOTS, b"old")) == [refusal(wire.STALE, 5000)]
    assert await bench.ask(frame(wire.REQUEST, 4999, b"a repetition without a reply")) == []
    bench.next = 5000
    await bench.check_still_works()


@cocotb.test()
async def requests_may_follow_the_hello_at_once(dut: Any) -> None:
    bench = await Bench.make(dut, session=False)
    sent = [b"", b"one", b"two"][:SLOTS]
    got = await bench.ask(frame(wire.HELLO, FIRST) + b"".join(bench.request(payload) for payload in sent), rest=1000)
    assert got[0].kind == wire.IDENTITY
    assert got[1:] == [expected(FIRST + index, payload) for index, payload in enumerate(sent)]
    assert bench.executed == sent


@cocotb.test()
async def stop_and_kick_work_at_any_time(dut: Any) -> None:
    bench = await Bench.make(dut)
    for delay in (0, 2000):
        bench.delay, bench.strobes = delay, []
        dut.stopped.value = 0
        sequence = bench.next
        bench.line.send(bench.request(b"running"))
        bench.line.send(frame(wire.KICK, 0) + frame(wire.STOP, 0))
        await Timer(400 * PERIOD_NS, unit="ns")
        early = answers(bench.line.take())
        assert sorted(bench.strobes) == ["frame_seen", "frame_seen", "frame_seen", "stop"]
        assert not [answer for answer in early if answer.kind == wire.STOPPED], "the gates are still on"
        dut.stopped.value = 1
        late = await bench.ask(b"", rest=600)
        stopped = Answer(wire.STOPPED, 0, bench.next % wire.MODULUS, SLOTS, 0, b"")
        assert sorted(early + late) == sorted([expected(sequence, b"running"), stopped])


@cocotb.test()
async def what_the_dispatcher_leaves_of_a_request_is_discarded(dut: Any) -> None:
    bench = await Bench.make(dut)
    bench.take_at_most = 3
    for payload in (b"abcdefgh", b"12", b"xyz!", bytes(REQUEST_MAX)):
        sequence = bench.next
        (reply,) = await bench.ask(bench.request(payload))
        assert reply == expected(sequence, payload[:3])


@cocotb.test()
async def a_slow_reader_gets_whole_frames(dut: Any) -> None:
    bench = await Bench.make(dut, session=False)
    received = bytearray()

    async def stall() -> None:
        while True:
            ready = int(bench.random.random() < 0.3)
            dut.tx__ready.value = ready
            await FallingEdge(dut.clk)

    async def collect() -> None:
        while True:
            await RisingEdge(dut.clk)  # before the edge's effects
            if int(dut.tx__valid.value) and int(dut.tx__ready.value):
                received.append(int(dut.tx__payload.value))

    cocotb.start_soon(stall())
    cocotb.start_soon(collect())
    sent = [bench.random.randbytes(30) for _ in range(SLOTS)]
    bench.line.send(frame(wire.HELLO, FIRST))
    await Timer(1000 * PERIOD_NS, unit="ns")
    bench.line.send(b"".join(bench.request(payload) for payload in sent))
    await Timer(500 * (1 + SLOTS) * PERIOD_NS, unit="ns")
    identity, *replies = answers(bytes(received))
    assert identity.kind == wire.IDENTITY
    assert replies == [expected(FIRST + index, payload) for index, payload in enumerate(sent)]
