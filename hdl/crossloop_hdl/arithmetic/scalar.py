"""The scalar unit: sixteen registers, and one adder for what COMPUTE gives, what BRANCH compares, and where LOAD and STORE go."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crossloop.protocol.arithmetic import REGISTER_BITS, REGISTERS, Condition, Function
from crossloop.protocol.microops import Opcode
from crossloop_hdl.layouts import MicroOpLayout

# A condition is "less", "equal", one of the two or none of them, or the inverse of that.
_LESS = (Condition.LESS, Condition.NOT_LESS, Condition.GREATER, Condition.NOT_GREATER)
_EQUAL = (Condition.EQUAL, Condition.DIFFERENT, Condition.GREATER, Condition.NOT_GREATER)
_INVERSE = (Condition.ALWAYS, Condition.DIFFERENT, Condition.NOT_LESS, Condition.GREATER)


class ScalarUnit(wiring.Component):
    """Reads x and y while a micro-op is decoded, makes the operand in its CHECK cycle, adds in PREPARE, and answers in EXECUTE."""

    coming: In(MicroOpLayout)
    """The micro-op in its DECODE cycle: its register numbers."""
    decode: In(1)
    """Strobe in the DECODE cycle: read the registers of `coming`."""
    op: In(MicroOpLayout)
    """The micro-op from its CHECK cycle on."""
    x: Out(signed(REGISTER_BITS))
    """Register b[3:0] of the micro-op; valid from its CHECK cycle to the next DECODE cycle, as `y`."""
    y: Out(signed(REGISTER_BITS))
    """Register b[7:4]."""
    of_vector: Out(signed(REGISTER_BITS))
    """Register b[15:12], the operand of a VECTOR."""
    number: Out(4)
    """Of that register: as written, whatever an INDEX has added."""
    operand: Out(signed(REGISTER_BITS))
    """The register y, or the constant of the micro-op; its complement where it is to be subtracted. Valid from PREPARE on."""
    result: Out(signed(REGISTER_BITS))
    """What COMPUTE gives, but for MULTIPLY; the constant of a SET; the address of LOAD and STORE; the pointer of a POINT. Combinational,
    valid from PREPARE on; MINIMUM and MAXIMUM from EXECUTE on."""
    holds: Out(1)
    """The condition of a BRANCH is met; valid from EXECUTE on."""
    known: Out(1)
    """Function of COMPUTE or condition of BRANCH is defined; valid from CHECK on."""
    write: In(1)
    """Strobe: write `write_data` to register `write_number`. Not in a DECODE cycle."""
    write_number: In(4)
    write_data: In(signed(REGISTER_BITS))

    def elaborate(self, _platform: Any) -> Module:
        """Return register memory, arithmetic and comparison."""
        m = Module()
        m.submodules.registers = registers = Memory(shape=signed(REGISTER_BITS), depth=REGISTERS, init=[])
        write = registers.write_port()
        self._subtracts, self._subtracted = Signal(), Signal()
        """The operand is to be subtracted, from CHECK on and from PREPARE on."""
        # One port per place in which a micro-op may name a register: the memory of programs answers late.
        ports = x, y, of_vector = registers.read_port(), registers.read_port(), registers.read_port()
        op = self.op
        m.d.comb += [
            x.addr.eq(self.coming.b[:4]),
            y.addr.eq(self.coming.b[4:8]),
            of_vector.addr.eq(self.coming.b[12:]),
            # Never both at once, and said here so that synthesis builds nothing for that case.
            *(port.en.eq(self.decode & ~self.write) for port in ports),
            self.x.eq(x.data), self.y.eq(y.data), self.of_vector.eq(of_vector.data),
            write.en.eq(self.write), write.addr.eq(self.write_number), write.data.eq(self.write_data),
        ]  # fmt: skip
        with m.If(self.decode):
            m.d.sync += self.number.eq(self.coming.b[12:])
        total = Signal(signed(REGISTER_BITS + 1))
        self._add_sum(m, total)
        self._add_result(m, total)
        self._add_condition(m, less=total[-1])
        m.d.comb += self.known.eq(
            Mux(op.opcode == Opcode.BRANCH, op.a[:4] <= max(Condition), op.a[4:] <= max(Function))
        )
        return m

    def _add_sum(self, m: Module, total: Signal) -> None:
        """Add the operand and the one adder: x + operand, or x - operand for comparisons and SUBTRACT."""
        op = self.op
        constant = Signal(signed(REGISTER_BITS))
        fixed = Signal()
        m.d.comb += [
            fixed.eq(op.b[8] | op.opcode.matches(Opcode.SET, Opcode.LOAD, Opcode.STORE, Opcode.POINT)),
            constant.eq(Cat(op.c[:16], Mux(op.opcode == Opcode.BRANCH, op.c[15].replicate(16), op.c[16:]))),
            self._subtracts.eq(
                (op.opcode == Opcode.BRANCH)
                | (
                    (op.opcode == Opcode.COMPUTE)
                    & op.a[4:].matches(Function.SUBTRACT, Function.MINIMUM, Function.MAXIMUM)
                )
            ),
            # The complement's 1 comes in as the carry.
            total.eq(self.x + self.operand + self._subtracted),
        ]  # fmt: skip
        m.d.sync += self._subtracted.eq(self._subtracts)
        m.d.sync += self.operand.eq(Mux(fixed, constant, self.y) ^ self._subtracts.replicate(REGISTER_BITS).as_signed())

    def _add_result(self, m: Module, total: Signal) -> None:
        """Add the choice of the result, by two select bits twice, which is what multiplexers of four are made of."""
        op, x, operand, less = self.op, self.x, self.operand, Signal()
        m.d.sync += less.eq(total[-1])
        function = op.a[4:7]
        computes = op.opcode == Opcode.COMPUTE
        bounds, second, bitwise, x_wins, alone = Signal(), Signal(), Signal(), Signal(), Signal()
        bits = Signal(signed(REGISTER_BITS))
        # What the micro-op alone decides is known from PREPARE on.
        bitwise_function = Signal()
        m.d.sync += [
            bounds.eq(computes & function.matches(Function.MINIMUM, Function.MAXIMUM)),
            second.eq(Mux(function[2], computes & function.matches(Function.MINIMUM, Function.MAXIMUM), function[0])),
            bitwise_function.eq(computes & function.matches(Function.AND, Function.OR, Function.XOR)),
            # SET takes its constant as it is, and so does an address without a register.
            alone.eq(
                (computes & function.matches(Function.MINIMUM, Function.MAXIMUM))
                | (op.opcode == Opcode.SET)
                | Mux(op.opcode == Opcode.POINT, ~op.a[0], ~computes & op.b[9])
            ),
        ]
        m.d.comb += [
            x_wins.eq(less ^ (function == Function.MAXIMUM)),
            bitwise.eq(bitwise_function | (bounds & x_wins)),
            bits.eq(Mux(function[2], Mux(second, x, x ^ operand), Mux(second, x | operand, x & operand))),
            self.result.eq(Mux(bitwise, bits, Mux(alone, operand ^ self._subtracted.replicate(REGISTER_BITS), total))),
        ]

    def _add_condition(self, m: Module, *, less: Signal) -> None:
        """Add what BRANCH asks."""
        equal, asks_less, asks_equal, inverts = Signal(), Signal(), Signal(), Signal()
        condition = self.op.a[:4]
        m.d.comb += equal.eq((self.x ^ self.operand).all())  # the operand is complemented
        m.d.sync += [
            asks_less.eq(condition.matches(*_LESS)), asks_equal.eq(condition.matches(*_EQUAL)),
            inverts.eq(condition.matches(*_INVERSE)),
            self.holds.eq(((less & asks_less) | (equal & asks_equal)) ^ inverts),
        ]  # fmt: skip
