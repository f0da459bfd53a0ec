"""The routing switches: chains of ADG1414 that connect converter channels to the amplifiers of a family, and choose their range."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parameters import RANGES, Parameters
from crossloop.protocol.parts import adg1414
from crossloop.protocol.parts.adg1414 import Route
from crossloop.protocol.parts.reference import chain_devices
from crossloop_hdl.layouts import ConversionWord
from crossloop_hdl.parts.spi import SpiShifter


class RoutingChain(wiring.Component):
    """Sends the same byte to every device whenever another routing is wanted.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    wanted : In(ConversionWord)
        The coming conversion; it stays for at least `route_cycles` of the build before its strobe.
    configured : Out(1)
        The chain has taken its first routing.
    cs_n, sclk, sdi : Out(1)
        Pins.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._devices = chain_devices(parameters)
        self._clock_hz = parameters.clock_hz
        super().__init__({
            "wanted": In(ConversionWord), "configured": Out(1), "cs_n": Out(1, init=1), "sclk": Out(1), "sdi": Out(1),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return shifter and comparator."""
        m = Module()
        m.submodules.shifter = shifter = SpiShifter(adg1414.chain_profile(self._devices), self._clock_hz)
        byte, sent = Signal(adg1414.SWITCHES), Signal(adg1414.SWITCHES)
        single = Mux(self.wanted.family, Route.COLUMNS, Route.ROWS)
        pairs = Mux(self.wanted.family, Route.COLUMN_PAIRS, Route.ROW_PAIRS)
        # Voltages: no amplifier has its feedback resistor.
        ranges = Cat((self.wanted.range == index) & ~self.wanted.voltage for index in range(RANGES))
        m.d.comb += [
            byte.eq(Mux(self.wanted.pair, pairs, single) | ranges << (Route.RANGE_0.bit_length() - 1)),
            # At power-on every switch is open, which no routing asks for: so the first one is sent at once.
            shifter.start.eq(shifter.ready & (byte != sent)),
            shifter.data.eq(byte.replicate(self._devices)),
            self.cs_n.eq(shifter.cs_n), self.sclk.eq(shifter.sclk), self.sdi.eq(shifter.sdi),
        ]  # fmt: skip
        with m.If(shifter.start):
            m.d.sync += sent.eq(byte)
        with m.If(shifter.done):
            m.d.sync += self.configured.eq(1)
        return m
