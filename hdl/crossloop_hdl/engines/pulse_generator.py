"""The pulse generator: trains of equal gate pulses."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.registers import WIDTH_BITS


class PulseGenerator(wiring.Component):
    """Executes PULSE: the gates of all DRIVE lines, `count` times."""

    start: In(1)
    """Strobe; the next three members stay until `done`."""
    count: In(16)
    """Pulses, from 1."""
    width: In(WIDTH_BITS)
    """Gate time in cycles, from 1."""
    gap: In(16)
    """Pause after each pulse in cycles, from 1."""
    abort: In(1)
    """Stop at once."""
    gate: Out(1)
    """Gates wanted in the next cycle; first in the cycle after `start`."""
    pulse_ended: Out(1)
    """Strobe in the last cycle of each pulse that was not aborted."""
    done: Out(1)
    """Strobe: the last gap is over."""

    def elaborate(self, _platform: Any) -> Module:
        """Return the train's timer."""
        m = Module()
        busy = Signal()
        left = Signal(WIDTH_BITS)
        pulses_left = Signal(16)
        m.d.comb += self.pulse_ended.eq(self.gate & (left == 0) & ~self.abort)
        m.d.sync += self.done.eq(0)
        with m.If(self.abort):
            m.d.sync += [busy.eq(0), self.gate.eq(0)]
        with m.Elif(self.start):
            m.d.sync += [busy.eq(1), self.gate.eq(1), left.eq(self.width - 1), pulses_left.eq(self.count - 1)]
        with m.Elif(busy):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 0):
                with m.If(self.gate):
                    m.d.sync += [self.gate.eq(0), left.eq(self.gap - 1)]
                with m.Elif(pulses_left == 0):
                    m.d.sync += [busy.eq(0), self.done.eq(1)]
                with m.Else():
                    m.d.sync += [self.gate.eq(1), left.eq(self.width - 1), pulses_left.eq(pulses_left - 1)]
        return m
