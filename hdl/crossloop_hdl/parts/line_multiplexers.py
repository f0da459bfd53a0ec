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

    With two taps per cycle every enable has two flip-flops, one per half of the cycle, for a DDR output buffer. Such a buffer takes them at
    the next clock edge, so all other pins of the board need the flip-flop of their buffers, too.

    A line's address moves a cycle before its enable rises, or later, and a cycle after its enable falls, or later: never while a contact is
    closed. It takes two cycles of FLOAT between two states to keep this.

    Parameters
    ----------
    lines : int
        Lines of the family.
    taps : int
        Taps per cycle.

    Members
    -------
    configured : In(1)
        While 0, every enable is off.
    gates, states_low, states_high : In(lines)
        As in `DirectSignature`.
    gates_late, gates_early : In(1), In(1)
        The same; only with two taps.
    address_low, address_high, enable : Out(lines)
        Pins; with two taps `enable` is for the first half of the cycle.
    enable_second : Out(lines)
        The enables in the second half; only with two taps.
    """

    def __init__(self, lines: int, taps: int = 1) -> None:
        self._lines = lines
        self._taps = taps
        halves = {"gates_late": In(1), "gates_early": In(1), "enable_second": Out(lines)} if taps > 1 else {}
        super().__init__({
            "configured": In(1), "gates": In(lines), "states_low": In(lines), "states_high": In(lines),
            "address_low": Out(lines), "address_high": Out(lines), "enable": Out(lines), **halves,
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the flip-flops of the pins."""
        m = Module()
        closed = Signal(self._lines)
        floating, floated, drive = Signal(self._lines), Signal(self._lines), Signal(self._lines)
        if self._taps == 1:
            halves = [(self.gates, self.enable)]
        else:
            not_in_first, not_in_second = (half.replicate(self._lines) for half in (self.gates_late, self.gates_early))
            halves = [(self.gates & ~not_in_first, self.enable), (self.gates & ~not_in_second, self.enable_second)]
        any_enable: Any = 0
        for gates, enable in halves:
            coming = Signal(self._lines, name=f"{enable.name}_coming")
            m.d.sync += [
                coming.eq(~floating & (~drive | gates) & self.configured.replicate(self._lines)), enable.eq(coming),
            ]  # fmt: skip
            any_enable |= coming | enable
        m.d.comb += [
            floating.eq(~self.states_low & ~self.states_high),
            drive.eq(self.states_high & ~self.states_low),
            # Their state is FLOAT already, but the contact is or may be closed still: the address must stay.
            closed.eq(floating & (~floated | any_enable)),
        ]
        m.d.sync += [
            floated.eq(floating),
            self.address_low.eq((closed & self.address_low) | (~closed & self.states_low)),
            self.address_high.eq((closed & self.address_high) | (~closed & self.states_high)),
        ]
        return m
