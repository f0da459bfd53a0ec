"""The converters of every channel: sampled at one instant, read in parallel, handed on one by one."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parameters import Parameters
from crossloop.protocol.parts import ad7606
from crossloop.protocol.parts.reference import busy_cycles, converter_chips
from crossloop.protocol.parts.spi import cycles_of
from crossloop_hdl.layouts import sample_layout
from crossloop_hdl.parts.spi import SpiShifter


class Phase(enum.Enum, shape=2):
    """What the driver is doing."""

    RESET = 0
    IDLE = 1
    CONVERT = 2
    """The converters are busy."""
    READ = 3
    """Their codes are shifted in."""


class ConverterBank(wiring.Component):
    """AD7606 chips that share CONVST, RESET, clock and chip select; each has its own BUSY and its own two data lines.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    convert : In(1)
        Strobe: CONVST rises with the next cycle. Samples of an earlier conversion that were not taken are forgotten.
    samples : Out(stream.Signature(sample_layout))
        Channel 0 first, as many as the chips have.
    configured : Out(1)
        The chips have been reset.
    convst, reset, cs_n, sclk : Out(1)
        Pins to every chip.
    busy, douta, doutb : In(chips)
        Pins from the chips.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._chips = chips = converter_chips(parameters)
        super().__init__({
            "convert": In(1), "samples": Out(stream.Signature(sample_layout(parameters))), "configured": Out(1),
            "convst": Out(1), "reset": Out(1, init=1), "cs_n": Out(1, init=1), "sclk": Out(1, init=1),
            "busy": In(chips), "douta": In(chips), "doutb": In(chips),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return reset and conversion timers, shifter and sample selector."""
        m = Module()
        clock_hz = self._parameters.clock_hz
        m.submodules.shifter = shifter = SpiShifter(ad7606.SPI, clock_hz, lanes=2 * self._chips)
        reset_cycles = cycles_of(ad7606.RESET_HIGH_PS, clock_hz) + 1
        settle_cycles = cycles_of(ad7606.RESET_TO_CONVST_PS, clock_hz) + 1
        busy, pulse = busy_cycles(clock_hz), cycles_of(ad7606.CONVST_HIGH_PS, clock_hz)
        phase = Signal(Phase)
        left = Signal(range(max(busy, reset_cycles + settle_cycles) + 1), init=reset_cycles + settle_cycles)
        any_busy, settled = Signal(), Signal()
        m.submodules.busy_synchroniser = FFSynchronizer(self.busy.any(), any_busy)
        m.d.comb += [
            shifter.sdo.eq(Cat(self.douta, self.doutb)), self.cs_n.eq(shifter.cs_n), self.sclk.eq(shifter.sclk),
            settled.eq(left == 0),
        ]  # fmt: skip
        with m.If(~settled):
            m.d.sync += left.eq(left - 1)
        with m.Switch(phase):
            with m.Case(Phase.RESET):
                with m.If(left == settle_cycles):
                    m.d.sync += self.reset.eq(0)
                with m.If(settled):
                    m.d.sync += [phase.eq(Phase.IDLE), self.configured.eq(1)]
            with m.Case(Phase.IDLE):
                with m.If(self.convert):
                    m.d.sync += [phase.eq(Phase.CONVERT), self.convst.eq(1), left.eq(busy)]
            with m.Case(Phase.CONVERT):
                with m.If(left == busy - pulse):
                    m.d.sync += self.convst.eq(0)
                # The timer alone decides with a part that keeps its word; BUSY is watched for one that does not.
                with m.If(settled & ~any_busy):
                    m.d.comb += shifter.start.eq(1)
                    m.d.sync += phase.eq(Phase.READ)
            with m.Case(Phase.READ):
                with m.If(shifter.done):
                    m.d.sync += phase.eq(Phase.IDLE)
        self._add_samples(m, shifter)
        return m

    def _add_samples(self, m: Module, shifter: SpiShifter) -> None:
        """Add the selector that hands the codes on, and the judgement whether the converter was at its limit."""
        chips, bits, code_bits = self._chips, ad7606.SPI.bits, ad7606.CODE_BITS
        lanes = [shifter.answers[lane * bits : (lane + 1) * bits] for lane in range(2 * chips)]
        words = []
        for chip in range(chips):
            for lane in (lanes[chip], lanes[chips + chip]):
                words += [lane[bits - (at + 1) * code_bits : bits - at * code_bits] for at in range(bits // code_bits)]
        channel = Signal(range(len(words)))
        code = Signal(code_bits)
        payload, sample_bits = self.samples.payload, self._parameters.sample_bits
        m.d.comb += [
            code.eq(Cat(*words).word_select(channel, code_bits)),
            payload.code.eq(code[code_bits - sample_bits :]),
            # 0x7FFF and 0x8000: the sign differs from all other bits, which are alike.
            payload.saturated.eq((code[:-1] == (1 << (code_bits - 1)) - 1) & ~code[-1] | (code == 1 << (code_bits - 1))),
        ]  # fmt: skip
        with m.If(shifter.done):
            m.d.sync += [self.samples.valid.eq(1), channel.eq(0)]
        with m.Elif(self.convert):
            m.d.sync += self.samples.valid.eq(0)
        with m.Elif(self.samples.valid & self.samples.ready):
            m.d.sync += channel.eq(channel + 1)
            with m.If(channel == len(words) - 1):
                m.d.sync += self.samples.valid.eq(0)
