"""Counted pulses for a block of cells in volts and seconds; what runs in the device is in `crossloop.fabric.counted`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.fabric.counted import CountedPulses
from crossloop.fabric.line_pulses import DIGITS_MAX, LinePulses
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.streams import Family

if TYPE_CHECKING:
    from crossloop.tile import Tile


def counted_pulses(
    tile: Tile,
    counts: ArrayLike,
    *,
    first_row: int = 0,
    pair: bool = False,
    v_write_v: float | None = None,
    width_s: float = 1e-6,
    gap_s: float | None = None,
) -> CountedPulses:
    """Return the operation that gives every cell of some rows its own number of pulses, in one command.

    Parameters
    ----------
    tile : Tile
        The array.
    counts : array_like of int
        Pulses, shape (rows, values) for rows from `first_row` on and columns from 0 on; positive raises the conductance.
    first_row : int
        Row of the first counts.
    pair : bool
        Value k acts on column 2k, and with the opposite sign on column 2k + 1.
    v_write_v, width_s, gap_s
        As in `Tile.pulse`.

    Returns
    -------
    CountedPulses
        To be given by `give`; `session.dry_run` predicts it exactly.

    Raises
    ------
    RangeError, ShapeError
        If the counts are no integers, too large, or do not fit; nothing was sent.
    """
    array = _integers(counts)
    largest = int(np.abs(array).max())
    up, down = tile.write_levels(v_write_v)
    width, gap = tile.pulse_taps(width_s, gap_s)
    pulses = LinePulses(
        line=Family.ROWS, values=array.shape[1], up=up, down=down, width_taps=width, gap_taps=gap,
        digits=max(1, largest.bit_length()), pair=pair,
    )  # fmt: skip
    operation = CountedPulses(pulses, tile.index, array, int(first_row))
    operation.check_data(tile.session.parameters, tile.session.limit_codes)
    return operation


def give(tile: Tile, operation: CountedPulses) -> None:
    """Give the pulses of `counted_pulses`; nothing is sent if all counts are 0."""
    if operation.counts.any():
        tile.session.write_words(operation.first_word, operation.counts.ravel())
        tile.session.execute(operation)


def _integers(counts: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(counts)
    if array.dtype.kind not in "iu":
        raise RangeError(f"counts must be integers, not {array.dtype}; round them first, nothing was sent")
    if array.ndim != 2 or not array.size:
        raise ShapeError(f"counts must have shape (rows, values), not {array.shape}; nothing was sent")
    limit = (1 << DIGITS_MAX) - 1
    if np.abs(array.astype(np.int64)).max() > limit:
        raise RangeError(
            f"counts must be from {-limit} to {limit} pulses, not {int(np.abs(array.astype(np.int64)).max())}; nothing was sent"
        )
    return array.astype(np.int64)
