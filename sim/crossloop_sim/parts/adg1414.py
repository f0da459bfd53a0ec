"""Part model of the ADG1414: eight switches, a link of a chain."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parts import adg1414
from crossloop_sim.parts.serial import SerialReceiver


class Adg1414Model(wiring.Component):
    """A device whose switches follow the last eight bits at the rise of SYNC, however many came; the rest goes to the next device.

    Members
    -------
    cs_n, sclk, sdi : In(1)
        Pins; `cs_n` is SYNC.
    sdo : Out(1)
        Pin: the bit that was taken eight clock pulses earlier, from the rising edge on.
    switches : Out(8)
        Bit 0 is S1; 1 is closed.
    """

    cs_n: In(1, init=1)
    sclk: In(1)
    sdi: In(1)
    sdo: Out(1)
    switches: Out(8)

    def elaborate(self, _platform: Any) -> Module:
        """Return receiver, switch register and output register."""
        m = Module()
        m.submodules.receiver = receiver = SerialReceiver(adg1414.SWITCHES)
        sclk_before = Signal()
        m.d.sync += sclk_before.eq(self.sclk)
        m.d.comb += [receiver.cs_n.eq(self.cs_n), receiver.sclk.eq(self.sclk), receiver.sdi.eq(self.sdi)]
        with m.If(self.sclk & ~sclk_before):
            m.d.sync += self.sdo.eq(receiver.word[-1])
        with m.If(receiver.ends):
            m.d.sync += self.switches.eq(receiver.word)
        return m
