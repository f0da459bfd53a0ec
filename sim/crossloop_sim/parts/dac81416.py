"""Part model of the DAC81416: register frames in, channel updates out."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parts import dac81416
from crossloop_sim.parts.serial import SerialReceiver

_CODES = data.ArrayLayout(16, dac81416.CHANNELS)


class Dac81416Model(wiring.Component):
    """A chip without strobes, toggling and readback, whose reference is its own.

    Strobes tell what the front end is for: updates of channels that are on and in its range. A frame with too few bits does nothing, and
    with CRC-EN set no frame does, since the model reckons none.

    Members
    -------
    cs_n, sclk, sdi : In(1)
        Pins.
    update : Out(1)
        Strobe: an output in the front end's range changes.
    every, channel, code : Out(1), Out(4), Out(16)
        Which one, or all of them, and to what (straight binary).
    codes, on : Out(16 x 16), Out(16)
        What the outputs stand at, and which of them are powered.
    """

    cs_n: In(1, init=1)
    sclk: In(1)
    sdi: In(1)
    update: Out(1)
    every: Out(1)
    channel: Out(4)
    code: Out(16)
    codes: Out(_CODES)
    on: Out(dac81416.CHANNELS)

    def elaborate(self, _platform: Any) -> Module:
        """Return receiver, registers and decoder."""
        m = Module()
        m.submodules.receiver = receiver = SerialReceiver(dac81416.SPI.bits, first=True)
        address, value, reads = receiver.word[16:22], receiver.word[:16], receiver.word[23]
        write, resets, loads = Signal(), Signal(), Signal()
        asleep, no_reference, crc = Signal(init=1), Signal(init=1), Signal()
        powered_down, broadcast, waits = Signal(16, init=0xFFFF), Signal(16, init=0xFFFF), Signal(16)
        ranges = [Signal(16, name=f"range_{index}") for index in range(4)]
        buffers = Signal(_CODES)
        written, in_range = Signal(16), Signal(16)
        m.d.comb += [
            receiver.cs_n.eq(self.cs_n), receiver.sclk.eq(self.sclk), receiver.sdi.eq(self.sdi),
            write.eq(receiver.ends & receiver.complete & ~reads & ~crc), self.code.eq(value),
            self.on.eq(~powered_down & (~asleep & ~no_reference).replicate(16)),
        ]  # fmt: skip
        for channel in range(dac81416.CHANNELS):
            # Range register 0 holds channels 15 to 12.
            nibble = ranges[3 - channel // 4].word_select(channel % 4, 4)
            m.d.comb += in_range[channel].eq(nibble == dac81416.RANGE)
            with m.If(written[channel]):
                m.d.sync += buffers[channel].eq(value)
            with m.If(written[channel] & ~waits[channel]):
                m.d.sync += self.codes[channel].eq(value)
            with m.Elif(loads & waits[channel]):
                m.d.sync += self.codes[channel].eq(buffers[channel])
        told = Signal(16)
        m.d.comb += told.eq(self.on & in_range & ~waits)
        with m.If(write), m.Switch(address):
            with m.Case(dac81416.SPICONFIG):
                m.d.sync += [asleep.eq(value[5]), crc.eq(value[4])]
            with m.Case(dac81416.GENCONFIG):
                m.d.sync += no_reference.eq(value[14])
            with m.Case(dac81416.BRDCONFIG):
                m.d.sync += broadcast.eq(value)
            with m.Case(dac81416.SYNCCONFIG):
                m.d.sync += waits.eq(value)
            with m.Case(dac81416.DACPWDWN):
                m.d.sync += powered_down.eq(value)
            for index, register in enumerate(dac81416.DACRANGE):
                with m.Case(register):
                    m.d.sync += ranges[index].eq(value)
            with m.Case(dac81416.TRIGGER):
                m.d.comb += [resets.eq(value[:4] == dac81416.TRIGGER_RESET), loads.eq(value[4] & ~resets)]
            with m.Case(dac81416.BRDCAST):
                m.d.comb += [written.eq(broadcast), self.every.eq(1), self.update.eq((told & broadcast).all())]
            with m.Case("01----"):
                m.d.comb += [
                    written.eq(1 << address[:4]), self.channel.eq(address[:4]), self.update.eq(told.bit_select(address[:4], 1)),
                ]  # fmt: skip
        with m.If(resets):
            m.d.sync += [
                register.eq(register.init)
                for register in (asleep, no_reference, powered_down, broadcast, waits, *ranges)
            ]
            m.d.sync += [register.as_value().eq(0) for register in (buffers, self.codes)]
        return m
