"""Rounding, only for callers who ask for it by name; everything else that has no exact code is refused."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.protocol.converters import Levels
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.streams import MAGNITUDE_BITS

Quantise = Literal["nearest", "toward_zero"]
"""Rounding policy: to the nearest representable value, or to the next one of smaller magnitude."""

PROBABILITY_STEPS = 1 << MAGNITUDE_BITS
"""Firing probabilities are multiples of one over this."""

_TOLERANCE = 1e-6
"""Largest distance, in steps, that still counts as equal (float arithmetic of the caller)."""


def finite_array(name: str, values: ArrayLike, shape: tuple[int, ...], unit: str) -> NDArray[np.float64]:
    """Return values as float64 of the given shape.

    Raises
    ------
    ShapeError
        If the shape differs.
    RangeError
        If they are not real numbers, or not finite.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise RangeError(f"{name} must hold real numbers in {unit}, not {array.dtype}; nothing was sent")
    if array.shape != shape:
        raise ShapeError(f"{name} must have shape {shape}, not {array.shape}; nothing was sent")
    result = array.astype(np.float64)
    bad = np.argwhere(~np.isfinite(result))
    if bad.size:
        where = tuple(int(index) for index in bad[0])
        raise RangeError(f"{name}{list(where)} is {float(result[where])!r}, it must be finite; nothing was sent")
    return result


def level_codes(
    name: str, values_v: NDArray[np.float64], levels: Levels, quantise: Quantise | None
) -> NDArray[np.int64]:
    """Return the level codes of voltages, shape as given.

    Raises
    ------
    RangeError
        If one is outside the range of the DACs, or has no exact code and no rounding was asked for.
    """
    position = values_v / levels.step_v
    codes = _round(position, quantise)
    outside = (codes < levels.code_min) | (codes > levels.code_max)
    inexact = np.abs(position - codes) > _TOLERANCE * np.maximum(1.0, np.abs(position))
    for wrong in (outside, inexact) if quantise is None else (outside,):
        if wrong.any():
            index = int(np.flatnonzero(wrong)[0])
            try:
                levels.code(float(values_v.flat[index]), f"{name}[{index}]")  # raises with limits and neighbours
            except RangeError as error:
                hint = "" if quantise else "; quantise='nearest' rounds"
                raise RangeError(f"{error}{hint}") from None
    return codes


def probability_bytes(name: str, values: NDArray[np.float64], quantise: Quantise | None) -> NDArray[np.uint8]:
    """Return the sign-magnitude bytes of firing probabilities from -1 to 1.

    The largest magnitude is 127/128; 1 itself is representable only by rounding.

    Raises
    ------
    RangeError
        If one is outside -1 to 1, or no multiple of 1/128 up to 127/128 and no rounding was asked for.
    """
    if (np.abs(values) > 1.0).any():
        index = int(np.flatnonzero(np.abs(values) > 1.0)[0])
        raise RangeError(
            f"{name}[{index}] of {values[index]:.9g} is outside -1 to 1 (firing probability); nothing was sent"
        )
    position = values * PROBABILITY_STEPS
    whole = _round(position, quantise)
    limit = PROBABILITY_STEPS - 1
    if quantise is None:
        wrong = (np.abs(position - whole) > _TOLERANCE * PROBABILITY_STEPS) | (np.abs(whole) > limit)
        if wrong.any():
            index = int(np.flatnonzero(wrong)[0])
            below = min(int(np.floor(abs(position[index]))), limit)
            near = " and ".join(f"{m / PROBABILITY_STEPS:.9g}" for m in (below, below + 1) if m <= limit)
            raise RangeError(
                f"{name}[{index}] of {values[index]:.9g} is not a multiple of 1/{PROBABILITY_STEPS} up to {limit}/{PROBABILITY_STEPS}; "
                f"the nearest magnitudes are {near}; quantise='nearest' rounds, nothing was sent"
            )
    magnitude = np.minimum(np.abs(whole), limit)
    return (magnitude | np.where(whole < 0, 0x80, 0)).astype(np.uint8)


def _round(position: NDArray[np.float64], quantise: Quantise | None) -> NDArray[np.int64]:
    if quantise not in {None, "nearest", "toward_zero"}:
        raise RangeError(f"quantise must be None, 'nearest' or 'toward_zero', not {quantise!r}; nothing was sent")
    rounded = np.trunc(position) if quantise == "toward_zero" else np.rint(position)
    return rounded.astype(np.int64)
