"""The pulse counters that the host reads as registers: what is to be added to which, one half of a register per cycle."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parameters import Parameters

COUNTERS = ("slots", "row_pulses", "column_pulses", "cell_pulses", "train_pulses")
"""The counters, in the order of their numbers."""

_TRAIN = COUNTERS.index("train_pulses")
_LAST_OF_SLOT = COUNTERS.index("cell_pulses")


class PulseCounters(wiring.Component):
    """Turns what the coincidence controller and the pulse generator have done into additions for the register file.

    The four counters of a slot take two cycles each, which is the time of the shortest slot. Pulses of a train that end meanwhile
    are collected: the shortest take the two cycles of their counter, too.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    counted, row_total, column_total : In(1), In(range(rows + 1)), In(range(columns + 1))
        Strobe: a slot is counted, with this many rows and columns fired.
    pulse_ended : In(1)
        Strobe: a pulse of a train has ended.
    add, counter, high, amount : Out(1), Out(3), Out(1), Out(32)
        Strobe: add the low or the high half of the amount to that half of the counter. A low half comes first, its high half in the
        next cycle.
    """

    def __init__(self, parameters: Parameters) -> None:
        super().__init__({
            "counted": In(1),
            "row_total": In(range(parameters.rows + 1)),
            "column_total": In(range(parameters.columns + 1)),
            "pulse_ended": In(1),
            "add": Out(1),
            "counter": Out(range(len(COUNTERS))),
            "high": Out(1),
            "amount": Out(32),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the walk over the counters."""
        m = Module()
        due = Signal()
        """A slot waits."""
        rows, columns = Signal.like(self.row_total), Signal.like(self.column_total)
        pulses = Signal(4)
        """Pulses that wait: no train runs while slots pass, so they are those that end while the last slot's counters are served."""
        cells = Signal(len(rows) + len(columns))
        over = Signal()
        m.d.comb += over.eq(~self.add | (self.high & self.counter.matches(_LAST_OF_SLOT, _TRAIN)))
        m.d.sync += cells.eq(rows * columns)  # two counters go before it
        with m.If(self.counted):
            m.d.sync += [due.eq(1), rows.eq(self.row_total), columns.eq(self.column_total)]
        with m.If(self.add & ~self.high & (self.counter == _TRAIN)):
            m.d.sync += pulses.eq(self.pulse_ended)
        with m.Else():
            m.d.sync += pulses.eq(pulses + self.pulse_ended)
        with m.If(~over):
            m.d.sync += [self.high.eq(~self.high), self.counter.eq(self.counter + self.high)]
        with m.Else():
            m.d.sync += [self.add.eq(0), self.high.eq(0), self.counter.eq(0)]
            with m.If(due | self.counted):
                m.d.sync += [self.add.eq(1), due.eq(0)]
            with m.Elif(pulses != 0):
                m.d.sync += [self.add.eq(1), self.counter.eq(_TRAIN)]
        with m.Switch(self.counter):
            for number, amount in enumerate((1, rows, columns, cells, pulses)):
                with m.Case(number):
                    m.d.comb += self.amount.eq(amount)
        return m
