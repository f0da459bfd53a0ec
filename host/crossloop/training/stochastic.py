"""Update management: which firing probabilities and how many slots make an outer product of coincidences.

    need = ceil(rate * max|x| * max|d| / step);   slots = clamp(need, 1, slots_max)
    p_row = A / m * |x|,  p_column = A * m * |d|;   A = sqrt(rate / (step * slots)),  m = sqrt(max|x| / max|d|)

so that slots * p_row * p_column * step = rate * |x| * |d|, with equal largest probabilities on both sides.

Source: Gokmen and Vlasov, Front. Neurosci. 10:333 (2016); the square root of m as in aihwkit's kernels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ByteArray = NDArray[np.uint8]

MAGNITUDE_MAX = 127
"""Largest probability, in 1/128."""

_SIGN = 0x80


@dataclass(frozen=True, slots=True)
class Coincidences:
    """An outer product as the device fires it."""

    row_bytes: ByteArray
    """Signed probabilities of the rows, shape (inputs,): bit 7 sign, bits 6 to 0 magnitude in 1/128."""
    column_bytes: ByteArray
    """Signed probabilities of the columns, shape (2 * outputs,): columns 2k and 2k + 1 have opposite signs."""
    slots: int
    """Slots per sign pass."""


def encode(x: FloatArray, d: FloatArray, *, rate: float, step: float, slots_max: int) -> Coincidences | None:
    """Return the coincidences whose mean weight change is rate * x * d, limited by `slots_max`; None when there is nothing to change.

    Parameters
    ----------
    x : ndarray
        Inputs of the layer, shape (inputs,).
    d : ndarray
        Errors of its outputs, shape (outputs,).
    rate : float
        Learning rate.
    step : float
        Mean weight change of a differential pair when both of its cells see a coincidence.
    slots_max : int
        Most slots per sign pass.
    """
    x_size, d_size = np.abs(x), np.abs(d)
    x_max, d_max = float(x_size.max()), float(d_size.max())
    if x_max == 0.0 or d_max == 0.0 or rate == 0.0:
        return None
    slots = min(max(math.ceil(rate * x_max * d_max / step), 1), slots_max)
    amplitude, management = math.sqrt(rate / (step * slots)), math.sqrt(x_max / d_max)
    rows = signed_bytes(x_size * (amplitude / management), x < 0)
    pairs = signed_bytes(d_size * (amplitude * management), d < 0)
    return Coincidences(rows, pair_columns(pairs), slots)


def signed_bytes(probability: FloatArray, negative: NDArray[np.bool_]) -> ByteArray:
    """Return probabilities as bytes, rounded to 1/128 and at most 127/128, with the sign in bit 7."""
    magnitude = np.minimum(np.rint(probability * (MAGNITUDE_MAX + 1)), MAGNITUDE_MAX).astype(np.uint8)
    return magnitude | (negative.view(np.uint8) << np.uint8(7))


def pair_columns(pairs: ByteArray) -> ByteArray:
    """Return bytes for both columns of every pair; the second column has the opposite sign."""
    columns = np.repeat(pairs, 2)
    columns[1::2] ^= np.uint8(_SIGN)
    return columns
