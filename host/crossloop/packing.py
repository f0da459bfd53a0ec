"""Operations into request frames, as many as fit, and replies back into results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from crossloop.dry_run import DryRun
from crossloop.dry_run import dry_run as predict
from crossloop.gate_lines import with_gates_on
from crossloop.limits import LimitCodes
from crossloop.operation import Codes, Operation, check_program, decode_codes
from crossloop.program_cache import ProgramCache
from crossloop.protocol import commands
from crossloop.protocol.errors import ProtocolError, RangeError
from crossloop.protocol.frames import CRC, REPLY_HEADER, REQUEST_HEADER
from crossloop.protocol.microops import MICRO_OP, MicroOp, Opcode
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RECORD_HEADER, RecordKind

_RECORD = RECORD_HEADER.size
_COMMAND = commands.COMMAND_HEADER.size


@dataclass(frozen=True, slots=True)
class Compiled:
    """A program that was checked and encoded, ready for any number of runs."""

    image: bytes
    """Encoded micro-ops; empty when there is nothing to run."""
    reply_bytes: int
    """Bytes that the run's records take in a reply, DONE included."""
    time_s: float
    """Time of the run."""


@dataclass(slots=True)
class Frame:
    """One request frame in the making."""

    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    reply_size: int = 0
    runs: list[int] = field(default_factory=list)
    """Index of the operation of each RUN in the frame."""
    time_s: float = 0.0


