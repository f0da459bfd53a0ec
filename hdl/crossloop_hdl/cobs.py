"""Consistent overhead byte stuffing: frames without zero bytes, separated by zero bytes.

Source: S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Trans. Networking 7(2), 1999.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

BLOCK_MAX = 255
"""Code of a block of 254 bytes that no zero follows."""

_RING_BYTES = 512
"""Encoded bytes the encoder can hold; must exceed a whole open block, which cannot leave before its length is known."""

Tail = data.StructLayout({"data": 8, "last": 1})
"""A byte and whether it is the last of its frame."""


class CobsDecoder(wiring.Component):
    """Undoes the stuffing, one byte per cycle, at most one byte out for one byte in, in the same cycle."""

    i_valid: In(1)
    """`i_data` is the next byte of the line."""
    i_data: In(8)
    """Byte of the line."""
    o_valid: Out(1)
    """`o_data` is the next byte of the frame."""
    o_data: Out(8)
    """Byte of the frame."""
    end: Out(1)
    """Strobe in the cycle of the delimiter; not for a delimiter that follows a delimiter."""
    whole: Out(1)
    """With `end`: the last block had all its bytes."""

    def __init__(self) -> None:
        # In the open, so that a proof can name them.
        self.left = Signal(8)
        """Bytes of the block that are still to come."""
        self.zero_owed = Signal()
        """A zero stands between this block and the next one, if there is a next one."""
        self.begun = Signal()
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        """Return the block counter."""
        m = Module()
        left, zero_owed, begun = self.left, self.zero_owed, self.begun
        at_code = Signal()

        m.d.comb += [
            at_code.eq(left == 0),
            self.whole.eq(at_code),
            self.o_data.eq(Mux(at_code, 0, self.i_data)),
        ]
        with m.If(self.i_valid):
            with m.If(self.i_data == 0):
                m.d.comb += self.end.eq(begun)
                m.d.sync += [left.eq(0), zero_owed.eq(0), begun.eq(0)]
            with m.Elif(at_code):
                m.d.comb += self.o_valid.eq(zero_owed)
                m.d.sync += [left.eq(self.i_data - 1), zero_owed.eq(self.i_data != BLOCK_MAX), begun.eq(1)]
            with m.Else():
                m.d.comb += self.o_valid.eq(1)
                m.d.sync += left.eq(left - 1)
        return m


class CobsEncoder(wiring.Component):
    """Stuffs frames and ends each with a zero byte.

    The stuffed bytes are written to a ring memory with a hole where each block's code will stand. The byte that ends a
    block is a zero, which needs no place of its own: its cycle writes the code into the hole, so one write port is
    enough and a byte takes one cycle. What lies before the open block's hole may leave.
    """

    i: In(stream.Signature(Tail))
    """Bytes of the frame."""
    o: Out(stream.Signature(8))
    """Bytes of the line."""

    def __init__(self) -> None:
        # In the open, so that a proof can name them.
        self.head = Signal(range(_RING_BYTES), init=1)
        """Where the next byte will stand."""
        self.tail = Signal(range(_RING_BYTES))
        """What leaves next."""
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        """Return the writer, the ring and the reader."""
        m = Module()
        m.submodules.ring = ring = Memory(shape=8, depth=_RING_BYTES, init=[])
        write = ring.write_port()
        read = ring.read_port()

        hole = Signal(range(_RING_BYTES))
        """Where the open block's code will stand; all before it is final."""
        head, tail = self.head, self.tail
        code = Signal(8, init=1)
        room = Signal(init=1)
        """There is room for what is to be written, as far as was known a cycle ago."""
        position = Signal(range(_RING_BYTES))
        taken = Signal()

        def close_block(code: Any) -> list[Any]:
            return [write.addr.eq(hole), write.data.eq(code), write.en.eq(1)]

        # Three bytes of distance: a delimiter and the next block's hole may have come in the cycle in which it was measured, then one byte
        # more comes, and a full ring must not look empty.
        m.d.sync += room.eq((tail - head - 1)[: len(tail)] >= 3)
        open_block = [hole.eq(head), head.eq(head + 1), code.eq(1)]

        with m.FSM():
            with m.State("BYTES"):
                m.d.comb += self.i.ready.eq(room & (code != BLOCK_MAX))
                with m.If(room & (code == BLOCK_MAX)):
                    m.d.comb += close_block(code)
                    m.d.sync += open_block
                with m.Elif(room & self.i.valid):
                    with m.If(self.i.p.data == 0):
                        m.d.comb += close_block(code)
                        m.d.sync += open_block
                    with m.Else():
                        m.d.comb += [write.addr.eq(head), write.data.eq(self.i.p.data), write.en.eq(1)]
                        m.d.sync += [head.eq(head + 1), code.eq(code + 1)]
                    with m.If(self.i.p.last):
                        m.next = "LAST CODE"
            with m.State("LAST CODE"):
                # After 254 bytes without a zero the code is BLOCK_MAX here, and the frame ends without another block.
                m.d.comb += close_block(code)
                m.next = "DELIMITER"
            with m.State("DELIMITER"):
                with m.If(room):
                    m.d.comb += [write.addr.eq(head), write.data.eq(0), write.en.eq(1)]
                    m.d.sync += [hole.eq(head + 1), head.eq(head + 2), code.eq(1)]
                    m.next = "BYTES"

        m.d.comb += [
            taken.eq(self.o.valid & self.o.ready),
            position.eq(tail + taken),
            read.addr.eq(position),
            self.o.payload.eq(read.data),
        ]
        m.d.sync += [tail.eq(position), self.o.valid.eq(position != hole)]
        return m
