"""The receiver that the models of serial parts share: bits at one clock edge, a word at the rise of chip select."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class SerialReceiver(wiring.Component):
    """Takes bits at the falling edges of SCLK while CS is low. Its own clock is faster than SCLK.

    Parameters
    ----------
    bits : int
        Bits kept.
    first : bool
        Keep the first `bits` bits of a longer frame, not the last.

    Members
    -------
    cs_n, sclk, sdi : In(1)
        Pins.
    word : Out(bits)
        The bits, first highest.
    complete : Out(1)
        At least `bits` bits came since CS fell.
    begins, ends : Out(1)
        Strobes, in the first cycle of the pin's new level: CS fell, CS rose.
    """

    def __init__(self, bits: int, *, first: bool = False) -> None:
        self._first = first
        super().__init__({
            "cs_n": In(1), "sclk": In(1), "sdi": In(1), "word": Out(bits), "complete": Out(1), "begins": Out(1), "ends": Out(1),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return edge detectors, shift register and bit counter."""
        m = Module()
        bits = len(self.word)
        sclk_before, cs_before = Signal(), Signal(init=1)
        falls = Signal()
        count = Signal(range(bits + 1))
        m.d.sync += [sclk_before.eq(self.sclk), cs_before.eq(self.cs_n)]
        m.d.comb += [
            falls.eq(sclk_before & ~self.sclk & ~self.cs_n),
            self.begins.eq(cs_before & ~self.cs_n), self.ends.eq(~cs_before & self.cs_n), self.complete.eq(count == bits),
        ]  # fmt: skip
        keeps = ~self.complete if self._first else Const(1)
        with m.If(self.begins):
            m.d.sync += count.eq(0)
        with m.Elif(falls):
            with m.If(~self.complete):
                m.d.sync += count.eq(count + 1)
            with m.If(keeps):
                m.d.sync += self.word.eq(Cat(self.sdi, self.word))
        return m
