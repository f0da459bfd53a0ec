"""Part model of a family's ADG1604: addresses and enables in, line states and gates out."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parts.adg1604 import Source


class Adg1604Models(wiring.Component):
    """One multiplexer per line.

    With its enable off a line has no contact at all: it is FLOAT while the address is parked, and a DRIVE line between two pulses while the
    address is that of the level. Both rest at ground through the line's bleeder. An address counts from its second cycle on.

    Parameters
    ----------
    lines : int
        Lines of the family.
    taps : int
        Taps per cycle; with two the pins have a second value of the enables, that of the second half of the cycle.

    Members
    -------
    address_low, address_high, enable : In(lines)
        Pins.
    enable_second : In(lines)
        Only with two taps.
    gates, states_low, states_high : Out(lines)
        As in `DirectSignature`.
    gates_late, gates_early : Out(1), Out(1)
        Whether any line is on its level in the second half of the cycle only, in the first half only; only with two taps.
    """

    def __init__(self, lines: int, taps: int = 1) -> None:
        self._lines = lines
        self._taps = taps
        halves = {"enable_second": In(lines), "gates_late": Out(1), "gates_early": Out(1)} if taps > 1 else {}
        super().__init__({
            "address_low": In(lines), "address_high": In(lines), "enable": In(lines),
            "gates": Out(lines), "states_low": Out(lines), "states_high": Out(lines), **halves,
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the decoder."""
        m = Module()
        assert int(Source.LEVEL) == 0b10
        level, before, drive = Signal(self._lines), Signal(self._lines), Signal(self._lines)
        m.d.sync += before.eq(level)
        # A contact other than that to a level must be closed in both halves to count.
        some, whole = self.enable, self.enable
        if self._taps > 1:
            some, whole = self.enable | self.enable_second, self.enable & self.enable_second
            m.d.comb += [
                self.gates_late.eq((drive & self.enable_second & ~self.enable).any()),
                self.gates_early.eq((drive & self.enable & ~self.enable_second).any()),
            ]
        m.d.comb += [
            level.eq(self.address_high & ~self.address_low),
            drive.eq(level & before),
            self.gates.eq(some & drive),
            self.states_low.eq(whole & self.address_low),
            self.states_high.eq((whole & self.address_high & self.address_low) | drive),
        ]
        return m
