"""The pulse counters that the host reads as registers."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parameters import Parameters

COUNTERS = ("slots", "row_pulses", "column_pulses", "cell_pulses", "train_pulses")
"""The counters, in the order of the bits of `clear`."""


class PulseCounters(wiring.Component):
    """Sums of what the coincidence controller and the pulse generator have done; they wrap at 2**32.

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
    clear : In(5)
        Strobes, one per counter; they win over counting.
    slots, row_pulses, column_pulses, cell_pulses, train_pulses : Out(32)
        The sums, see `Register`.
    """

    def __init__(self, parameters: Parameters) -> None:
        super().__init__({
            "counted": In(1),
            "row_total": In(range(parameters.rows + 1)),
            "column_total": In(range(parameters.columns + 1)),
            "pulse_ended": In(1),
            "clear": In(len(COUNTERS)),
            **{name: Out(32) for name in COUNTERS},
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the five registers."""
        m = Module()
        amounts = {
            "slots": 1,
            "row_pulses": self.row_total,
            "column_pulses": self.column_total,
            "cell_pulses": self.row_total * self.column_total,
            "train_pulses": 1,
        }
        for index, name in enumerate(COUNTERS):
            counter = getattr(self, name)
            with m.If(self.clear[index]):
                m.d.sync += counter.eq(0)
            with m.Elif(self.pulse_ended if name == "train_pulses" else self.counted):
                m.d.sync += counter.eq(counter + amounts[name])
        return m
