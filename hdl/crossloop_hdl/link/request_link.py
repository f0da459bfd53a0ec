"""The link: request slots and reply cache around the rules of a session."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import exact_log2

from crossloop.protocol.parameters import Parameters
from crossloop_hdl.link.deframer import Deframer
from crossloop_hdl.link.layouts import REPLY_OVERHEAD, Notice, NoticeKind, ReplyInfo
from crossloop_hdl.link.reader import StretchReader
from crossloop_hdl.link.session import SessionRules
from crossloop_hdl.link.transmitter import Transmitter

_NOTICES = 16
"""Frames that can wait to be sent: the replies of all slots, and as many refusals. A host that sends bad frames faster
than it takes refusals loses refusals, never replies."""


class RequestLink(wiring.Component):
    """Takes frames from the line, hands requests to the dispatcher one at a time and in order, and keeps their replies.

    Parameters
    ----------
    parameters : Parameters
        Build.

    Members
    -------
    rx, tx
        Bytes of the line.
    active
        A request is being executed: `payload` and `payload_left` are its, and `finish` will end it.
    payload, payload_left
        Bytes of the request, and how many are still to be taken. What is left at `finish` is discarded.
    records, records_free
        Bytes for the reply, and how many still fit. Bytes that do not fit must not be offered.
    finish, status, detail
        Strobe that ends the request, in a cycle without a record byte, and the reply's fields.
    busy
        A program runs: no new session.
    stopped
        The pulse gates are off.
    frame_seen, stop, session_opened
        Strobes: a frame passed its checks; it was a STOP; a new session begins.
    bad_frames
        Frames that did not pass their checks.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__(
            {
                "rx": In(stream.Signature(8, always_ready=True)),
                "tx": Out(stream.Signature(8)),
                "active": Out(1),
                "payload": Out(stream.Signature(8)),
                "payload_left": Out(16),
                "records": In(stream.Signature(8, always_ready=True)),
                "records_free": Out(16),
                "finish": In(1),
                "status": In(8),
                "detail": In(16),
                "busy": In(1),
                "stopped": In(1),
                "frame_seen": Out(1),
                "stop": Out(1),
                "session_opened": Out(1),
                "bad_frames": Out(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Return the memories, and the parts that fill and empty them."""
        frame_bytes = self._parameters.frame_bytes
        slots = self._parameters.request_slots
        offset_bits = exact_log2(frame_bytes)
        m = Module()
        m.submodules.deframer = deframer = Deframer(self._parameters)
        m.submodules.reader = reader = StretchReader(offset_bits=offset_bits)
        m.submodules.transmitter = transmitter = Transmitter(self._parameters)
        m.submodules.queue = queue = SyncFIFOBuffered(width=Notice.as_shape().size, depth=_NOTICES)
        # A memory has at least two rows, so that its address has a bit.
        m.submodules.requests = requests = Memory(shape=8, depth=slots * frame_bytes, init=[])
        m.submodules.lengths = lengths = Memory(shape=offset_bits, depth=max(2, slots), init=[])
        m.submodules.replies = replies = Memory(shape=8, depth=slots * frame_bytes, init=[])
        m.submodules.infos = infos = Memory(shape=ReplyInfo, depth=max(2, slots), init=[])
        connect(m, transmitter.tx, flipped(self.tx))
        connect(m, reader.o, flipped(self.payload))

        rules = self._add_rules(m, deframer, queue, transmitter)
        slot = rules.slot_of(rules.executing)

        # -- Requests: stored while they come, read when they are executed.
        request_write, request_read = requests.write_port(), requests.read_port()
        length_write, length_read = lengths.write_port(), lengths.read_port(domain="comb")
        m.d.comb += [
            deframer.i_valid.eq(self.rx.valid),
            deframer.i_data.eq(self.rx.payload),
            request_write.addr.eq(Cat(deframer.store_offset, rules.slot_of(rules.expected))),
            request_write.data.eq(deframer.store_data),
            request_write.en.eq(deframer.store & rules.storable),
            length_write.addr.eq(rules.slot_of(rules.expected)),
            length_write.data.eq(deframer.header.length),
            length_write.en.eq(rules.accept),
            request_read.addr.eq(Cat(reader.offset, slot)),
            reader.start.eq(rules.start),
            reader.data.eq(request_read.data),
            reader.length.eq(length_read.data),
            length_read.addr.eq(slot),
            self.payload_left.eq(reader.left),
        ]

        # -- Replies: written while a request is executed, kept for repetitions.
        reply_write, info_write = replies.write_port(), infos.write_port()
        written = Signal(range(frame_bytes))
        m.d.comb += [
            info_write.addr.eq(slot),
            info_write.data.status.eq(self.status),
            info_write.data.detail.eq(self.detail),
            info_write.data.length.eq(written),
            info_write.en.eq(self.finish),
        ]
        # A register before the memory: where a record's byte comes from is a long path by itself. Nothing is read so soon.
        m.d.sync += [
            reply_write.addr.eq(Cat(written[:offset_bits], slot)),
            reply_write.data.eq(self.records.payload),
            reply_write.en.eq(self.records.valid),
        ]
        with m.If(rules.start):
            m.d.sync += [written.eq(0), self.records_free.eq(frame_bytes - REPLY_OVERHEAD)]
        with m.Elif(self.records.valid):
            m.d.sync += [written.eq(written + 1), self.records_free.eq(self.records_free - 1)]
        entry = Notice(queue.r_data)
        transmit_read = replies.read_port()
        info_read = infos.read_port(domain="comb")
        m.d.comb += [
            transmit_read.addr.eq(Cat(transmitter.offset, rules.slot_of(entry.sequence))),
            transmitter.data.eq(transmit_read.data),
            info_read.addr.eq(rules.slot_of(entry.sequence)),
            transmitter.info.eq(info_read.data),
        ]
        return m

    def _add_rules(self, m: Module, deframer: Any, queue: Any, transmitter: Any) -> SessionRules:
        """Add the session's rules between deframer, transmit queue and whoever executes requests."""
        m.submodules.rules = rules = SessionRules(self._parameters.request_slots)
        entry = Notice(queue.r_data)
        # A register before the queue, and one behind the transmitter: what the rules say, and that a frame is over, are long paths by
        # themselves.
        notice, is_said = Signal(Notice), Signal()
        sent_slot = Signal(range(self._parameters.request_slots))
        """All that the rules look at of a number."""
        m.d.sync += [
            notice.eq(rules.notice),
            is_said.eq(rules.push & rules.room),
            rules.sent.eq(transmitter.sent & (entry.kind == NoticeKind.REPLY)),
            sent_slot.eq(entry.sequence),
        ]
        m.d.comb += [
            rules.header_end.eq(deframer.header_end),
            rules.frame_end.eq(deframer.end),
            rules.status.eq(deframer.status),
            rules.header.eq(deframer.header),
            rules.room.eq(queue.w_rdy & ~is_said),
            rules.sent_sequence.eq(sent_slot),
            rules.finish.eq(self.finish),
            rules.busy.eq(self.busy),
            queue.w_data.eq(notice),
            queue.w_en.eq(is_said),
            transmitter.notices.p.eq(entry),
            transmitter.notices.valid.eq(queue.r_rdy),
            queue.r_en.eq(transmitter.notices.ready),
            transmitter.stopped.eq(self.stopped),
        ]
        for name in ("active", "frame_seen", "stop", "session_opened", "bad_frames"):
            m.d.comb += getattr(self, name).eq(getattr(rules, name))
        return rules
