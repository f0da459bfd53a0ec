"""The pulse generator: trains of equal gate pulses."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.registers import WIDTH_BITS


class PulseGenerator(wiring.Component):
    """Executes PULSE: the gates of all DRIVE lines, `count` times.

    Parameters
    ----------
    taps : int
        Taps per cycle, 1 or 2, in which width and gap are counted: with 2, pulses begin and end in the middle of a cycle, too.

    Members
    -------
    start : In(1)
        Strobe; the next three members stay until `done`.
    count : In(16)
        Pulses, from 1.
    width : In(24)
        Gate time in taps, from 1.
    gap : In(16)
        Pause after each pulse in taps, from 1; with two taps from 3, so that a whole cycle lies between two pulses.
    abort : In(1)
        Stop at once.
    gate : Out(1)
        Gates wanted in the next cycle; first in the cycle after `start`.
    late, early : Out(1), Out(1)
        With two taps: they are wanted in the second half of that cycle only, in the first half only.
    pulse_ended : Out(1)
        Strobe in the last cycle of each pulse that was not aborted.
    done : Out(1)
        Strobe: the last gap is over.
    """

    def __init__(self, taps: int = 1) -> None:
        self._taps = taps
        halves = {"late": Out(1), "early": Out(1)} if taps > 1 else {}
        super().__init__({
            "start": In(1), "count": In(16), "width": In(WIDTH_BITS), "gap": In(16), "abort": In(1), "gate": Out(1), **halves,
            "pulse_ended": Out(1), "done": Out(1),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the train's timer."""
        m = Module()
        busy = Signal()
        left = Signal(WIDTH_BITS)
        """Cycles left of this pulse, or of this gap, after this one."""
        pulses_left = Signal(16)
        if self._taps == 1:
            first = further = [left.eq(self.width - 1)]
            rest = [left.eq(self.gap - 1)]
        else:
            first, further, rest = self._add_halves(m, left, pulses_left)
        m.d.comb += self.pulse_ended.eq(self.gate & (left == 0) & ~self.abort)
        m.d.sync += self.done.eq(0)
        with m.If(self.abort):
            m.d.sync += [busy.eq(0), self.gate.eq(0)]
        with m.Elif(self.start):
            m.d.sync += [busy.eq(1), self.gate.eq(1), pulses_left.eq(self.count - 1), *first]
        with m.Elif(busy):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 0):
                with m.If(self.gate):
                    m.d.sync += [self.gate.eq(0), *rest]
                with m.Elif(pulses_left == 0):
                    m.d.sync += [busy.eq(0), self.done.eq(1)]
                with m.Else():
                    m.d.sync += [self.gate.eq(1), pulses_left.eq(pulses_left - 1), *further]
        return m

    def _add_halves(self, m: Module, left: Signal, pulses_left: Signal) -> tuple[list[Any], list[Any], list[Any]]:
        """Add what knows of half cycles; return what to do at the beginning of the first pulse, of a further pulse, and of a gap."""
        half, odd = Signal(), Signal()
        """The next pulse begins in the second half of its cycle; the pulse at hand ends after the first half of its last."""
        m.d.sync += self.late.eq(0)
        m.d.comb += self.early.eq(self.gate & odd & (left == 0))
        further = [
            left.eq((self.width - Mux(half, 0, 1)) >> 1), self.late.eq(half), odd.eq(self.width[0] ^ half),
        ]  # fmt: skip
        first = [left.eq((self.width - 1) >> 1), odd.eq(self.width[0])]
        # What is left of a cycle when the gap is over belongs to the next pulse, or after the last one to nobody.
        rest = [
            left.eq((self.gap - odd - Mux(pulses_left == 0, 1, 2)) >> 1), half.eq(self.gap[0] ^ odd),
        ]  # fmt: skip
        return first, further, rest
