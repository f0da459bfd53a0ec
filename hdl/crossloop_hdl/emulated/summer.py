"""The converter of the emulated array: sums up one channel, and makes a code of it."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.emulated import DRAW_BITS, RANGE_SHIFT, READ_BACK_RANGE, STATE_BITS, fraction_bits, sum_bits
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.layouts import sample_layout

_BYTE = 8
_NOISE_SHIFT = 3
"""The noise is a multiple of a code's eighth."""


class Phase(enum.Enum, shape=3):
    """What the summer is doing."""

    ADD = 0
    LAST = 1
    """The last cell is on its way out of the memory."""
    TAKE = 2
    """It comes into the sum."""
    SHIFT = 3
    """To the range."""
    NOISE = 4
    """Noise, and half a code for the rounding."""
    DONE = 5
    """The sum stays; the code is made of it."""


class Summer(wiring.Component):
    """Adds up level times state over cells, one bit of the levels after the other, highest first; one cell per cycle.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    begin : In(1)
        Strobe: forget the sum.
    add : In(1)
        Strobe: the cell that is asked for now comes into the sum, with the next four members.
    counts, negative, first : In(1)
        The cell counts at all; it is of the second line of a pair; it is the first of this bit.
    next_bit : In(1)
        It is the last of this bit.
    last_bit : Out(1)
        The bit is the lowest.
    level, cell : In(signed(level_bits)), In(16)
        What was asked for a cycle ago.
    range : In(2)
        Converter range.
    draws : Out(1)
        Strobe: `draw` has been used.
    draw : In(range(DRAW_BITS + 1))
        Noise.
    done : Out(1)
        `sample` is valid, until the next `begin`; both are registers.
    sample : Out(sample_layout)
        The code.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__({
            "begin": In(1), "add": In(1), "counts": In(1), "negative": In(1), "first": In(1), "next_bit": In(1), "last_bit": Out(1),
            "level": In(signed(parameters.level_bits)), "cell": In(STATE_BITS), "range": In(2), "draws": Out(1),
            "draw": In(range(DRAW_BITS + 1)), "done": Out(1), "sample": Out(sample_layout(parameters)),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return accumulator, range shifter and limiter."""
        m = Module()
        fraction = fraction_bits(self._parameters)
        top = self._parameters.level_bits - 1
        phase = Signal(Phase)
        bit = Signal(range(top + 1), init=top)
        total = Signal(signed(sum_bits(self._parameters)))
        shifts = Signal(range(RANGE_SHIFT * READ_BACK_RANGE))
        lost, below = Signal(), Signal()
        """A shift has lost high bits; the sum's sign before it."""
        fits = Signal()
        m.d.comb += [self.last_bit.eq(bit == 0), self.draws.eq(phase == Phase.NOISE)]
        with m.If(self.begin):
            m.d.sync += [phase.eq(Phase.ADD), bit.eq(top)]
        with m.Elif(self.add & self.next_bit):
            m.d.sync += bit.eq(bit - 1)

        # What belongs to the cell and the level that come out of the memories, and a cycle later to their product, the addend.
        adding, counting, opposite, doubling, of_bit = Signal(), Signal(), Signal(), Signal(), Signal.like(bit)
        takes, carry, doubles = Signal(), Signal(), Signal()
        m.d.sync += [
            adding.eq(self.add), counting.eq(self.counts & self.add), doubling.eq(self.first & self.add), of_bit.eq(bit),
            # The sign bit of a level subtracts.
            opposite.eq(self.add & (self.negative ^ (bit == top))),
            takes.eq(adding), carry.eq(opposite), doubles.eq(doubling),
        ]  # fmt: skip
        addend = Signal.like(total)
        term, noise = Signal(signed(STATE_BITS + 1)), Signal.like(total)
        weight = self.level.as_unsigned().bit_select(of_bit, 1) & counting
        centred = 2 * self.draw - (DRAW_BITS - (1 << (_NOISE_SHIFT - 1)))
        m.d.comb += term.eq(Cat(self.cell & weight.replicate(STATE_BITS), 0) ^ opposite.replicate(STATE_BITS + 1))
        # Without a cell the term is 0.
        m.d.sync += addend.eq(term | noise)

        takes_now, shifting = Signal(), Signal()
        m.d.comb += takes_now.eq(takes)
        with m.Switch(phase):
            with m.Case(Phase.ADD):
                m.d.sync += [lost.eq(0), shifts.eq(Cat(Const(0, RANGE_SHIFT - 1), self.range))]
                with m.If(self.add & self.next_bit & self.last_bit):
                    m.d.sync += phase.eq(Phase.LAST)
            with m.Case(Phase.LAST):
                m.d.sync += phase.eq(Phase.TAKE)
            with m.Case(Phase.TAKE):
                m.d.sync += phase.eq(Mux(self.range == READ_BACK_RANGE, Phase.DONE, Phase.SHIFT))
            with m.Case(Phase.SHIFT):
                with m.If(shifts == 0):
                    m.d.comb += noise.eq(centred << (fraction - _NOISE_SHIFT))
                    m.d.sync += phase.eq(Phase.NOISE)
                with m.Else():
                    m.d.comb += [takes_now.eq(1), shifting.eq(1)]
                    m.d.sync += shifts.eq(shifts - 1)
                    with m.If(~lost):
                        m.d.sync += [lost.eq(total[-1] ^ total[-2]), below.eq(total[-1])]
            with m.Case(Phase.NOISE):
                m.d.comb += takes_now.eq(fits & ~lost)
                m.d.sync += phase.eq(Phase.DONE)
        with m.If(self.begin):
            m.d.sync += total.eq(0)
        with m.Elif(takes_now):
            m.d.sync += total.eq(Mux(doubles | shifting, total << 1, total) + addend + carry)
        m.d.sync += self.done.eq((phase == Phase.DONE) & ~self.begin)
        self._add_sample(m, total, fits, lost, below)
        return m

    def _add_sample(self, m: Module, total: Signal, fits: Signal, lost: Signal, below: Signal) -> None:
        """Add the limiter and the code's register."""
        fraction, bits = fraction_bits(self._parameters), self._parameters.sample_bits
        high = total[fraction + bits - 1 :]
        negative = Mux(lost, below, total[-1])
        m.d.comb += fits.eq(high.all() | ~high.any())
        with m.If(self.range == READ_BACK_RANGE):
            m.d.sync += [
                self.sample.code.eq(Mux(total[-1], total >> _BYTE, Cat(total[:_BYTE], 0))), self.sample.saturated.eq(0),
            ]  # fmt: skip
        with m.Elif(fits & ~lost):
            m.d.sync += [self.sample.code.eq(total >> fraction), self.sample.saturated.eq(0)]
        with m.Else():
            m.d.sync += [
                self.sample.code.eq(Mux(negative, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)), self.sample.saturated.eq(1),
            ]  # fmt: skip
