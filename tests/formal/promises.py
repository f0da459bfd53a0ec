"""What the proofs of safety gate and core take from the parts around them: limits stay, and a program that runs is alone."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Mux, Signal, Value
from formal.prover import Specification, implies

from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import KEPT_BITS, Register
from crossloop_hdl.dispatcher import Dispatcher
from crossloop_hdl.registers import CLEARED, SETTINGS, SHOWN, WINDOWS, RegisterFile, member

LEVEL_BITS = 4
PARAMETERS = Parameters(rows=2, columns=2, vector_words=16, program_ops=16, frame_bytes=128)


class RegisterSpecification(Specification):
    """The register file, written as the dispatcher does it: a register's low half and then its high half."""

    def __init__(self) -> None:
        super().__init__(RegisterFile(LEVEL_BITS))

    def written_as_agreed(self) -> None:
        """Assume how the register file is written."""
        registers, m = self.component, self.m
        here = Cat(registers.address, registers.high)
        self.assumes(implies(registers.write, (here == self.past(here)) & self.started & registers.writable))
        low, low_address = Signal(16), Signal(9)
        with m.If(registers.write):
            m.d.sync += [low.eq(registers.write_data[16:]), low_address.eq(Cat(registers.address, ~registers.high))]
        begun = (low_address == Cat(registers.address, Const(1, 1))) & (low == registers.write_data[:16])
        self.whole = registers.write & registers.high
        self.assumes(implies(self.whole, begun))
        self.assumes(implies(registers.count, registers.counter < len(CLEARED)))

    def first(self, register: Register) -> tuple[Signal, Signal]:
        """Return what a register was first given, as it is kept, and whether it was given anything."""
        registers, m = self.component, self.m
        first, seen = Signal(32, name=f"{register.name}_first"), Signal(name=f"{register.name}_seen")
        counted = self.past(registers.count)
        with m.If(self.whole & (registers.address == register) & ~seen & ~counted):
            m.d.sync += [first.eq(registers.write_data[: KEPT_BITS.get(register, 32)]), seen.eq(1)]
        return first, seen


class LimitProperties(RegisterSpecification):
    """What the safety gate gets from the register file."""

    def specify(self) -> None:
        registers = self.component
        self.opened()
        self.written_as_agreed()
        kept = []
        for register in SETTINGS:
            value, (first, seen) = getattr(registers, member(register)), self.first(register)
            self.helps(seen == registers.written[register])
            self.helps(implies(~seen, first == 0))
            if register not in WINDOWS:
                kept.append(value == first)
                continue
            near, limit, most = value.as_signed(), first.as_signed(), (1 << LEVEL_BITS) - 1
            self.helps(near == Mux(limit > most, most, Mux(limit < ~most, ~most, limit)))
            kept += [(code <= near) == (code <= limit) for code in (self.code, -self.code - 1)]
        self.proves(
            "A limit is 0 until it is first written, and keeps what was written then, whatever is written later: limits of level codes for "
            "every code of the DACs.",
            *kept,
        )
        self.proves(
            "What is read at the address of a value from elsewhere is that value.",
            *(
                implies(
                    registers.address == register,
                    registers.known & registers.is_shown & (registers.shown == getattr(registers, member(register))),
                )
                for register in SHOWN
            ),
        )
        self.covers("A limit is written a second time.", self.whole & registers.written[Register.WIDTH_CAP])

    def inputs(self) -> list[Value]:
        """Return the free inputs, and any code of the DACs."""
        self.code = Signal(LEVEL_BITS - 1)
        return [*super().inputs(), self.code]


class RegisterProperties(RegisterSpecification):
    """What the host gets from the register file."""

    def specify(self) -> None:
        registers = self.component
        self.written_as_agreed()
        # The dispatcher reads and writes registers when no program runs.
        self.assumes(implies(registers.write, ~registers.count & ~self.past(registers.count)))
        address = self.past(Cat(registers.address, registers.high))
        counted = self.past(registers.count)
        idle = ~counted & ~self.past(counted) & ~registers.count & ~self.past(registers.write)
        told, agreed = [], []
        for register in (Register.WIDTH_CAP, Register.LEVEL_MIN, Register.RULES):
            first, seen = self.first(register)
            for high in (0, 1):
                here = (address == (register | high << 8)) & idle & self.started
                told.append(implies(here, registers.half == first.word_select(high, 16)))
            agreed.append(
                implies(
                    self.past(self.whole & seen & (registers.address == register)),
                    registers.agreed == self.past(registers.write_data[: KEPT_BITS.get(register, 32)] == first),
                )
            )
        self.proves("What is read at a limit's address is the limit.", *told)
        self.proves(
            "A second value for a limit is answered with LIMIT_LOCKED, unless it is the one that the limit has.",
            *agreed,
        )
        self.covers("A limit is written a second time, with another value.", self.past(self.whole) & ~registers.agreed)


class DispatcherProperties(Specification):
    """The dispatcher with any requests, and programs that end when they like."""

    def __init__(self) -> None:
        super().__init__(Dispatcher(PARAMETERS))

    def specify(self) -> None:
        dispatcher, m = self.component, self.m
        waiting = Signal()
        with m.If(dispatcher.run):
            m.d.sync += waiting.eq(1)
        with m.Elif(dispatcher.run_done):
            m.d.sync += waiting.eq(0)
        self.helps(waiting == dispatcher.waits)
        self.proves(
            "While a program runs no register, memory or stream bank is written, nothing is armed or disarmed, no other program starts.",
            *(implies(waiting, ~strobe) for strobe in self.strobes()),
        )
        self.proves(
            "The request that a program belongs to does not end before it.", implies(waiting, ~dispatcher.finish)
        )
        self.proves("Of a command's strobes there is one at a time.", *self.one_at_a_time())
        held = self.past(dispatcher.hold)
        self.proves(
            "A program starts only if the outputs were armed and not tripped two cycles ago, unless the front end held it up.",
            implies(dispatcher.run & ~held, self.past(self.past(self.ready()))),
        )
        where = Cat(dispatcher.register_address, dispatcher.register_high)
        stays = self.started & (where[:-1] == self.past(where[:-1]))
        self.assumes(implies(stays, dispatcher.register_writable == self.past(dispatcher.register_writable)))
        self.proves(
            "Only a register that may be written is written, and it has been the register file's address for a cycle.",
            implies(dispatcher.register_write, stays & dispatcher.register_writable & (where == self.past(where))),
        )
        self.proves(
            "Two writes of registers do not follow each other at once.",
            implies(dispatcher.register_write, ~self.past(dispatcher.register_write)),
        )
        self.covers("A program ends.", self.past(waiting) & ~waiting & self.started)
        self.covers("A register is written.", dispatcher.register_write)

    def ready(self) -> Any:
        """Return whether a program may be started."""
        return self.component.armed & ~self.component.tripped

    def strobes(self) -> list[Any]:
        """Return the strobes of commands."""
        dispatcher = self.component
        return [
            dispatcher.register_write, dispatcher.run, dispatcher.arm, dispatcher.disarm, dispatcher.vector_write.any(),
            dispatcher.program_write.any(), dispatcher.bank_shift, dispatcher.bank_clear,
        ]  # fmt: skip

    def one_at_a_time(self) -> list[Any]:
        """Return that no two strobes come in one cycle."""
        strobes = self.strobes()
        return [~(one & other) for place, one in enumerate(strobes) for other in strobes[:place]]
