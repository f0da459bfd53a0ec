"""Runs programs: calls the compiled interpreter, and the plant where it needs one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crossloop.protocol.arithmetic import WORD_MAX, WORD_MIN
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.microops import VOLTAGE_BIT, Opcode
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RECORD_HEADER, SATURATED, RecordKind
from crossloop_sim.events import Kind, record_words
from crossloop_sim.golden.compiled import compiled
from crossloop_sim.golden.interpreter import CONVERTING, ENDED, PROCEED, execute
from crossloop_sim.golden.machine import (
    ADDED_B,
    CAUSE,
    CYCLE,
    NEVER,
    PC,
    POINTER,
    SAFE_CYCLE,
    STATUS,
    STROBE_CYCLE,
    Machine,
)
from crossloop_sim.golden.safety import SafetyGate

_CODES = int(RecordKind.CODES)
_DONE = int(RecordKind.DONE)
_CONVERSION = int(Kind.CONVERSION)
_SAMPLE = int(Opcode.SAMPLE)
_CODE_BITS = SATURATED - 1


class Sequencer:
    """Executes RUN commands."""

    def __init__(self, parameters: Parameters, machine: Machine, gate: SafetyGate) -> None:
        self._machine = machine
        self._gate = gate
        self._sample_bits = parameters.sample_bits
        self._conversion = np.zeros(record_words(parameters), np.uint64)
        self._conversion[1] = _CONVERSION

    def run(self, address: int, records: bytearray, room: int) -> Status:
        """Run a program and append its records.

        Parameters
        ----------
        records : bytearray
            The reply's payload so far.
        room : int
            Bytes that the payload has left; at least those of a DONE record.
        """
        machine, gate = self._machine, self._gate
        scalars = machine.scalars
        start = gate.now
        used = len(records)
        why = execute(*machine, address, start, NEVER if gate.host_kicks else gate.deadline, room)
        while why != ENDED:
            gate.flush()
            if why == CONVERTING:
                self._convert(start, records)
            why = execute(*machine, PROCEED, 0, 0, room - len(records) + used)
        gate.now = int(scalars[SAFE_CYCLE])
        if gate.host_kicks:
            gate.frame_seen()
        status = Status(int(scalars[STATUS]))
        if status is Status.TRIPPED:
            gate.latch(TripCause(int(scalars[CAUSE])))
        cycles = int(scalars[CYCLE]) - start
        records += RECORD_HEADER.pack(_DONE, status, 0, cycles & 0xFFFFFFFF, int(scalars[PC]) & 0xFFFF)
        return status

    def _convert(self, start: int, records: bytearray) -> None:
        """Take the samples of the conversion strobe at hand and append their record."""
        scalars = self._machine.scalars
        operation = int(scalars[PC])
        word = int(self._machine.program[operation])
        flags, channels = word >> 8 & 0xFF, (word >> 16) + int(scalars[ADDED_B]) & 0xFFFF
        cycle = int(scalars[STROBE_CYCLE])
        event = self._conversion
        event[0] = cycle
        event[2] = flags & 1
        event[3] = channels
        voltage = flags >> VOLTAGE_BIT & 1
        event[4] = 0 if voltage else flags >> 2 & 3
        event[5] = flags >> 1 & 1
        event[6] = voltage
        samples = self._gate.convert(event)
        if len(samples) != channels:
            raise ValueError(f"plant answered {len(samples)} samples where the controller asked for {channels}")
        if word & 0xFF == _SAMPLE:
            first = int(scalars[POINTER])
            add_samples(samples, self._sample_bits, self._machine.vector[first : first + channels], flags >> 4 & 1)
            return
        records += RECORD_HEADER.pack(_CODES, flags, channels, (cycle - start) & 0xFFFFFFFF, operation)
        records += pack_codes(samples, self._sample_bits).tobytes()


@compiled
def pack_codes(samples: npt.NDArray[np.int64], bits: int) -> npt.NDArray[np.uint16]:
    """Return the values of a CODES record from a plant's sample words.

    Parameters
    ----------
    samples : (channels,) int64
        Bits bits - 1 to 0: code in two's complement; bit `bits`: saturated.
    """
    codes = np.empty(samples.size, np.uint16)
    for index in range(samples.size):
        sample = samples[index]
        code = _code(sample, bits)
        codes[index] = (code & _CODE_BITS) | (SATURATED if sample >> bits & 1 else 0)
    return codes


@compiled
def add_samples(samples: npt.NDArray[np.int64], bits: int, words: npt.NDArray[np.int16], add: int) -> None:
    """Put the codes of a plant's sample words into vector words, or add them there."""
    for index in range(samples.size):
        before = np.int64(words[index]) if add else 0
        words[index] = min(max(before + _code(samples[index], bits), WORD_MIN), WORD_MAX)


@compiled
def _code(sample: int, bits: int) -> int:
    """Return the code of a sample word with its sign."""
    sign = 1 << (bits - 1)
    return ((sample & (2 * sign - 1)) ^ sign) - sign
