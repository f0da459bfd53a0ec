"""Part model of the DAC81416: register frames in, channel updates out."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parts import dac81416
from crossloop_sim.parts.serial import SerialReceiver


class Dac81416Model(wiring.Component):
    """A chip that updates its outputs at the rise of CS.

    It knows the registers that the front end uses. A channel that is asleep, powered down, in another range or out of the broadcast does
    not answer; a frame with too few bits does nothing.

    Members
    -------
    cs_n, sclk, sdi : In(1)
        Pins.
    update : Out(1)
        Strobe: an output changes.
    every, channel, code : Out(1), Out(4), Out(16)
        Which one, or all of them, and to what (straight binary).
    """

    cs_n: In(1, init=1)
    sclk: In(1)
    sdi: In(1)
    update: Out(1)
    every: Out(1)
    channel: Out(4)
    code: Out(16)

    def elaborate(self, _platform: Any) -> Module:
        """Return receiver, configuration registers and decoder."""
        m = Module()
        m.submodules.receiver = receiver = SerialReceiver(dac81416.SPI.bits, first=True)
        address, data, reads = receiver.word[16:22], receiver.word[:16], receiver.word[23]
        write = Signal()
        asleep = Signal(init=1)
        no_reference = Signal(init=1)
        powered_down = Signal(16, init=0xFFFF)
        broadcast = Signal(16, init=0xFFFF)
        waits = Signal(16)
        ranges = [Signal(16, name=f"range_{index}") for index in range(4)]
        awake = Signal()
        ready = Signal(16)
        m.d.comb += [
            receiver.cs_n.eq(self.cs_n), receiver.sclk.eq(self.sclk), receiver.sdi.eq(self.sdi),
            write.eq(receiver.ends & receiver.complete & ~reads), awake.eq(~asleep & ~no_reference), self.code.eq(data),
        ]  # fmt: skip
        for channel in range(16):
            # Range register 0 holds channels 15 to 12.
            nibble = ranges[3 - channel // 4].word_select(channel % 4, 4)
            m.d.comb += ready[channel].eq(awake & ~powered_down[channel] & ~waits[channel] & (nibble == dac81416.RANGE))
        with m.If(write), m.Switch(address):
            with m.Case(dac81416.SPICONFIG):
                m.d.sync += asleep.eq(data[5])
            with m.Case(dac81416.GENCONFIG):
                m.d.sync += no_reference.eq(data[14])
            with m.Case(dac81416.BRDCONFIG):
                m.d.sync += broadcast.eq(data)
            with m.Case(dac81416.SYNCCONFIG):
                m.d.sync += waits.eq(data)
            with m.Case(dac81416.DACPWDWN):
                m.d.sync += powered_down.eq(data)
            for index, register in enumerate(dac81416.DACRANGE):
                with m.Case(register):
                    m.d.sync += ranges[index].eq(data)
            with m.Case(dac81416.BRDCAST):
                m.d.comb += [self.every.eq(1), self.update.eq((ready & broadcast).all())]
            with m.Case("01----"):
                m.d.comb += [self.channel.eq(address[:4]), self.update.eq(ready.bit_select(address[:4], 1))]
        return m
