"""The dispatcher: executes the commands of a request, one byte per cycle."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.commands import COMMAND_HEADER, Bank, Command
from crossloop.protocol.errors import Status
from crossloop.protocol.microops import MICRO_OP
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RECORD_HEADER, RecordKind
from crossloop_hdl.command_check import REGISTER_RECORD_BYTES, CommandCheck, CommandHeader


class RegisterRecord(data.Struct):
    """A record header, as in `crossloop.protocol.records.RECORD_HEADER`, and one value of 32 bits."""

    kind: 8
    flags: 8
    count: 16
    cycle: 32
    operation: 16
    value: 32


assert RegisterRecord.as_shape().size == 8 * REGISTER_RECORD_BYTES


class Dispatcher(wiring.Component):
    """Takes requests from the link and writes memories, registers and banks, starts programs and appends records.

    A command takes 8 cycles (one to look for it, six for its header, one to check it), one more per byte of data, and
    one per byte of its record.

    Parameters
    ----------
    parameters : Parameters
        Build.

    Members
    -------
    active, payload, payload_left, records, records_free, finish, status, detail
        The link's, see `RequestLink`.
    register_address, register_known, register_writable, register_agreed, register_read_data, register_write
        The register file's; `write_data` is what is written.
    write_data : Out(64)
        Newest 64 bits of data, oldest lowest; items shorter than that are at the top.
    vector_write, program_write : Out(1), Out(1)
        Strobes: write the vector word or the micro-op at `item_address`.
    vector_word : Out(16)
        Vector word to write.
    item_address : Out(16)
        Where the next item goes to or comes from.
    vector_data : In(16)
        Vector word of the `item_address` of the cycle before.
    bank_select, bank_clear, bank_shift, bank_byte
        The engine bay's.
    run, run_done, run_status, run_cycles, run_operation
        The sequencer's; the program's address is `item_address`.
    run_records
        Records of the running program.
    arm, disarm, armed, tripped, stop_active, dead_man
        The safety gate's, and the register DEAD_MAN.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
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
                "register_read_data": In(32),
                "register_write": Out(1),
                "write_data": Out(64),
                "vector_write": Out(1),
                "program_write": Out(1),
                "vector_word": Out(16),
                "item_address": Out(16),
                "vector_data": In(16),
                "bank_select": Out(1),
                "bank_clear": Out(1),
                "bank_shift": Out(1),
                "bank_byte": Out(8),
                "run": Out(1),
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
        header_left = Signal(range(COMMAND_HEADER.size))
        items_left = Signal(16)
        unit_left = Signal(range(MICRO_OP.size))
        """Bytes of the item at hand that are still to come, less one."""
        shifted = Signal(64)
        record = Signal(RegisterRecord)
        record_left = Signal(range(REGISTER_RECORD_BYTES + 1))
        high_byte = Signal(8)
        in_high_byte = Signal()
        last_token = Signal(16)
        index = Signal(16, init=0xFFFF)
        """Number of the command at hand in its request."""
        m.d.comb += [
            check.header.eq(header),
            check.last_token.eq(last_token),
            self.write_data.eq(Cat(shifted[8:], self.payload.payload)),
            self.vector_word.eq(
                Mux(header.opcode == Command.WRITE_BYTES, self.payload.payload.as_signed(), self.write_data[48:])
            ),
            self.register_address.eq(header.argument),
            self.bank_select.eq(header.argument == Bank.COLUMN_STREAMS),
            self.bank_byte.eq(self.payload.payload),
        ]
        for name in (
            "payload_left", "records_free", "register_known", "register_writable", "armed", "tripped", "stop_active", "dead_man",
        ):  # fmt: skip
            m.d.comb += getattr(check, name).eq(getattr(self, name))

        def fail(why: Any, at: Any = index) -> list[Any]:
            return [self.finish.eq(1), self.status.eq(why), self.detail.eq(at)]

        def record_out(kind: RecordKind, length: int, **fields: Any) -> list[Any]:
            values = {"flags": 0, "count": 0, "cycle": 0, "operation": 0, **fields}
            return [
                record.kind.eq(kind),
                *(record[name].eq(value) for name, value in values.items()),
                record_left.eq(length - 1),
            ]

        with m.FSM():
            with m.State("COMMAND"):
                m.d.sync += header_left.eq(COMMAND_HEADER.size - 1)
                with m.If(self.active):
                    with m.If(self.payload_left == 0):
                        m.d.comb += self.finish.eq(1)
                    with m.Elif(self.payload_left < COMMAND_HEADER.size):
                        m.d.comb += fail(Status.COMMAND_TRUNCATED, index + 1)
                    with m.Else():
                        m.d.sync += index.eq(index + 1)
                        m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += self.payload.ready.eq(1)
                m.d.sync += [
                    header.eq(Cat(header.as_value()[8:], self.payload.payload)),
                    header_left.eq(header_left - 1),
                ]
                with m.If(header_left == 0):
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.d.sync += [
                    self.item_address.eq(header.address),
                    items_left.eq(header.count),
                    unit_left.eq(check.unit),
                ]
                with m.If(check.status != Status.OK):
                    m.d.comb += fail(check.status)
                    m.next = "COMMAND"
                with m.Else():
                    m.next = "COMMAND"
                    with m.Switch(header.opcode):
                        with m.Case(Command.WRITE_REGISTER):
                            m.d.sync += items_left.eq(1)
                            m.next = "DATA"
                        with m.Case(Command.WRITE_BYTES, Command.WRITE_WORDS, Command.WRITE_PROGRAM):
                            m.d.comb += self.bank_clear.eq((header.opcode == Command.WRITE_BYTES) & ~check.to_vector)
                            with m.If(header.count != 0):
                                m.next = "DATA"
                        with m.Case(Command.READ_REGISTER):
                            m.d.sync += record_out(
                                RecordKind.REGISTER, REGISTER_RECORD_BYTES,
                                count=1, operation=header.argument, value=self.register_read_data,
                            )  # fmt: skip
                            m.next = "RECORD"
                        with m.Case(Command.READ_WORDS):
                            m.d.sync += record_out(
                                RecordKind.WORDS, RECORD_HEADER.size, count=header.count, operation=header.address
                            )
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
                m.d.sync += [shifted.eq(self.write_data), unit_left.eq(unit_left - 1)]
                with m.If(unit_left == 0):
                    m.d.sync += [
                        unit_left.eq(check.unit),
                        items_left.eq(items_left - 1),
                        self.item_address.eq(self.item_address + 1),
                    ]
                    with m.Switch(header.opcode):
                        with m.Case(Command.WRITE_REGISTER):
                            m.d.comb += self.register_write.eq(self.register_agreed)
                        with m.Case(Command.WRITE_BYTES):
                            m.d.comb += [self.vector_write.eq(check.to_vector), self.bank_shift.eq(~check.to_vector)]
                        with m.Case(Command.WRITE_WORDS):
                            m.d.comb += self.vector_write.eq(1)
                        with m.Case(Command.WRITE_PROGRAM):
                            m.d.comb += self.program_write.eq(1)
                    with m.If((header.opcode == Command.WRITE_REGISTER) & ~self.register_agreed):
                        m.d.comb += fail(Status.LIMIT_LOCKED)
                        m.next = "COMMAND"
                    with m.Elif(items_left == 1):
                        m.next = "COMMAND"
            with m.State("RECORD"):
                m.d.comb += [self.records.valid.eq(1), self.records.payload.eq(record.as_value()[:8])]
                m.d.sync += [record.eq(record.as_value() >> 8), record_left.eq(record_left - 1)]
                with m.If(record_left == 0):
                    m.next = "COMMAND"
                    with m.Switch(header.opcode):
                        with m.Case(Command.READ_WORDS):
                            with m.If(items_left != 0):
                                m.next = "WORDS"
                        with m.Case(Command.RUN):
                            with m.If(self.run_status != Status.OK):
                                m.next = "ENDED"
            with m.State("WORDS"):
                m.d.comb += [
                    self.records.valid.eq(1),
                    self.records.payload.eq(Mux(in_high_byte, high_byte, self.vector_data[:8])),
                ]
                m.d.sync += in_high_byte.eq(~in_high_byte)
                with m.If(in_high_byte):
                    m.d.sync += items_left.eq(items_left - 1)
                    with m.If(items_left == 1):
                        m.next = "COMMAND"
                with m.Else():
                    # The memory answers to the next address while the high byte goes out.
                    m.d.sync += [high_byte.eq(self.vector_data[8:]), self.item_address.eq(self.item_address + 1)]
            with m.State("START"):
                m.d.comb += self.run.eq(1)
                m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += [
                    self.run_records.ready.eq(1),
                    self.records.valid.eq(self.run_records.valid),
                    self.records.payload.eq(self.run_records.payload),
                ]
                with m.If(self.run_done):
                    m.d.sync += record_out(
                        RecordKind.DONE, RECORD_HEADER.size,
                        flags=self.run_status, cycle=self.run_cycles, operation=self.run_operation,
                    )  # fmt: skip
                    m.next = "RECORD"
            with m.State("ENDED"):
                m.d.comb += fail(self.run_status)
                m.next = "COMMAND"

        with m.If(self.finish):
            m.d.sync += index.eq(index.init)
        return m
