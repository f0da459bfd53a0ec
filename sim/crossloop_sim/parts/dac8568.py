"""Part model of the DAC8568: command frames in, channel updates out."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parts import dac8568
from crossloop_sim.parts.serial import SerialReceiver

_CODES = data.ArrayLayout(16, dac8568.CHANNELS)


class Dac8568Model(wiring.Component):
    """A chip with LDAC low and CLR high: it updates with its 32nd clock pulse; that shows at the rise of SYNC, as it does with the AD5668.

    With LDAC low a written channel updates at once, so WRITE_INPUT is WRITE_UPDATE, and UPDATE and LDAC_MASK do nothing. Strobes tell
    updates of channels that are powered; without its reference the chip has no output.

    Members
    -------
    cs_n, sclk, sdi : In(1)
        Pins; `cs_n` is SYNC.
    update : Out(1)
        Strobe: an output changes.
    every, channel, code : Out(1), Out(3), Out(16)
        Which one, or all of them, and to what (straight binary).
    codes, on : Out(8 x 16), Out(8)
        What the outputs stand at, and which of them are powered.
    """

    cs_n: In(1, init=1)
    sclk: In(1)
    sdi: In(1)
    update: Out(1)
    every: Out(1)
    channel: Out(3)
    code: Out(16)
    codes: Out(_CODES)
    on: Out(dac8568.CHANNELS)

    def elaborate(self, _platform: Any) -> Module:
        """Return receiver, registers and decoder."""
        m = Module()
        m.submodules.receiver = receiver = SerialReceiver(dac8568.SPI.bits, first=True)
        word, chips_all = receiver.word, (1 << dac8568.CHANNELS) - 1
        command, address, mask = word[24:28], word[20:24], word[: dac8568.CHANNELS]
        reference, powered_down = Signal(), Signal(dac8568.CHANNELS)
        act, written = Signal(), Signal(dac8568.CHANNELS)
        m.d.comb += [
            receiver.cs_n.eq(self.cs_n), receiver.sclk.eq(self.sclk), receiver.sdi.eq(self.sdi),
            act.eq(receiver.ends & receiver.complete & ~word[31]),
            self.code.eq(word[4:20]), self.channel.eq(address[:3]), self.every.eq(address == dac8568.ALL_CHANNELS),
            self.on.eq(~powered_down & reference.replicate(dac8568.CHANNELS)),
            self.update.eq((written & self.on).any() & ((written & ~self.on) == 0)),
        ]  # fmt: skip
        for channel in range(dac8568.CHANNELS):
            with m.If(written[channel]):
                m.d.sync += self.codes[channel].eq(self.code)
        with m.If(act), m.Switch(command):
            with m.Case(dac8568.WRITE_INPUT, dac8568.WRITE_UPDATE, dac8568.WRITE_UPDATE_ALL):
                with m.If(self.every):
                    m.d.comb += written.eq(chips_all)
                with m.Elif(~address[3]):
                    m.d.comb += written.eq(1 << address[:3])
            with m.Case(dac8568.POWER):
                with m.If(word[8:10] == 0):
                    m.d.sync += powered_down.eq(powered_down & ~mask)
                with m.Else():
                    m.d.sync += powered_down.eq(powered_down | mask)
            with m.Case(dac8568.RESET):
                m.d.sync += [reference.eq(0), powered_down.eq(0), self.codes.as_value().eq(0)]
            with m.Case(dac8568.REFERENCE):
                m.d.sync += reference.eq(word[0])
        return m
