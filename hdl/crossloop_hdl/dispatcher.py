"""The dispatcher: executes the commands of a request, one byte per cycle."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.commands import COMMAND_HEADER, Bank, Command
from crossloop.protocol.errors import Status
from crossloop.protocol.microops import MICRO_OP
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RECORD_HEADER, RecordKind
from crossloop_hdl.command_check import REGISTER_RECORD_BYTES, CommandCheck, CommandHeader


class RecordHeader(data.Struct):
    """First bytes of a record, as in `crossloop.protocol.records.RECORD_HEADER`."""

    kind: 8
    flags: 8
    count: 16
    cycle: 32
    operation: 16


assert RecordHeader.as_shape().size == 8 * RECORD_HEADER.size


class Dispatcher(wiring.Component):
    """Takes requests from the link and writes memories, registers and banks, starts programs and appends records.

    A command takes 9 cycles (one to look for it, six for its header, two to check it), one more per byte of data, one per byte of its
    record, and one for what the register file or a program says at its end.

    Parameters
    ----------
    parameters : Parameters
        Build.

    Members
    -------
    active, payload, payload_left, records, records_free, finish, status, detail
        The link's, see `RequestLink`.
    register_address, register_high, register_known, register_writable, register_agreed, register_half, register_is_shown,
    register_shown, register_write
        The register file's; `register_value` is what is written.
    register_value : Out(32)
        The newest four bytes of data.
    vector_write, program_write, write_address : Out(2), Out(8), Out(16)
        Strobes: write these bytes of the vector word or of the micro-op at the address.
    vector_word : Out(16)
        Vector word to write; every byte of a micro-op is its low one.
    item_address : Out(16)
        Where the next item goes to or comes from.
    vector_data : In(16)
        Vector word of the `item_address` of the cycle before.
    bank_select, bank_clear, bank_shift, bank_byte
        The engine bay's.
    run, run_done, run_status, run_cycles, run_operation
        The sequencer's; the program's address is `item_address`.
    hold
        The front end still works on what an aborted program left: the next one waits.
    run_records
        Records of the running program.
    arm, disarm, armed, tripped, stop_active, dead_man
        The safety gate's, and the register DEAD_MAN.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        # In the open, so that a proof can name it.
        self.waits = Signal()
        super().__init__(
            {
                "active": In(1),
                "payload": In(stream.Signature(8)),
                "payload_left": In(16),
                "records": Out(stream.Signature(8, always_ready=True)),
                "records_free": In(16),
                "finish": Out(1),
                "status": Out(8),
                "detail": Out(16),
                "register_address": Out(8),
                "register_known": In(1),
                "register_writable": In(1),
                "register_agreed": In(1),
                "register_high": Out(1),
                "register_half": In(16),
                "register_is_shown": In(1),
                "register_shown": In(32),
                "register_write": Out(1),
                "register_value": Out(32),
                "vector_write": Out(2),
                "program_write": Out(MICRO_OP.size),
                "vector_word": Out(16),
                "write_address": Out(16),
                "item_address": Out(16),
                "vector_data": In(16),
                "bank_select": Out(1),
                "bank_clear": Out(1),
                "bank_shift": Out(1),
                "bank_byte": Out(8),
                "run": Out(1),
                "hold": In(1),
                "run_done": In(1),
                "run_status": In(8),
                "run_cycles": In(32),
                "run_operation": In(16),
                "run_records": In(stream.Signature(8)),
                "arm": Out(1),
                "disarm": Out(1),
                "armed": In(1),
                "tripped": In(1),
                "stop_active": In(1),
                "dead_man": In(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Return the checks and the state machine."""
        m = Module()
        m.submodules.check = check = CommandCheck(self._parameters)
        header = Signal(CommandHeader)
        """Its address and count go on with the items of the command."""
        at = Signal(range(REGISTER_RECORD_BYTES))
        """Byte of the header, of the item or of the record."""
        shifted = Signal(32)
        """The last four bytes of data, or those of a register that are still to be sent."""
        writes, high = Signal(), Signal()
        """A half of a register's value is complete; it is the upper one."""
        last_token = Signal(16)
        verdict = Signal.like(check.status)
        """Of the check, the register file or the program, a cycle later: they and what follows from them are too long a path together."""
        index_bits = (self._parameters.frame_bytes // COMMAND_HEADER.size).bit_length()
        index = Signal(index_bits, init=(1 << index_bits) - 1)
        """Number of the command at hand in its request."""
        following = (index + 1)[:index_bits]
        byte = self.payload.payload
        m.d.comb += [
            check.header.eq(header),
            check.last_token.eq(last_token),
            self.register_value.eq(shifted),
            # Only a program makes them, and while it runs they go straight into the reply.
            self.run_records.ready.eq(1),
            self.register_write.eq(writes),
            self.register_high.eq(high),
            self.register_address.eq(header.argument),
            self.item_address.eq(header.address),
            self.bank_select.eq(header.argument == Bank.COLUMN_STREAMS),
            self.bank_byte.eq(byte),
        ]
        for name in (
            "payload_left", "records_free", "register_known", "register_writable", "armed", "tripped", "stop_active", "dead_man",
        ):  # fmt: skip
            m.d.comb += getattr(check, name).eq(getattr(self, name))

        def fail(why: Any, at: Any = index) -> list[Any]:
            return [self.finish.eq(1), self.status.eq(why), self.detail.eq(at)]

        vector_write, program_write = Signal.like(self.vector_write), Signal.like(self.program_write)
        # A register before the memories: a request's byte comes from a memory, too, which answers late.
        m.d.sync += [
            writes.eq(0), high.eq(0), self.vector_write.eq(vector_write), self.program_write.eq(program_write),
            self.write_address.eq(header.address),
            self.vector_word.eq(Cat(byte, Mux(header.opcode == Command.WRITE_BYTES, byte[7].replicate(8), byte))),
        ]  # fmt: skip
        record_byte = self._add_record(m, header, at, shifted)
        with m.FSM():
            with m.State("COMMAND"):
                m.d.sync += at.eq(0)
                with m.If(self.active):
                    with m.If(self.payload_left == 0):
                        m.d.comb += self.finish.eq(1)
                    with m.Elif(self.payload_left < COMMAND_HEADER.size):
                        m.d.comb += fail(Status.COMMAND_TRUNCATED, following)
                    with m.Else():
                        m.d.sync += index.eq(following)
                        m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += self.payload.ready.eq(1)
                m.d.sync += [header.eq(Cat(header.as_value()[8:], byte)), at.eq(at + 1)]
                with m.If(at == COMMAND_HEADER.size - 1):
                    m.next = "COUNT"
            with m.State("COUNT"):
                m.next = "COMPARE"
            with m.State("COMPARE"):
                m.next = "CHECK"
            with m.State("CHECK"):
                m.d.sync += verdict.eq(check.status)
                m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.sync += at.eq(0)
                m.next = "COMMAND"
                with m.If(verdict != Status.OK):
                    m.d.comb += fail(verdict)
                with m.Else():
                    with m.Switch(header.opcode):
                        with m.Case(Command.WRITE_REGISTER):
                            m.next = "DATA"
                        with m.Case(Command.WRITE_BYTES, Command.WRITE_WORDS, Command.WRITE_PROGRAM):
                            m.d.comb += self.bank_clear.eq((header.opcode == Command.WRITE_BYTES) & ~check.to_vector)
                            with m.If(header.count != 0):
                                m.next = "DATA"
                        with m.Case(Command.READ_REGISTER, Command.READ_WORDS):
                            m.next = "RECORD"
                        with m.Case(Command.RUN):
                            m.next = "START"
                        with m.Case(Command.ARM):
                            m.d.comb += self.arm.eq(1)
                            m.d.sync += last_token.eq(header.count)
                        with m.Case(Command.DISARM):
                            m.d.comb += self.disarm.eq(1)
            with m.State("DATA"):
                m.d.comb += self.payload.ready.eq(1)
                m.d.sync += [shifted.eq(Cat(shifted[8:], byte)), at.eq(at + 1)]
                one_hot = Const(1, 1) << at[:3]
                with m.Switch(header.opcode):
                    with m.Case(Command.WRITE_BYTES):
                        m.d.comb += [
                            vector_write.eq(check.to_vector.replicate(2)),
                            self.bank_shift.eq(~check.to_vector),
                        ]
                    with m.Case(Command.WRITE_WORDS):
                        m.d.comb += vector_write.eq(one_hot)
                    with m.Case(Command.WRITE_PROGRAM):
                        m.d.comb += program_write.eq(one_hot)
                # Each half of a register's value is written in the cycle after its last byte; the register file has answered to it then.
                m.d.sync += [high.eq(at[1]), writes.eq((header.opcode == Command.WRITE_REGISTER) & at[0])]
                with m.If(at == check.unit):
                    m.d.sync += [at.eq(0), header.count.eq(header.count - 1), header.address.eq(header.address + 1)]
                    with m.If(header.opcode == Command.WRITE_REGISTER):
                        m.next = "AGREE"
                    with m.Elif(header.count == 1):
                        m.next = "COMMAND"
            with m.State("AGREE"):
                m.next = "AGREED"
            with m.State("AGREED"):
                m.d.sync += verdict.eq(Mux(self.register_agreed, Status.OK, Status.LIMIT_LOCKED))
                m.next = "END"
            with m.State("RECORD"):
                m.d.comb += [self.records.valid.eq(1), self.records.payload.eq(record_byte)]
                m.d.sync += at.eq(at + 1)
                # The register file answers a cycle later.
                m.d.sync += high.eq(at >= RECORD_HEADER.size)
                with m.If(at == RECORD_HEADER.size):
                    # The rest of a value that is shown is kept as it was when its first byte went out.
                    m.d.sync += shifted.eq(self.register_shown[8:])
                with m.Else():
                    m.d.sync += shifted.eq(shifted >> 8)
                is_register = header.opcode == Command.READ_REGISTER
                with m.If(at == Mux(is_register, REGISTER_RECORD_BYTES - 1, RECORD_HEADER.size - 1)):
                    m.d.sync += at.eq(0)
                    m.next = "COMMAND"
                    with m.Switch(header.opcode):
                        with m.Case(Command.READ_WORDS):
                            with m.If(header.count != 0):
                                m.next = "WORDS"
                        with m.Case(Command.RUN):
                            m.d.sync += verdict.eq(self.run_status)
                            m.next = "END"
            with m.State("WORDS"):
                m.d.comb += [
                    self.records.valid.eq(1),
                    self.records.payload.eq(Mux(at[0], self.vector_data[8:], self.vector_data[:8])),
                ]
                m.d.sync += at.eq(~at[0])
                with m.If(at[0]):
                    m.d.sync += header.count.eq(header.count - 1)
                    with m.If(header.count == 1):
                        m.next = "COMMAND"
                with m.Else():
                    # The memory still answers to this address while the high byte goes out.
                    m.d.sync += header.address.eq(header.address + 1)
            with m.State("START"):
                m.d.comb += self.run.eq(~self.hold)
                with m.If(~self.hold):
                    m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += [
                    self.waits.eq(1),
                    self.records.valid.eq(self.run_records.valid),
                    self.records.payload.eq(self.run_records.payload),
                ]
                with m.If(self.run_done):
                    m.next = "RECORD"
            with m.State("END"):
                with m.If(verdict != Status.OK):
                    m.d.comb += fail(verdict)
                m.next = "COMMAND"

        with m.If(self.finish):
            m.d.sync += index.eq(index.init)
        return m

    def _add_record(self, m: Module, header: Any, at: Value, shifted: Value) -> Value:
        """Add the bytes of a record, and return the one at hand; what its fields come from rests meanwhile."""
        record = Signal(RecordHeader)
        with m.Switch(header.opcode):
            with m.Case(Command.RUN):
                m.d.comb += [
                    record.kind.eq(RecordKind.DONE), record.flags.eq(self.run_status), record.cycle.eq(self.run_cycles),
                    record.operation.eq(self.run_operation),
                ]  # fmt: skip
            with m.Case(Command.READ_REGISTER):
                m.d.comb += [
                    record.kind.eq(RecordKind.REGISTER), record.count.eq(1), record.operation.eq(header.argument),
                ]  # fmt: skip
            with m.Default():
                m.d.comb += [
                    record.kind.eq(RecordKind.WORDS), record.count.eq(header.count), record.operation.eq(header.address),
                ]  # fmt: skip
        byte = Signal(8)
        with m.Switch(at):
            for number in range(RECORD_HEADER.size):
                with m.Case(number):
                    m.d.comb += byte.eq(record.as_value().word_select(number, 8))
        shown = Mux(at == RECORD_HEADER.size, self.register_shown[:8], shifted[:8])
        value = Mux(self.register_is_shown, shown, self.register_half.word_select(at[0], 8))
        # The memory of the registers answers late, so its byte is chosen last.
        return Mux(at < RECORD_HEADER.size, byte, value)
