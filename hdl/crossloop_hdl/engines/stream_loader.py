"""The stream loader: fills a stream bank from the vector memory, so that a program can make its own outer products."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from crossloop.protocol.parameters import Parameters


class StreamLoader(wiring.Component):
    """Executes STREAMS: highest line first, as the bank shifts the bytes in, one per cycle.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    start : In(1)
        Strobe; the next two members stay until `done`.
    count : In(range(max(rows, columns) + 1))
        Lines, from 1.
    first : In(log2(vector_words))
        Vector word of line 0.
    abort : In(1)
        Stop after this cycle; the bank is then in pieces.
    vector_address : Out(log2(vector_words))
        Vector word wanted in the next cycle; 0 at rest.
    clear : Out(1)
        Strobe: all bytes of the bank 0.
    shift : Out(1)
        Strobe: the low byte of the vector word that has come goes into the bank.
    done : Out(1)
        Strobe in the cycle of the last byte.
    """

    def __init__(self, parameters: Parameters) -> None:
        address_bits = exact_log2(parameters.vector_words)
        super().__init__({
            "start": In(1), "count": In(range(max(parameters.rows, parameters.columns) + 1)), "first": In(address_bits),
            "abort": In(1), "vector_address": Out(address_bits), "clear": Out(1), "shift": Out(1), "done": Out(1),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the counter that walks down."""
        m = Module()
        left, fewer = Signal.like(self.count), Signal.like(self.count)
        """Words still to ask for, and one less."""
        asking = Signal()
        m.d.comb += [
            asking.eq(left != 0),
            fewer.eq(left - 1),
            self.vector_address.eq(Mux(asking, self.first + fewer, 0)),
            self.clear.eq(asking & (left == self.count)),
            self.done.eq(self.shift & ~asking),
        ]
        m.d.sync += self.shift.eq(asking & ~self.abort)
        with m.If(self.start):
            m.d.sync += left.eq(self.count)
        with m.Elif(self.abort):
            m.d.sync += left.eq(0)
        with m.Elif(asking):
            m.d.sync += left.eq(fewer)
        return m
