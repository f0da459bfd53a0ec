"""What the proofs of safety gate and core take from the parts around them: limits stay, and a program that runs is alone."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Signal
from formal.prover import Specification, implies

from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import ACCESS, KEPT_BITS, Access, Register
from crossloop_hdl.dispatcher import Dispatcher
from crossloop_hdl.registers import RegisterFile, member

PARAMETERS = Parameters(rows=2, columns=2, vector_words=16, program_ops=16, frame_bytes=128)


class RegisterProperties(Specification):
    """The register file with any reads and writes."""

    def __init__(self) -> None:
        super().__init__(RegisterFile())

    def specify(self) -> None:
        registers, m = self.component, self.m
        kept, told = [], []
        for register in Register:
            value = getattr(registers, member(register))
            here = registers.address == register
            told.append(implies(here, registers.known & (registers.read_data == value)))
            if ACCESS[register] is not Access.LIMIT:
                continue
            first, written = Signal(32, name=f"{register.name}_first"), Signal(name=f"{register.name}_seen")
            with m.If(registers.write & here & ~written):
                m.d.sync += [first.eq(registers.write_data[: KEPT_BITS.get(register, 32)]), written.eq(1)]
            kept.append(value == first)
            self.helps(written == registers.written[register])
            self.helps(implies(~written, first == 0))
        self.proves(
            "A limit is 0 until it is first written, and keeps what was written then, whatever is written later.", *kept
        )
        self.proves("What is read at a register's address is its value.", *told)
        writes = registers.write & (registers.address == Register.WIDTH_CAP) & registers.written[Register.WIDTH_CAP]
        self.proves(
            "A second value for a limit is answered with LIMIT_LOCKED, unless it is the one that the limit has.",
            implies(writes, registers.agreed == (registers.write_data[:24] == registers.width_cap)),
        )
        self.covers("A limit is written a second time.", writes & ~registers.agreed)


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
        self.helps(waiting == dispatcher.run_records.ready)
        self.proves(
            "While a program runs no register, memory or stream bank is written, nothing is armed or disarmed, no other program starts.",
            *(implies(waiting, ~strobe) for strobe in self.strobes()),
        )
        self.proves(
            "The request that a program belongs to does not end before it.", implies(waiting, ~dispatcher.finish)
        )
        self.proves("Of a command's strobes there is one at a time.", *self.one_at_a_time())
        self.proves("A program starts only armed and not tripped.", implies(dispatcher.run, self.past(self.ready())))
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
