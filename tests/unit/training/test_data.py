"""The data set and its split."""

import numpy as np
import pytest

from crossloop.protocol.errors import RangeError
from crossloop.training.data import digits_for, load_digits, split


def test_the_parts_are_all_the_images_and_share_none() -> None:
    data = load_digits()
    assert (len(data.train), len(data.validation), len(data.test)) == (1150, 287, 360)
    images, labels = np.arange(1000.0)[:, None], np.arange(1000)
    parts = split(images, labels)
    together = np.concatenate([parts.train.labels, parts.validation.labels, parts.test.labels])
    assert sorted(together) == list(range(1000))


def test_images_stay_with_their_labels() -> None:
    parts = split(np.arange(1000.0)[:, None], np.arange(1000))
    for part in (parts.train, parts.validation, parts.test):
        assert (part.inputs[:, 0] == part.labels).all()


def test_inputs_lie_between_0_and_1_and_end_in_the_bias() -> None:
    data = load_digits()
    assert (data.inputs, data.classes) == (64, 10)
    assert data.train.inputs.min() == 0.0
    assert data.train.inputs.max() == 1.0
    assert (data.train.inputs[:, -1] == 1.0).all()


def test_the_split_is_the_same_every_time() -> None:
    assert (load_digits().test.labels == load_digits().test.labels).all()


def test_too_few_images_are_refused() -> None:
    with pytest.raises(RangeError, match="647 images are too few: 360 are for testing and 287 for validation"):
        split(np.zeros((647, 4)), np.zeros(647, np.int64))


def test_reduced_digits_are_means_of_blocks_of_the_same_images_in_the_same_parts() -> None:
    whole, small = load_digits(), digits_for((15, 8, 8))
    assert small.inputs == 15
    assert small.classes == 8
    kept = whole.train.labels < 8
    assert (small.train.labels == whole.train.labels[kept]).all()
    image = whole.train.inputs[kept][0, :-1].reshape(8, 8)
    blocks = [image[row : row + 2, column : column + 2].mean() for row in range(0, 8, 2) for column in range(0, 8, 2)]
    np.testing.assert_allclose(small.train.inputs[0], [*blocks[1:], 1.0])


def test_digits_come_in_two_sizes_only() -> None:
    with pytest.raises(RangeError, match="64 inputs"):
        digits_for((16, 8, 8))
    with pytest.raises(RangeError, match="2 to 10 classes"):
        digits_for((64, 8, 11))
