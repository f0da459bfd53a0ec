"""What is proved of the link around its memories: requests are executed once, with their bytes, and repetitions get the stored reply."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from amaranth.hdl import Cat, Const, Mux, Signal, Value
from formal.line_bytes import stepped
from formal.prover import Specification, implies

from crossloop.protocol.errors import Status
from crossloop.protocol.frames import CRC, REPLY_HEADER, FrameKind
from crossloop.protocol.identity import IDENTITY_BYTES, pack_identity
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.link.layouts import REPLY_OVERHEAD, Notice, NoticeKind, ReplyInfo
from crossloop_hdl.link.request_link import RequestLink
from crossloop_hdl.link.transmitter import Transmitter

FRAME_BYTES, SLOTS, NOTICES = 32, 2, 4


class Small(Parameters):
    """A build with memories so small that a solver can follow them; no host would want it."""

    def __post_init__(self) -> None:
        pass


PARAMETERS = Small(frame_bytes=FRAME_BYTES, request_slots=SLOTS, rows=1, columns=1)
WITH_IDENTITY = Small(request_slots=SLOTS, rows=1, columns=1, frame_bytes=1 << 15)
"""Frames that hold an identity, and whose length may have every bit but the highest."""
LINK_CUT = ("top.component.deframer", "top.component.transmitter")
TRANSMITTER_CUT = ("top.component.encoder",)
PAUSES = 1
"""Cycles in which the transmitter's encoder takes no byte."""


class LinkProperties(Specification):
    """The link between a deframer, a transmitter and a dispatcher that keep to what is proved of them, and do else what they like."""

    def __init__(self) -> None:
        super().__init__(RequestLink(PARAMETERS))
        self.number, self.place = Signal(32), Signal(2)
        """Free: the request that is followed, and the byte of its payload and of its reply."""

    def inputs(self) -> list[Any]:
        return [*super().inputs(), self.number, self.place]

    def specify(self) -> None:
        with patch("crossloop_hdl.link.request_link._NOTICES", NOTICES):
            self.parts = self.opened()
        for choice in (self.number, self.place):
            self.assumes(implies(self.started, choice == self.past(choice)))
        self.surroundings()
        self.requests()
        self.replies()
        self.reaching()

    def surroundings(self) -> None:
        """Add what deframer, dispatcher and transmitter promise."""
        link, deframer, transmitter, m = self.component, self.parts.deframer, self.parts.transmitter, self.m
        in_frame, stored = Signal(), Signal(8)
        with m.If(deframer.header_end):
            m.d.sync += [in_frame.eq(1), stored.eq(0)]
        with m.Elif(deframer.end):
            m.d.sync += in_frame.eq(0)
        with m.Elif(deframer.store):
            m.d.sync += stored.eq(stored + 1)
        ended = self.past(deframer.end)
        self.assumes(~(deframer.header_end & (deframer.end | ended | in_frame)) & ~(deframer.end & ended))
        for value in (deframer.status, deframer.header.as_value()):
            self.assumes(implies(ended, value == self.past(value)))
        self.assumes(implies(deframer.store, in_frame & ~deframer.end & (deframer.store_offset == stored)))
        passed = deframer.end & (deframer.status == Status.OK)
        # The checksum's bytes are stored too; that they need not be here saves cycles.
        self.assumes(implies(passed, in_frame & (stored >= deframer.header.length)))
        # Of other numbers and sessions the rules are proved for themselves; one session from 0 on is what the solver can follow here.
        hello = passed & (deframer.header.kind == FrameKind.HELLO)
        self.assumes(implies(hello, deframer.header.sequence == 0) & (self.number < SLOTS))
        self.assumes(implies(link.finish, link.active & ~link.records.valid))
        self.assumes(implies(link.records.valid, link.active & (link.records_free != 0)))
        taken = transmitter.notices.ready
        self.assumes(implies(taken, transmitter.notices.valid) & (transmitter.sent == taken))
        self.incoming = Signal(8)
        with m.If(deframer.store & (deframer.store_offset == self.place)):
            m.d.sync += self.incoming.eq(deframer.store_data)

    def requests(self) -> None:
        link, rules, deframer, m = self.component, self.parts.rules, self.parts.deframer, self.m
        mine = rules.executing == self.number
        accepted, begun, asked, length, taken = Signal(), Signal(), Signal(8), Signal(16), Signal(8)
        with m.If(rules.session_opened):
            m.d.sync += [accepted.eq(0), begun.eq(0)]
        with m.Elif(rules.accept & (rules.expected == self.number)):
            m.d.sync += [accepted.eq(1), asked.eq(self.incoming), length.eq(deframer.header.length)]
        with m.Elif(rules.start & mine):
            m.d.sync += begun.eq(1)
        with m.If(rules.start):
            m.d.sync += taken.eq(0)
        with m.Elif(link.payload.valid & link.payload.ready):
            m.d.sync += taken.eq(taken + 1)
        self.proves(
            "A request is executed after it was accepted, and once; accepted twice it is not.",
            implies(rules.start & mine, accepted & ~begun),
            implies(rules.accept & (rules.expected == self.number), ~accepted),
        )
        now = link.active & mine
        self.proves(
            "It is executed with the bytes that came: each in its place, as many as its header says.",
            implies(now, link.payload_left == length - taken),
            implies(now, link.payload.valid == (taken < length)),
            implies(now & link.payload.valid & (taken == self.place), link.payload.payload == asked),
        )
        waits = Signal(3)
        idle = (rules.pending != 0) & ~link.active & (rules.queued == 0) & rules.room
        idle &= ~deframer.end & ~self.past(deframer.end)
        m.d.sync += waits.eq(Mux(idle, waits + ~waits.all(), 0))
        self.proves("A request that waits begins when nothing else is under way or being sent.", waits <= 3)
        self.executed_with = now & link.payload.valid & (taken == self.place) & (asked == 0xA5) & (self.place == 1)

    def replies(self) -> None:
        link, rules, m = self.component, self.parts.rules, self.m
        mine = rules.executing == self.number
        said, written, kept = Signal(8), Signal(8), Signal()
        length, status, detail = Signal(16), Signal(8), Signal(16)
        with m.If(rules.start):
            m.d.sync += written.eq(0)
        with m.Elif(link.records.valid):
            m.d.sync += written.eq(written + 1)
        with m.If(link.records.valid & mine & (written == self.place)):
            m.d.sync += said.eq(link.records.payload)
        # Replies of a session that is over still go out.
        with m.If(link.finish & mine):
            m.d.sync += [kept.eq(1), length.eq(written), status.eq(link.status), detail.eq(link.detail)]
        self.proves(
            "A reply takes as many bytes as `records_free` says, a frame's worth.",
            implies(link.active, link.records_free + written == FRAME_BYTES - REPLY_OVERHEAD),
        )
        # At the transmit queue's head, where the transmitter reads the cache.
        entry, transmitter = Notice(self.parts.queue.r_data), self.parts.transmitter
        reply = self.parts.queue.r_rdy & (entry.kind == NoticeKind.REPLY) & (entry.sequence == self.number)
        stays = reply & self.past(reply & ~transmitter.notices.ready)
        info = transmitter.info
        self.proves("No reply is sent before its request was executed.", implies(reply, kept))
        self.proves(
            "A reply goes out with the status, detail and length that were stored, the first time and at every repetition.",
            implies(stays, (info.status == status) & (info.detail == detail) & (info.length == length)),
        )
        here = stays & (self.past(transmitter.offset) == self.place) & (self.place < length)
        self.proves("It goes out with the bytes that were stored.", implies(here, transmitter.data == said))
        again = Signal()
        with m.If(reply & transmitter.notices.ready):
            m.d.sync += again.eq(1)
        self.repeated = here & again & (said == 0x5A)

    def reaching(self) -> None:
        rules = self.parts.rules
        self.covers("The second byte of a request is executed.", self.executed_with)
        self.covers("A byte of a reply goes out for a repetition.", self.repeated)
        self.covers("A second request of a session begins.", rules.start & (rules.executing == (rules.first + 1)[:32]))


