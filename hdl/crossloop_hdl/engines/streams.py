"""Random streams of the coincidence update: generator lanes, and banks that hold each line's firing probability and sign."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.streams import (
    COLUMN_SHIFTS,
    LANE_BITS,
    MAGNITUDE_BITS,
    ROW_SHIFTS,
    Family,
    lane_constant,
    lane_start,
    lanes,
)


def _repeat(word: int, count: int) -> int:
    """Return a constant of `count` lanes that all hold `word`."""
    return sum(word << LANE_BITS * lane for lane in range(count))


class RandomLanes(wiring.Component):
    """The xorshift lanes of one family, side by side in one register.

    All lanes shift at once; bits that would cross into the neighbour lane are masked out. Bit-exact with
    `crossloop.protocol.streams.step`.

    Parameters
    ----------
    family : Family
        Chooses shift triplet and lane constants.
    lines : int
        Lines of the family.

    Members
    -------
    step : In(1)
        Strobe: every lane takes one step.
    seed_write, seed : In(1), In(32)
        Strobe: every lane restarts from the seed. Not together with `step`.
    bits : Out(lines)
        One bit per line of the state that a step leads to.
    """

    def __init__(self, family: Family, lines: int) -> None:
        self._family = family
        self._lanes = lanes(lines)
        self._lines = lines
        super().__init__({"step": In(1), "seed_write": In(1), "seed": In(LANE_BITS), "bits": Out(lines)})

    def elaborate(self, _platform: Any) -> Module:
        """Return the lanes."""
        m = Module()
        width = LANE_BITS * self._lanes
        family = self._family
        init = sum(lane_start(family, lane, 0) << LANE_BITS * lane for lane in range(self._lanes))
        state = Signal(width, init=init)
        first, second, third = ROW_SHIFTS if family is Family.ROWS else COLUMN_SHIFTS
        ones = (1 << LANE_BITS) - 1

        def left(value: Any, amount: int) -> Any:
            kept = Const(_repeat((ones << amount) & ones, self._lanes), width)
            return value ^ ((value << amount)[:width] & kept)

        def right(value: Any, amount: int) -> Any:
            kept = Const(_repeat(ones >> amount, self._lanes), width)
            return value ^ ((value >> amount) & kept)

        # Three named stages: the simulator computes each once.
        stages = [Signal(width, name=f"stage{index}") for index in range(3)]
        m.d.comb += [
            stages[0].eq(left(state, first)),
            stages[1].eq(right(stages[0], second)),
            stages[2].eq(left(stages[1], third)),
            self.bits.eq(stages[2]),
        ]
        starts = []
        for lane in range(self._lanes):
            constant = lane_constant(family, lane)
            # A state of zero would stay zero for ever; the constant stands in for it.
            starts.append(Mux(self.seed == constant, constant, self.seed ^ constant)[:LANE_BITS])
        with m.If(self.seed_write):
            m.d.sync += state.eq(Cat(*starts))
        with m.Elif(self.step):
            m.d.sync += state.eq(stages[2])
        return m


class StreamBank(wiring.Component):
    """Firing probability (magnitude m of m / 128) and sign of every line of a family, as bit planes.

    A plane has one bit per line, so that a draw works on all lines at once. During a draw the magnitude planes go round:
    plane 0 is the one at hand, and after `MAGNITUDE_BITS` rotations everything is back in place.

    Parameters
    ----------
    lines : int
        Lines of the family.

    Members
    -------
    clear : In(1)
        Strobe: all bytes 0.
    shift, byte : In(1), In(8)
        Strobe: every byte moves one line up, `byte` (bit 7 sign, bits 6..0 magnitude) comes to line 0.
    rotate : In(1)
        Strobe: the next magnitude plane comes to hand.
    plane : Out(lines)
        The magnitude plane at hand.
    signs : Out(lines)
        The sign plane.
    """

    def __init__(self, lines: int) -> None:
        self._lines = lines
        super().__init__({
            "clear": In(1), "shift": In(1), "byte": In(8), "rotate": In(1), "plane": Out(lines), "signs": Out(lines),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the planes."""
        m = Module()
        planes = [Signal(self._lines, name=f"magnitude{bit}") for bit in range(MAGNITUDE_BITS)]
        m.d.comb += self.plane.eq(planes[0])
        with m.If(self.clear):
            m.d.sync += [plane.eq(0) for plane in (*planes, self.signs)]
        with m.Elif(self.shift):
            m.d.sync += [plane.eq(Cat(self.byte[bit], plane)) for bit, plane in enumerate((*planes, self.signs))]
        with m.Elif(self.rotate):
            m.d.sync += [plane.eq(planes[(bit + 1) % MAGNITUDE_BITS]) for bit, plane in enumerate(planes)]
        return m
