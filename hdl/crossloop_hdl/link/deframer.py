"""Bytes of the line to checked frames."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.errors import Status
from crossloop.protocol.frames import REQUEST_HEADER, FrameKind
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.cobs import CobsDecoder
from crossloop_hdl.crc import Crc32
from crossloop_hdl.link.layouts import REQUEST_OVERHEAD, RequestHeader

_HOST_KINDS = (FrameKind.HELLO, FrameKind.REQUEST, FrameKind.KICK, FrameKind.STOP)


class Deframer(wiring.Component):
    """Decodes, checks and stores a frame in one pass, one byte per cycle.

    The payload is offered for storing before its check is known; the checksum's four bytes follow it. The verdict comes
    one cycle after the delimiter, and stays for a cycle more; so does the header, which goes with the first byte of the next frame.

    Parameters
    ----------
    parameters : Parameters
        Build; `frame_bytes` is the longest decoded frame.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        # In the open, so that a proof can name it.
        self.count = Signal(range(parameters.frame_bytes + 2))
        """Bytes of the frame so far; frame_bytes + 1 stands for any number above frame_bytes."""
        super().__init__(
            {
                "i_valid": In(1),
                "i_data": In(8),
                "header_end": Out(1),
                "store": Out(1),
                "store_offset": Out(range(parameters.frame_bytes)),
                "store_data": Out(8),
                "end": Out(1),
                "status": Out(8),
                "header": Out(RequestHeader),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Return decoder, checksum, byte counter and verdict."""
        frame_bytes = self._parameters.frame_bytes
        m = Module()
        m.submodules.cobs = cobs = CobsDecoder()
        m.submodules.crc = crc = Crc32()
        count = self.count
        in_header = Signal()
        header = self.header.as_value()

        m.d.comb += [
            cobs.i_valid.eq(self.i_valid),
            cobs.i_data.eq(self.i_data),
            crc.valid.eq(cobs.o_valid),
            crc.data.eq(cobs.o_data),
            crc.clear.eq(cobs.end),
            in_header.eq(count < REQUEST_HEADER.size),
            self.header_end.eq(cobs.o_valid & (count == REQUEST_HEADER.size - 1)),
            self.store.eq(cobs.o_valid & ~in_header & (count < frame_bytes)),
            self.store_offset.eq(count - REQUEST_HEADER.size),
            self.store_data.eq(cobs.o_data),
        ]
        with m.If(cobs.o_valid):
            with m.If(count <= frame_bytes):
                m.d.sync += count.eq(count + 1)
            with m.If(in_header):
                m.d.sync += header.eq(Cat(header[8:], cobs.o_data))

        m.d.sync += self.end.eq(cobs.end)
        with m.If(cobs.end):
            m.d.sync += [count.eq(0), self.status.eq(Status.OK)]
            with m.If((count < REQUEST_OVERHEAD) | (count > frame_bytes)):
                m.d.sync += self.status.eq(Status.LENGTH_MISMATCH)
            with m.Elif(~cobs.whole | ~crc.match):
                m.d.sync += self.status.eq(Status.CRC_MISMATCH)
            with m.Elif(self.header.length + REQUEST_OVERHEAD != count):
                m.d.sync += self.status.eq(Status.LENGTH_MISMATCH)
            with m.Else():
                with m.Switch(self.header.kind):
                    with m.Case(*_HOST_KINDS):
                        pass
                    with m.Default():
                        m.d.sync += self.status.eq(Status.UNKNOWN_KIND)
        return m
