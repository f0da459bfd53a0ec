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

_ONE = MAGNITUDE_MAX + 1
_SIGN = 0x80

_SIGN_MAGNITUDE: ByteArray = np.array(
    [*range(128), *(_SIGN | 256 - value for value in range(128, 256))], np.uint16
).astype(np.uint8)
"""Sign and magnitude of every two's complement byte; -128 does not occur."""


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
    x_max, d_max = float(np.abs(x).max()), float(np.abs(d).max())
    if x_max == 0.0 or d_max == 0.0 or rate == 0.0:
        return None
    slots = min(max(math.ceil(rate * x_max * d_max / step), 1), slots_max)
    amplitude, management = math.sqrt(rate / (step * slots)), math.sqrt(x_max / d_max)
    # Rows and pairs go through the same few array operations together: on vectors this short, their number is what costs time.
    scaled = np.empty(x.size + d.size)
    np.multiply(x, amplitude / management * _ONE, out=scaled[: x.size])
    np.multiply(d, amplitude * management * _ONE, out=scaled[x.size :])
    values = signed_bytes(scaled)
    return Coincidences(values[: x.size], pair_columns(values[x.size :]), slots)


def signed_bytes(scaled: FloatArray) -> ByteArray:
    """Return signed probabilities, given in 1/128, as bytes: rounded, at most 127/128, the sign in bit 7. Works in place."""
    np.rint(scaled, out=scaled)
    np.maximum(scaled, -MAGNITUDE_MAX, out=scaled)
    np.minimum(scaled, MAGNITUDE_MAX, out=scaled)
    return _SIGN_MAGNITUDE[scaled.astype(np.int8).view(np.uint8)]


def pair_columns(pairs: ByteArray) -> ByteArray:
    """Return bytes for both columns of every pair; the second column has the opposite sign."""
    columns = np.empty(2 * pairs.size, np.uint8)
    columns[0::2] = pairs
    np.bitwise_xor(pairs, _SIGN, out=columns[1::2])
    return columns
