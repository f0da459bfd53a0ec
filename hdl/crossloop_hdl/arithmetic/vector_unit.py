"""The vector unit: the same function in every place of a vector, one place after the other."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.arithmetic import (
    MULTIPLIER_BITS,
    MULTIPLYING,
    REDUCTIONS,
    REGISTER_BITS,
    TABLE_WORDS,
    WITHOUT_OPERAND,
    Elementwise,
)
from crossloop.protocol.errors import Status
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.layouts import MicroOpLayout, beyond


class Phase(enum.Enum, shape=3):
    """What the unit does in a cycle."""

    IDLE = 0
    SOURCE = 1
    """The source's address is at the memory."""
    OPERAND = 2
    """The source has come; the operand's address is at the memory."""
    THIRD = 3
    """The operand has come; the address of a table's word, or of the destination, is at the memory."""
    MULTIPLY = 4
    WRITE = 5
    """The result is written."""


def saturated(value: Value) -> Value:
    """Return a signed value limited to a vector word: it fits if all its upper bits are equal."""
    upper = value[15:]
    sign = value[-1]
    return Mux(upper.all() | ~upper.any(), value[:16], Cat((~sign).replicate(15), sign)).as_signed()


class VectorUnit(wiring.Component):
    """Executes VECTOR.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    start : In(1)
        Strobe in the EXECUTE cycle; `op` and `pointer` stay until `done`.
    op : In(MicroOpLayout)
    scalar : In(signed(32))
        The register that is the operand; valid with `start` only.
    pointer : In(16)
        Set by POINT.
    abort : In(1)
        Stop after this cycle.
    address, data : Out(16), In(signed(16))
        Read port of the vector memory; the data are those of the address of the cycle before.
    write, write_address, write_data : Out(1), Out(16), Out(16)
        Its write port.
    multiply, a, b, multiplied : Out(1), Out(signed(18)), Out(signed(18)), In(1)
        The multiplier's `start`, factors and `last`.
    shift_product, unshifted, shifted : Out(1), Out(signed(17)), In(signed(36))
        The shifter's: the product, or else `unshifted`, moved right by the scale.
    done : Out(1)
        Strobe in the last cycle; in the cycle of `start` for a micro-op that is refused.
    fault : Out(8)
        `Status`, valid with `done`.
    reduced, total : Out(1), Out(signed(32))
        Strobe with `done`: the result of a reduction.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._words = parameters.vector_words
        self._sum = Signal(signed(REGISTER_BITS), name="sum")
        super().__init__({
            "start": In(1), "op": In(MicroOpLayout), "scalar": In(signed(REGISTER_BITS)), "pointer": In(16),
            "abort": In(1), "address": Out(16), "data": In(signed(16)), "write": Out(1), "write_address": Out(16),
            "write_data": Out(16), "multiply": Out(1), "a": Out(signed(MULTIPLIER_BITS)), "b": Out(signed(MULTIPLIER_BITS)),
            "multiplied": In(1), "shift_product": Out(1), "unshifted": Out(signed(17)),
            "shifted": In(signed(2 * MULTIPLIER_BITS)), "done": Out(1), "fault": Out(8),
            "reduced": Out(1), "total": Out(signed(REGISTER_BITS)),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the walk over the places and the function at each."""
        m = Module()
        op = self.op
        phase = Signal(Phase)
        place = Signal(12)
        function, scalar_operand = op.a[:5], op.a[7]
        s, o, scalar = Signal(signed(16)), Signal(signed(16)), Signal(signed(16))
        arriving = Signal(signed(16))
        """The operand while it arrives."""
        last, multiplies, reduces, collecting = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            last.eq(place + 1 == op.b[:12]), arriving.eq(Mux(scalar_operand, scalar, self.data)),
            multiplies.eq(_is_one_of(function, MULTIPLYING)), reduces.eq(_is_one_of(function, REDUCTIONS)),
            collecting.eq(function == Elementwise.THRESHOLD), self.shift_product.eq(multiplies),
            self.a.eq(s), self.b.eq(arriving), self.write_address.eq(Mux(self.write, self.address, 0)),
        ]  # fmt: skip
        with m.If(function == Elementwise.SQUARES):
            m.d.comb += [self.a.eq(s + arriving), self.b.eq(s - arriving)]
        self._add_check(m, reduces)
        self._add_function(m, s, o, arriving, collecting=collecting, third=phase == Phase.THIRD)
        with m.Switch(phase):
            with m.Case(Phase.IDLE):
                with m.If(self.start):
                    m.d.comb += self.done.eq(self.fault != Status.OK)
                    m.d.sync += [place.eq(0), scalar.eq(self.scalar), self._sum.eq(0)]
                    with m.If(self.fault == Status.OK):
                        m.d.sync += phase.eq(Phase.SOURCE)
            with m.Case(Phase.SOURCE):
                m.d.sync += phase.eq(Phase.OPERAND)
            with m.Case(Phase.OPERAND):
                m.d.sync += [s.eq(self.data), phase.eq(Phase.THIRD)]
            with m.Case(Phase.THIRD):
                m.d.comb += [self.multiply.eq(multiplies), self.write.eq(collecting)]
                m.d.sync += [o.eq(arriving), phase.eq(Mux(multiplies, Phase.MULTIPLY, Phase.WRITE))]
            with m.Case(Phase.MULTIPLY):
                with m.If(self.multiplied):
                    m.d.sync += phase.eq(Phase.WRITE)
            with m.Case(Phase.WRITE):
                m.d.comb += [
                    self.write.eq(~reduces & ~((function == Elementwise.SELECT) & (o == 0))),
                    self.done.eq(last), self.reduced.eq(last & reduces),
                ]  # fmt: skip
                m.d.sync += [
                    self._sum.eq(self.total),
                    place.eq(place + 1),
                    phase.eq(Mux(last, Phase.IDLE, Phase.SOURCE)),
                ]
        with m.If(self.abort):
            m.d.sync += phase.eq(Phase.IDLE)
        self._add_address(m, phase, place, collecting=collecting)
        return m

    def _add_address(self, m: Module, phase: Signal, place: Signal, *, collecting: Signal) -> None:
        """Add the one adder for all addresses, read and written."""
        base, offset = Signal(16), Signal(12)
        m.d.comb += [offset.eq(place), self.address.eq(Mux(phase == Phase.IDLE, 0, base + offset))]
        with m.Switch(phase):
            with m.Case(Phase.SOURCE):
                m.d.comb += base.eq(self.op.c[:16])
            with m.Case(Phase.OPERAND):
                m.d.comb += base.eq(self.pointer)
            with m.Default():
                m.d.comb += base.eq(self.op.c[16:])
                with m.If((self.op.a[:5] == Elementwise.LOOKUP) & (phase == Phase.THIRD)):
                    # The table's place: 128 more than the shifted source, whose ends are held.
                    low, upper, sign = self.shifted[:7], self.shifted[7:16], self.shifted[16]
                    held = Mux(upper.all() | ~upper.any(), low, (~sign).replicate(7))
                    m.d.comb += [base.eq(self.pointer), offset.eq(Cat(held, ~sign))]
                with m.If(collecting & (phase == Phase.WRITE)):
                    m.d.comb += base.eq(self.op.c[:16])

    def _add_check(self, m: Module, reduces: Signal) -> None:
        """Add what refuses a micro-op, in the order that the contract promises."""
        op, words = self.op, self._words
        function, count = op.a[:5], op.b[:12]
        outside = Signal()
        with m.If(~_is_one_of(function, Elementwise) | (reduces & op.a[7])):
            m.d.comb += self.fault.eq(Status.UNKNOWN_MICRO_OP)
        with m.Elif(count == 0):
            m.d.comb += self.fault.eq(Status.LINE_RANGE)
        with m.Elif(outside):
            m.d.comb += self.fault.eq(Status.ADDRESS_RANGE)
        has_operand = ~op.a[7] & ~_is_one_of(function, WITHOUT_OPERAND)
        m.d.comb += outside.eq(
            beyond(op.c[:16], count, words)
            | (~reduces & beyond(op.c[16:], count, words))
            | (has_operand & beyond(self.pointer, count, words))
            | ((function == Elementwise.LOOKUP) & (self.pointer > words - TABLE_WORDS if words >= TABLE_WORDS else 1))
        )

    def _add_function(
        self, m: Module, s: Signal, o: Signal, arriving: Signal, *, collecting: Signal, third: Value
    ) -> None:
        """Add what is written, and what a reduction has collected; one adder, one difference and one size serve all functions."""
        function, total = self.op.a[:5], self.total
        difference, size, sum_ = Signal(signed(17)), Signal(17), Signal(signed(18))
        damped, distant, subtracts = Signal(), Signal(), Signal()
        reached, fired = Signal(), Signal()
        term, addend = Signal(signed(17)), Signal(signed(17))
        sized = Mux(distant, difference, s)
        m.d.comb += [
            damped.eq(function == Elementwise.DAMP), distant.eq(function == Elementwise.DISTANCE),
            difference.eq(o - s), size.eq(Mux(sized[-1], -sized, sized)),
            self.unshifted.eq(Mux(damped, difference, Mux(function == Elementwise.MAGNITUDE, size, s))),
            reached.eq((arriving > 0) & (size >= arriving)),
            subtracts.eq((function == Elementwise.SUBTRACT) | (collecting & ~s[-1])),
            term.eq(Mux(damped, self.shifted, o)), addend.eq(Mux(collecting & ~fired, 0, Mux(subtracts, ~term, term))),
            sum_.eq(s + addend + (subtracts & ~(collecting & ~fired))),
            total.eq(self._sum + Mux(function == Elementwise.SUM, s, self.shifted)),
        ]  # fmt: skip
        with m.If(third):
            m.d.sync += fired.eq(reached)
        with m.If(distant):
            m.d.comb += total.eq(Mux(size > self._sum[:17], size, self._sum))
        result = Signal(signed(16))
        m.d.comb += result.eq(saturated(sum_))
        with m.Switch(function):
            with m.Case(Elementwise.COPY, Elementwise.SELECT):
                m.d.comb += result.eq(s)
            with m.Case(Elementwise.FILL):
                m.d.comb += result.eq(o)
            with m.Case(Elementwise.LOOKUP):
                m.d.comb += result.eq(self.data)
            with m.Case(Elementwise.MINIMUM):
                m.d.comb += result.eq(Mux(difference[-1], o, s))
            with m.Case(Elementwise.MAXIMUM):
                m.d.comb += result.eq(Mux(difference[-1], s, o))
            with m.Case(Elementwise.MULTIPLY, Elementwise.SQUARES):
                m.d.comb += result.eq(saturated(self.shifted))
            with m.Case(Elementwise.MAGNITUDE):
                over = self.shifted[7:17].any()
                m.d.comb += result.eq(Cat(self.shifted[:7] | over.replicate(7), s[-1]))
            with m.Case(Elementwise.THRESHOLD):
                with m.If(third):
                    m.d.comb += result.eq(Cat(reached, (reached & s[-1]).replicate(15)))
        m.d.comb += self.write_data.eq(Mux(self.write, result, 0))


def _is_one_of(function: Value, members: Any) -> Value:
    return function.matches(*sorted(int(member) for member in members))
