"""The line multiplexers of a family: addresses from line states, enables from states and pulse gates."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.microops import LineState
from crossloop.protocol.parts.adg1604 import Source

assert all(int(LineState[state]) == int(Source[source]) for state, source in (
    ("FLOAT", "PARK"), ("GROUND", "GROUND"), ("DRIVE", "LEVEL"), ("SENSE", "SENSE")))  # fmt: skip


class LineMultiplexers(wiring.Component):
    """One ADG1604 per line. Enables show `PIN_DELAY` cycles after gates and states, straight from flip-flops.

    A line's address moves a cycle before its enable rises, or later, and a cycle after its enable falls, or later: never while a contact is
    closed. It takes two cycles of FLOAT between two states to keep this.

    Parameters
    ----------
    lines : int
        Lines of the family.
    sources : bool
        Input S4 is a current source and not an amplifier: the pulse gate decides about it as about the level.

    Members
    -------
    configured : In(1)
        While 0, every enable is off.
    gates, states_low, states_high : In(lines)
        As in `DirectSignature`.
    address_low, address_high, enable : Out(lines)
        Pins.
    """

    def __init__(self, lines: int, *, sources: bool = False) -> None:
        self._lines = lines
        self._sources = sources
        super().__init__({
            "configured": In(1), "gates": In(lines), "states_low": In(lines), "states_high": In(lines),
            "address_low": Out(lines), "address_high": Out(lines), "enable": Out(lines),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the flip-flops of the pins."""
        m = Module()
        coming, closed = Signal(self._lines), Signal(self._lines)
        floating, floated, drive = Signal(self._lines), Signal(self._lines), Signal(self._lines)
        m.d.comb += [
            floating.eq(~self.states_low & ~self.states_high),
            drive.eq(self.states_high if self._sources else self.states_high & ~self.states_low),
            # Their state is FLOAT already, but the contact is or may be closed still: the address must stay.
            closed.eq(floating & (~floated | coming | self.enable)),
        ]
        m.d.sync += [
            floated.eq(floating),
            coming.eq(~floating & (~drive | self.gates) & self.configured.replicate(self._lines)),
            self.enable.eq(coming),
            self.address_low.eq((closed & self.address_low) | (~closed & self.states_low)),
            self.address_high.eq((closed & self.address_high) | (~closed & self.states_high)),
        ]
        return m