class TransmitterProperties(Specification):
    """The transmitter with an encoder that pauses when it likes, though only once, and a reply cache that holds still while it is sent."""

    def __init__(self) -> None:
        super().__init__(Transmitter(WITH_IDENTITY))
        self.place, self.stored = Signal(2), Signal(8)
        """Free: the byte of a reply's payload that is followed, and what the cache has there."""

    def inputs(self) -> list[Any]:
        return [*super().inputs(), self.place, self.stored]

    def specify(self) -> None:
        sender, m = self.component, self.m
        parts = self.opened()
        i, waits = parts.encoder.i, sender.notices.valid
        still = self.started & self.past(waits & ~sender.notices.ready)
        # The link is proved to leave no more room for records.
        self.assumes(sender.info.length <= WITH_IDENTITY.frame_bytes - REPLY_OVERHEAD)
        for value in (Value.cast(sender.notices.payload), sender.info.as_value(), self.stored):
            self.assumes(implies(still, value == self.past(value)))
        # Notices never pause, and the encoder only once: so the solver sees far enough.
        pauses = Signal(range(PAUSES + 1))
        m.d.sync += pauses.eq(pauses + ~i.ready)
        self.assumes(waits & (i.ready | (pauses != PAUSES)))
        self.assumes(implies(self.started, self.place == self.past(self.place)))
        self.assumes(implies(self.started & (self.past(sender.offset) == self.place), sender.data == self.stored))
        # Bytes stand in a register before the encoder: what notice and cache were when the byte there was taken from them.
        moves = Signal()
        m.d.comb += moves.eq(~i.valid | i.ready)
        notice, info = Notice(self.at_last(moves, sender.notices.payload)), ReplyInfo(self.at_last(moves, sender.info))
        stored = self.at_last(moves, self.stored)

        is_reply = notice.kind == NoticeKind.REPLY
        length, header = Signal(16), Signal(8 * REPLY_HEADER.size)
        kind = Mux(is_reply, FrameKind.REPLY, Mux(notice.kind == NoticeKind.IDENTITY, FrameKind.IDENTITY,
                   Mux(notice.kind == NoticeKind.REFUSAL, FrameKind.REFUSAL, FrameKind.STOPPED)))  # fmt: skip
        status = Mux(is_reply, info.status, Mux(notice.kind == NoticeKind.REFUSAL, notice.status, Status.OK))
        m.d.comb += [
            length.eq(Mux(is_reply, info.length, Mux(notice.kind == NoticeKind.IDENTITY, IDENTITY_BYTES, 0))),
            header.eq(
                Cat(
                    kind[:8],
                    status[:8],
                    length,
                    notice.sequence,
                    Const(SLOTS, 16),
                    Mux(is_reply, info.detail, 0),
                )
            ),
        ]
        taken, position, state = Signal(), Signal(17), Signal(32, init=0xFFFFFFFF)
        checked = position >= REPLY_HEADER.size + length
        m.d.comb += taken.eq(i.valid & i.ready)
        with m.If(taken):
            m.d.sync += [position.eq(Mux(i.p.last, 0, position + 1)), state.eq(Mux(i.p.last, state.init, state))]
            with m.If(~checked):
                m.d.sync += state.eq(stepped(state, i.p.data))
        self.helps(implies(i.valid & self.past(moves), parts.crc.state == state))
        self.proves(
            "A frame begins with the header that its notice calls for: kind, status, length, sequence number, credit, detail.",
            *(
                implies(i.valid & (position == place), i.p.data == header.word_select(place, 8))
                for place in range(REPLY_HEADER.size)
            ),
        )
        followed = i.valid & ~checked & is_reply & (position == REPLY_HEADER.size + self.place)
        self.proves("A reply's payload is what the cache has, in order.", implies(followed, i.p.data == stored))
        payload = i.valid & (notice.kind == NoticeKind.IDENTITY)
        self.proves(
            "The payload of an identity is the build's, in order.",
            *(
                implies(payload & (position == REPLY_HEADER.size + place), i.p.data == byte)
                for place, byte in enumerate(pack_identity(WITH_IDENTITY))
            ),
        )
        checksum = (~state).word_select((position - length)[:2], 8)
        self.proves("A frame ends with the CRC-32 of its bytes.", implies(i.valid & checked, i.p.data == checksum))
        end = REPLY_HEADER.size + length + CRC.size - 1
        self.proves(
            "A frame is as long as its header says.",
            implies(i.valid, (i.p.last == (position == end)) & (position <= end)),
        )
        self.proves(
            "A notice is taken, and told to be sent, in the cycle before the last byte of its frame is offered.",
            implies(sender.notices.ready | sender.sent, moves),
            self.at_last(moves, sender.notices.ready) == (i.valid & i.p.last),
            self.at_last(moves, sender.sent) == (i.valid & i.p.last),
            implies(i.valid, self.at_last(moves, waits)),
        )
        calm = Signal()
        m.d.sync += calm.eq(waits & ~sender.notices.ready & (calm | sender.stopped))
        self.proves(
            "STOPPED is not sent before the gates are off.",
            implies(i.valid & (kind == FrameKind.STOPPED), self.at_last(moves, calm)),
        )
        idle = Signal(range(4))
        held_up = ~self.started | ((kind == FrameKind.STOPPED) & ~self.past(sender.stopped))
        m.d.sync += idle.eq(Mux(i.valid | held_up, 0, idle + (idle != 3)))
        self.proves(
            "A notice is sent at once, byte after byte: two cycles lie between two frames, and one before a frame's checksum.",
            idle <= 2,
            implies((position != 0) & ~i.valid, (position == REPLY_HEADER.size + length) & self.past(i.valid)),
        )
        self.covers("A reply with two bytes of payload is sent.", taken & i.p.last & (length == 2))
        self.covers("A refusal is sent after another frame.", taken & i.p.last & (notice.kind == NoticeKind.REFUSAL))
        self.covers("STOPPED is sent.", taken & i.p.last & (kind == FrameKind.STOPPED))
        self.covers("A byte of a payload waits.", i.valid & ~i.ready & ~checked & (position == REPLY_HEADER.size))

    def at_last(self, moves: Value, value: Any) -> Signal:
        """Return what a value was in the last cycle in which `moves` was set."""
        signal = Signal(len(Value.cast(value)))
        with self.m.If(moves):
            self.m.d.sync += signal.eq(value)
        return signal
