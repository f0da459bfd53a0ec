"""Counts the lines that fire in a slot, a few lines per cycle, while the slot lasts."""

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.timing import SLOT_MIN_CYCLES


def popcount(bits: Value) -> Value:
    """Return the number of ones of a value, as a balanced tree of adders."""
    if len(bits) == 1:
        return bits
    middle = len(bits) // 2
    return popcount(bits[:middle]) + popcount(bits[middle:])


class LineCounter(wiring.Component):
    """Counts the ones of a wide mask in `SLOT_MIN_CYCLES` cycles, whatever its width.

    Parameters
    ----------
    lines : int
        Width of the mask.

    Members
    -------
    load, mask : In(1), In(lines)
        Strobe: count this mask. Not more often than every `SLOT_MIN_CYCLES` cycles.
    drop : In(1)
        Strobe: forget the mask if it was loaded one or two cycles ago, since its gates did not go on.
    done : Out(1)
        Strobe, `SLOT_MIN_CYCLES + 1` cycles after `load`: `total` is the count.
    total : Out(range(lines + 1))
        The count.
    """

    def __init__(self, lines: int) -> None:
        self._lines = lines
        super().__init__(
            {"load": In(1), "mask": In(lines), "drop": In(1), "done": Out(1), "total": Out(range(lines + 1))}
        )

    def elaborate(self, _platform: Any) -> Module:
        """Return the shifting copy and its counter."""
        m = Module()
        group = -(-self._lines // SLOT_MIN_CYCLES)
        rest = Signal(self._lines)
        left = Signal(range(SLOT_MIN_CYCLES + 1))
        found = Signal(range(group + 1))
        m.d.comb += found.eq(popcount(rest[:group]))
        m.d.sync += self.done.eq(left == 1)
        with m.If(left != 0):
            m.d.sync += [rest.eq(rest >> group), left.eq(left - 1)]
            with m.If(left == SLOT_MIN_CYCLES):
                m.d.sync += self.total.eq(found)
            with m.Else():
                m.d.sync += self.total.eq(self.total + found)
        # The last group of one mask is counted in the cycle in which the next mask may come.
        with m.If(self.drop & (left >= SLOT_MIN_CYCLES - 1)):
            m.d.sync += left.eq(0)
        with m.If(self.load):
            m.d.sync += [rest.eq(self.mask), left.eq(SLOT_MIN_CYCLES)]
        return m
