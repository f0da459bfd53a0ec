"""Whether a command may be executed: the checks of its header, in the order of `crossloop.protocol.commands`."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from crossloop.protocol.commands import COMMAND_DATA_BYTES, COMMAND_HEADER, Bank, Command
from crossloop.protocol.errors import Status
from crossloop.protocol.microops import MICRO_OP
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RECORD_HEADER
from crossloop_hdl.layouts import less_than, more_than


class CommandHeader(data.Struct):
    """First bytes of a command, as in `crossloop.protocol.commands.COMMAND_HEADER`."""

    opcode: 8
    argument: 8
    count: 16
    address: 16


assert CommandHeader.as_shape().size == 8 * COMMAND_HEADER.size

REGISTER_RECORD_BYTES = RECORD_HEADER.size + 4
"""Bytes of a REGISTER record."""

_VALUE_BYTES = COMMAND_DATA_BYTES[Command.WRITE_REGISTER]


class CommandCheck(wiring.Component):
    """Finds the first check that a command fails: its bytes are counted in one cycle, compared in the next.

    Parameters
    ----------
    parameters : Parameters
        Build.

    Members
    -------
    header : In(CommandHeader)
    payload_left, records_free : In(16), In(16)
        Bytes of the request behind the header, and bytes that still fit into the reply.
    register_known, register_writable : In(1), In(1)
        About the register at the header's argument.
    armed, tripped, stop_active, dead_man : In(1), In(1), In(1), In(32)
        State of the safety gate, and the register DEAD_MAN.
    last_token : In(16)
        Token of the last successful arming, 0 before the first.
    status : Out(8)
        `Status` of the first check that fails, OK if none does; valid when the header has been there for two cycles.
    to_vector : Out(1)
        A WRITE_BYTES goes to the vector memory, not to a stream bank.
    unit : Out(3)
        Bytes of one item of the command's data, less one.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__(
            {
                "header": In(CommandHeader),
                "payload_left": In(16),
                "records_free": In(16),
                "register_known": In(1),
                "register_writable": In(1),
                "armed": In(1),
                "tripped": In(1),
                "stop_active": In(1),
                "dead_man": In(32),
                "last_token": In(16),
                "status": Out(8),
                "to_vector": Out(1),
                "unit": Out(range(MICRO_OP.size)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Return the checks of each command, and their order."""
        parameters = self._parameters
        header = self.header
        m = Module()
        known = Signal()
        out_of_range = Signal()
        read_only = Signal()
        data_bytes = Signal(16 + exact_log2(MICRO_OP.size))
        """Of the command, behind its header."""
        own = Signal(8)
        """What the command itself asks for."""
        full, stale, unarmable, truncated = Signal(), Signal(), Signal(), Signal()
        """A record does not fit into the reply; the token was used; no dead-man time; bytes of the command are missing."""
        end = Signal(17)
        past_vector, past_bank = Signal(), Signal(init=1)
        record_bytes = Signal(18)
        """Of a WORDS record."""
        frame_bits = exact_log2(parameters.frame_bytes)

        with m.Switch(header.argument):
            # No bank, no bytes; a stream bank has no addresses.
            with m.Case(Bank.VECTOR):
                m.d.comb += past_bank.eq(past_vector)
            with m.Case(Bank.ROW_STREAMS):
                m.d.comb += past_bank.eq(more_than(header.count, parameters.rows))
            with m.Case(Bank.COLUMN_STREAMS):
                m.d.comb += past_bank.eq(more_than(header.count, parameters.columns))
        m.d.comb += [
            past_vector.eq(more_than(end, parameters.vector_words)),
        ]
        m.d.sync += [end.eq(header.address + header.count), record_bytes.eq(RECORD_HEADER.size + (header.count << 1))]

        m.d.sync += [
            known.eq(1),
            data_bytes.eq(0),
            self.to_vector.eq(header.argument == Bank.VECTOR),
            self.unit.eq(0),
            out_of_range.eq(0),
            read_only.eq(0),
            full.eq(self.records_free < RECORD_HEADER.size),
            stale.eq((header.count == 0) | (header.count == self.last_token)),
            unarmable.eq(self.dead_man == 0),
            truncated.eq(less_than(self.payload_left, data_bytes, frame_bits)),
        ]
        with m.Switch(header.opcode):
            with m.Case(Command.WRITE_REGISTER):
                m.d.sync += [out_of_range.eq(~self.register_known), read_only.eq(~self.register_writable)]
                m.d.sync += self.unit.eq(_VALUE_BYTES - 1)
                m.d.sync += data_bytes.eq(_VALUE_BYTES)
            with m.Case(Command.READ_REGISTER):
                m.d.sync += [out_of_range.eq(~self.register_known), full.eq(self.records_free < REGISTER_RECORD_BYTES)]
                with m.If(full):
                    m.d.comb += own.eq(Status.REPLY_FULL)
            with m.Case(Command.WRITE_BYTES):
                m.d.sync += out_of_range.eq(past_bank)
                m.d.sync += data_bytes.eq(header.count)
            with m.Case(Command.WRITE_WORDS):
                m.d.sync += [out_of_range.eq(past_vector), self.unit.eq(1)]
                m.d.sync += data_bytes.eq(header.count << 1)
            with m.Case(Command.READ_WORDS):
                m.d.sync += [
                    out_of_range.eq(past_vector),
                    full.eq(less_than(self.records_free, record_bytes, frame_bits)),
                ]
                with m.If(full):
                    m.d.comb += own.eq(Status.REPLY_FULL)
            with m.Case(Command.WRITE_PROGRAM):
                m.d.sync += [out_of_range.eq(more_than(end, parameters.program_ops)), self.unit.eq(MICRO_OP.size - 1)]
                m.d.sync += data_bytes.eq(header.count << 3)
            with m.Case(Command.RUN):
                m.d.sync += out_of_range.eq(header.address >= parameters.program_ops)
                with m.If(self.tripped):
                    m.d.comb += own.eq(Status.TRIPPED)
                with m.Elif(~self.armed):
                    m.d.comb += own.eq(Status.NOT_ARMED)
                with m.Elif(full):
                    m.d.comb += own.eq(Status.REPLY_FULL)
            with m.Case(Command.ARM):
                with m.If(stale):
                    m.d.comb += own.eq(Status.TOKEN_STALE)
                with m.Elif(self.stop_active):
                    m.d.comb += own.eq(Status.TRIPPED)
                with m.Elif(unarmable):
                    m.d.comb += own.eq(Status.NOT_ARMED)
            with m.Case(Command.DISARM):
                pass
            with m.Default():
                m.d.sync += known.eq(0)

        with m.If(~known):
            m.d.comb += self.status.eq(Status.UNKNOWN_COMMAND)
        with m.Elif(out_of_range):
            m.d.comb += self.status.eq(Status.ADDRESS_RANGE)
        with m.Elif(read_only):
            m.d.comb += self.status.eq(Status.READ_ONLY)
        with m.Elif(truncated):
            m.d.comb += self.status.eq(Status.COMMAND_TRUNCATED)
        with m.Else():
            m.d.comb += self.status.eq(own)
        return m
