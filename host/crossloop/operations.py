"""The operations a training loop is made of: matrix-vector product, outer-product update, counted pulses. Codes and cycles only."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop.gate_lines import gate_line_of
from crossloop.limits import LimitCodes
from crossloop.operation import Codes, Operation, check_line, check_vector, lines_of, other
from crossloop.protocol import commands
from crossloop.protocol import microops as m
from crossloop.protocol.converters import Levels
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family

SIGN = 0x80
"""Sign bit of a firing probability; bits 6 to 0 are its magnitude in 1/128."""

_INT8_BITS = 8
_NOT_POSITIVE = bytes([0, *range(SIGN, 256)])
_NOT_NEGATIVE = bytes(range(SIGN + 1))
_QUADRANTS = ((0, 0), (1, 1), (0, 1), (1, 0))
"""Signs (row, column) of the four sign passes; the first two raise the conductance, the last two lower it."""


@dataclass(frozen=True, eq=False, slots=True)
class Product(Operation):
    """Drive the lines of one family with levels and convert the currents of the other: a matrix-vector product.

    The result is a `Codes` of `channels` values.
    """

    tile: int
    """Which array."""
    sensed: Family
    """Family whose currents are converted; the other one is driven. COLUMNS is the forward product, ROWS the transposed one."""
    codes: NDArray[np.integer]
    """Level codes of the driven lines 0, 1, ..., shape (n,), any integer type; lines from n on are grounded."""
    channels: int
    """Channels to convert: lines 0, 1, ... of the sensed family, or pairs of lines."""
    pair: bool = False
    """Channel k is line 2k minus line 2k + 1."""
    range_index: int = 0
    """Converter range, 0 is the widest."""
    settle_cycles: int = 50
    """Cycles the levels drive before the integration."""
    integrate_cycles: int = 50
    """Cycles of integration."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return (
            Product, self.tile, self.sensed, self.codes.shape, self.channels, self.pair, self.range_index, self.settle_cycles,
            self.integrate_cycles,
        )  # fmt: skip

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        driven = other(self.sensed)
        check_line("tile", self.tile, parameters.tiles)
        check_vector("codes", self.codes.shape, lines_of(driven, parameters))
        count = self.codes.shape[0]
        return (
            m.tile(self.tile),
            m.levels(driven, count),
            m.connect(driven, LineState.DRIVE, selection=Selection.FIRST, index=count),
            m.connect(self.sensed, LineState.SENSE),
            m.convert(
                self.sensed, self.channels, settle_cycles=self.settle_cycles, integrate_cycles=self.integrate_cycles,
                pair=self.pair, range_index=self.range_index,
            ),
            m.halt(),
        )  # fmt: skip

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse codes outside the level window."""
        check_levels(self.codes, parameters, limits)

    def data_commands(self, parameters: Parameters) -> tuple[bytes, ...]:
        """Return the write of the levels."""
        return (level_write(self.codes, 0, parameters),)

    def result(self, conversions: list[Codes]) -> Codes:
        """Return the one conversion."""
        return conversions[0]


@dataclass(frozen=True, eq=False, slots=True)
class Update(Operation):
    """Stochastic outer-product update: every cell gets slots * p_row * p_column coincident pulses on average, with the product's sign.

    The result is None. Sign passes without any line that could fire are left out; if all are, nothing is sent.
    """

    tile: int
    """Which array."""
    row_bytes: NDArray[np.uint8]
    """Firing probabilities of rows 0, 1, ..., shape (n,): bit 7 sign, bits 6 to 0 magnitude in 1/128; rows from n on do not fire."""
    column_bytes: NDArray[np.uint8]
    """Firing probabilities of columns 0, 1, ..., as row_bytes."""
    slots: int
    """Slots of each sign pass."""
    width_cycles: int
    """Pulse width in cycles."""
    gap_cycles: int
    """Gap between the pulses of two slots in cycles."""
    up: tuple[int, int]
    """Level codes (rows, columns) of the passes that raise the conductance: rows above columns."""
    down: tuple[int, int]
    """Level codes (rows, columns) of the passes that lower it: rows below columns."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return (
            Update, self.tile, self.row_bytes.shape, self.column_bytes.shape, self.slots, self.width_cycles, self.gap_cycles, self.up,
            self.down, self._passes(),
        )  # fmt: skip

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops: the passes that raise, then those that lower."""
        check_line("tile", self.tile, parameters.tiles)
        check_vector("row_bytes", self.row_bytes.shape, parameters.rows)
        check_vector("column_bytes", self.column_bytes.shape, parameters.columns)
        passes = self._passes()
        if not passes:
            return ()
        ops = [m.tile(self.tile)]
        connected = False
        for levels, quadrants in ((self.up, passes & 3), (self.down, passes >> 2)):
            if quadrants:
                ops += [m.level(Family.ROWS, ALL_LINES, levels[0]), m.level(Family.COLUMNS, ALL_LINES, levels[1])]
                if not connected:
                    ops += [
                        drive_first(Family.ROWS, self.row_bytes.size),
                        drive_first(Family.COLUMNS, self.column_bytes.size),
                    ]
                    connected = True
            for index in range(2):
                if quadrants >> index & 1:
                    row_sign, column_sign = _QUADRANTS[index + 2 * (levels is self.down)]
                    ops.append(
                        m.coincide(
                            self.slots, self.width_cycles, self.gap_cycles, row_sign=row_sign, column_sign=column_sign
                        )
                    )
        return (*ops, m.halt())

    def _passes(self) -> int:
        """Return one bit per entry of _QUADRANTS: set when some row and some column could fire in it."""
        row_signs, column_signs = _signs(self.row_bytes), _signs(self.column_bytes)
        return sum(
            1 << index
            for index, (row, column) in enumerate(_QUADRANTS)
            if row_signs >> row & 1 and column_signs >> column & 1
        )

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:  # noqa: ARG002  any byte is a probability
        """Refuse arrays that are not bytes."""
        if self.row_bytes.dtype != np.uint8 or self.column_bytes.dtype != np.uint8:
            raise ShapeError(
                f"row_bytes and column_bytes must have dtype uint8, not {self.row_bytes.dtype} and {self.column_bytes.dtype}; "
                "nothing was sent"
            )

    def data_commands(self, parameters: Parameters) -> tuple[bytes, ...]:  # noqa: ARG002  same on every build
        """Return the writes of the two stream banks."""
        return (
            stream_write(commands.Bank.ROW_STREAMS, self.row_bytes),
            stream_write(commands.Bank.COLUMN_STREAMS, self.column_bytes),
        )

    def result(self, conversions: list[Codes]) -> None:
        """Return nothing: an update has no answer beside its completion."""


@dataclass(frozen=True, slots=True)
class PulseTrain(Operation):
    """Counted pulses on one cell. The result is None."""

    tile: int
    """Which array."""
    row: int
    """Row of the cell."""
    column: int
    """Column of the cell."""
    count: int
    """Number of pulses, from 1."""
    levels: tuple[int, int]
    """Level codes (row, column): row above column raises the conductance; all other lines are grounded."""
    width_taps: int
    """Pulse width in taps."""
    gap_taps: int
    """Gap after each pulse in taps."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return self

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("tile", self.tile, parameters.tiles)
        check_line("row", self.row, parameters.rows)
        check_line("column", self.column, parameters.columns)
        return (
            m.tile(self.tile),
            m.level(Family.ROWS, self.row, self.levels[0]),
            m.level(Family.COLUMNS, self.column, self.levels[1]),
            m.connect(Family.ROWS, LineState.DRIVE, selection=Selection.ONE, index=self.row),
            m.connect(Family.COLUMNS, LineState.DRIVE, selection=Selection.ONE, index=self.column),
            m.pulse(self.count, self.width_taps, self.gap_taps),
            m.halt(),
        )

    def gate_line(self, parameters: Parameters) -> int:
        """Return the cell's gate line."""
        return gate_line_of(self.row, self.column, parameters)

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Nothing beside the program."""

    def data_commands(self, parameters: Parameters) -> tuple[bytes, ...]:  # noqa: ARG002  same on every build
        """Return no command: everything is in the program."""
        return ()

    def result(self, conversions: list[Codes]) -> None:
        """Return nothing."""


def level_write(codes: NDArray[np.integer], address: int, parameters: Parameters) -> bytes:
    """Return the command that writes level codes to the vector memory: bytes where they fit, words otherwise."""
    if parameters.level_bits <= _INT8_BITS:
        return commands.write_bytes(commands.Bank.VECTOR, codes.astype(np.int8).tobytes(), address)
    return commands.write_words(codes.astype("<i2").tobytes(), address)


def stream_write(bank: commands.Bank, values: NDArray[np.uint8]) -> bytes:
    """Return the command that writes firing probabilities: highest line first, as the bank shifts them in."""
    return commands.write_bytes(bank, values[::-1].tobytes())


def check_levels(codes: NDArray[np.integer], parameters: Parameters, limits: LimitCodes) -> None:
    """Refuse codes that are not integers or lie outside the level window."""
    if codes.dtype == np.int8 and not codes.tobytes().translate(None, limits.allowed_bytes):
        return  # the quick way for a training loop
    if codes.dtype.kind not in "iu":
        raise RangeError(
            f"level codes must be integers, not {codes.dtype}; convert volts with session.levels, nothing was sent"
        )
    low, high = np.minimum.reduce(codes), np.maximum.reduce(codes)
    if low < limits.level_min or high > limits.level_max:
        levels = Levels.of(parameters)
        for code in (int(low), int(high)):
            limits.check_level(code, levels, "level")


def drive_first(family: Family, count: int) -> MicroOp:
    """Return a CONNECT that drives lines 0 to count - 1 of a family and grounds the rest."""
    return m.connect(family, LineState.DRIVE, selection=Selection.FIRST, index=count)


def _signs(values: NDArray[np.uint8]) -> int:
    """Return bit 0 set when a positive line could fire, bit 1 when a negative one could; a magnitude of 0 never fires."""
    data = values.tobytes()
    return bool(data.translate(None, _NOT_POSITIVE)) | bool(data.translate(None, _NOT_NEGATIVE)) << 1
