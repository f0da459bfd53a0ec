"""The rules of a session: what a checked frame means, which request is executed next, and which replies are kept.

No byte of a frame passes here: the link has the memories around it. So what these rules promise can be proved (`tests/formal/`).
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.errors import Status
from crossloop.protocol.frames import FrameKind
from crossloop_hdl.link.layouts import SLOT_BITS, Notice, NoticeKind, RequestHeader


class Step(enum.Enum, shape=2):
    """What the executor is doing."""

    IDLE = 0
    START = 1
    EXECUTE = 2
    REPLY = 3
    """The reply is complete, but there is no room to announce it yet."""


class Number(enum.Enum, shape=2):
    """Which sequence number a notice carries."""

    EXPECTED = 0
    EXECUTING = 1
    FRAME = 2
    """That of the frame at hand."""
    HELLO = 3
    """That of the session that begins."""


class SessionRules(wiring.Component):
    """Executes each sequence number once and in order, and answers repetitions from the cache.

    Request n lives in slot n modulo `request_slots`, its reply in the cache's slot of the same number until request n + request_slots is
    executed.

    Parameters
    ----------
    request_slots : int
        Requests that can be accepted and not yet executed, and replies that are kept; a power of two.

    Members
    -------
    header_end : In(1)
        Strobe: the header of a frame is complete; its payload follows.
    storable : Out(1)
        The payload under way may be stored in the slot of `expected`.
    frame_end, status, header : In(1), In(8), In(RequestHeader)
        Strobe: a frame has ended; whether it passed its checks, and its header, which both stay for a cycle more. What the frame calls for
        is done in that cycle: how far its number is behind and what follows from that are too long a path together.
    accept : Out(1)
        Strobe: the frame is the next request; it lies in the slot of `expected`.
    frame_seen, stop, session_opened : Out(1)
        Strobes: a frame passed its checks; it was a STOP; a new session begins.
    bad_frames : Out(32)
        Frames that did not pass their checks.
    push, notice, room : Out(1), Out(Notice), In(1)
        Strobe: a frame is to be sent. Without room a refusal is dropped, a reply waits.
    sent, sent_sequence : In(1), In(32)
        Strobe: a REPLY has left the cache.
    start, active, finish : Out(1), Out(1), In(1)
        Strobe: the execution of request `executing` begins; it is under way; strobe: it has ended and its reply is in the cache.
    busy : In(1)
        A program runs: no new session.
    expected, executing : Out(32)
        Next sequence number to accept, and to execute.
    """

    def __init__(self, request_slots: int) -> None:
        self._slots = request_slots
        # In the open, so that a proof can name them.
        self.session = Signal()
        self.first = Signal(32)
        """Sequence number the session began with."""
        self.pending = Signal(range(request_slots + 1))
        """Requests accepted and not yet executed: expected - executing."""
        self.kept = Signal(range(request_slots + 1))
        """How far back from `expected` the cache reaches into this session."""
        self.queued = Signal(request_slots)
        """Slots whose reply waits to be sent."""
        self.hello_held = Signal()
        """A new session is to begin when nothing is under way."""
        self.hello = Signal(32)
        self.passed, self.failed = Signal(), Signal()
        """A frame that ended a cycle ago passed its checks; it did not."""
        self.behind = Signal(32)
        """How far the number of the header of a cycle ago was behind the expected one."""
        self.step = Signal(Step)
        self._number = Signal(Number)
        self.executed = Signal()
        super().__init__({
            "header_end": In(1), "storable": Out(1), "frame_end": In(1), "status": In(8), "header": In(RequestHeader), "accept": Out(1),
            "frame_seen": Out(1), "stop": Out(1), "session_opened": Out(1), "bad_frames": Out(32), "push": Out(1),
            "notice": Out(Notice), "room": In(1), "sent": In(1), "sent_sequence": In(32), "start": Out(1), "active": Out(1),
            "finish": In(1), "busy": In(1), "expected": Out(32), "executing": Out(32),
        })  # fmt: skip

    def slot_of(self, sequence: Any) -> Any:
        """Return the slot of a sequence number."""
        return sequence[:SLOT_BITS] & (self._slots - 1)

    def elaborate(self, _platform: Any) -> Module:
        """Return the state of the session, the meaning of frames and the executor."""
        m = Module()
        # The slot must be free from the payload's first byte on.
        with m.If(self.header_end):
            m.d.sync += self.storable.eq(self.pending != self._slots)
        with m.If(self.sent):
            m.d.sync += self.queued.bit_select(self.slot_of(self.sent_sequence), 1).eq(0)
        m.d.sync += [
            self.passed.eq(self.frame_end & (self.status == Status.OK)), self.failed.eq(self.frame_end & (self.status != Status.OK)),
            self.behind.eq(self.expected - self.header.sequence),
        ]  # fmt: skip
        m.d.comb += self.frame_seen.eq(self.passed)
        with m.If(self.failed):
            self._send(m, NoticeKind.REFUSAL, Number.EXPECTED, self.status)
            m.d.sync += self.bad_frames.eq(self.bad_frames + 1)
        with m.Elif(self.passed):
            self._add_meaning(m)
        with m.If(self.accept & (self.kept != self._slots)):
            m.d.sync += self.kept.eq(self.kept + 1)
        m.d.sync += self.pending.eq(self.pending + self.accept - self.executed)
        m.d.comb += self.executing.eq(self.expected - self.pending)
        self._add_executor(m)
        with m.If(self.session_opened):
            m.d.sync += [
                self.session.eq(1), self.first.eq(self.hello), self.kept.eq(0), self.hello_held.eq(0), self.storable.eq(0),
            ]  # fmt: skip
        with m.If(self.accept | self.session_opened):
            m.d.sync += self.expected.eq(Mux(self.session_opened, self.hello, self.expected + 1))
        # Numbers as their two bits: that is the smallest choice of four.
        high, low = self._number.as_value()[1], self._number.as_value()[0]
        m.d.comb += self.notice.sequence.eq(
            Mux(high, Mux(low, self.hello, self.header.sequence), Mux(low, self.executing, self.expected))
        )
        return m

    def _send(self, m: Module, kind: Any, number: Any, status: Any = Status.OK) -> None:
        """Ask for a frame to be sent. What a frame calls for goes first; the executor waits for it."""
        m.d.comb += [
            self.push.eq(1), self.notice.kind.eq(kind), self.notice.status.eq(status), self._number.eq(number),
        ]  # fmt: skip

    def _add_meaning(self, m: Module) -> None:
        """Add what a frame that passed its checks means."""
        sequence = self.header.sequence
        with m.Switch(self.header.kind):
            with m.Case(FrameKind.STOP):
                m.d.comb += self.stop.eq(1)
                self._send(m, NoticeKind.STOPPED, Number.EXPECTED)
            with m.Case(FrameKind.HELLO):
                with m.If(self.session & (sequence == self.first)):
                    self._send(m, NoticeKind.IDENTITY, Number.FRAME)
                with m.Else():
                    m.d.sync += [self.hello_held.eq(1), self.hello.eq(sequence)]
            with m.Case(FrameKind.REQUEST):
                self._add_request(m)

    def _add_request(self, m: Module) -> None:
        """Add what becomes of a request, by its sequence number."""
        sequence = self.header.sequence
        asked = self.queued.bit_select(self.slot_of(sequence), 1)
        # The place is how far behind it is, where that is not too far.
        behind, place = self.behind, self.behind[: len(self.pending)]
        with m.If(~self.session):
            self._send(m, NoticeKind.REFUSAL, Number.EXPECTED, Status.NO_SESSION)
        with m.Elif(behind == 0):
            with m.If(self.storable):
                m.d.comb += self.accept.eq(1)
            with m.Else():
                self._send(m, NoticeKind.REFUSAL, Number.EXPECTED, Status.OVERFLOW)
        with m.Elif(behind[31]):
            self._send(m, NoticeKind.REFUSAL, Number.EXPECTED, Status.SEQUENCE_GAP)
        with m.Elif(behind[len(place) :].any() | (place > self._slots)):
            self._send(m, NoticeKind.REFUSAL, Number.EXPECTED, Status.SEQUENCE_STALE)
        with m.Elif((place > self.pending) & (place <= self.kept) & ~asked):
            # A repetition whose reply is ready and not on its way.
            self._send(m, NoticeKind.REPLY, Number.FRAME)
            with m.If(self.room):
                m.d.sync += asked.eq(1)

    def _add_executor(self, m: Module) -> None:
        """Add what executes requests in order and opens sessions between them."""
        queued = self.queued.bit_select(self.slot_of(self.executing), 1)
        # Nor does a session begin while it is found out how far a frame's number is behind.
        free = ~(self.frame_end | self.passed | self.failed) & self.room
        m.d.comb += self.active.eq(self.step == Step.EXECUTE)
        with m.Switch(self.step):
            with m.Case(Step.IDLE):
                with m.If(self.pending != 0):
                    # The reply of request n - request_slots leaves the cache now, so it must be on its way.
                    with m.If(~queued):
                        m.d.sync += self.step.eq(Step.START)
                with m.Elif(self.hello_held & free):
                    m.d.comb += self.session_opened.eq(1)
                    self._send(m, NoticeKind.IDENTITY, Number.HELLO)
            with m.Case(Step.START):
                m.d.comb += self.start.eq(1)
                m.d.sync += self.step.eq(Step.EXECUTE)
            with m.Case(Step.EXECUTE):
                with m.If(self.finish):
                    m.d.sync += self.step.eq(Step.REPLY)
            with m.Case(Step.REPLY):
                with m.If(free):
                    m.d.comb += self.executed.eq(1)
                    self._send(m, NoticeKind.REPLY, Number.EXECUTING)
                    m.d.sync += [queued.eq(1), self.step.eq(Step.IDLE)]
        with m.If(self.hello_held & self.busy & free):
            self._send(m, NoticeKind.REFUSAL, Number.EXPECTED, Status.BUSY)
            m.d.sync += self.hello_held.eq(0)