class Packer:
    """Turns operations into frames for one device.

    Parameters
    ----------
    parameters : Parameters
        The build.
    limits : LimitCodes
        What the device's safety gate lets through.
    programs : ProgramCache
        What the program memory holds.
    """

    def __init__(self, parameters: Parameters, limits: LimitCodes, programs: ProgramCache) -> None:
        self.request_room = parameters.frame_bytes - REQUEST_HEADER.size - CRC.size
        self.reply_room = parameters.frame_bytes - REPLY_HEADER.size - CRC.size
        self._parameters = parameters
        self._limits = limits
        self._programs = programs
        self._compiled: dict[object, Compiled] = {}
        self._gate_code = limits.gate_max

    @property
    def gate_code(self) -> int:
        """Level code of the gate lines while an operation runs that does not set them itself."""
        return self._gate_code

    @gate_code.setter
    def gate_code(self, code: int) -> None:
        self._gate_code = code
        self._compiled.clear()

    def _gated(self, operation: Operation) -> tuple[MicroOp, ...]:
        """Return the operation's program as it is run."""
        program, line = operation.program(self._parameters), operation.gate_line(self._parameters)
        return with_gates_on(program, self._parameters, self._gate_code, line)

    def dry_run(self, operation: Operation) -> DryRun:
        """Predict an operation's run, gate lines included."""
        plain = operation.dry_run(self._parameters)
        program, gated = operation.program(self._parameters), self._gated(operation)
        if len(gated) == len(program):
            return plain
        # Programs come to each TILE as often as its loops say; what they decide lies between.
        added = predict(gated, self._parameters).cycles - predict(program, self._parameters).cycles
        total = plain.cycles + added
        return replace(plain, cycles=total, time_s=total / self._parameters.clock_hz)

    def pack(self, operations: Sequence[Operation]) -> list[Frame]:
        """Check operations and return the frames that execute them in order.

        Raises
        ------
        RangeError, ShapeError
            If any operation is not allowed; then nothing of any is sent.
        """
        # All checks come first, so that a refused operation leaves no trace in the program cache.
        prepared = []
        for operation in operations:
            compiled = self._compile(operation)
            operation.check_data(self._parameters, self._limits)
            data = operation.data_commands(self._parameters)
            for command in data:
                if len(command) > self.request_room:
                    raise RangeError(
                        f"data of {len(command)} bytes does not fit into a request of {self.request_room} bytes; "
                        "use fewer lines, nothing was sent"
                    )
            prepared.append((compiled, data))
        frames = [Frame()]
        for index, (compiled, data) in enumerate(prepared):
            if compiled.image:
                self._append_run(frames, index, compiled, data)
        return frames if frames[0].parts else []

    def _compile(self, operation: Operation) -> Compiled:
        key = operation.key
        compiled = self._compiled.get(key)
        if compiled is None:
            program = self._gated(operation)
            check_program(program, self._parameters, self._limits)
            image = b"".join([op.encode() for op in program])
            reply = reply_bytes(program)
            if reply > self.reply_room:
                raise RangeError(
                    f"the program's records take {reply} bytes, one reply of this device holds {self.reply_room}; "
                    "convert fewer channels per program, nothing was sent"
                )
            if len(image) > self._parameters.program_ops * MICRO_OP.size:
                ProgramCache(self._parameters.program_ops).place(image)  # raises with the reason
            compiled = Compiled(image, reply, self.dry_run(operation).time_s)
            if len(self._compiled) >= 4096:  # programs that differ each time must not fill the host's memory
                self._compiled.clear()
            self._compiled[key] = compiled
        return compiled

    def _append_run(self, frames: list[Frame], index: int, compiled: Compiled, data: tuple[bytes, ...]) -> None:
        address = self._programs.find(compiled.image)
        parts = list(data)
        if address is None:
            address = self._programs.place(compiled.image)
            parts = [*self._upload(compiled.image, address), *data]
        parts.append(commands.run(address))
        size = sum(map(len, parts))
        frame = frames[-1]
        if frame.size + size > self.request_room or frame.reply_size + compiled.reply_bytes > self.reply_room:
            frame = self._spill(frames, parts, size, compiled.reply_bytes)
        else:
            frame.parts += parts
            frame.size += size
        frame.reply_size += compiled.reply_bytes
        frame.runs.append(index)
        frame.time_s += compiled.time_s

    def _spill(self, frames: list[Frame], parts: list[bytes], size: int, reply: int) -> Frame:
        """Start a new frame for a run; only what is too long for one frame is spread over several."""
        if frames[-1].parts:
            frames.append(Frame())
        if size <= self.request_room:
            frames[-1].parts = parts
            frames[-1].size = size
            return frames[-1]
        for part in parts:
            if frames[-1].size + len(part) > self.request_room or frames[-1].reply_size + reply > self.reply_room:
                frames.append(Frame())
            frames[-1].parts.append(part)
            frames[-1].size += len(part)
        return frames[-1]

    def _upload(self, image: bytes, address: int) -> list[bytes]:
        step = (self.request_room - _COMMAND) // MICRO_OP.size * MICRO_OP.size
        return [
            commands.write_program(image[start : start + step], address + start // MICRO_OP.size)
            for start in range(0, len(image), step)
        ]


def reply_bytes(program: Sequence[MicroOp]) -> int:
    """Return how many bytes the records of a run take."""
    total, repeats = _RECORD, [1]
    for op in program:
        if op.opcode is Opcode.CONVERT:
            total += repeats[-1] * (_RECORD + 2 * op.b)
        elif op.opcode is Opcode.LOOP:
            repeats.append(repeats[-1] * op.b)
        elif op.opcode is Opcode.NEXT and len(repeats) > 1:
            repeats.pop()
    return total if program else 0


def unpack_run(payload: bytes, position: int) -> tuple[list[Codes], int, int]:
    """Read the records of one run.

    Returns
    -------
    conversions : list of Codes
        Its conversions in order.
    cycles : int
        Its duration, from the DONE record.
    position : int
        Where the next run's records begin.

    Raises
    ------
    ProtocolError
        If other records come than a run gives.
    """
    conversions: list[Codes] = []
    end = len(payload)
    while position + _RECORD <= end:
        kind, flags, count, cycle, _operation = RECORD_HEADER.unpack_from(payload, position)
        position += _RECORD
        if kind == RecordKind.DONE:
            return conversions, cycle, position
        if kind != RecordKind.CODES or position + 2 * count > end:
            break
        conversions.append(decode_codes(payload[position : position + 2 * count], cycle, flags))
        position += 2 * count
    raise ProtocolError(
        f"the reply's records end at byte {position} without the completion of a run; host and gateware are of different releases"
    )
