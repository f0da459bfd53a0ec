"""The multiplier: one bit per cycle, so that it fits devices without multiplier blocks."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.arithmetic import MULTIPLIER_BITS


class Multiplier(wiring.Component):
    """Multiplies two signed numbers in `MULTIPLIER_BITS` cycles; its product register is also where a number waits to be shifted."""

    start: In(1)
    """Strobe: take the factors."""
    a: In(signed(MULTIPLIER_BITS))
    b: In(signed(MULTIPLIER_BITS))
    negate: In(1)
    """The product is -a * b; stays until `last`."""
    load: In(1)
    """Strobe, not together with `start`: `product` is `b` from the next cycle on."""
    product: Out(signed(2 * MULTIPLIER_BITS))
    """Valid from the cycle after `last` on, until the next start."""
    last: Out(1)
    """Strobe in the last cycle of the multiplication, `MULTIPLIER_BITS` cycles after `start`."""

    def elaborate(self, _platform: Any) -> Module:
        """Return accumulator and counter: shift-and-add, lowest bit first; the sign bit of `b` subtracts."""
        m = Module()
        factor = Signal(signed(MULTIPLIER_BITS))
        left = Signal(range(MULTIPLIER_BITS + 1))
        # The upper half of the product collects; the lower half holds the bits of b still to come, then those of the product.
        lower, upper = self.product[:MULTIPLIER_BITS], self.product[MULTIPLIER_BITS:].as_signed()
        subtracts = Signal()
        term = Signal(signed(MULTIPLIER_BITS))
        total = Signal(signed(MULTIPLIER_BITS + 1))
        m.d.comb += [
            self.last.eq(left == 1),
            subtracts.eq(self.last ^ self.negate),
            # One adder: the complement's 1 comes in as its carry.
            term.eq(Mux(lower[0], factor, 0) ^ subtracts.replicate(MULTIPLIER_BITS).as_signed()),
            total.eq(upper + term + subtracts),
        ]
        with m.If(self.start | self.load):
            sign = (self.b[-1] & self.load).replicate(MULTIPLIER_BITS)
            m.d.sync += [
                factor.eq(self.a),
                self.product.eq(Cat(self.b, sign)),
                left.eq(Mux(self.start, MULTIPLIER_BITS, 0)),
            ]
        with m.Elif(left != 0):
            m.d.sync += [left.eq(left - 1), self.product.eq(Cat(lower[1:], total))]
        return m
