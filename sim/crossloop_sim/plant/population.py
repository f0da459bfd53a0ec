"""The cells of the arrays: device-to-device spread of steps and bounds, and initial states.

With xi normal deviates, one set per cell, and d = +1 (up) or -1 (down):

    step      a_d   = |dw_min * (1 + d*beta + dw_min_dtod*xi)|,  beta = up_down + up_down_dtod*xi
    bounds    b_max = w_max * (1 + w_max_dtod*xi) >= 0,          b_min likewise, from `w_floor` to 0

Source: aihwkit's documentation of its pulsed devices (the form of the formulas); magnitudes of steps as its option enforce_consistency.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from crossloop_sim import noise
from crossloop_sim.plant.configuration import PlantConfiguration

FloatArray = npt.NDArray[np.float64]


class Field(IntEnum):
    """Planes of the cell array."""

    W = 0
    """State."""
    UP = 1
    """Step by one up pulse at w = 0, a magnitude."""
    DOWN = 2
    """Step by one down pulse at w = 0, a magnitude."""
    UPPER = 3
    """Upper bound."""
    LOWER = 4
    """Lower bound."""


def cell_streams(seed: int, purpose: noise.Purpose, tile: int, rows: int, columns: int) -> npt.NDArray[np.uint64]:
    """Return one random stream per cell, shape (rows, columns); a cell keeps its stream in an array of another size."""
    index = np.arange(rows, dtype=np.uint64)[:, None] << np.uint64(20) | np.arange(columns, dtype=np.uint64)
    key = noise.key_of(seed, purpose)
    return noise.starts(key, (index | np.uint64(tile << 40)).ravel()).reshape(rows, columns)


def populate(configuration: PlantConfiguration, tile: int, rows: int, columns: int) -> FloatArray:
    """Draw the cells of one tile.

    Returns
    -------
    ndarray
        Shape (5, rows, columns), planes as in `Field`; normalised states.
    """
    c = configuration
    spread = cell_streams(c.seed, noise.Purpose.SPREAD, tile, rows, columns).ravel()
    initial = cell_streams(c.seed, noise.Purpose.INITIAL, tile, rows, columns).ravel()
    beta = c.up_down + c.up_down_dtod * noise.deviates(spread, 0)
    size = 1 + c.dw_min_dtod * noise.deviates(spread, 1)
    cells = np.empty((len(Field), rows * columns))
    cells[Field.UP] = np.abs(c.dw_min * (size + beta))
    cells[Field.DOWN] = np.abs(c.dw_min * (size - beta))
    cells[Field.UPPER] = np.maximum(c.w_max * (1 + c.w_max_dtod * noise.deviates(spread, 2)), 0.0)
    cells[Field.LOWER] = np.clip(c.w_min * (1 + c.w_min_dtod * noise.deviates(spread, 3)), c.w_floor, 0.0)
    draw = noise.deviates(initial, 0) if c.initial == "mid" else 2 * noise.uniforms(initial, 0) - 1
    cells[Field.W] = np.clip(c.initial_spread * draw, cells[Field.LOWER], cells[Field.UPPER])
    return cells.reshape(len(Field), rows, columns)
