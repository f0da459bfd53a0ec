"""The stream loader: fills a stream bank from the vector memory, so that a program can make its own outer products."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class StreamLoader(wiring.Component):
    """Executes STREAMS: highest line first, as the bank shifts the bytes in, one per cycle."""

    start: In(1)
    """Strobe; the next two members stay until `done`."""
    count: In(16)
    """Lines, from 1."""
    first: In(16)
    """Vector word of line 0."""
    abort: In(1)
    """Stop after this cycle; the bank is then in pieces."""
    vector_address: Out(16)
    """Vector word wanted in the next cycle; 0 at rest."""
    clear: Out(1)
    """Strobe: all bytes of the bank 0."""
    shift: Out(1)
    """Strobe: the low byte of the vector word that has come goes into the bank."""
    done: Out(1)
    """Strobe in the cycle of the last byte."""

    def elaborate(self, _platform: Any) -> Module:
        """Return the counter that walks down."""
        m = Module()
        left = Signal(16)
        """Words still to ask for."""
        asking = Signal()
        m.d.comb += [
            asking.eq(left != 0),
            self.vector_address.eq(Mux(asking, self.first + left - 1, 0)),
            self.clear.eq(asking & (left == self.count)),
            self.done.eq(self.shift & ~asking),
        ]
        m.d.sync += self.shift.eq(asking & ~self.abort)
        with m.If(self.start):
            m.d.sync += left.eq(self.count)
        with m.Elif(self.abort):
            m.d.sync += left.eq(0)
        with m.Elif(asking):
            m.d.sync += left.eq(left - 1)
        return m
