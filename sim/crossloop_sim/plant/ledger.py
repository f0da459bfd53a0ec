"""The ledger: every pulse that ever reached a cell, half-selected ones included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crossloop.protocol.streams import Family

CountArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ledger:
    """Counts of one tile since the plant was made; arrays of shape (rows, columns)."""

    up: CountArray
    """Pulses that moved (or pressed against its bound) the cell upwards."""
    down: CountArray
    """The same downwards."""
    half_selected: CountArray
    """Pulses of the cell's row or column that ended without a full pulse of this cell; simultaneous ones count once."""
    reads: CountArray
    """Read pulses of the cell's row or column: pulses while some line was sensed."""
    conversions: int
    """Conversions of lines of this tile."""
    nudges: CountArray
    """Pulses of the nudge lines, shape (columns,); all 0 without any."""

    @property
    def pulses(self) -> CountArray:
        """Full pulses, up and down."""
        return self.up + self.down


def build(counts: CountArray, line_counts: CountArray, conversions: CountArray) -> Ledger:
    """Make a tile's ledger from the kernels' counters.

    Parameters
    ----------
    counts : ndarray
        Shape (3, rows, columns): up, down, and line pulses that ended together with a full pulse of the cell.
    line_counts : ndarray
        Shape (2, families, lines): pulses while writing and while reading, by family.
    conversions : ndarray
        Shape (2,): conversions of rows and of columns.
    """
    rows, columns = counts.shape[1:]
    crossed = line_counts[:, 0, :rows, None] + line_counts[:, 1, None, :columns]
    return Ledger(
        up=counts[0].copy(),
        down=counts[1].copy(),
        half_selected=crossed[0] - counts[2],
        reads=crossed[1],
        conversions=int(conversions.sum()),
        nudges=line_counts[:, Family.NUDGES, :columns].sum(axis=0),
    )
