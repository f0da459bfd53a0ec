"""Executes the commands of a request's payload."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crossloop.protocol.commands import COMMAND_HEADER, Bank, Command
from crossloop.protocol.errors import Status
from crossloop.protocol.frames import CRC, REPLY_HEADER
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RECORD_HEADER, RecordKind
from crossloop.protocol.registers import ACCESS, Access, Register
from crossloop_sim.golden.coincidence import load_streams
from crossloop_sim.golden.machine import Machine
from crossloop_sim.golden.registers import RegisterFile
from crossloop_sim.golden.safety import SafetyGate
from crossloop_sim.golden.sequencer import Sequencer

_REGISTERS = {int(register): register for register in Register}
_HEADER = COMMAND_HEADER.size
_RECORD = RECORD_HEADER.size
_REGISTER_DATA = 4


class Dispatcher:
    """Executes commands in order until one is refused.

    Each command's method gets argument, count and address of the header, and returns its Status. It takes its data, if any, with `_take`
    once the header's fields are found good.
    """

    def __init__(
        self, parameters: Parameters, machine: Machine, gate: SafetyGate, registers: RegisterFile, sequencer: Sequencer
    ) -> None:
        self._machine = machine
        self._gate = gate
        self._registers = registers
        self._sequencer = sequencer
        self._stream_lines = {Bank.ROW_STREAMS: parameters.rows, Bank.COLUMN_STREAMS: parameters.columns}
        self._capacity = parameters.frame_bytes - REPLY_HEADER.size - CRC.size
        self._payload = b""
        self._position = 0
        self._records = bytearray()
        self._commands: dict[int, Callable[[int, int, int], Status]] = {
            Command.WRITE_REGISTER: self._write_register,
            Command.READ_REGISTER: self._read_register,
            Command.WRITE_BYTES: self._write_bytes,
            Command.WRITE_WORDS: self._write_words,
            Command.READ_WORDS: self._read_words,
            Command.WRITE_PROGRAM: self._write_program,
            Command.RUN: self._run,
            Command.ARM: lambda _argument, count, _address: gate.arm(count),
            Command.DISARM: self._disarm,
        }

    def execute(self, payload: bytes) -> tuple[Status, int, bytes]:
        """Execute a payload; return status, detail and payload of the reply."""
        self._payload = payload
        self._position = 0
        self._records = bytearray()
        index = 0
        size = len(payload)
        while self._position < size:
            if self._position + _HEADER > size:
                return Status.COMMAND_TRUNCATED, index, bytes(self._records)
            opcode, argument, count, address = COMMAND_HEADER.unpack_from(payload, self._position)
            command = self._commands.get(opcode)
            if command is None:
                return Status.UNKNOWN_COMMAND, index, bytes(self._records)
            self._position += _HEADER
            status = command(argument, count, address)
            if status:
                return status, index, bytes(self._records)
            index += 1
        return Status.OK, 0, bytes(self._records)

    def _take(self, size: int) -> bytes | None:
        """Return the command's data, or None if the payload ends before them."""
        start = self._position
        self._position = start + size
        return self._payload[start : self._position] if self._position <= len(self._payload) else None

    def _room(self) -> int:
        return self._capacity - len(self._records)

    def _write_register(self, argument: int, _count: int, _address: int) -> Status:
        register = _REGISTERS.get(argument)
        if register is None:
            return Status.ADDRESS_RANGE
        if ACCESS[register] is Access.READ:
            return Status.READ_ONLY
        data = self._take(_REGISTER_DATA)
        if data is None:
            return Status.COMMAND_TRUNCATED
        return self._registers.write(register, int.from_bytes(data, "little"))

    def _read_register(self, argument: int, _count: int, _address: int) -> Status:
        register = _REGISTERS.get(argument)
        if register is None:
            return Status.ADDRESS_RANGE
        if self._room() < _RECORD + _REGISTER_DATA:
            return Status.REPLY_FULL
        self._records += RECORD_HEADER.pack(RecordKind.REGISTER, 0, 1, 0, argument)
        self._records += self._registers.read(register).to_bytes(_REGISTER_DATA, "little")
        return Status.OK

    def _write_bytes(self, bank: int, count: int, address: int) -> Status:
        if bank == Bank.VECTOR:
            if address + count > self._machine.vector.size:
                return Status.ADDRESS_RANGE
        elif count > self._stream_lines.get(bank, -1):  # type: ignore[call-overload]
            return Status.ADDRESS_RANGE
        data = self._take(count)
        if data is None:
            return Status.COMMAND_TRUNCATED
        if bank == Bank.VECTOR:
            self._machine.vector[address : address + count] = np.frombuffer(data, np.int8)
        else:
            load_streams(np.frombuffer(data, np.uint8), self._machine.streams[bank - 1])
        return Status.OK

    def _write_words(self, _argument: int, count: int, address: int) -> Status:
        if address + count > self._machine.vector.size:
            return Status.ADDRESS_RANGE
        data = self._take(2 * count)
        if data is None:
            return Status.COMMAND_TRUNCATED
        self._machine.vector[address : address + count] = np.frombuffer(data, "<i2")
        return Status.OK

    def _read_words(self, _argument: int, count: int, address: int) -> Status:
        if address + count > self._machine.vector.size:
            return Status.ADDRESS_RANGE
        if self._room() < _RECORD + 2 * count:
            return Status.REPLY_FULL
        self._records += RECORD_HEADER.pack(RecordKind.WORDS, 0, count, 0, address)
        self._records += self._machine.vector[address : address + count].astype("<i2", copy=False).tobytes()
        return Status.OK

    def _write_program(self, _argument: int, count: int, address: int) -> Status:
        if address + count > self._machine.program.size:
            return Status.ADDRESS_RANGE
        data = self._take(8 * count)
        if data is None:
            return Status.COMMAND_TRUNCATED
        self._machine.program[address : address + count] = np.frombuffer(data, "<u8")
        return Status.OK

    def _run(self, _argument: int, _count: int, address: int) -> Status:
        if address >= self._machine.program.size:
            return Status.ADDRESS_RANGE
        if self._gate.tripped:
            return Status.TRIPPED
        if not self._gate.armed:
            return Status.NOT_ARMED
        if self._room() < _RECORD:
            return Status.REPLY_FULL
        return self._sequencer.run(address, self._records, self._room())

    def _disarm(self, _argument: int, _count: int, _address: int) -> Status:
        self._gate.disarm()
        return Status.OK
