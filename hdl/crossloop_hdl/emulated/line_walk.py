"""Walking along the lines of one family, with a bit for each."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2


class LineWalk(wiring.Component):
    """A line number, and a mask that turns with it: the bit of the line at hand is always the first, so no line is ever selected.

    Parameters
    ----------
    lines : int
        Lines of the family.

    Members
    -------
    load, bits : In(1), In(lines)
        Strobe, in a cycle of `restart` only: take one bit per line.
    restart : In(1)
        Strobe: to line 0; the mask stays, and must be loaded next.
    step : In(1)
        Strobe: to the next line, from the last to the first.
    line : Out
        The line at hand.
    bit, next_bit : Out(1), Out(1)
        The mask's bits of this line and of the one after it.
    last : Out(1)
        It is the last line.
    """

    def __init__(self, lines: int) -> None:
        self._lines = lines
        super().__init__({
            "load": In(1), "bits": In(lines), "restart": In(1), "step": In(1), "line": Out(ceil_log2(max(lines, 2))), "bit": Out(1),
            "next_bit": Out(1), "last": Out(1),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return counter and mask."""
        m = Module()
        mask = Signal(self._lines)
        m.d.comb += [
            self.bit.eq(mask[0]), self.next_bit.eq(mask[1 % self._lines]), self.last.eq(self.line == self._lines - 1),
        ]  # fmt: skip
        with m.If(self.load | self.step):
            m.d.sync += mask.eq(Mux(self.restart, self.bits, Cat(mask[1:], mask[0])))
        with m.If(self.restart | (self.step & self.last)):
            m.d.sync += self.line.eq(0)
        with m.Elif(self.step):
            m.d.sync += self.line.eq(self.line + 1)
        return m
