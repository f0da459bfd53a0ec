"""The first-order filter before each converter channel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Filter:
    """Follows the current (or the voltage) of every line with its time constant, exactly for what is constant between calls.

    Parameters
    ----------
    t_filter_s : ndarray
        Time constant of every channel in seconds, shape (2, lines); 0: none.
    """

    def __init__(self, t_filter_s: FloatArray) -> None:
        self.outputs = np.zeros(t_filter_s.shape)
        """Output of every channel in amperes or volts, by family."""
        self._rate_hz = np.divide(1.0, t_filter_s, out=np.full(t_filter_s.shape, np.inf), where=t_filter_s > 0)

    def advance(self, family: int, inputs: FloatArray, t_s: float) -> None:
        """Let `t_s` seconds pass with the given currents or voltages, shape (lines of the family,), at the inputs of a family."""
        outputs = self.outputs[family, : inputs.size]
        outputs += (inputs - outputs) * -np.expm1(-t_s * self._rate_hz[family, : inputs.size])
