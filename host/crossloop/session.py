"""A session: one host program working with one controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.dry_run import DryRun
from crossloop.inspection import LIMIT_REGISTERS, read_registers, read_state
from crossloop.keep_alive import KeepAlive
from crossloop.limits import LimitCodes, Limits, settle
from crossloop.link import KICK_S, Link
from crossloop.operation import Operation
from crossloop.packing import Packer, unpack_run
from crossloop.program_cache import ProgramCache
from crossloop.protocol import commands
from crossloop.protocol.converters import Clock, Levels, Samples
from crossloop.protocol.errors import (
    CommandError,
    CrossloopError,
    IdentityError,
    RangeError,
    SafetyTrip,
    Status,
)
from crossloop.protocol.frames import Reply
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import Family
from crossloop.protocol.transport import Transport
from crossloop.state import Counters, State
from crossloop.vector_memory import words_of, words_to_read, words_to_write

if TYPE_CHECKING:
    from crossloop.calibration import Calibration
    from crossloop.program import Program
    from crossloop.rehearsal import Rehearsal
    from crossloop.tile import Tile

T = TypeVar("T")
_COUNTERS = (
    Register.SLOTS,
    Register.ROW_PULSES,
    Register.COLUMN_PULSES,
    Register.CELL_PULSES,
    Register.TRAIN_PULSES,
)
_TOKENS = 0xFFFF


class Session:
    """One host program working with one controller. Made by `crossloop.connect`; a context manager that disarms and closes at its end.

    Parameters
    ----------
    transport : Transport
        The byte link.
    limits : Limits, optional
        Limits to write; without a wish those the device already holds stay, and a fresh device gets the defaults.
    expected_build : int, optional
        Build hash that the device must have.
    first_sequence : int, optional
        First sequence number of the link, for repeatable transcripts.

    Attributes
    ----------
    parameters : Parameters
        What the device's build is: geometry, converters, memories, clock.
    levels, samples, clock : Levels, Samples, Clock
        Converters between volts, amperes, seconds and their codes.
    transport : Transport
        The byte link; simulated targets have an attribute `world` on it.
    link : Link
        The host's end of the protocol.
    cycles : int
        Controller cycles of all runs so far.
    calibration : Calibration or None
        Errors of the converter channels (`crossloop.calibrate`); with one set, every current and conductance that is read is corrected.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        limits: Limits | None = None,
        expected_build: int | None = None,
        first_sequence: int | None = None,
    ) -> None:
        self.transport = transport
        self.link = Link(transport, first_sequence)
        self.cycles = 0
        self.calibration: Calibration | None = None
        self._token = 0
        self._armed = False
        self._keep_alive: KeepAlive | None = None
        try:
            self.parameters = self.link.open()
            check_build(self.parameters, expected_build, transport.name)
            self.levels = Levels.of(self.parameters)
            self.samples = Samples.of(self.parameters)
            self.clock = Clock.of(self.parameters)
            self._limits = self._settle_limits(limits)
        except BaseException:
            self.link.close()
            raise
        self._generation = self.link.generation
        self._programs = ProgramCache(self.parameters.program_ops)
        self._packer = Packer(self.parameters, self._limits, self._programs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except CrossloopError:
            if error is None:
                raise  # otherwise the first error is the one to read

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        codes = self._limits
        return codes.in_volts(self.parameters)

    @property
    def limit_codes(self) -> LimitCodes:
        """The limits in force, in codes and cycles."""
        return self._limits

    @property
    def v_gate_v(self) -> float:
        """Voltage of the gate lines while an operation runs that does not set them itself; at first the highest that the limits allow."""
        return Levels.of(self.parameters, Family.GATES).volts(self._packer.gate_code)

    @v_gate_v.setter
    def v_gate_v(self, value_v: float) -> None:
        if not self.parameters.gate_lines:
            raise RangeError("v_gate_v was set, but this build has no gate lines; build it with gate_lines=1 or 2")
        levels = Levels.of(self.parameters, Family.GATES)
        code = levels.code(value_v, "v_gate_v")
        self._limits.check_gate(code, levels, "v_gate_v")
        self._packer.gate_code = code

    def dry_run(self, operation: Operation) -> DryRun:
        """Predict the run of an operation on this device: time, pulses, conversions."""
        return self._packer.dry_run(operation)

    def rehearse(
        self, action: Callable[[Session], T], *, plant: str = "", conductance_s: Mapping[int, ArrayLike] | None = None
    ) -> Rehearsal[T]:
        """Do something on a simulated twin of this device and say exactly what it takes there; see `crossloop.rehearsal`."""
        from crossloop.rehearsal import rehearse

        return rehearse(self, action, plant=plant, conductance_s=conductance_s)

    def arm(self) -> None:
        """Let programs drive lines; clears a latched trip whose cause is gone.

        Raises
        ------
        SafetyTrip
            If the cause of a trip is still there.
        """
        for _attempt in range(3):
            self._token = self._token % _TOKENS + 1  # a fresh token each time, so that a repeated frame cannot arm
            reply = self._exchange_one(commands.arm(self._token))
            if reply.status is not Status.TOKEN_STALE:
                break  # stale: an earlier session used the same token last
        self._raise_for(reply)
        self._armed = True
        if not self.transport.simulated and self._keep_alive is None:
            self._keep_alive = KeepAlive(self.link)

    def disarm(self) -> None:
        """Go to the safe state: gates off, then every line to ground."""
        self._let_go()
        self._raise_for(self._exchange_one(commands.disarm()))

    def stop(self) -> None:
        """Trip the safety gate at once, also from another thread while a program runs; `arm` ends the trip."""
        self._armed = False
        self.link.stop()

    def state(self) -> State:
        """Ask the safety gate for its state."""
        return read_state(self.link)

    def delivered_s(self) -> float:
        """Ask for how long pulse gates were on when they were last on, in seconds: after a trip, the width that was delivered."""
        return self.clock.tap_seconds(read_registers(self.link, (Register.DELIVERED,))[Register.DELIVERED])

    def counters(self, *, clear: bool = False) -> Counters:
        """Read the device's pulse counters, and set those that can be cleared to 0 if asked to."""
        values = read_registers(self.link, (*_COUNTERS, Register.BAD_FRAMES))
        if clear:
            self._write_registers(dict.fromkeys(_COUNTERS, 0))
        return Counters(*(values[register] for register in (*_COUNTERS, Register.BAD_FRAMES)))

    def seed(self, row_seed: int, column_seed: int) -> None:
        """Restart the random streams of rows and columns from 32-bit seeds."""
        for name, value in (("row_seed", row_seed), ("column_seed", column_seed)):
            if not 0 <= value < 1 << 32:
                raise RangeError(f"{name} must be an integer from 0 to {2**32 - 1}, not {value!r}; nothing was sent")
        self._write_registers({Register.ROW_SEED: int(row_seed), Register.COLUMN_SEED: int(column_seed)})

    def write_words(self, first: int, values: ArrayLike) -> None:
        """Write 16-bit integers to the vector memory, shape (n,), from address `first` on; see `crossloop.vector_memory`."""
        for reply in self.link.exchange(words_to_write(first, values, self.parameters)):
            self._raise_for(reply)

    def read_words(self, first: int, count: int) -> NDArray[np.int16]:
        """Return `count` words of the vector memory from address `first` on, shape (count,)."""
        replies = self.link.exchange(words_to_read(first, count, self.parameters))
        for reply in replies:
            self._raise_for(reply)
        return words_of([reply.payload for reply in replies])

    def tile(self, index: int) -> Tile:
        """Return one of the arrays."""
        from crossloop.tile import Tile

        return Tile(self, index)

    def program(self, tile: int = 0) -> Program:
        """Return an empty program for one array, to be filled in volts and seconds, and executed by `execute`."""
        from crossloop.program import Program

        return Program(self.parameters, tile)

    def execute(self, *operations: Operation) -> list[Any]:
        """Execute operations in order, as many per request frame as fit.

        Parameters
        ----------
        *operations : Operation
            What to do; all are checked before anything is sent.

        Returns
        -------
        list
            One result per operation, see each operation.

        Raises
        ------
        RangeError, ShapeError
            If an operation is not allowed; nothing was sent.
        SafetyTrip
            If the safety gate tripped; operations after that moment were not executed.
        CommandError
            If the device refused one, for instance because the outputs are not armed.
        """
        if self._generation != self.link.generation:
            self._forget()
        frames = self._packer.pack(operations)
        conversions: list[list[Any]] = [[] for _ in operations]
        if frames:
            try:
                self._fly(frames, conversions)
            except BaseException:
                self._programs.clear()  # an upload may not have been executed
                raise
        return [operation.result(found) for operation, found in zip(operations, conversions, strict=True)]

    def close(self) -> None:
        """Disarm and release the port; does nothing the second time."""
        self._let_go(closing=True)
        if self.link.closed:
            return
        try:
            self.link.settle()
            self._exchange_one(commands.disarm())
        finally:
            self.link.close()

    def _fly(self, frames: list[Any], conversions: list[list[Any]]) -> None:
        replies = self.link.exchange([b"".join(frame.parts) for frame in frames], [frame.time_s for frame in frames])
        for frame, reply in zip(frames, replies, strict=False):
            if reply.status is not Status.OK:
                self._raise_for(reply)
            position = 0
            for index in frame.runs:
                conversions[index], cycles, position = unpack_run(reply.payload, position)
                self.cycles += cycles

    def _exchange_one(self, payload: bytes) -> Reply:
        return self.link.exchange([payload])[0]

    def _raise_for(self, reply: Reply) -> None:
        if reply.status is Status.OK:
            return
        if reply.status is Status.TRIPPED:
            self._armed = False
            raise SafetyTrip(self.state().trip_cause, reply.detail)
        raise CommandError(reply.status, reply.detail)

    def _write_registers(self, values: Mapping[Register, int]) -> None:
        payload = b"".join([commands.write_register(register, value) for register, value in values.items()])
        self._raise_for(self._exchange_one(payload))

    def _settle_limits(self, wanted: Limits | None) -> LimitCodes:
        held = LimitCodes.from_registers(read_registers(self.link, LIMIT_REGISTERS), self.parameters)
        codes = settle(wanted, held, self.parameters)
        if held.unset:
            self._write_registers(codes.registers())
        if codes.dead_man:
            self.link.kick_s = min(KICK_S, self.clock.seconds(codes.dead_man) / 4)
        return codes

    def _forget(self) -> None:
        """Start over after the link had to open a new session."""
        self._programs.clear()
        self._generation = self.link.generation
        self._armed = False

    def _let_go(self, *, closing: bool = False) -> None:
        self._armed = False
        if self._keep_alive is not None:
            self._keep_alive.end(wait=closing)
            self._keep_alive = None


def check_build(parameters: Parameters, expected_build: int | None, name: str) -> None:
    """Refuse a device of another build than the caller expects.

    Raises
    ------
    IdentityError
        With both build hashes.
    """
    if expected_build is not None and parameters.build_hash != expected_build:
        raise IdentityError(
            f"{name} has build hash {parameters.build_hash:016x}, expected was {expected_build:016x}; "
            "load the expected bitstream, or leave out expected_build to take any"
        )
