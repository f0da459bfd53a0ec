"""The vector unit: the same function in every place of a vector, one place after the other."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

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

_WITH_SOURCE = {
    Elementwise.MINIMUM, Elementwise.MAXIMUM, Elementwise.DAMP, Elementwise.MAGNITUDE, Elementwise.SQUARES, Elementwise.DISTANCE,
    Elementwise.FILL,
}  # fmt: skip
"""What begins with the difference of operand and source."""
_FROM_SHIFTER = {Elementwise.MULTIPLY, Elementwise.SQUARES, Elementwise.MAGNITUDE}
"""What is written is what the shifter gives, without the source."""


class Phase(enum.Enum, shape=3):
    """What the unit does in a cycle. An address is made in the cycle before the one in which it is at the memory."""

    IDLE = 0
    SOURCE = 1
    """The source's address is at the memory."""
    OPERAND = 2
    """The source comes; the operand's address is at the memory."""
    READ = 7
    """The operand comes."""
    THIRD = 3
    """The operand has come."""
    MULTIPLY = 4
    """The multiplier works, or the address of a table's word is made."""
    SHIFT = 5
    """The shifter's result has come, or a table's word; of a THRESHOLD what has fired is written."""
    WRITE = 6
    """The result is written."""


def saturated(value: Value) -> Value:
    """Return a signed value limited to a vector word: it fits if all its upper bits are equal."""
    upper = value[15:]
    sign = value[-1]
    return Mux(upper.all() | ~upper.any(), value[:16], Cat((~sign).replicate(15), sign)).as_signed()


