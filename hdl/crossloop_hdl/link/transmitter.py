"""Notices to frames on the line."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2, exact_log2

from crossloop.protocol.errors import Status
from crossloop.protocol.frames import CRC, REPLY_HEADER, FrameKind
from crossloop.protocol.identity import IDENTITY_BYTES, pack_identity
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.cobs import CobsEncoder
from crossloop_hdl.crc import Crc32
from crossloop_hdl.link.layouts import Notice, NoticeKind, ReplyHeader, ReplyInfo
from crossloop_hdl.link.reader import StretchReader


class Transmitter(wiring.Component):
    """Sends the frames that notices name: header, payload and checksum, one byte per cycle into the COBS encoder.

    `info` and `data` are read ports of the reply cache with one cycle of latency: of the slot of the notice at hand, and
    of `offset` in that slot. `sent` is a strobe after the last byte of a notice has left the cache.

    Parameters
    ----------
    parameters : Parameters
        Build; its identity payload is kept here.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._offset_bits = exact_log2(parameters.frame_bytes)
        super().__init__(
            {
                "notices": In(stream.Signature(Notice)),
                "stopped": In(1),
                "info": In(ReplyInfo),
                "offset": Out(self._offset_bits),
                "data": In(8),
                "sent": Out(1),
                "tx": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Return the frame builder before the encoder."""
        m = Module()
        m.submodules.crc = crc = Crc32()
        m.submodules.encoder = encoder = CobsEncoder()
        m.submodules.reader = reader = StretchReader(offset_bits=self._offset_bits)
        depth = 1 << ceil_log2(IDENTITY_BYTES)
        m.submodules.identity = identity = Memory(shape=8, depth=depth, init=pack_identity(self._parameters))
        identity_port = identity.read_port()
        connect(m, encoder.o, flipped(self.tx))

        notice = self.notices.p
        header = Signal(ReplyHeader)
        bytes_left = Signal(range(REPLY_HEADER.size))
        is_identity = Signal()
        m.d.comb += [
            is_identity.eq(notice.kind == NoticeKind.IDENTITY),
            self.offset.eq(reader.offset),
            identity_port.addr.eq(reader.offset),
            reader.data.eq(Mux(is_identity, identity_port.data, self.data)),
            crc.data.eq(encoder.i.p.data),
        ]

        with m.FSM():
            with m.State("NOTICE"):
                with m.If(self.notices.valid & (self.stopped | (notice.kind != NoticeKind.STOPPED))):
                    m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += [crc.clear.eq(1), reader.start.eq(1)]
                m.d.sync += [
                    header.status.eq(Status.OK),
                    header.length.eq(reader.length),
                    header.sequence.eq(notice.sequence),
                    header.credit.eq(self._parameters.request_slots),
                    header.detail.eq(0),
                    bytes_left.eq(REPLY_HEADER.size - 1),
                ]
                with m.Switch(notice.kind):
                    with m.Case(NoticeKind.REPLY):
                        m.d.comb += reader.length.eq(self.info.length)
                        m.d.sync += [
                            header.kind.eq(FrameKind.REPLY),
                            header.status.eq(self.info.status),
                            header.detail.eq(self.info.detail),
                        ]
                    with m.Case(NoticeKind.IDENTITY):
                        m.d.comb += reader.length.eq(IDENTITY_BYTES)
                        m.d.sync += header.kind.eq(FrameKind.IDENTITY)
                    with m.Case(NoticeKind.REFUSAL):
                        m.d.sync += [header.kind.eq(FrameKind.REFUSAL), header.status.eq(notice.status)]
                    with m.Case(NoticeKind.STOPPED):
                        m.d.sync += header.kind.eq(FrameKind.STOPPED)
                m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += [
                    encoder.i.valid.eq(1),
                    encoder.i.p.data.eq(header.as_value()[:8]),
                    crc.valid.eq(encoder.i.ready),
                ]
                with m.If(encoder.i.ready):
                    m.d.sync += [header.eq(header.as_value() >> 8), bytes_left.eq(bytes_left - 1)]
                    with m.If(bytes_left == 0):
                        m.d.sync += bytes_left.eq(CRC.size - 1)
                        m.next = "CHECKSUM"
                        with m.If(reader.left != 0):
                            m.next = "PAYLOAD"
            with m.State("PAYLOAD"):
                m.d.comb += [
                    encoder.i.valid.eq(reader.o.valid),
                    encoder.i.p.data.eq(reader.o.payload),
                    reader.o.ready.eq(encoder.i.ready),
                    crc.valid.eq(reader.o.valid & encoder.i.ready),
                ]
                with m.If(crc.valid & (reader.left == 1)):
                    m.next = "CHECKSUM"
            with m.State("CHECKSUM"):
                m.d.comb += [
                    encoder.i.valid.eq(1),
                    encoder.i.p.data.eq((~crc.state).word_select(~bytes_left[:2], 8)),
                    encoder.i.p.last.eq(bytes_left == 0),
                ]
                with m.If(encoder.i.ready):
                    m.d.sync += bytes_left.eq(bytes_left - 1)
                    with m.If(encoder.i.p.last):
                        m.d.comb += [self.sent.eq(1), self.notices.ready.eq(1)]
                        m.next = "NOTICE"
        return m
