"""Notices to frames on the line."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2, exact_log2

from crossloop.protocol.frames import CRC, REPLY_HEADER, FrameKind
from crossloop.protocol.identity import IDENTITY_BYTES, pack_identity
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.cobs import CobsEncoder, Tail
from crossloop_hdl.crc import Crc32
from crossloop_hdl.link.layouts import Notice, NoticeKind, ReplyHeader, ReplyInfo
from crossloop_hdl.link.reader import StretchReader


class Transmitter(wiring.Component):
    """Sends the frames that notices name: header, payload and checksum, one byte per cycle into the COBS encoder.

    `info` is what the reply cache keeps of the slot of the notice at hand, and `data` its read port with one cycle of latency, of
    `offset` in that slot; both rest until `sent`. `sent` is a strobe after the last byte of a notice has left the cache.

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
        # Block RAMs are left over where logic is scarce; Yosys would take lookup tables for so few bytes.
        m.submodules.identity = identity = Memory(
            shape=8, depth=depth, init=pack_identity(self._parameters), attrs={"rom_style": "block"}
        )
        identity_port = identity.read_port()
        connect(m, encoder.o, flipped(self.tx))

        notice = self.notices.p
        header = Signal(ReplyHeader)
        """Comes from the notice and the cache, which both stay until the frame is sent."""
        at = Signal(range(REPLY_HEADER.size))
        """Byte of the header or of the checksum."""
        is_identity = Signal()
        offered, put = Signal(), Signal()
        """There is a byte for the encoder; it goes into the encoder's register."""
        byte = Signal(Tail)
        to_sum = Signal()
        """The byte that was put is one of those that the checksum is of."""
        m.d.comb += [
            is_identity.eq(notice.kind == NoticeKind.IDENTITY),
            self.offset.eq(reader.offset),
            identity_port.addr.eq(reader.offset),
            reader.data.eq(Mux(is_identity, identity_port.data, self.data)),
            put.eq(offered & (~encoder.i.valid | encoder.i.ready)),
            crc.valid.eq(to_sum),
            crc.data.eq(encoder.i.p.data),
        ]
        # A register before encoder and checksum: to find the byte is a long path by itself.
        m.d.sync += to_sum.eq(0)
        with m.If(~encoder.i.valid | encoder.i.ready):
            m.d.sync += [encoder.i.valid.eq(offered), encoder.i.payload.eq(byte)]
        self._add_header(m, header)
        m.d.comb += reader.length.eq(header.length)

        with m.FSM():
            with m.State("NOTICE"):
                with m.If(self.notices.valid & (self.stopped | (notice.kind != NoticeKind.STOPPED))):
                    m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += [crc.clear.eq(1), reader.start.eq(1)]
                m.d.sync += at.eq(0)
                m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += offered.eq(1)
                with m.Switch(at):
                    for number in range(REPLY_HEADER.size):
                        with m.Case(number):
                            m.d.comb += byte.data.eq(header.as_value().word_select(number, 8))
                with m.If(put):
                    m.d.sync += [at.eq(at + 1), to_sum.eq(1)]
                    with m.If(at == REPLY_HEADER.size - 1):
                        m.d.sync += at.eq(0)
                        m.next = "SUM"
                        with m.If(reader.left != 0):
                            m.next = "PAYLOAD"
            with m.State("PAYLOAD"):
                m.d.comb += [offered.eq(reader.o.valid), byte.data.eq(reader.o.payload), reader.o.ready.eq(put)]
                with m.If(put):
                    m.d.sync += to_sum.eq(1)
                    with m.If(reader.left == 1):
                        m.next = "SUM"
            with m.State("SUM"):
                # The last byte goes into the checksum.
                m.next = "CHECKSUM"
            with m.State("CHECKSUM"):
                m.d.comb += [
                    offered.eq(1),
                    byte.data.eq((~crc.state).word_select(at[:2], 8)),
                    byte.last.eq(at == CRC.size - 1),
                ]
                with m.If(put):
                    m.d.sync += at.eq(at + 1)
                    with m.If(byte.last):
                        m.d.comb += [self.sent.eq(1), self.notices.ready.eq(1)]
                        m.next = "NOTICE"
        return m

    def _add_header(self, m: Module, header: Any) -> None:
        """Add the header of the frame that the notice at hand names."""
        notice = self.notices.p
        m.d.comb += [header.sequence.eq(notice.sequence), header.credit.eq(self._parameters.request_slots)]
        with m.Switch(notice.kind):
            with m.Case(NoticeKind.REPLY):
                m.d.comb += [
                    header.kind.eq(FrameKind.REPLY), header.status.eq(self.info.status), header.length.eq(self.info.length),
                    header.detail.eq(self.info.detail),
                ]  # fmt: skip
            with m.Case(NoticeKind.IDENTITY):
                m.d.comb += [header.kind.eq(FrameKind.IDENTITY), header.length.eq(IDENTITY_BYTES)]
            with m.Case(NoticeKind.REFUSAL):
                m.d.comb += [header.kind.eq(FrameKind.REFUSAL), header.status.eq(notice.status)]
            with m.Case(NoticeKind.STOPPED):
                m.d.comb += header.kind.eq(FrameKind.STOPPED)