class VectorUnit(wiring.Component):
    """Executes VECTOR.

    Three adders do it all. While the operand arrives, `t` = [+-]operand [+-]source is made of it, for a register and for the
    multiplier, and `trial` = source [+-]operand, the multiplier's other factor, or what a THRESHOLD would leave. It is shifted in
    the next cycle; in the one after that the source and what has become of `t` are added and limited to a word, and a reduction
    collects in the third adder.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    start : In(1)
        Strobe in the EXECUTE cycle; `op` and `pointer` have been there for two cycles and stay until `done`.
    op : In(MicroOpLayout)
    scalar : In(signed(32))
        The register that is the operand; valid with `start` only.
    pointer : In(16)
        Set by POINT.
    abort : In(1)
        Stop after this cycle.
    address, data : Out(log2(vector_words)), In(signed(16))
        Read port of the vector memory, from a register; the data are those of the address of the cycle before.
    write, write_data : Out(1), Out(16)
        Its write port, at the same address.
    multiply, load, negate, a, b, multiplied : Out(1), Out(1), Out(1), Out(signed(17)), Out(signed(17)), In(1)
        The multiplier's `start`, `load`, `negate`, factors and `last`.
    shifted : In(signed(36))
        The multiplier's product, or what was loaded into it, moved right by the scale.
    done : Out(1)
        Strobe in the last cycle; in the cycle of `start` for a micro-op that is refused.
    fault : Out(8)
        `Status`, valid with `done`.
    reduced, total : Out(1), Out(signed(32))
        Strobe with `done`: the result of a reduction.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._words = parameters.vector_words
        self._address_bits = exact_log2(parameters.vector_words)
        super().__init__({
            "start": In(1), "op": In(MicroOpLayout), "scalar": In(signed(REGISTER_BITS)), "pointer": In(16),
            "abort": In(1), "address": Out(self._address_bits), "data": In(signed(16)), "write": Out(1), "write_data": Out(16),
            "multiply": Out(1), "load": Out(1), "negate": Out(1), "a": Out(signed(17)), "b": Out(signed(17)), "multiplied": In(1),
            "shifted": In(signed(2 * MULTIPLIER_BITS)),
            "done": Out(1), "fault": Out(8), "reduced": Out(1), "total": Out(signed(REGISTER_BITS)),
        })  # fmt: skip
        self._phase = Signal(Phase, name="phase")
        self._s = Signal(signed(16), name="s")
        self._negative = Signal(name="negative")
        """Sign of the source, also after it has given way to the shifter's result."""
        self._word = Signal(signed(16), name="word")
        """What the memory has answered in the cycle before."""
        self._t = Signal(signed(17), name="t")
        self._kinds: dict[frozenset[Elementwise], Signal] = {}
        """Whether the function is one of these; see `_one_of`."""
        self._reached = Signal(name="reached")
        """THRESHOLD: the source has reached it, in phase THIRD."""

    def elaborate(self, _platform: Any) -> Module:
        """Return the walk over the places and the function at each."""
        m = Module()
        op, phase = self.op, self._phase
        self._function = op.a[:5]
        place = Signal(12)
        last, multiplies, reduces, looks_up = Signal(), Signal(), Signal(), Signal()
        looked_up = Signal()
        """The address of a table's word is at the memory."""
        # The place rests while a word is worked on.
        m.d.sync += [last.eq(place + 1 == op.b[:12]), self._word.eq(self.data), looked_up.eq(0)]
        m.d.comb += [
            multiplies.eq(self._one_of(*MULTIPLYING)), reduces.eq(self._one_of(*REDUCTIONS)),
            looks_up.eq(self._one_of(Elementwise.LOOKUP)),
        ]  # fmt: skip
        with m.Switch(phase):
            with m.Case(Phase.IDLE):
                m.d.sync += place.eq(0)
                with m.If(self.start):
                    m.d.comb += self.done.eq(self.fault != Status.OK)
                    with m.If(self.fault == Status.OK):
                        m.d.sync += phase.eq(Phase.SOURCE)
            with m.Case(Phase.SOURCE):
                m.d.sync += phase.eq(Phase.OPERAND)
            with m.Case(Phase.OPERAND):
                m.d.sync += phase.eq(Phase.READ)
            with m.Case(Phase.READ):
                m.d.comb += self.load.eq(1)
                m.d.sync += phase.eq(Phase.THIRD)
            with m.Case(Phase.THIRD):
                m.d.comb += [self.multiply.eq(multiplies), self.load.eq(~multiplies)]
                m.d.sync += phase.eq(Mux(multiplies | looks_up, Phase.MULTIPLY, Phase.SHIFT))
            with m.Case(Phase.MULTIPLY):
                m.d.sync += looked_up.eq(1)
                with m.If(Mux(looks_up, looked_up, self.multiplied)):
                    m.d.sync += phase.eq(Phase.SHIFT)
            with m.Case(Phase.SHIFT):
                m.d.comb += self.write.eq(self._one_of(Elementwise.THRESHOLD))
                m.d.sync += phase.eq(Phase.WRITE)
            with m.Case(Phase.WRITE):
                m.d.comb += [
                    self.write.eq(~reduces & ~(self._one_of(Elementwise.SELECT) & (self._t == 0))),
                    self.done.eq(last), self.reduced.eq(last & reduces),
                ]  # fmt: skip
                m.d.sync += [place.eq(place + 1), phase.eq(Mux(last, Phase.IDLE, Phase.SOURCE))]
        with m.If(self.abort):
            m.d.sync += phase.eq(Phase.IDLE)
        self._add_check(m)
        self._add_address(m, place, looked_up)
        self._add_operand(m)
        self._add_result(m)
        self._add_total(m)
        m.d.sync += [signal.eq(_is_one_of(self._function, kind)) for kind, signal in self._kinds.items()]
        return m

    def _one_of(self, *functions: Elementwise) -> Signal:
        """Return whether the function is one of these, from PREPARE on."""
        kind = frozenset(functions)
        if kind not in self._kinds:
            self._kinds[kind] = Signal(name="is_" + "_or_".join(sorted(function.name.lower() for function in kind)))
        return self._kinds[kind]

    def _add_check(self, m: Module) -> None:
        """Add what refuses a micro-op, in the order that the contract promises: compared in CHECK, decided in PREPARE."""
        op, words = self.op, self._words
        function, count = op.a[:5], op.b[:12]
        reduces = _is_one_of(function, REDUCTIONS)
        unknown, empty, outside = Signal(), Signal(), Signal(4)
        has_operand = ~op.a[7] & ~_is_one_of(function, WITHOUT_OPERAND)
        m.d.sync += [
            unknown.eq(~_is_one_of(function, Elementwise) | (reduces & op.a[7])),
            empty.eq(count == 0),
            outside.eq(
                Cat(
                    beyond(op.c[:16], count, words),
                    ~reduces & beyond(op.c[16:], count, words),
                    has_operand & beyond(self.pointer, count, words),
                    (function == Elementwise.LOOKUP)
                    & (self.pointer > words - TABLE_WORDS if words >= TABLE_WORDS else 1),
                )
            ),
            self.fault.eq(Status.OK),
        ]
        with m.If(unknown):
            m.d.sync += self.fault.eq(Status.UNKNOWN_MICRO_OP)
        with m.Elif(empty):
            m.d.sync += self.fault.eq(Status.LINE_RANGE)
        with m.Elif(outside.any()):
            m.d.sync += self.fault.eq(Status.ADDRESS_RANGE)

    def _add_address(self, m: Module, place: Signal, looked_up: Signal) -> None:
        """Add the one adder for all addresses, read and written; what it may reach was checked before."""
        base, offset = Signal(self._address_bits), Signal(12)
        in_table = Signal(8)
        is_threshold, is_lookup = self._one_of(Elementwise.THRESHOLD), self._one_of(Elementwise.LOOKUP)
        # The table's place: 128 more than the shifted source, whose ends are held.
        low, upper, sign = self.shifted[:7], self.shifted[7:16], self.shifted[16]
        m.d.sync += in_table.eq(Cat(Mux(upper.all() | ~upper.any(), low, (~sign).replicate(7)), ~sign))
        m.d.comb += [offset.eq(place), base.eq(self.op.c[16:])]
        # A reduction reads where it is about to write, and does not write.
        with m.Switch(self._phase):
            with m.Case(Phase.IDLE):
                m.d.comb += [offset.eq(0), base.eq(self.op.c)]
            with m.Case(Phase.SOURCE):
                m.d.comb += base.eq(self.pointer)
            with m.Case(Phase.MULTIPLY):
                with m.If(is_lookup & ~looked_up):
                    m.d.comb += [base.eq(self.pointer), offset.eq(in_table)]
            with m.Case(Phase.SHIFT):
                with m.If(is_threshold):
                    m.d.comb += base.eq(self.op.c)
            with m.Case(Phase.WRITE):
                m.d.comb += [base.eq(self.op.c), offset.eq(place + 1)]
        m.d.sync += self.address.eq(base + offset)

    def _add_operand(self, m: Module) -> None:
        """Add what is made of the operand while it arrives."""
        s, negative = self._s, self._negative
        third = self._phase == Phase.THIRD
        is_magnitude, is_threshold, is_squares, is_lookup, subtracts = (
            self._one_of(kind)
            for kind in (
                Elementwise.MAGNITUDE,
                Elementwise.THRESHOLD,
                Elementwise.SQUARES,
                Elementwise.LOOKUP,
                Elementwise.SUBTRACT,
            )
        )
        # MAGNITUDE is 0 + s or 0 - s: its operand is a register of 0.
        scalar = Signal(signed(16))
        with m.If(self.start):
            m.d.sync += scalar.eq(self.scalar)
            with m.If(is_magnitude):
                m.d.sync += scalar.eq(0)
        minus, with_source, less_source, is_zero = Signal(), Signal(), Signal(), Signal()
        operand, source, tried = (Signal(signed(16), name=name) for name in ("operand", "source", "tried"))
        # SQUARES is (s + o) * (s - o), and t is o - s.
        trial, t = self.a, self.b
        held = (self.op.a[7] & ~is_lookup) | is_magnitude
        m.d.comb += [
            # An adder subtracts what comes complemented, and takes the complement's 1 as its carry.
            minus.eq(subtracts | (is_threshold & ~negative)),
            operand.eq(Mux(held, scalar, self._word) ^ minus.replicate(16).as_signed()),
            with_source.eq(third & self._one_of(*_WITH_SOURCE)),
            less_source.eq(with_source & (~is_magnitude | negative)),
            source.eq(Mux(with_source, s, 0) ^ less_source.replicate(16).as_signed()),
            t.eq(operand + source + (minus | less_source)),
            tried.eq(Mux(is_threshold | is_squares, operand, 0)),
            trial.eq(s + tried + (is_threshold & minus)),
            self.negate.eq(is_squares),
            # A sum is 0 where the bits that differ are those above a 1 of either: known sooner than the sum.
            is_zero.eq(((s ^ tried) ^ ((s | tried) << 1))[:17] == 0),
            # s - o >= 0, or s + o <= 0, with an operand above 0.
            self._reached.eq(
                Mux(minus, ~trial[-1], trial[-1] | is_zero) & (operand[-1] == minus) & (operand[:15] != minus.replicate(15))
            ),
        ]  # fmt: skip
        with m.If(third):
            m.d.sync += self._t.eq(t)
            with m.If(self._one_of(*_FROM_SHIFTER)):
                m.d.sync += s.eq(0)
        with m.Elif(self._phase == Phase.READ):
            m.d.sync += [s.eq(self._word), negative.eq(self._word[-1])]

    def _add_result(self, m: Module) -> None:
        """Add what is written: the source, and what has become of the operand, limited to a word."""
        function, t, shifted = self._function, self._t, self.shifted
        takes_t, takes_shifted = Signal(), self._one_of(*_FROM_SHIFTER, Elementwise.DAMP)
        is_product, is_lookup = self._one_of(*MULTIPLYING), self._one_of(Elementwise.LOOKUP)
        fired, sum_, result = Signal(), Signal(signed(18)), Signal(16)
        addend, wide, negative = Signal(signed(17)), Signal(), Signal()
        """What is added to the source; whether a product has more bits than a word, and its sign."""
        with m.If(self._phase == Phase.THIRD):
            m.d.sync += fired.eq(self._reached)
        with m.Switch(function):
            with m.Case(Elementwise.ADD, Elementwise.SUBTRACT, Elementwise.FILL):
                m.d.comb += takes_t.eq(1)
            with m.Case(Elementwise.MINIMUM):
                m.d.comb += takes_t.eq(t[-1])
            with m.Case(Elementwise.MAXIMUM):
                m.d.comb += takes_t.eq(~t[-1])
            with m.Case(Elementwise.THRESHOLD):
                m.d.comb += takes_t.eq(fired)
        # Only a product has more bits than the sum.
        m.d.sync += [
            addend.eq(Mux(is_lookup, self.data, Mux(takes_shifted, shifted[:17].as_signed(), Mux(takes_t, t, 0)))),
            wide.eq((shifted[15:] ^ shifted[-1].replicate(len(shifted) - 15)).any()), negative.eq(shifted[-1]),
        ]  # fmt: skip
        sign = Mux(is_product, negative, sum_[-1])
        m.d.comb += [
            sum_.eq(self._s + addend),
            result.eq(
                Mux(
                    Mux(is_product, wide, sum_[15:17] != sign.replicate(2)), Cat((~sign).replicate(15), sign), sum_[:16]
                )
            ),
        ]
        with m.If(is_lookup):
            m.d.comb += result.eq(addend)
        with m.If(self._one_of(Elementwise.MAGNITUDE)):
            m.d.comb += result.eq(Cat(sum_[:7] | sum_[7:17].any().replicate(7), self._negative))
        with m.If(self._phase == Phase.SHIFT):
            m.d.comb += result.eq(Cat(fired, (fired & self._negative).replicate(15)))
        m.d.comb += self.write_data.eq(result)

    def _add_total(self, m: Module) -> None:
        """Add what a reduction collects."""
        function, t = self._function, self._t
        collected = Signal(signed(REGISTER_BITS))
        # DISTANCE: by how much |t| is above what was collected. With n for a negative t, |t| is (t ^ n) + n; the adder makes the
        # complement of (t ^ n) - collected, which is negative where |t| is above.
        complement = Signal(signed(18))
        above = complement[-1] & self._one_of(Elementwise.DISTANCE)
        term, one = Signal(signed(REGISTER_BITS)), Signal()
        """Found in phase SHIFT, added in WRITE."""
        m.d.comb += [
            complement.eq(collected[:17].as_signed() + (t ^ (~t[-1]).replicate(17).as_signed())),
            self.total.eq(collected + term + one),
        ]
        m.d.sync += one.eq(above & t[-1])
        with m.Switch(function):
            with m.Case(Elementwise.SUM):
                m.d.sync += term.eq(self._s)
            with m.Case(Elementwise.DISTANCE):
                m.d.sync += term.eq(Mux(above, ~complement, 0))
            with m.Default():
                m.d.sync += term.eq(self.shifted)
        with m.If(self.start):
            m.d.sync += collected.eq(0)
        with m.Elif(self._phase == Phase.WRITE):
            m.d.sync += collected.eq(self.total)


def _is_one_of(function: Value, members: Any) -> Value:
    """Return whether the function is one of the members."""
    return function.matches(*sorted(int(member) for member in members))
