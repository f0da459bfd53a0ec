"""What a session can execute: the base of all operations, and the results of conversions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop import dry_run as prediction
from crossloop.gaps import check_gap, check_slot_gap
from crossloop.limits import LimitCodes
from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import BuildError, RangeError, ShapeError
from crossloop.protocol.microops import (
    ARITHMETIC_OPCODES,
    LineState,
    MicroOp,
    Opcode,
    Selection,
    connected_family,
    pulse_fields,
)
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import SATURATED
from crossloop.protocol.registers import Rule
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import slot_cycles

_STREAM_BYTE_MAX = 255


@dataclass(frozen=True, slots=True)
class Codes:
    """One conversion: the codes of its channels."""

    codes: NDArray[np.int32]
    """Converter codes, shape (channels,)."""
    saturated: NDArray[np.bool_]
    """Channels that were at the converter's limit, shape (channels,)."""
    cycle: int
    """Cycle of the conversion, counted from the start of its run."""
    range_index: int
    """Converter range it was made with."""


class Operation(ABC):
    """One program run with its data. Subclasses are immutable, hold codes and cycles only, and can be executed any number of times."""

    @property
    @abstractmethod
    def key(self) -> Hashable:
        """What the program depends on: operations with equal keys share one program on the device."""

    @abstractmethod
    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops, HALT included; empty when the operation has nothing to do."""

    @abstractmethod
    def data_commands(self, parameters: Parameters) -> tuple[bytes, ...]:
        """Return the commands that bring the data (levels, firing probabilities) before the run."""

    @abstractmethod
    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse data that the device must not get; what follows from the key alone is checked once per key, on the program."""

    @abstractmethod
    def result(self, conversions: list[Codes]) -> object:
        """Make the operation's result of its conversions."""

    def gate_line(self, parameters: Parameters) -> int | None:  # noqa: ARG002
        """Return the only gate line that has to be on, in builds that have gate lines; None for all of them."""
        return None

    def dry_run(self, parameters: Parameters) -> prediction.DryRun:
        """Predict the run exactly."""
        program = self.program(parameters)
        return prediction.dry_run(program, parameters) if program else prediction.NOTHING


def lines_of(family: Family, parameters: Parameters) -> int:
    """Return how many lines a family has."""
    return parameters.rows if family is Family.ROWS else parameters.columns


def other(family: Family) -> Family:
    """Return the family that crosses the given one."""
    return Family.COLUMNS if family is Family.ROWS else Family.ROWS


def check_line(name: str, index: int, count: int) -> None:
    """Refuse a line or tile number outside the geometry."""
    number: object = index  # callers are not type-checked
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or not 0 <= index < count:
        raise RangeError(f"{name} must be an integer from 0 to {count - 1}, not {index!r}; nothing was sent")


def check_vector(name: str, shape: tuple[int, ...], count: int) -> None:
    """Refuse a vector that is not one-dimensional or longer than its line family."""
    if len(shape) != 1 or not 1 <= shape[0] <= count:
        raise ShapeError(f"{name} must have shape (n,) with n from 1 to {count}, not {shape}; nothing was sent")


