"""Part model of the AD7606: CONVST in, BUSY and two data lines out; what it has sampled is put in from outside."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parts import ad7606
from crossloop.protocol.parts.spi import cycles_of


class Ad7606Model(wiring.Component):
    """A chip without oversampling, read through DOUTA and DOUTB or one of them; a word per frame, or all words in one.

    Parameters
    ----------
    clock_hz : int
        Clock of the simulation: BUSY lasts as long as the datasheet's longest conversion.

    Members
    -------
    convst, reset, cs_n, sclk : In(1)
        Pins.
    busy, douta, doutb : Out(1)
        Pins.
    sampled : Out(1)
        Strobe in the cycle in which CONVST has risen: the inputs are sampled now.
    load, channel, code : In(1), In(3), In(16)
        Strobe: what was sampled on a channel; before BUSY falls.
    """

    convst: In(1)
    reset: In(1)
    cs_n: In(1, init=1)
    sclk: In(1, init=1)
    busy: Out(1)
    douta: Out(1)
    doutb: Out(1)
    sampled: Out(1)
    load: In(1)
    channel: In(3)
    code: In(16)

    def __init__(self, clock_hz: int) -> None:
        self._cycles = cycles_of(ad7606.CONVERSION_PS, clock_hz)
        super().__init__()

    def elaborate(self, _platform: Any) -> Module:
        """Return edge detectors, conversion timer and output shift registers."""
        m = Module()
        convst_before, sclk_before, cs_before = Signal(), Signal(init=1), Signal(init=1)
        left = Signal(range(self._cycles))
        was_reset, moves = Signal(), Signal()
        taken = Signal(data.ArrayLayout(16, ad7606.CHANNELS))
        """Codes of the conversion under way."""
        out = Signal(16 * ad7606.CHANNELS)
        """Turns by a bit with every rising edge: V1 to V8 pass the top on their way to DOUTA, V5 to V8 the middle first."""
        m.d.sync += [convst_before.eq(self.convst), sclk_before.eq(self.sclk), cs_before.eq(self.cs_n)]
        turned = Cat(out[-1], out[:-1])
        shown = Mux(moves, turned, out)
        m.d.comb += [
            self.sampled.eq(self.convst & ~convst_before & ~self.busy & was_reset & ~self.reset),
            # The next bit shows in the cycle of its edge: a part answers within a few tens of nanoseconds, whatever a cycle lasts.
            moves.eq(self.sclk & ~sclk_before & ~cs_before & ~self.cs_n),
            self.douta.eq(shown[-1] & ~self.cs_n), self.doutb.eq(shown[len(out) // 2 - 1] & ~self.cs_n),
        ]  # fmt: skip
        with m.If(self.load):
            m.d.sync += taken[self.channel].eq(self.code)
        with m.If(moves):
            m.d.sync += out.eq(turned)
        with m.If(self.sampled):
            m.d.sync += [self.busy.eq(1), left.eq(self._cycles - 1)]
        with m.Elif(self.busy):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 0):
                m.d.sync += [
                    self.busy.eq(0),
                    out.eq(Cat(taken[ad7606.CHANNELS - 1 - place] for place in range(ad7606.CHANNELS))),
                ]
        with m.If(self.reset):
            m.d.sync += [was_reset.eq(1), self.busy.eq(0), out.eq(0)]
        return m
