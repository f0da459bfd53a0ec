"""The noise of the emulated array: one generator, which advances when a number is drawn and never otherwise."""

from functools import reduce
from operator import xor
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.emulated import DRAW_BITS, NOISE_BITS, NOISE_SHIFTS, NOISE_STEP, noise_start, noise_step
from crossloop_hdl.engines.slot_counter import popcount


class NoiseSource(wiring.Component):
    """Sixteen steps of a shift register at a time, one LUT a bit; see `crossloop.protocol.emulated.noise_step`.

    It is a draw ahead, so that its ones are counted before anybody asks for them.

    Parameters
    ----------
    seed : int
        The build's `array_seed`.

    Members
    -------
    step : In(1)
        Strobe: `draw` has been used.
    draw : Out(range(DRAW_BITS + 1))
        The next draw, from two cycles after `step` on.
    """

    def __init__(self, seed: int) -> None:
        self._start = noise_step(noise_start(seed))
        super().__init__({"step": In(1), "draw": Out(range(DRAW_BITS + 1))})

    def elaborate(self, _platform: Any) -> Module:
        """Return register and counter of ones."""
        m = Module()
        state = Signal(NOISE_BITS, init=self._start)
        with m.If(self.step):
            fresh = reduce(xor, (state[shift : shift + NOISE_STEP] for shift in NOISE_SHIFTS))
            m.d.sync += state.eq(Cat(fresh, state))
        m.d.sync += self.draw.eq(popcount(state[:DRAW_BITS]))
        return m
