"""What a pulse does to one cell of the emulated array."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.emulated import BOUND_BITS, BOUND_SHIFT, DRAW_BITS, RATE_BITS, STATE_BITS, STEP_SHIFT, WIDTH_MAX

NIBBLE = 4
"""Bits of a factor that are multiplied in a cycle."""
_STEP_PLACE = STEP_SHIFT - 3 * NIBBLE
"""Place of the step's lowest bit in the last product; the bit below it rounds."""


class CellWord(data.Struct):
    """A cell's table entry. Source: `crossloop.protocol.emulated.Cell.word`."""

    rate_up: RATE_BITS
    rate_down: RATE_BITS
    upper: BOUND_BITS
    lower: BOUND_BITS


class CellMover(wiring.Component):
    """Moves a state towards a bound by (distance * rate * draw * width) / 2**STEP_SHIFT, rounded; it can never pass the bound.

    One product of 16 by 4 bits per cycle: rate by draw, the distance by both nibbles of that, and the result, cut by `CUT_SHIFT` bits,
    by both of the width. Low bits that no later digit can change are dropped on the way.

    Members
    -------
    start : In(1)
        Strobe; `cell`, `state`, `up` and `width` stay until `done`.
    cell, state : In(CellWord), In(16)
        The cell.
    up : In(1)
        Towards the upper bound.
    draw : In(range(DRAW_BITS + 1))
        Noise, looked at in the cycle after `start`.
    width : In(8)
        Pulse width in cycles.
    done : Out(1)
        Strobe, six cycles after `start`.
    moved : Out(16)
        The new state, valid in that cycle.
    """

    start: In(1)
    cell: In(CellWord)
    state: In(STATE_BITS)
    up: In(1)
    draw: In(range(DRAW_BITS + 1))
    width: In(range(WIDTH_MAX + 1))
    done: Out(1)
    moved: Out(STATE_BITS)

    def elaborate(self, _platform: Any) -> Module:
        """Return the multiplier and its sources."""
        m = Module()
        phase = Signal(range(7))
        m.d.sync += phase.eq(Mux(self.start, 1, Mux((phase == 0) | self.done, 0, phase + 1)))
        m.d.comb += self.done.eq(phase == 6)

        # All low bits of a bound are alike, so the distance needs a subtraction of the high bits only.
        low, high = self.state[:BOUND_SHIFT], self.state[BOUND_SHIFT:]
        distance = Signal(STATE_BITS)
        above = Cat(self.cell.upper, 1) - high
        below = high - Cat(~self.cell.lower, 0)
        m.d.comb += distance.eq(Mux(self.up, Cat(~low, above[: len(high)]), Cat(low, below[: len(high)])))

        total = Signal(STATE_BITS + NIBBLE)
        kept_factor = Signal(STATE_BITS)
        kept_digit = Signal(NIBBLE)
        factor, digit, carried = Signal(STATE_BITS), Signal(NIBBLE), Signal(STATE_BITS)
        with m.Switch(phase):
            with m.Case(1):
                m.d.comb += [factor.eq(Mux(self.up, self.cell.rate_up, self.cell.rate_down)), digit.eq(self.draw)]
            with m.Case(2):
                m.d.comb += [factor.eq(distance), digit.eq(total)]
                m.d.sync += kept_digit.eq(total[NIBBLE:])
            with m.Case(3):
                m.d.comb += [factor.eq(distance), digit.eq(kept_digit), carried.eq(total[NIBBLE:])]
            with m.Case(4):
                m.d.comb += [factor.eq(total[NIBBLE:]), digit.eq(self.width[:NIBBLE])]
                m.d.sync += kept_factor.eq(total[NIBBLE:])
            with m.Case(5):
                m.d.comb += [factor.eq(kept_factor), digit.eq(self.width[NIBBLE:]), carried.eq(total[NIBBLE:])]
        with m.If((phase != 0) & ~self.done):
            m.d.sync += total.eq(carried + factor * digit)

        change = Cat(total[_STEP_PLACE:], (0,) * (STATE_BITS - len(total) + _STEP_PLACE))
        rounds = total[_STEP_PLACE - 1]
        m.d.comb += self.moved.eq(self.state + (change ^ (~self.up).replicate(STATE_BITS)) + (rounds ^ ~self.up))
        return m
