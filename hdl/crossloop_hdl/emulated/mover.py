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

    Five products of 16 by 4 bits: rate by draw, the distance by both nibbles of that, and the result, cut by `CUT_SHIFT` bits, by both of
    the width. Low bits that no later digit can change are dropped on the way. Registers stand before and behind the multiplier, so a
    product of a nibble takes two cycles, one of both nibbles three.

    Members
    -------
    start : In(1)
        Strobe; `cell`, `state`, `up` and `width` stay until `done`, and `state` has been there for a cycle.
    cell, state : In(CellWord), In(16)
        The cell.
    up : In(1)
        Towards the upper bound.
    draw : In(range(DRAW_BITS + 1))
        Noise, looked at in the cycle of `start`.
    width : In(8)
        Pulse width in cycles.
    done : Out(1)
        Strobe, eight cycles after `start`.
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
        # One bit per cycle after the start, so that none is to be decoded.
        idle, after = Signal(init=1), Signal(8)
        m.d.sync += [after.eq(Cat(self.start, after)), idle.eq((idle | self.done) & ~self.start)]
        m.d.comb += self.done.eq(after[7])

        # The distance to the upper bound is (high bits of the bound, ones) - state, that to the lower one state - (high bits, zeros): all
        # low bits of a bound are alike, so a sum of the high bits is enough, and one sum does for both bounds.
        state = Signal(STATE_BITS)
        m.d.sync += state.eq(self.state)  # from a memory, which answers late
        facing = state ^ self.up.replicate(STATE_BITS)
        bound = Cat(Mux(self.up, self.cell.upper, self.cell.lower), 1)
        high = Signal(STATE_BITS - BOUND_SHIFT)
        m.d.sync += high.eq(facing[BOUND_SHIFT:] + bound + 1)

        # Without a reset, because multiplier blocks have none that these registers could use, and take them in only so.
        factor, digits = Signal(STATE_BITS, reset_less=True), Signal(2 * NIBBLE, reset_less=True)
        product, last = Signal(STATE_BITS + NIBBLE, reset_less=True), Signal(STATE_BITS, reset_less=True)
        """The last product, and what counts of the one before it."""
        total = Signal(STATE_BITS + NIBBLE)
        m.d.comb += total.eq(last + product)
        m.d.sync += [product.eq(factor * digits[:NIBBLE]), last.eq(product[NIBBLE:]), digits.eq(digits[NIBBLE:])]
        with m.If(idle):
            m.d.sync += [factor.eq(Mux(self.up, self.cell.rate_up, self.cell.rate_down)), digits.eq(self.draw)]
        with m.If(after[1]):
            m.d.sync += [factor.eq(Cat(facing[:BOUND_SHIFT], high)), digits.eq(product)]
        with m.If(after[4]):
            m.d.sync += [factor.eq(total[NIBBLE:]), digits.eq(self.width)]

        change = Cat(total[_STEP_PLACE:], (0,) * (STATE_BITS - len(total) + _STEP_PLACE))
        rounds = total[_STEP_PLACE - 1]
        m.d.comb += self.moved.eq(state + (change ^ (~self.up).replicate(STATE_BITS)) + (rounds ^ ~self.up))
        return m
