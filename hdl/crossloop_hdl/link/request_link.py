"""The link: sequence numbers, request slots, reply cache."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import exact_log2

from crossloop.protocol.errors import Status
from crossloop.protocol.frames import FrameKind
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.link.deframer import Deframer
from crossloop_hdl.link.layouts import REPLY_OVERHEAD, SLOT_BITS, Notice, NoticeKind, ReplyInfo
from crossloop_hdl.link.reader import StretchReader
from crossloop_hdl.link.transmitter import Transmitter

_NOTICES = 16
"""Frames that can wait to be sent: the replies of all slots, and as many refusals. A host that sends bad frames faster
than it takes refusals loses refusals, never replies."""


class RequestLink(wiring.Component):
    """Takes frames from the line, hands requests to the dispatcher one at a time and in order, and keeps their replies.

    Request n lives in slot n modulo `request_slots`, its reply in the cache's slot of the same number until request
    n + request_slots is executed.

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
        """Return the parts, the sequence rules and the executor."""
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
        m.submodules.lengths = lengths = Memory(shape=16, depth=max(2, slots), init=[])
        m.submodules.replies = replies = Memory(shape=8, depth=slots * frame_bytes, init=[])
        m.submodules.infos = infos = Memory(shape=ReplyInfo, depth=max(2, slots), init=[])
        connect(m, transmitter.tx, flipped(self.tx))
        connect(m, reader.o, flipped(self.payload))

        def slot_of(sequence: Any) -> Any:
            return sequence[:SLOT_BITS] & (slots - 1)

        # -- State of the session.
        session = Signal()
        first = Signal(32)
        """Sequence number the session began with."""
        expected = Signal(32)
        """Next sequence number to accept."""
        executing = Signal(32)
        """Next sequence number to execute."""
        pending = Signal(range(slots + 1))
        """Requests accepted and not yet executed: expected - executing."""
        kept = Signal(range(slots + 1))
        """How far back from `expected` the cache reaches into this session."""
        queued = Signal(slots)
        """Slots whose reply waits to be sent."""
        hello_held = Signal()
        """A new session is to begin when nothing is under way."""
        hello = Signal(32)

        # -- Storing a frame while it comes. The slot must be free from the payload's first byte on.
        store_address = Cat(deframer.store_offset, slot_of(expected))
        storable = Signal()
        request_write = requests.write_port()
        with m.If(deframer.header_end):
            m.d.sync += storable.eq(pending != slots)
        m.d.comb += [
            deframer.i_valid.eq(self.rx.valid),
            deframer.i_data.eq(self.rx.payload),
            request_write.addr.eq(store_address),
            request_write.data.eq(deframer.store_data),
            request_write.en.eq(deframer.store & storable),
        ]

        # -- Queue of frames to send. What a frame calls for goes first; the executor waits a cycle for it.
        notice = Signal(Notice)
        push = Signal()
        entry = Notice(queue.r_data)
        m.d.comb += [
            queue.w_data.eq(notice),
            queue.w_en.eq(push & queue.w_rdy),
            transmitter.notices.p.eq(entry),
            transmitter.notices.valid.eq(queue.r_rdy),
            queue.r_en.eq(transmitter.notices.ready),
            transmitter.stopped.eq(self.stopped),
        ]
        with m.If(transmitter.sent & (entry.kind == NoticeKind.REPLY)):
            m.d.sync += queued.bit_select(slot_of(entry.sequence), 1).eq(0)

        def send(kind: Any, sequence: Any, status: Any = Status.OK) -> list[Any]:
            return [push.eq(1), notice.kind.eq(kind), notice.status.eq(status), notice.sequence.eq(sequence)]

        # -- What a frame means.
        header = deframer.header
        asked_slot = slot_of(header.sequence)
        behind = Signal(32)
        accept = Signal()
        executed = Signal()
        m.d.comb += behind.eq(expected - header.sequence)
        with m.If(deframer.end):
            with m.If(deframer.status != Status.OK):
                m.d.comb += send(NoticeKind.REFUSAL, expected, deframer.status)
                m.d.sync += self.bad_frames.eq(self.bad_frames + 1)
            with m.Else():
                m.d.comb += self.frame_seen.eq(1)
                with m.Switch(header.kind):
                    with m.Case(FrameKind.STOP):
                        m.d.comb += [self.stop.eq(1), *send(NoticeKind.STOPPED, expected)]
                    with m.Case(FrameKind.HELLO):
                        with m.If(session & (header.sequence == first)):
                            m.d.comb += send(NoticeKind.IDENTITY, first)
                        with m.Else():
                            m.d.sync += [hello_held.eq(1), hello.eq(header.sequence)]
                    with m.Case(FrameKind.REQUEST):
                        with m.If(~session):
                            m.d.comb += send(NoticeKind.REFUSAL, expected, Status.NO_SESSION)
                        with m.Elif(behind == 0):
                            with m.If(storable):
                                m.d.comb += accept.eq(1)
                            with m.Else():
                                m.d.comb += send(NoticeKind.REFUSAL, expected, Status.OVERFLOW)
                        with m.Elif(behind[31]):
                            m.d.comb += send(NoticeKind.REFUSAL, expected, Status.SEQUENCE_GAP)
                        with m.Elif(behind > slots):
                            m.d.comb += send(NoticeKind.REFUSAL, expected, Status.SEQUENCE_STALE)
                        with m.Elif((behind > pending) & (behind <= kept) & ~queued.bit_select(asked_slot, 1)):
                            # A repetition whose reply is ready and not on its way.
                            m.d.comb += send(NoticeKind.REPLY, header.sequence)
                            with m.If(queue.w_rdy):
                                m.d.sync += queued.bit_select(asked_slot, 1).eq(1)

        length_write = lengths.write_port()
        m.d.comb += [
            length_write.addr.eq(slot_of(expected)),
            length_write.data.eq(header.length),
            length_write.en.eq(accept),
        ]
        with m.If(accept):
            m.d.sync += expected.eq(expected + 1)
            with m.If(kept != slots):
                m.d.sync += kept.eq(kept + 1)
        m.d.sync += pending.eq(pending + accept - executed)

        # -- Executing requests in order.
        request_read = requests.read_port()
        length_read = lengths.read_port()
        reply_write = replies.write_port()
        info_write = infos.write_port()
        written = Signal(range(frame_bytes))
        slot = slot_of(executing)
        m.d.comb += [
            request_read.addr.eq(Cat(reader.offset, slot)),
            reader.data.eq(request_read.data),
            reader.length.eq(length_read.data),
            length_read.addr.eq(slot),
            self.payload_left.eq(reader.left),
            reply_write.addr.eq(Cat(written[:offset_bits], slot)),
            reply_write.data.eq(self.records.payload),
            reply_write.en.eq(self.records.valid),
            info_write.addr.eq(slot),
            info_write.data.status.eq(self.status),
            info_write.data.detail.eq(self.detail),
            info_write.data.length.eq(written),
            info_write.en.eq(self.finish),
        ]
        with m.If(self.records.valid):
            m.d.sync += [written.eq(written + 1), self.records_free.eq(self.records_free - 1)]

        with m.FSM():
            with m.State("IDLE"):
                with m.If(pending != 0):
                    # The reply of request n - request_slots leaves the cache now, so it must be on its way.
                    with m.If(~queued.bit_select(slot, 1)):
                        m.next = "START"
                with m.Elif(hello_held & ~deframer.end & queue.w_rdy):
                    m.d.comb += [self.session_opened.eq(1), *send(NoticeKind.IDENTITY, hello)]
                    m.d.sync += [
                        session.eq(1), first.eq(hello), expected.eq(hello), executing.eq(hello), kept.eq(0),
                        hello_held.eq(0), storable.eq(0),
                    ]  # fmt: skip
            with m.State("START"):
                m.d.comb += reader.start.eq(1)
                m.d.sync += [self.active.eq(1), written.eq(0), self.records_free.eq(frame_bytes - REPLY_OVERHEAD)]
                m.next = "EXECUTE"
            with m.State("EXECUTE"):
                with m.If(self.finish):
                    m.d.sync += self.active.eq(0)
                    m.next = "REPLY"
            with m.State("REPLY"):
                with m.If(~deframer.end & queue.w_rdy):
                    m.d.comb += [executed.eq(1), *send(NoticeKind.REPLY, executing)]
                    m.d.sync += [queued.bit_select(slot, 1).eq(1), executing.eq(executing + 1)]
                    m.next = "IDLE"
        with m.If(hello_held & self.busy & ~deframer.end & queue.w_rdy):
            m.d.comb += send(NoticeKind.REFUSAL, expected, Status.BUSY)
            m.d.sync += hello_held.eq(0)

        transmit_read = replies.read_port()
        info_read = infos.read_port()
        m.d.comb += [
            transmit_read.addr.eq(Cat(transmitter.offset, slot_of(entry.sequence))),
            transmitter.data.eq(transmit_read.data),
            info_read.addr.eq(slot_of(entry.sequence)),
            transmitter.info.eq(info_read.data),
        ]
        return m
