"""Part model of the DAC8568: command frames in, channel updates out."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parts import dac8568
from crossloop_sim.parts.serial import SerialReceiver


class Dac8568Model(wiring.Component):
    """A chip with LDAC low: it updates with its 32nd clock pulse; the update shows at the rise of SYNC, as that of the AD5668 does.

    It knows WRITE_UPDATE, RESET and REFERENCE; without its reference it has no output.

    Members
    -------
    cs_n, sclk, sdi : In(1)
        Pins; `cs_n` is SYNC.
    update : Out(1)
        Strobe: an output changes.
    every, channel, code : Out(1), Out(3), Out(16)
        Which one, or all of them, and to what (straight binary).
    """

    cs_n: In(1, init=1)
    sclk: In(1)
    sdi: In(1)
    update: Out(1)
    every: Out(1)
    channel: Out(3)
    code: Out(16)

    def elaborate(self, _platform: Any) -> Module:
        """Return receiver and decoder."""
        m = Module()
        m.submodules.receiver = receiver = SerialReceiver(dac8568.SPI.bits, first=True)
        word = receiver.word
        command, address = word[24:28], word[20:24]
        reference = Signal()
        write = Signal()
        m.d.comb += [
            receiver.cs_n.eq(self.cs_n), receiver.sclk.eq(self.sclk), receiver.sdi.eq(self.sdi),
            write.eq(receiver.ends & receiver.complete & ~word[31]),
            self.code.eq(word[4:20]), self.channel.eq(address[:3]),
        ]  # fmt: skip
        with m.If(write), m.Switch(command):
            with m.Case(dac8568.RESET):
                m.d.sync += reference.eq(0)
            with m.Case(dac8568.REFERENCE):
                m.d.sync += reference.eq(word[0])
            with m.Case(dac8568.WRITE_UPDATE):
                m.d.comb += [
                    self.every.eq(address == dac8568.ALL_CHANNELS),
                    self.update.eq(reference & Mux(self.every, 1, ~address[3])),
                ]
        return m