def check_program(program: tuple[MicroOp, ...], parameters: Parameters, limits: LimitCodes) -> None:
    """Refuse what the build cannot execute, and levels, gate times, lines and tiles outside the limits or the geometry."""
    clock = Clock.of(parameters)
    for op in program:
        if op.opcode in ARITHMETIC_OPCODES and not parameters.arithmetic:
            raise BuildError(
                f"the program has the micro-op {op.opcode.name}, and this device was built without the arithmetic unit (arithmetic=0); "
                "use a build with arithmetic=1, or an operation that leaves the decision to the host; nothing was sent"
            )
        if op.opcode is Opcode.COINCIDE and not parameters.coincidence:
            raise BuildError(
                "the program has the micro-op COINCIDE, and this device was built without random streams (coincidence=0); use a build with "
                "coincidence=1, or pulses that are counted cell by cell; nothing was sent"
            )
        if op.opcode is Opcode.LEVEL:
            _check_level(op, parameters, limits)
        elif op.opcode is Opcode.PULSE:
            count, width, gap = pulse_fields(op)
            limits.check_width(width, clock, "pulse width")
            check_gap(gap, parameters)
            if count > 1:
                limits.check_train(width, gap, clock)
        elif op.opcode is Opcode.COINCIDE:
            width_cycles = op.c & 0xFFFF
            width = width_cycles * parameters.gate_taps
            limits.check_width(width, clock, "pulse width")
            check_slot_gap(op.c >> 16, parameters)
            if op.b > 1:
                gap_cycles = slot_cycles(width_cycles, op.c >> 16) - width_cycles
                limits.check_train(width, gap_cycles * parameters.gate_taps, clock)
        elif op.opcode is Opcode.CONNECT:
            _check_connect(op, parameters, limits)
        elif op.opcode is Opcode.CONVERT:
            _check_convert(op, parameters)
            on_cycles = (op.c & 0xFFFF) + (op.c >> 16) + 1
            limits.check_width(on_cycles * parameters.gate_taps, clock, "settle plus integration time")
        elif op.opcode is Opcode.TILE:
            check_line("tile", op.a, parameters.tiles)


def _check_level(op: MicroOp, parameters: Parameters, limits: LimitCodes) -> None:
    family = Family(op.a & 3)
    code, levels = op.c - (1 << 32) if op.c >> 31 else op.c, Levels.of(parameters, family)
    if family is Family.GATES:
        limits.check_gate(code, levels, "level")
    else:
        limits.check_level(code, levels, "level")


def _check_connect(op: MicroOp, parameters: Parameters, limits: LimitCodes) -> None:
    family, selection = Family(connected_family(op.a)), Selection(op.a >> 5 & 3)
    lines = parameters.lines(family)
    if not lines:
        kind, build = ("nudge", "nudge_lines=1") if family is Family.NUDGES else ("gate", "gate_lines=1 or 2")
        raise RangeError(f"this build has no {kind} lines to connect; build it with {build}, nothing was sent")
    states = (LineState(op.a >> 1 & 3), LineState(op.a >> 3 & 3))
    if family is Family.NUDGES and LineState.SENSE in states:
        raise RangeError("nudge lines have no converters: connect them to FLOAT, GROUND or DRIVE; nothing was sent")
    if family is not Family.GATES:
        return
    if selection is Selection.SIGNED or (LineState.CURRENT in states and not parameters.gate_full_scale_pa):
        raise RangeError(
            "gate lines have no converters and no stream bank: connect them to FLOAT, GROUND or DRIVE, or to CURRENT in a build with "
            "gate_full_scale_pa; nothing was sent"
        )
    chosen = {Selection.ALL: lines, Selection.ONE: 1}.get(selection, op.b)
    counts = zip(states, (chosen, lines - chosen), strict=True)
    driven = sum(n for state, n in counts if state in {LineState.DRIVE, LineState.CURRENT})
    if limits.rules & Rule.ONE_GATE and driven > 1:
        raise RangeError(f"{driven} gate lines were to be driven, the rule one_gate allows 1; nothing was sent")


def _check_convert(op: MicroOp, parameters: Parameters) -> None:
    available = lines_of(Family(op.a & 1), parameters) // (2 if op.a & 2 else 1)
    if op.b > available:
        raise RangeError(f"{op.b} channels asked for, {available} available on the sensed lines; nothing was sent")


def decode_codes(data: bytes, cycle: int, flags: int) -> Codes:
    """Read the values of a CODES record: bit 15 saturated, bits 14 to 0 the code in two's complement; flags bits 3 to 2 the range."""
    words = np.frombuffer(data, "<u2")
    shifted: NDArray[np.int16] = (words << 1).view(np.int16)
    return Codes((shifted >> 1).astype(np.int32), words >= SATURATED, cycle, flags >> 2 & 3)
