"""Counted pulses for whole arrays: how many each cell needs, and how to give them with few requests."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.limits import LimitCodes
from crossloop.operation import Codes, Operation, check_line
from crossloop.operations import SIGN, stream_write
from crossloop.protocol import commands
from crossloop.protocol import microops as m
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family

LARGEST_COUNT = 0xFFFF
"""Most pulses per cell and call."""


@dataclass(frozen=True)
class Programmed:
    """Outcome of programming an array."""

    g_s: NDArray[np.float64]
    """Conductances read at the end, in siemens, shape (rows, columns)."""
    error_s: NDArray[np.float64]
    """What was read minus the target, in siemens, shape (rows, columns)."""
    pulses: NDArray[np.int64]
    """Net pulses given to each cell, shape (rows, columns)."""


@dataclass(frozen=True, eq=False, slots=True)
class MaskedPulses(Operation):
    """Counted pulses on every cell where a selected row and a selected column cross. The result is None."""

    tile: int
    """Which array."""
    row_mask: NDArray[np.bool_]
    """Selected rows, shape (rows,)."""
    column_mask: NDArray[np.bool_]
    """Selected columns, shape (columns,)."""
    count: int
    """Number of pulses, from 1."""
    levels: tuple[int, int]
    """Level codes (rows, columns) of the selected lines; all other lines are grounded."""
    width_taps: int
    """Pulse width in taps."""
    gap_taps: int
    """Gap after each pulse in taps."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return (MaskedPulses, self.tile, self.count, self.levels, self.width_taps, self.gap_taps)

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops; they do not depend on the masks, which travel in the stream banks."""
        check_line("tile", self.tile, parameters.tiles)
        return (
            m.tile(self.tile),
            m.level(Family.ROWS, ALL_LINES, self.levels[0]),
            m.level(Family.COLUMNS, ALL_LINES, self.levels[1]),
            m.connect(Family.ROWS, LineState.DRIVE, selection=Selection.SIGNED),
            m.connect(Family.COLUMNS, LineState.DRIVE, selection=Selection.SIGNED),
            m.pulse(self.count, self.width_taps, self.gap_taps),
            m.halt(),
        )

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:  # noqa: ARG002  masks have no limits
        """Refuse masks of another geometry."""
        if self.row_mask.shape != (parameters.rows,) or self.column_mask.shape != (parameters.columns,):
            raise ShapeError(
                f"masks must have shapes ({parameters.rows},) and ({parameters.columns},), not {self.row_mask.shape} and "
                f"{self.column_mask.shape}; nothing was sent"
            )

    def data_commands(self, parameters: Parameters) -> tuple[bytes, ...]:  # noqa: ARG002  same on every build
        """Return the writes of the two stream banks: sign bits that select, magnitudes of 0 that never fire."""
        return (
            mask_write(commands.Bank.ROW_STREAMS, self.row_mask),
            mask_write(commands.Bank.COLUMN_STREAMS, self.column_mask),
        )

    def result(self, conversions: list[Codes]) -> None:
        """Return nothing."""


def check_counts(counts: ArrayLike, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return pulse counts as int64, or refuse them for their type, shape or size."""
    array = np.asarray(counts)
    if array.dtype.kind not in "iu":
        raise RangeError(f"counts must be integers, not {array.dtype}; round them first, nothing was sent")
    if array.shape != shape:
        raise ShapeError(f"counts must have shape {shape}, not {array.shape}; nothing was sent")
    largest = int(np.abs(array.astype(np.int64)).max())
    if largest > LARGEST_COUNT:
        raise RangeError(
            f"counts must be from -{LARGEST_COUNT} to {LARGEST_COUNT} pulses, not {largest}; nothing was sent"
        )
    return array.astype(np.int64)


def check_plan(target_g_s: NDArray[np.float64], step_s: float, rounds: int) -> None:
    """Refuse a programming plan that makes no sense."""
    if not np.isfinite(step_s) or step_s <= 0:
        raise RangeError(f"step_s must be a finite conductance above 0 S per pulse, not {step_s!r}; nothing was sent")
    if rounds < 1:
        raise RangeError(f"rounds must be at least 1, not {rounds!r}; nothing was sent")
    if (target_g_s < 0).any():
        raise RangeError(f"target_g_s must not be negative, its lowest is {target_g_s.min():.6g} S; nothing was sent")


def counts_for(target_g_s: NDArray[np.float64], found_g_s: NDArray[np.float64], step_s: float) -> NDArray[np.int64]:
    """Return the pulses that bring cells from what was found to the target, shape (rows, columns).

    Raises
    ------
    RangeError
        If a cell's reading was saturated: nobody knows how far it is from its target.
    """
    if np.isnan(found_g_s).any():
        row, column = (int(index) for index in np.argwhere(np.isnan(found_g_s))[0])
        raise RangeError(
            f"the reading of cell ({row}, {column}) is saturated; choose a wider range or a lower v_read_v"
        )
    return np.clip(np.rint((target_g_s - found_g_s) / step_s), -LARGEST_COUNT, LARGEST_COUNT).astype(np.int64)


def masked_pulses(
    tile: int, counts: NDArray[np.int64], up: tuple[int, int], down: tuple[int, int], width: int, gap: int
) -> Iterator[MaskedPulses]:
    """Yield the pulse trains that give every cell its count: per row, direction and binary digit of the count one train.

    A row then takes at most twice the pulses of its neediest cell, and cells beside it see no more half-selected pulses than that.
    """
    for row in np.flatnonzero(counts.any(axis=1)):
        row_mask = np.zeros(counts.shape[0], np.bool_)
        row_mask[row] = True
        for wanted, levels in ((counts[row], up), (-counts[row], down)):
            for digit in range(int(wanted.max()).bit_length() if wanted.max() > 0 else 0):
                column_mask = (wanted > 0) & (wanted >> digit & 1).astype(np.bool_)
                if column_mask.any():
                    yield MaskedPulses(tile, row_mask, column_mask, 1 << digit, levels, width, gap)


def mask_write(bank: commands.Bank, mask: NDArray[np.bool_]) -> bytes:
    """Return the command that selects lines by their sign bits; lines above the highest selected one need no byte."""
    chosen = np.flatnonzero(mask)
    length = int(chosen[-1]) + 1 if chosen.size else 1
    return stream_write(bank, np.where(mask[:length], SIGN, 0).astype(np.uint8))
