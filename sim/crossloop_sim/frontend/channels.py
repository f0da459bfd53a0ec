"""The converter channels of a tile's lines: their fixed errors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crossloop_sim import noise
from crossloop_sim.frontend.settings import FrontEnd

FloatArray = npt.NDArray[np.float64]

GAIN, OFFSET = 0, 1
"""Second index of the errors."""


def channel_errors(front_end: FrontEnd, seed: int, lines: int) -> FloatArray:
    """Draw the errors of every channel.

    Parameters
    ----------
    front_end : FrontEnd
        Their spreads.
    seed : int
        Seed of the plant; a channel keeps its errors in a front end with more of them.
    lines : int
        Channels of each family.

    Returns
    -------
    ndarray
        Shape (2, 2, lines): family, then gain (1 is right) and offset (fraction of full scale, 0 is right).
    """
    errors = np.empty((2, 2, lines))
    for family in range(2):
        index = np.arange(lines, dtype=np.uint64) | np.uint64(family << 32)
        streams = noise.starts(noise.key_of(seed, noise.Purpose.CHANNEL), index)
        errors[family, GAIN] = 1 + front_end.gain_error * noise.deviates(streams, 0)
        errors[family, OFFSET] = front_end.offset_error * noise.deviates(streams, 1)
    return errors
