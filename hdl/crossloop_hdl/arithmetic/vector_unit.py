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
    WORD_MAX,
    WORD_MIN,
    Elementwise,
)
from crossloop.protocol.errors import Status
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.layouts import MicroOpLayout

_HALF = TABLE_WORDS // 2
_STREAM_MAX = 127


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
    """Return a signed value limited to a vector word."""
    return Mux(value > WORD_MAX, WORD_MAX, Mux(value < WORD_MIN, WORD_MIN, value))[:16].as_signed()


class VectorUnit(wiring.Component):
    """Executes VECTOR.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    start : In(1)
        Strobe in the EXECUTE cycle; `op`, `pointer` and `scale` stay until `done`.
    op : In(MicroOpLayout)
    scalar : In(signed(32))
        The register that is the operand; valid with `start` only.
    pointer, scale : In(16), In(4)
        Set by POINT.
    abort : In(1)
        Stop after this cycle.
    address, data : Out(16), In(signed(16))
        Read port of the vector memory; the data are those of the address of the cycle before.
    write, write_address, write_data : Out(1), Out(16), Out(16)
        Its write port.
    multiply, a, b, multiplied, product : Out, Out, Out, In, In
        The multiplier's `start`, factors, `last` and `product`.
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
            "start": In(1), "op": In(MicroOpLayout), "scalar": In(signed(REGISTER_BITS)), "pointer": In(16), "scale": In(4),
            "abort": In(1), "address": Out(16), "data": In(signed(16)), "write": Out(1), "write_address": Out(16),
            "write_data": Out(16), "multiply": Out(1), "a": Out(signed(MULTIPLIER_BITS)), "b": Out(signed(MULTIPLIER_BITS)),
            "multiplied": In(1), "product": In(signed(2 * MULTIPLIER_BITS)), "done": Out(1), "fault": Out(8),
            "reduced": Out(1), "total": Out(signed(REGISTER_BITS)),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the walk over the places and the function at each."""
        m = Module()
        op = self.op
        phase = Signal(Phase)
        place = Signal(12)
        function, scalar_operand = op.a[:5], op.a[7]
        source, destination, count = op.c[:16], op.c[16:], op.b[:12]
        s, o, scalar = Signal(signed(16)), Signal(signed(16)), Signal(signed(16))
        arriving = Signal(signed(16))
        """The operand while it arrives."""
        last = Signal()
        self._add_check(m)
        m.d.comb += [last.eq(place + 1 == count), arriving.eq(Mux(scalar_operand, scalar, self.data))]
        with m.Switch(phase):
            with m.Case(Phase.IDLE):
                with m.If(self.start):
                    m.d.comb += self.done.eq(self.fault != Status.OK)
                    m.d.sync += [place.eq(0), scalar.eq(self.scalar), self._sum.eq(0)]
                    with m.If(self.fault == Status.OK):
                        m.d.sync += phase.eq(Phase.SOURCE)
            with m.Case(Phase.SOURCE):
                m.d.comb += self.address.eq(source + place)
                m.d.sync += phase.eq(Phase.OPERAND)
            with m.Case(Phase.OPERAND):
                m.d.comb += self.address.eq(self.pointer + place)
                m.d.sync += [s.eq(self.data), phase.eq(Phase.THIRD)]
            with m.Case(Phase.THIRD):
                m.d.comb += self.address.eq(destination + place)
                with m.If(function == Elementwise.LOOKUP):
                    m.d.comb += self.address.eq(self.pointer + _HALF + _limited(s >> self.scale, -_HALF, _HALF - 1))
                m.d.sync += [o.eq(arriving), phase.eq(Phase.WRITE)]
                with m.If(_is_one_of(function, MULTIPLYING)):
                    m.d.comb += self.multiply.eq(1)
                    m.d.sync += phase.eq(Phase.MULTIPLY)
                with m.If(function == Elementwise.THRESHOLD):
                    m.d.comb += [
                        self.write.eq(1), self.write_address.eq(destination + place), self.write_data.eq(_fire(s, arriving)),
                    ]  # fmt: skip
            with m.Case(Phase.MULTIPLY):
                with m.If(self.multiplied):
                    m.d.sync += phase.eq(Phase.WRITE)
            with m.Case(Phase.WRITE):
                m.d.comb += [
                    self.write.eq(~_is_one_of(function, REDUCTIONS)),
                    self.write_address.eq(Mux(function == Elementwise.THRESHOLD, source, destination) + place),
                    self.done.eq(last),
                    self.reduced.eq(last & _is_one_of(function, REDUCTIONS)),
                ]
                m.d.sync += [
                    self._sum.eq(self.total),
                    place.eq(place + 1),
                    phase.eq(Mux(last, Phase.IDLE, Phase.SOURCE)),
                ]
                with m.If((function == Elementwise.SELECT) & (o == 0)):
                    m.d.comb += self.write.eq(0)
                self._add_result(m, s, o)
        with m.If(self.abort):
            m.d.sync += phase.eq(Phase.IDLE)
        with m.If(function == Elementwise.SQUARES):
            m.d.comb += [self.a.eq(s + arriving), self.b.eq(s - arriving)]
        with m.Else():
            m.d.comb += [self.a.eq(s), self.b.eq(arriving)]
        return m

    def _add_check(self, m: Module) -> None:
        """Add what refuses a micro-op, in the order that the contract promises."""
        op, words = self.op, self._words
        function, count = op.a[:5], op.b[:12]
        outside = Signal()
        reduces = _is_one_of(function, REDUCTIONS)
        with m.If(~_is_one_of(function, Elementwise) | (reduces & op.a[7])):
            m.d.comb += self.fault.eq(Status.UNKNOWN_MICRO_OP)
        with m.Elif(count == 0):
            m.d.comb += self.fault.eq(Status.LINE_RANGE)
        with m.Elif(outside):
            m.d.comb += self.fault.eq(Status.ADDRESS_RANGE)
        has_operand = ~op.a[7] & ~_is_one_of(function, WITHOUT_OPERAND)
        m.d.comb += outside.eq(
            (op.c[:16] + count > words)
            | (~reduces & (op.c[16:] + count > words))
            | (has_operand & (self.pointer + count > words))
            | ((function == Elementwise.LOOKUP) & (self.pointer + TABLE_WORDS > words))
        )

    def _add_result(self, m: Module, s: Signal, o: Signal) -> None:
        """Add what is written, and what a reduction has collected."""
        function, result, total = self.op.a[:5], self.write_data, self.total
        difference, size, shifted = Signal(signed(17)), Signal(17), Signal(signed(17))
        product = Signal(signed(2 * MULTIPLIER_BITS))
        m.d.comb += [
            difference.eq(Mux(function == Elementwise.DAMP, o - s, s - o)),
            size.eq(Mux(difference < 0, -difference, difference)),
            shifted.eq(difference >> self.scale),
            product.eq(self.product >> self.scale),
            total.eq(self._sum),
        ]
        with m.Switch(function):
            for case, value in {
                Elementwise.COPY: s, Elementwise.FILL: o, Elementwise.SELECT: s, Elementwise.LOOKUP: self.data,
                Elementwise.ADD: saturated(s + o), Elementwise.SUBTRACT: saturated(difference),
                Elementwise.MINIMUM: Mux(difference < 0, s, o), Elementwise.MAXIMUM: Mux(difference < 0, o, s),
                Elementwise.DAMP: saturated(s + shifted), Elementwise.MAGNITUDE: _stream_byte(s, self.scale),
                Elementwise.THRESHOLD: saturated(s - Mux(_fire(s, o) == 0, 0, Mux(s < 0, -o, o))),
                Elementwise.MULTIPLY: saturated(product), Elementwise.SQUARES: saturated(product),
            }.items():  # fmt: skip
                with m.Case(case):
                    m.d.comb += result.eq(value)
            with m.Case(Elementwise.SUM):
                m.d.comb += total.eq(self._sum + s)
            with m.Case(Elementwise.DISTANCE):
                with m.If(size > self._sum.as_unsigned()):
                    m.d.comb += total.eq(size)
            with m.Case(Elementwise.PRODUCT):
                m.d.comb += total.eq(self._sum + product)


def _is_one_of(function: Value, members: Any) -> Value:
    return function.matches(*sorted(int(member) for member in members))


def _limited(value: Value, low: int, high: int) -> Value:
    return Mux(value < low, low, Mux(value > high, high, value))


def _fire(s: Value, threshold: Value) -> Value:
    """Return the sign of s, in two's complement of 16 bits, where |s| has reached a threshold above 0."""
    reached = (threshold > 0) & Mux(s < 0, s + threshold <= 0, s >= threshold)
    return Mux(reached, Mux(s < 0, 0xFFFF, 1), 0)


def _stream_byte(s: Value, scale: Value) -> Value:
    size = Mux(s < 0, -s, s) >> scale
    return Cat(Mux(size > _STREAM_MAX, _STREAM_MAX, size)[:7], s < 0)
