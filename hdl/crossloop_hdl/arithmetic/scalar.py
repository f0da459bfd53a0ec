"""The scalar unit: sixteen registers, what COMPUTE does with two of them, and what a BRANCH compares."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crossloop.protocol.arithmetic import REGISTER_BITS, REGISTERS, Condition, Function
from crossloop.protocol.microops import Opcode
from crossloop_hdl.layouts import MicroOpLayout


class ScalarUnit(wiring.Component):
    """Reads x and y while a micro-op is decoded, and answers combinationally in its EXECUTE cycle."""

    coming: In(MicroOpLayout)
    """The micro-op in its DECODE cycle: its register numbers."""
    op: In(MicroOpLayout)
    """The micro-op in its EXECUTE cycle and later."""
    x: Out(signed(REGISTER_BITS))
    """Register b[3:0] of the micro-op; valid in its EXECUTE cycle only, as `y` and all that follows from them."""
    y: Out(signed(REGISTER_BITS))
    """Register b[7:4], or b[15:12] of a VECTOR."""
    number: Out(4)
    """Number of the register in `y`; it stays."""
    operand: Out(signed(REGISTER_BITS))
    """What COMPUTE and BRANCH take as y: the register, or the constant of the micro-op."""
    result: Out(signed(REGISTER_BITS))
    """What COMPUTE gives, but for MULTIPLY."""
    holds: Out(1)
    """The condition of a BRANCH is met."""
    known: Out(1)
    """Function of COMPUTE or condition of BRANCH is defined."""
    write: In(1)
    """Strobe: write `write_data` to register `write_number`."""
    write_number: In(4)
    write_data: In(signed(REGISTER_BITS))

    def elaborate(self, _platform: Any) -> Module:
        """Return register memory, arithmetic and comparison."""
        m = Module()
        m.submodules.registers = registers = Memory(shape=signed(REGISTER_BITS), depth=REGISTERS, init=[])
        write = registers.write_port()
        x, y = registers.read_port(), registers.read_port()
        op = self.op
        self._sum = Signal(signed(REGISTER_BITS + 1), name="sum")
        wanted = Signal(4)
        m.d.comb += [
            wanted.eq(Mux(self.coming.opcode == Opcode.VECTOR, self.coming.b[12:], self.coming.b[4:8])),
            x.addr.eq(self.coming.b[:4]), y.addr.eq(wanted),
            self.x.eq(x.data), self.y.eq(y.data),
            write.en.eq(self.write), write.addr.eq(self.write_number), write.data.eq(self.write_data),
        ]  # fmt: skip
        m.d.sync += self.number.eq(wanted)
        self._add_function(m, op)
        self._add_condition(m, op)
        with m.If(op.opcode == Opcode.BRANCH):
            m.d.comb += self.known.eq(op.a[:4] <= max(Condition))
        with m.Else():
            m.d.comb += self.known.eq(op.a[4:] <= max(Function))
        return m

    def _add_function(self, m: Module, op: Any) -> None:
        """Add the operand, the one adder, and what COMPUTE gives."""
        x, y = self.x, self.operand
        adding = Signal()
        constant = Signal(signed(REGISTER_BITS))
        m.d.comb += [
            constant.eq(Mux(op.opcode == Opcode.BRANCH, op.c[:16].as_signed(), op.c.as_signed())),
            y.eq(Mux(op.b[8], constant, self.y)),
            # One adder for sums, differences and comparisons.
            adding.eq((op.opcode == Opcode.COMPUTE) & (op.a[4:] == Function.ADD)),
            self._sum.eq(x + Mux(adding, y, ~y) + ~adding),
        ]
        less = self._sum[-1]
        with m.Switch(op.a[4:]):
            for function, value in {
                Function.AND: x & y, Function.OR: x | y, Function.XOR: x ^ y, Function.MINIMUM: Mux(less, x, y),
                Function.MAXIMUM: Mux(less, y, x),
            }.items():  # fmt: skip
                with m.Case(function):
                    m.d.comb += self.result.eq(value)
            with m.Default():
                m.d.comb += self.result.eq(self._sum)

    def _add_condition(self, m: Module, op: Any) -> None:
        """Add what BRANCH asks."""
        less, equal = self._sum[-1], Signal()
        m.d.comb += equal.eq(self._sum == 0)
        with m.Switch(op.a[:4]):
            for condition, value in {
                Condition.ALWAYS: 1, Condition.EQUAL: equal, Condition.DIFFERENT: ~equal, Condition.LESS: less,
                Condition.NOT_LESS: ~less, Condition.GREATER: ~less & ~equal, Condition.NOT_GREATER: less | equal,
            }.items():  # fmt: skip
                with m.Case(condition):
                    m.d.comb += self.holds.eq(value)
