"""The data set of the demo: 8x8 handwritten digits, split once and for all into training, validation and test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop.protocol.errors import RangeError, ToolError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TEST_IMAGES = 360
"""Size of the test split: touched once, when everything else is decided."""

VALIDATION_IMAGES = 287
"""Size of the validation split, a fifth of the rest: learning rates are chosen on it, no weight is trained on it."""

PIXELS, BLOCKS, CLASSES = 64, 15, 10
"""Inputs of the whole images, of those reduced to blocks, and classes."""

_SPLIT_SEED = 0
_GREY_LEVELS = 16.0


@dataclass(frozen=True)
class Part:
    """Images and their classes."""

    inputs: FloatArray
    """Network inputs, shape (images, pixels + 1): grey values from 0 to 1, and a last input of 1 that carries the biases."""
    labels: IntArray
    """Classes, shape (images,)."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Digits:
    """The three parts of the data set."""

    train: Part
    validation: Part
    test: Part

    @property
    def inputs(self) -> int:
        """Inputs of a network without the bias."""
        return int(self.train.inputs.shape[1]) - 1

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.train.labels.max()) + 1


def digits_for(layers: Sequence[int]) -> Digits:
    """Return the digits as a network sees them: all of them whole, or reduced for a small array.

    Parameters
    ----------
    layers : sequence of int
        Inputs, hidden units and classes. 64 inputs are the pixels, 15 the means of blocks of 2x2 pixels without the upper left one: a
        corner, in which digits hardly differ. Fewer than ten classes are the digits from 0 on.

    Raises
    ------
    RangeError
        If the digits do not come in such a form.
    """
    inputs, classes = layers[0], layers[-1]
    if inputs not in {PIXELS, BLOCKS} or not 2 <= classes <= CLASSES:
        raise RangeError(
            f"layers must begin with {PIXELS} inputs (pixels) or {BLOCKS} (blocks of pixels) and end with 2 to {CLASSES} classes for the "
            f"digits, not {tuple(layers)!r}"
        )
    whole = load_digits()
    return whole if (inputs, classes) == (PIXELS, CLASSES) else reduced(whole, inputs, classes)


def reduced(data: Digits, inputs: int, classes: int) -> Digits:
    """Return the images of fewer classes, with fewer inputs; every image stays in its part."""

    def reduce(part: Part) -> Part:
        kept = part.labels < classes
        images = part.inputs[kept]
        if inputs == BLOCKS:
            blocks = images[:, :-1].reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(len(images), -1)
            images = np.concatenate([blocks[:, 1:], images[:, -1:]], axis=1)
        return Part(np.ascontiguousarray(images), part.labels[kept])

    return Digits(reduce(data.train), reduce(data.validation), reduce(data.test))


def load_digits() -> Digits:
    """Load and split scikit-learn's digits (it ships them, nothing is downloaded); the split never depends on a run's seed.

    Raises
    ------
    ToolError
        If scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ImportError:
        raise ToolError(
            "the digits data set comes with scikit-learn, which is not installed; pip install 'crossloop[report]'"
        ) from None
    bunch = datasets.load_digits()
    return split(np.asarray(bunch.data) / _GREY_LEVELS, np.asarray(bunch.target, np.int64))


def split(images: FloatArray, labels: IntArray) -> Digits:
    """Shuffle and split images into the three parts.

    Parameters
    ----------
    images : ndarray
        Shape (images, pixels), values from 0 to 1.
    labels : ndarray
        Shape (images,).
    """
    if len(images) <= TEST_IMAGES + VALIDATION_IMAGES:
        raise RangeError(
            f"{len(images)} images are too few: {TEST_IMAGES} are for testing and {VALIDATION_IMAGES} for validation"
        )
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(images))
    inputs = np.concatenate([images, np.ones((len(images), 1))], axis=1)
    parts = np.split(order, [TEST_IMAGES, TEST_IMAGES + VALIDATION_IMAGES])
    test, validation, train = (Part(np.ascontiguousarray(inputs[part]), labels[part]) for part in parts)
    return Digits(train, validation, test)
