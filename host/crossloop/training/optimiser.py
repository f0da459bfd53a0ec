"""What the network in the arrays and the float network have in common: sizes, random choices, error and learning-rate schedule."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from crossloop.protocol.errors import RangeError

FloatArray = NDArray[np.float64]

LAYERS = (64, 32, 10)
"""Inputs, hidden units and classes of the demo's network; every layer has a bias beside its inputs."""

EPOCHS = 10
"""Passes over the training images."""

LEARNING_RATES = (0.04, 0.08, 0.16)
"""Learning rates to choose among, on the validation images, for the network in the arrays and for the float network alike."""

_SPREAD = 1.6
"""Spread of the initial weights times the root of a unit's inputs: tanh units start inside their linear range but not idle."""


class Purpose(IntEnum):
    """What random numbers are for; each purpose has its own stream under a run's seed."""

    WEIGHTS = 1
    ORDER = 2
    STREAMS = 3


def generator(seed: int, purpose: Purpose, index: int = 0) -> np.random.Generator:
    """Return the random numbers of one purpose; `index` is the layer or the epoch."""
    return np.random.default_rng([seed, purpose, index])


def check_layers(layers: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes; raises RangeError unless there are at least two, all positive."""
    if len(layers) < 2 or any(size < 1 for size in layers):
        raise RangeError(f"layers must be at least two positive sizes such as 64,32,10, not {tuple(layers)!r}")
    return tuple(int(size) for size in layers)


def initial_spread(inputs: int) -> float:
    """Return the standard deviation of a layer's initial weights; `inputs` counts the bias."""
    return float(_SPREAD / np.sqrt(inputs))


def sample_order(seed: int, epoch: int, images: int) -> NDArray[np.int64]:
    """Return the order of the images in an epoch, shape (images,)."""
    return generator(seed, Purpose.ORDER, epoch).permutation(images)


def scheduled_rate(rate: float, epoch: int, epochs: int) -> float:
    """Return an epoch's learning rate: it falls linearly and would reach zero after the last epoch."""
    return rate * (1.0 - epoch / epochs)


def output_error(outputs: FloatArray, label: int) -> FloatArray:
    """Return the negative gradient of the cross entropy with respect to the outputs, shape (classes,).

    Parameters
    ----------
    outputs : ndarray
        Outputs before the softmax, shape (classes,).
    label : int
        The wanted class.
    """
    error: FloatArray = np.exp(outputs - outputs.max())
    error /= -error.sum()
    error[label] += 1.0
    return error
