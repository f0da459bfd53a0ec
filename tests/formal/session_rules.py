"""What is proved of a session's rules: every request is executed once and in order, and its reply is kept until it can be thrown away."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Mux, Signal
from formal.prover import Specification, implies

from crossloop.protocol.errors import Status
from crossloop.protocol.frames import FrameKind
from crossloop_hdl.link.layouts import NoticeKind
from crossloop_hdl.link.session import SessionRules, Step

SLOTS = 2


class SessionProperties(Specification):
    """The rules with any frames, any room, and any program that ends its requests."""

    def __init__(self) -> None:
        super().__init__(SessionRules(SLOTS))

    def specify(self) -> None:
        rules = self.component
        # The deframer's promise: a frame's end comes after its header, verdict and header stay for a cycle more, and neither header nor end
        # comes too early after an end.
        self.in_frame = in_frame = Signal()
        self.ended = ended = self.past(rules.frame_end)
        with self.m.If(rules.header_end):
            self.m.d.sync += in_frame.eq(1)
        with self.m.Elif(ended):
            self.m.d.sync += in_frame.eq(0)
        self.assumes(~(rules.header_end & (rules.frame_end | ended)) & ~(rules.frame_end & ended))
        self.assumes(implies(rules.frame_end & (rules.status == Status.OK), in_frame))
        for value in (rules.status, rules.header.as_value()):
            self.assumes(implies(ended, value == self.past(value)))
        # What a frame calls for is done a cycle after its end.
        passed = ended & (rules.status == Status.OK)
        self.helps((rules.passed == passed) & (rules.failed == (ended & (rules.status != Status.OK))))
        self.helps(implies(ended, rules.behind == (rules.expected - rules.header.sequence)[:32]))
        # The dispatcher's: a program runs within a request, and only what is under way ends.
        self.assumes(implies(rules.busy, rules.active) & implies(rules.finish, rules.active & ~rules.busy))
        # What the proof remembers: whether a session is open, whether a HELLO waits, its number, and that of the open session.
        self.open, self.waits, self.asked, self.first = Signal(), Signal(), Signal(32), Signal(32)
        turned_away = rules.push & ~ended & (rules.notice.kind == NoticeKind.REFUSAL)
        with self.m.If(rules.session_opened | turned_away):
            self.m.d.sync += self.waits.eq(0)
        self.same = passed & (rules.header.kind == FrameKind.HELLO) & self.open & (rules.header.sequence == self.first)
        with self.m.If(passed & (rules.header.kind == FrameKind.HELLO) & ~self.same):
            self.m.d.sync += [self.waits.eq(1), self.asked.eq(rules.header.sequence)]
        with self.m.If(rules.session_opened):
            self.m.d.sync += [self.open.eq(1), self.first.eq(self.asked)]
        self.helps((rules.session == self.open) & (rules.hello_held == self.waits))
        self.helps(implies(self.open, rules.first == self.first))
        # The transmitter's: only a reply that waits is sent.
        self.assumes(implies(rules.sent, rules.queued.bit_select(rules.slot_of(rules.sent_sequence), 1)))
        self.execution()
        self.acceptance(passed)
        self.replies()
        self.sessions()
        self.answers(passed)
        self.reaching()

    def execution(self) -> None:
        rules, m = self.component, self.m
        begun, last = Signal(), Signal(32)
        with m.If(rules.session_opened):
            m.d.sync += begun.eq(0)
        with m.Elif(rules.start):
            m.d.sync += [begun.eq(1), last.eq(rules.executing)]
        following = Mux(begun, last + 1, rules.first)
        self.proves(
            "Executions of a session begin with its first number and go on by one: no number is executed twice, none is left out.",
            implies(rules.start, rules.executing == following[:32]),
        )
        self.proves(
            "Only a request that was accepted is executed.", implies(rules.start | rules.active, rules.pending != 0)
        )
        self.proves(
            "A new session begins only when nothing is accepted or under way.",
            implies(rules.session_opened, (rules.pending == 0) & ~rules.active & ~rules.start),
        )
        self.helps(implies(rules.pending != 0, rules.session))
        self.helps((rules.executing + rules.pending)[:32] == rules.expected)
        self.helps(rules.pending <= SLOTS)
        self.helps(implies((rules.step != Step.IDLE), rules.pending != 0))
        under_way = (rules.step == Step.EXECUTE) | (rules.step == Step.REPLY)
        self.helps(implies(under_way, begun & (last == rules.executing)))
        self.helps(implies(~under_way & begun, (last + 1)[:32] == rules.executing))
        self.helps(implies(~under_way & ~begun, rules.executing == rules.first))
        self.helps(implies(rules.kept > rules.pending, begun))

    def acceptance(self, passed: Signal) -> None:
        rules = self.component
        self.proves(
            "A frame is accepted only if it passed its checks, is a request of an open session, and has the next number.",
            implies(rules.accept, passed & self.open & (rules.header.kind == FrameKind.REQUEST)),
            implies(rules.accept, rules.header.sequence == rules.expected),
        )
        self.proves(
            "Any other frame leaves the numbers as they are.",
            implies(
                self.past(~rules.accept & ~rules.session_opened) & self.started,
                rules.expected == self.past(rules.expected),
            ),
        )
        self.proves(
            "What is stored of a frame that comes never overwrites a request that waits or is executed.",
            implies(self.in_frame & rules.storable, rules.pending != SLOTS),
        )
        # Credit: after the reply to s the host may send up to s + SLOTS.
        full = Signal()
        with self.m.If(rules.header_end):
            self.m.d.sync += full.eq(rules.pending == SLOTS)
        overflow = rules.push & (rules.notice.kind == NoticeKind.REFUSAL) & (rules.notice.status == Status.OVERFLOW)
        overflow = overflow & passed
        self.proves(
            "A host that keeps to its credit is never refused with OVERFLOW: that takes as many unanswered requests as there are slots.",
            implies(overflow & ~self.opened_in_frame(full), full),
        )
        self.overflow = overflow

    def opened_in_frame(self, full: Signal) -> Signal:
        """Return whether a session was opened since the header of the frame under way came; that frame is of the old one."""
        rules, opened = self.component, Signal()
        with self.m.If(rules.session_opened):
            self.m.d.sync += opened.eq(1)
        with self.m.Elif(rules.header_end):
            self.m.d.sync += opened.eq(0)
        self.helps(implies(self.in_frame & ~opened, rules.storable == ~full))
        return opened

    def replies(self) -> None:
        rules, m = self.component, self.m
        # Whose reply lies in each slot of the cache.
        owners = [Signal(32, name=f"owner_{slot}") for slot in range(SLOTS)]
        valid = [Signal(name=f"valid_{slot}") for slot in range(SLOTS)]
        for slot in range(SLOTS):
            mine = rules.slot_of(rules.executing) == slot
            with m.If(rules.session_opened | (rules.start & mine)):
                m.d.sync += valid[slot].eq(0)
            with m.Elif(rules.finish & mine):
                m.d.sync += [valid[slot].eq(1), owners[slot].eq(rules.executing)]
        reply = rules.push & (rules.notice.kind == NoticeKind.REPLY)
        waiting = Signal(SLOTS)
        with m.If(rules.sent):
            m.d.sync += waiting.bit_select(rules.slot_of(rules.sent_sequence), 1).eq(0)
        with m.If(reply & rules.room):
            m.d.sync += waiting.bit_select(rules.slot_of(rules.notice.sequence), 1).eq(1)
        self.proves("A reply waits from the cycle in which it is announced until it is sent.", rules.queued == waiting)
        kept, untouched = [], []
        for slot in range(SLOTS):
            here = rules.slot_of(rules.executing) == slot
            asked = reply & (rules.slot_of(rules.notice.sequence) == slot)
            kept.append(implies(asked, valid[slot] & (owners[slot] == rules.notice.sequence)))
            untouched.append(implies(rules.queued[slot], ~((rules.start | rules.active) & here)))
            self.cache_invariants(slot, here, valid[slot], owners[slot])
        self.proves("A reply that is sent, for the first time or again, is the kept one of that number.", *kept)
        self.proves("No reply is overwritten while it waits to be sent.", *untouched)
        self.proves(
            "A repetition is answered; it is not accepted, and ends nothing.",
            implies(reply & self.ended, ~rules.accept & ~rules.executed & ~rules.session_opened),
        )
        self.proves("A reply is announced only when there is room for it.", implies(rules.executed, rules.room))
        self.helps(rules.kept <= SLOTS)
        self.helps(implies(~rules.session, rules.kept == 0))
        self.repetition = reply & self.ended

    def cache_invariants(self, slot: int, here: Any, valid: Signal, owner: Signal) -> None:
        """Add that the slots behind `executing`, as far as the cache reaches, hold the replies of their numbers."""
        rules = self.component
        self.helps(implies(valid, rules.slot_of(owner) == slot))
        self.helps(implies((rules.step == Step.REPLY) & here, valid & (owner == rules.executing)))
        for back in range(1, SLOTS + 1):
            number = (rules.executing - back)[:32]
            reaches = rules.session & (rules.pending + back <= rules.kept) & (rules.slot_of(number) == slot)
            # The oldest one leaves when the request that takes its slot begins.
            still = rules.step == Step.IDLE if back == SLOTS else 1
            self.helps(implies(reaches & still, valid & (owner == number)))

    def sessions(self) -> None:
        """Add with which number a session begins, and how far back its replies reach."""
        rules, m = self.component, self.m
        accepted = Signal(range(SLOTS + 1))
        with m.If(rules.session_opened):
            m.d.sync += accepted.eq(0)
        with m.Elif(rules.accept & (accepted != SLOTS)):
            m.d.sync += accepted.eq(accepted + 1)
        opened = self.past(rules.session_opened) & self.started
        self.proves(
            "A session begins with the number of the last HELLO: that one is accepted first, and executed first.",
            *(
                implies(opened, number == self.past(self.asked))
                for number in (rules.first, rules.expected, rules.executing)
            ),
            implies(rules.session_opened, self.waits),
            rules.session == self.open,
        )
        self.proves(
            "The cache reaches back over the requests of the session, as many as there are slots.",
            rules.kept == accepted,
        )
        self.helps(implies(rules.hello_held, rules.hello == self.asked))

    def answers(self, passed: Signal) -> None:
        """Add what is said to every frame."""
        rules = self.component
        notice, sequence, kind = rules.notice, rules.header.sequence, rules.header.kind
        bad = self.ended & (rules.status != Status.OK)
        request = passed & (kind == FrameKind.REQUEST)
        behind = Signal(32)
        self.m.d.comb += behind.eq(rules.expected - sequence)
        of_session = request & self.open
        refused = {
            Status.NO_SESSION: request & ~self.open,
            Status.OVERFLOW: of_session & (behind == 0) & ~rules.storable,
            Status.SEQUENCE_GAP: of_session & behind[31],
            Status.SEQUENCE_STALE: of_session & ~behind[31] & (behind > SLOTS),
        }
        refusal = rules.push & (notice.kind == NoticeKind.REFUSAL)
        self.proves(
            "A frame that cannot be taken is refused with the reason, and with the number that is expected.",
            implies(bad, refusal & (notice.status == rules.status)),
            *(implies(condition, refusal & (notice.status == status)) for status, condition in refused.items()),
            implies(refusal, notice.sequence == rules.expected),
        )
        busy = self.waits & rules.busy & rules.room & ~rules.frame_end & ~self.ended
        self.proves(
            "Between frames only a HELLO is refused, and exactly while a program runs.",
            (refusal & ~self.ended) == busy,
            implies(busy, notice.status == Status.BUSY),
        )
        stored = of_session & (behind > rules.pending) & (behind <= rules.kept)
        waits = rules.queued.bit_select(rules.slot_of(sequence), 1)
        self.proves(
            "A repetition is answered from the cache, unless that answer is on its way already.",
            implies(stored & ~waits, rules.push & (notice.kind == NoticeKind.REPLY) & (notice.sequence == sequence)),
            implies(stored & waits, ~rules.push),
        )
        identity = rules.push & (notice.kind == NoticeKind.IDENTITY)
        self.proves(
            "The identity is sent when a session begins, with its number, and again when its HELLO is repeated; otherwise not.",
            identity == (self.same | rules.session_opened),
            implies(rules.session_opened, notice.sequence == self.asked),
            implies(self.same, notice.sequence == self.first),
        )
        stop = passed & (kind == FrameKind.STOP)
        self.proves(
            "A STOP is told a cycle after its end, and answered; nothing else is taken for one.",
            rules.stop == stop,
            (rules.push & (notice.kind == NoticeKind.STOPPED)) == stop,
            implies(stop, notice.sequence == rules.expected),
        )
        self.proves("A KICK is not answered.", implies(passed & (kind == FrameKind.KICK), ~rules.push))
        self.proves(
            "Every frame that passed its checks is told, and every other one is counted.",
            rules.frame_seen == passed,
            implies(self.started, rules.bad_frames == (self.past(rules.bad_frames) + self.past(bad))[:32]),
        )

    def reaching(self) -> None:
        rules = self.component
        self.covers(
            "A third request is executed.", rules.start & rules.session & (rules.executing == (rules.first + 2)[:32])
        )
        self.covers("A repetition is answered.", self.repetition & rules.room)
        self.covers("A frame beyond the credit is refused.", self.overflow)
        self.covers(
            "A second session begins.", rules.session_opened & rules.session & (rules.first == 9) & (rules.hello == 5)
        )
        self.covers("Numbers wrap around.", rules.accept & (rules.expected == 0))
