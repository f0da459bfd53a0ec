"""The arithmetic unit: executes SET, COMPUTE, LOAD, STORE, POINT and VECTOR, and reads the registers of BRANCH and INDEX."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from crossloop.protocol.arithmetic import REGISTER_BITS, Function
from crossloop.protocol.errors import Status
from crossloop.protocol.microops import Opcode
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.arithmetic.multiplier import Multiplier
from crossloop_hdl.arithmetic.scalar import ScalarUnit
from crossloop_hdl.arithmetic.vector_unit import VectorUnit
from crossloop_hdl.layouts import MicroOpLayout

OPCODES = (Opcode.SET, Opcode.COMPUTE, Opcode.LOAD, Opcode.STORE, Opcode.POINT, Opcode.VECTOR)
"""What the unit executes."""


class Phase(enum.Enum, shape=2):
    """What the unit waits for."""

    IDLE = 0
    WORD = 1
    """The word of a LOAD."""
    PRODUCT = 2
    RESULT = 3
    """The product has come."""


class ArithmeticUnit(wiring.Component):
    """Registers, pointer and scale, and everything that computes with them.

    A result of the scalar unit is in the register `value` in the EXECUTE cycle. What a register of the memory gets is written in the cycle
    after the micro-op's last one, which is the FETCH cycle of the next.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    coming, decode, op : In(MicroOpLayout), In(1), In(MicroOpLayout)
        The micro-op in its DECODE cycle, a strobe in that cycle, and the micro-op from its CHECK cycle on.
    start : In(1)
        Strobe in the EXECUTE cycle of one of `OPCODES`.
    abort : In(1)
        Stop after this cycle.
    done, fault : Out(1), Out(8)
        Strobe in the last cycle, which may be that of `start`; `Status`.
    x, y : Out(signed(32)), Out(signed(32))
        The registers that the micro-op names; valid from its CHECK cycle to the next DECODE cycle.
    holds, known : Out(1), Out(1)
        Condition of a BRANCH: whether it is met, valid in its EXECUTE cycle, and defined, valid from its CHECK cycle on.
    pointer : Out(16)
        Set by POINT.
    vector_address, vector_data : Out(log2(vector_words)), In(16)
        Read port of the vector memory; the data are those of the address of the cycle before. Wanted for LOAD and VECTOR.
    vector_write, vector_write_address, vector_write_data : Out(1), Out(log2(vector_words)), Out(16)
        Its write port.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._address_bits = exact_log2(parameters.vector_words)
        super().__init__({
            "coming": In(MicroOpLayout), "decode": In(1), "op": In(MicroOpLayout), "start": In(1), "abort": In(1),
            "done": Out(1), "fault": Out(8), "x": Out(signed(REGISTER_BITS)), "y": Out(signed(REGISTER_BITS)),
            "holds": Out(1), "known": Out(1), "pointer": Out(16),
            "vector_address": Out(self._address_bits), "vector_data": In(16), "vector_write": Out(1),
            "vector_write_address": Out(self._address_bits), "vector_write_data": Out(16),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return registers, multiplier, vector unit and the control around them."""
        m = Module()
        op = self.op
        m.submodules.scalar = scalar = ScalarUnit()
        m.submodules.multiplier = multiplier = Multiplier()
        m.submodules.vectors = vectors = VectorUnit(self._parameters)
        phase = Signal(Phase)
        self._value = Signal(signed(REGISTER_BITS), name="value")
        self._is_vector = Signal(name="is_vector")
        """The micro-op is a VECTOR; known from PREPARE on."""
        m.d.sync += self._is_vector.eq(op.opcode == Opcode.VECTOR)
        scale = Signal(4)
        shifted = Signal.like(multiplier.product)
        m.d.comb += [
            scalar.coming.eq(self.coming), scalar.decode.eq(self.decode), scalar.op.eq(op),
            self.x.eq(scalar.x), self.y.eq(scalar.y), self.holds.eq(scalar.holds), self.known.eq(scalar.known),
            vectors.op.eq(op), vectors.scalar.eq(scalar.of_vector), vectors.pointer.eq(self.pointer),
            vectors.abort.eq(self.abort), vectors.data.eq(self.vector_data), vectors.multiplied.eq(multiplier.last),
            # One shifter for products and for everything that a vector shifts.
            shifted.eq(multiplier.product >> scale), vectors.shifted.eq(shifted),
            multiplier.load.eq(vectors.load), multiplier.negate.eq(vectors.negate),
            multiplier.a.eq(Mux(self._is_vector, vectors.a, scalar.x[:16].as_signed())),
            multiplier.b.eq(Mux(self._is_vector, vectors.b, scalar.operand[:16].as_signed())),
        ]  # fmt: skip
        with m.If(vectors.multiply):
            m.d.comb += multiplier.start.eq(1)
        self._add_memory(m)
        self._add_control(m, phase=phase, scale=scale)
        self._add_registers(m, phase=phase, shifted=shifted)
        return m

    def _add_memory(self, m: Module) -> None:
        """Add the choice between a LOAD or STORE and the vector unit."""
        scalar, vectors = m.submodules.scalar, m.submodules.vectors
        m.d.comb += [
            self.vector_write.eq(vectors.write),
            self.vector_address.eq(self._value),
            self.vector_write_address.eq(self._value),
            self.vector_write_data.eq(scalar.y),
        ]
        with m.If(self._is_vector):
            m.d.comb += [
                self.vector_address.eq(vectors.address), self.vector_write_address.eq(vectors.address),
                self.vector_write_data.eq(vectors.write_data),
            ]  # fmt: skip

    def _add_control(self, m: Module, *, phase: Signal, scale: Signal) -> None:
        """Add what each micro-op does in its EXECUTE cycle, for how long it lasts, and why it is refused."""
        op, scalar, multiplier, vectors = self.op, m.submodules.scalar, m.submodules.multiplier, m.submodules.vectors
        outside = Signal()
        product, at_once = Signal(), Signal()
        """It multiplies; it is over in its EXECUTE cycle, which is known in the cycle before."""
        m.d.sync += at_once.eq(
            op.opcode.matches(Opcode.SET, Opcode.STORE, Opcode.POINT) | ((op.opcode == Opcode.COMPUTE) & ~product)
        )
        m.d.comb += [
            outside.eq(self._value[self._address_bits :].any()),
            product.eq(op.a[4:] == Function.MULTIPLY),
            vectors.start.eq(self.start & self._is_vector),
        ]
        # Whether it is refused is the micro-op's alone, and needs not wait for its start.
        with m.Switch(op.opcode):
            with m.Case(Opcode.COMPUTE):
                m.d.comb += self.fault.eq(Mux(scalar.known, Status.OK, Status.UNKNOWN_MICRO_OP))
            with m.Case(Opcode.LOAD, Opcode.STORE):
                m.d.comb += self.fault.eq(Mux(outside, Status.ADDRESS_RANGE, Status.OK))
            with m.Case(Opcode.VECTOR):
                m.d.comb += self.fault.eq(vectors.fault)
        with m.If(vectors.done):
            m.d.comb += self.done.eq(1)
        with m.If(self.start & at_once):
            m.d.comb += self.done.eq(1)
        with m.If(self.start):
            with m.Switch(op.opcode):
                with m.Case(Opcode.COMPUTE):
                    with m.If(product):
                        m.d.comb += multiplier.start.eq(1)
                        m.d.sync += phase.eq(Phase.PRODUCT)
                with m.Case(Opcode.LOAD):
                    with m.If(outside):
                        m.d.comb += self.done.eq(1)
                    with m.Else():
                        m.d.sync += phase.eq(Phase.WORD)
                with m.Case(Opcode.STORE):
                    m.d.comb += self.vector_write.eq(~outside)
                with m.Case(Opcode.POINT):
                    m.d.sync += [self.pointer.eq(self._value), scale.eq(op.a[4:])]
        with m.Switch(phase):
            with m.Case(Phase.WORD):
                m.d.comb += self.done.eq(1)
                m.d.sync += phase.eq(Phase.IDLE)
            with m.Case(Phase.PRODUCT):
                with m.If(multiplier.last):
                    m.d.sync += phase.eq(Phase.RESULT)
            with m.Case(Phase.RESULT):
                m.d.comb += self.done.eq(1)
                m.d.sync += phase.eq(Phase.IDLE)
        with m.If(self.abort):
            m.d.sync += phase.eq(Phase.IDLE)

    def _add_registers(self, m: Module, *, phase: Signal, shifted: Signal) -> None:
        """Add the register between a result and the register memory."""
        op, scalar, vectors, value = self.op, m.submodules.scalar, m.submodules.vectors, self._value
        write, vector, later = Signal(), self._is_vector, Signal()
        m.d.comb += [
            later.eq(vector | (phase == Phase.RESULT)),
            scalar.write.eq(write), scalar.write_data.eq(value),
            scalar.write_number.eq(Mux(vector, scalar.number, op.a[:4])),
        ]  # fmt: skip
        m.d.sync += value.eq(
            Mux(
                later,
                Mux(vector, vectors.total, shifted[:REGISTER_BITS].as_signed()),
                Mux(phase == Phase.WORD, self.vector_data.as_signed(), scalar.result),
            )
        )
        with m.Switch(op.opcode):
            with m.Case(Opcode.VECTOR):
                m.d.sync += write.eq(vectors.reduced)
            with m.Case(Opcode.SET, Opcode.COMPUTE, Opcode.LOAD):
                # What is refused ends the run, and leaves the register as it is.
                m.d.sync += write.eq(self.done & (self.fault == Status.OK))
            with m.Default():
                m.d.sync += write.eq(0)
