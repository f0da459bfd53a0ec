"""The first-order filter before each converter channel."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Filter:
    """Follows the currents of every line with one time constant, exactly for currents that are constant between calls.

    Parameters
    ----------
    lines : int
        Lines of the longer family.
    t_filter_s : float
        Time constant in seconds, above 0.
    """

    def __init__(self, lines: int, t_filter_s: float) -> None:
        self.outputs_a = np.zeros((2, lines))
        """Output of every channel in amperes, by family."""
        self._t_filter_s = t_filter_s

    def advance(self, family: int, currents_a: FloatArray, t_s: float) -> None:
        """Let `t_s` seconds pass with the given currents, shape (lines of the family,), at the inputs of a family."""
        outputs = self.outputs_a[family, : currents_a.size]
        outputs += (currents_a - outputs) * -math.expm1(-t_s / self._t_filter_s)
