"""Update management against numbers worked out by hand, and against the outer product it stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossloop.training.stochastic import encode, pair_columns


def test_a_case_worked_out_by_hand() -> None:
    # rate * max|x| * max|d| / step = 0.1 * 1 * 0.25 / 0.004 = 6.25: 7 slots. A = sqrt(0.1 / 0.028) = 1.8898, m = 2.
    # p_row = 0.9449 |x|, p_column = 3.7796 |d|: 0.9449 * 128 = 120.9 for the largest of both.
    pulses = encode(np.array([1.0, -0.5, 0.0]), np.array([0.25, -0.125]), rate=0.1, step=0.004, slots_max=10)
    assert pulses is not None
    assert pulses.slots == 7
    assert pulses.row_bytes.tolist() == [121, 0x80 | 60, 0]
    assert pulses.column_bytes.tolist() == [121, 0x80 | 121, 0x80 | 60, 60]


def test_slots_end_at_their_limit_and_probabilities_at_127() -> None:
    pulses = encode(np.array([1.0]), np.array([1.0]), rate=1.0, step=0.004, slots_max=10)
    assert pulses is not None
    assert (pulses.slots, pulses.row_bytes.tolist()) == (10, [127])


@pytest.mark.parametrize(("x", "d", "rate"), [([0.0, 0.0], [1.0], 0.1), ([1.0], [0.0, 0.0], 0.1), ([1.0], [1.0], 0.0)])
def test_nothing_to_change_gives_nothing(x, d, rate) -> None:
    assert encode(np.array(x), np.array(d), rate=rate, step=0.004, slots_max=10) is None


@given(
    x=st.lists(st.floats(-1, 1), min_size=1, max_size=8),
    d=st.lists(st.floats(-1, 1), min_size=1, max_size=8),
    rate=st.floats(0.001, 0.03),
)
def test_the_mean_change_is_the_outer_product(x, d, rate) -> None:
    x, d = np.array(x), np.array(d)
    if min(np.abs(x).max(), np.abs(d).max()) < 0.01:
        return
    pulses = encode(x, d, rate=rate, step=0.004, slots_max=10)
    assert pulses is not None
    signs = 1.0 - 2.0 * (pulses.row_bytes >> 7), 1.0 - 2.0 * (pulses.column_bytes[0::2] >> 7)
    p, q = signs[0] * (pulses.row_bytes & 127) / 128, signs[1] * (pulses.column_bytes[0::2] & 127) / 128
    # Each probability is off by at most half of 1/128, the largest one by 1/128 where 128/128 does not exist.
    slack = 0.004 * pulses.slots * (np.abs(p)[:, None] + np.abs(q)[None, :] + 1 / 128) / 128
    assert (np.abs(0.004 * pulses.slots * np.outer(p, q) - rate * np.outer(x, d)) <= slack + 1e-12).all()


def test_the_second_column_of_a_pair_has_the_opposite_sign() -> None:
    assert pair_columns(np.array([5, 0x80 | 7], np.uint8)).tolist() == [5, 0x80 | 5, 0x80 | 7, 7]
