"""A stretch of a byte memory as a stream."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class StretchReader(wiring.Component):
    """Reads `length` bytes from offset 0 on, one per cycle; the first is there in the cycle after `start`.

    Parameters
    ----------
    offset_bits : int
        Width of the offset and of the length: a stretch is shorter than its memory.
    """

    def __init__(self, *, offset_bits: int) -> None:
        super().__init__(
            {
                "start": In(1),
                "length": In(offset_bits),
                "offset": Out(offset_bits),
                "data": In(8),
                "o": Out(stream.Signature(8)),
                "left": Out(16),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Return the counters. The memory's read port has one cycle of latency, so it sees the next offset."""
        m = Module()
        position = Signal.like(self.offset)
        taken = Signal()
        left, next_left = Signal.like(self.length), Signal.like(self.length)
        m.d.comb += [
            self.left.eq(left),
            taken.eq(self.o.valid & self.o.ready),
            self.offset.eq(Mux(self.start, 0, position + taken)),
            next_left.eq(Mux(self.start, self.length, left - taken)),
            self.o.payload.eq(self.data),
        ]
        # Whether a byte is left is compared beside the subtraction, not after it.
        more = Mux(self.start, self.length != 0, (left != 0) & ~(taken & (left == 1)))
        m.d.sync += [position.eq(self.offset), left.eq(next_left), self.o.valid.eq(more)]
        return m
