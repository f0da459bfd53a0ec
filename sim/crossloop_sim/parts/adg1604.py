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
    With a current source at its input S4 a line whose enable is off between two pulses floats, and its state is CURRENT.

    Parameters
    ----------
    lines : int
        Lines of the family.
    sources : bool
        Input S4 is a current source.

    Members
    -------
    address_low, address_high, enable : In(lines)
        Pins.
    gates, states_low, states_high : Out(lines)
        As in `DirectSignature`.
    """

    def __init__(self, lines: int, *, sources: bool = False) -> None:
        self._lines = lines
        self._sources = sources
        super().__init__({
            "address_low": In(lines), "address_high": In(lines), "enable": In(lines),
            "gates": Out(lines), "states_low": Out(lines), "states_high": Out(lines),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the decoder."""
        m = Module()
        assert int(Source.LEVEL) == 0b10
        level, before, drive = Signal(self._lines), Signal(self._lines), Signal(self._lines)
        m.d.sync += before.eq(level)
        m.d.comb += [
            level.eq(self.address_high if self._sources else self.address_high & ~self.address_low),
            drive.eq(level & before),
            self.gates.eq(self.enable & drive),
            self.states_low.eq((self.enable | (drive if self._sources else 0)) & self.address_low),
            self.states_high.eq((self.enable & self.address_high & self.address_low) | drive),
        ]
        return m
