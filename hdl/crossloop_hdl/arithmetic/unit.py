"""The arithmetic unit: executes SET, COMPUTE, LOAD, STORE, POINT and VECTOR, and reads the registers of BRANCH and INDEX."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from crossloop.protocol.arithmetic import MULTIPLIER_BITS, REGISTER_BITS, Function
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

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    coming, op : In(MicroOpLayout), In(MicroOpLayout)
        The micro-op in its DECODE cycle, and from its EXECUTE cycle on.
    start : In(1)
        Strobe in the EXECUTE cycle of one of `OPCODES`.
    abort : In(1)
        Stop after this cycle.
    done, fault : Out(1), Out(8)
        Strobe in the last cycle, which may be that of `start`; `Status`.
    x, y : Out(signed(32)), Out(signed(32))
        The registers that the micro-op names; valid in its EXECUTE cycle.
    holds, known : Out(1), Out(1)
        Condition of a BRANCH: whether it is met, and defined; valid in its EXECUTE cycle.
    pointer : Out(16)
        Set by POINT.
    vector_address, vector_data : Out(16), In(16)
        Read port of the vector memory; the data are those of the address of the cycle before.
    vector_write, vector_write_address, vector_write_data : Out(1), Out(16), Out(16)
        Its write port.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__({
            "coming": In(MicroOpLayout), "op": In(MicroOpLayout), "start": In(1), "abort": In(1), "done": Out(1), "fault": Out(8),
            "x": Out(signed(REGISTER_BITS)), "y": Out(signed(REGISTER_BITS)), "holds": Out(1), "known": Out(1), "pointer": Out(16),
            "vector_address": Out(16), "vector_data": In(16), "vector_write": Out(1), "vector_write_address": Out(16),
            "vector_write_data": Out(16),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return registers, multiplier, vector unit and the control around them."""
        m = Module()
        op = self.op
        m.submodules.scalar = scalar = ScalarUnit()
        m.submodules.multiplier = multiplier = Multiplier()
        m.submodules.vectors = vectors = VectorUnit(self._parameters)
        phase = Signal(Phase)
        scale = Signal(4)
        unshifted, shifted = (Signal(signed(2 * MULTIPLIER_BITS), name=name) for name in ("unshifted", "shifted"))
        address = Signal(signed(REGISTER_BITS))
        outside = Signal()
        m.d.comb += [
            scalar.coming.eq(self.coming), scalar.op.eq(op), self.x.eq(scalar.x), self.y.eq(scalar.y),
            self.holds.eq(scalar.holds), self.known.eq(scalar.known),
            address.eq(Mux(op.b[9], 0, scalar.x) + op.c.as_signed()),
            outside.eq(address[exact_log2(self._parameters.vector_words) :] != 0),
            vectors.op.eq(op), vectors.scalar.eq(scalar.y), vectors.pointer.eq(self.pointer),
            vectors.abort.eq(self.abort), vectors.data.eq(self.vector_data), self.vector_address.eq(vectors.address),
            self.vector_write.eq(vectors.write), self.vector_write_address.eq(vectors.write_address),
            self.vector_write_data.eq(vectors.write_data), vectors.multiplied.eq(multiplier.last),
            # One shifter for the product and for everything that a vector shifts.
            unshifted.eq(Mux(vectors.shift_product | (op.opcode != Opcode.VECTOR), multiplier.product, vectors.unshifted)),
            shifted.eq(unshifted >> scale), vectors.shifted.eq(shifted),
            # A register is written by the micro-op's own number, or as a vector's result.
            scalar.write_number.eq(op.a[:4]),
        ]  # fmt: skip
        with m.If(vectors.multiply):
            m.d.comb += [multiplier.start.eq(1), multiplier.a.eq(vectors.a), multiplier.b.eq(vectors.b)]
        with m.Else():
            m.d.comb += [multiplier.a.eq(scalar.x[:16].as_signed()), multiplier.b.eq(scalar.operand[:16].as_signed())]
        with m.If(vectors.reduced):
            m.d.comb += [scalar.write.eq(1), scalar.write_number.eq(scalar.number), scalar.write_data.eq(vectors.total)]
        with m.If(vectors.done):
            m.d.comb += [self.done.eq(1), self.fault.eq(vectors.fault)]
        self._add_control(m, phase=phase, scale=scale, shifted=shifted, address=address, outside=outside)
        return m

    def _add_control(
        self, m: Module, *, phase: Signal, scale: Signal, shifted: Signal, address: Signal, outside: Signal
    ) -> None:
        """Add what each micro-op does in its EXECUTE cycle and after."""
        op, scalar, multiplier = self.op, m.submodules.scalar, m.submodules.multiplier

        def finish(status: Any = Status.OK) -> list[Any]:
            return [self.done.eq(1), self.fault.eq(status)]

        with m.If(self.start):
            with m.Switch(op.opcode):
                with m.Case(Opcode.SET):
                    m.d.comb += [*finish(), scalar.write.eq(1), scalar.write_data.eq(op.c)]
                with m.Case(Opcode.COMPUTE):
                    with m.If(~scalar.known):
                        m.d.comb += finish(Status.UNKNOWN_MICRO_OP)
                    with m.Elif(op.a[4:] == Function.MULTIPLY):
                        m.d.comb += multiplier.start.eq(1)
                        m.d.sync += phase.eq(Phase.PRODUCT)
                    with m.Else():
                        m.d.comb += [*finish(), scalar.write.eq(1), scalar.write_data.eq(scalar.result)]
                with m.Case(Opcode.LOAD):
                    m.d.comb += self.vector_address.eq(address)
                    m.d.sync += phase.eq(Phase.WORD)
                    with m.If(outside):
                        m.d.comb += finish(Status.ADDRESS_RANGE)
                        m.d.sync += phase.eq(Phase.IDLE)
                with m.Case(Opcode.STORE):
                    m.d.comb += [
                        *finish(Mux(outside, Status.ADDRESS_RANGE, Status.OK)),
                        self.vector_write.eq(~outside), self.vector_write_address.eq(address),
                        self.vector_write_data.eq(scalar.y),
                    ]  # fmt: skip
                with m.Case(Opcode.POINT):
                    m.d.comb += finish()
                    m.d.sync += [self.pointer.eq(Mux(op.a[0], scalar.x, 0) + op.c), scale.eq(op.a[4:])]
                with m.Case(Opcode.VECTOR):
                    m.d.comb += m.submodules.vectors.start.eq(1)
        with m.Switch(phase):
            with m.Case(Phase.WORD):
                m.d.comb += [*finish(), scalar.write.eq(1), scalar.write_data.eq(self.vector_data.as_signed())]
                m.d.sync += phase.eq(Phase.IDLE)
            with m.Case(Phase.PRODUCT):
                with m.If(multiplier.last):
                    m.d.sync += phase.eq(Phase.RESULT)
            with m.Case(Phase.RESULT):
                m.d.comb += [*finish(), scalar.write.eq(1), scalar.write_data.eq(shifted)]
                m.d.sync += phase.eq(Phase.IDLE)
        with m.If(self.abort):
            m.d.sync += phase.eq(Phase.IDLE)
