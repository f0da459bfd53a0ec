"""The cells' table and the noise: equal to another computation of them, and with the statistics that the documentation states."""

import itertools
import math

import numpy as np
import pytest
from emulated_oracle import draws, hashed

from crossloop.protocol.emulated import (
    NOISE_BITS,
    STUCK_ONE_IN,
    cell,
    cells,
    emulated_parameters,
    noise_start,
    noise_step,
)
from crossloop.protocol.errors import RangeError
from crossloop.protocol.parameters import Parameters

CELLS = 64 * 64


def _cells(seed: int) -> list:
    return list(cells(emulated_parameters(Parameters(rows=64, columns=64, array_seed=seed))))


@pytest.mark.parametrize("seed", [0, 1, 0xFFFFFFFF])
def test_cells_follow_from_two_hashes(seed: int) -> None:
    for number in range(300):
        first, second = (hashed(hashed(seed) + 2 * number + part) for part in (0, 1))
        found = cell(seed, number)
        if second % 128 == 0:
            assert (found.rate_up, found.rate_down) == (0, 0)
            assert found.start == (found.upper_bound if second >> 16 & 1 else found.lower_bound)
        else:
            up = 2 + sum((first >> shift) % 4 for shift in (0, 2, 4, 6))
            assert (found.rate_up, found.rate_down) == (up, up + [-1, 0, 0, 1][(first >> 8) % 4])
            assert found.start == 1 << 15
        assert found.upper_bound == 4096 * (9 + (first >> 16 & 127).bit_count()) - 1
        assert found.lower_bound == 4096 * (7 - (first >> 24 & 127).bit_count())
        word = [found.word >> shift & mask for shift, mask in ((0, 15), (4, 15), (8, 7), (11, 7))]
        assert word == [found.rate_up, found.rate_down, found.upper, found.lower]


def test_spread_has_the_stated_means_and_deviations() -> None:
    working = [found for found in _cells(3) if found.rate_up]
    for values, mean, variance in (
        ([found.rate_up for found in working], 8, 4 * 15 / 12),
        ([found.rate_down - found.rate_up for found in working], 0, 1 / 2),
        ([found.upper for found in working], 3.5, 7 / 4),
        ([found.lower for found in working], 3.5, 7 / 4),
    ):
        count = len(values)
        assert abs(np.mean(values) - mean) < 4 * math.sqrt(variance / count)
        assert np.var(values) == pytest.approx(variance, rel=4 * math.sqrt(2 / count))
    ups, uppers, lowers = (
        np.array([getattr(found, name) for found in working]) for name in ("rate_up", "upper", "lower")
    )
    for one, other in itertools.combinations((ups, uppers, lowers), 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(len(working))


def test_stuck_cells_are_as_many_as_stated_and_at_both_bounds() -> None:
    stuck = [found for seed in range(4) for found in _cells(seed) if not found.rate_up]
    expected = 4 * CELLS / STUCK_ONE_IN
    assert abs(len(stuck) - expected) < 4 * math.sqrt(expected)
    high = sum(found.start == found.upper_bound for found in stuck)
    assert abs(high - len(stuck) / 2) < 4 * math.sqrt(len(stuck) / 4)


def test_draws_are_those_of_the_register_bit_by_bit() -> None:
    for seed in (0, 5, 0xFFFFFFFF):
        state = noise_start(seed)
        for expected, _ in zip(draws(seed), range(500), strict=False):
            state = noise_step(state)
            assert (state & 0x7FFF).bit_count() == expected


def test_draws_are_binomial_and_do_not_repeat_one_another() -> None:
    values = np.array([value for value, _ in zip(draws(9), range(20_000), strict=False)])
    expected = np.array([math.comb(15, ones) for ones in range(16)]) * len(values) / 2**15
    counts = np.bincount(values, minlength=16)
    likely = expected > 5
    chi_square = ((counts - expected)[likely] ** 2 / expected[likely]).sum()
    assert chi_square < 40  # 13 degrees of freedom: p = 1e-4
    centred = values - 7.5
    for lag in (1, 2, 3, 5):
        assert abs((centred[lag:] * centred[:-lag]).mean()) < 4 * 3.75 / math.sqrt(len(values))


def test_generator_has_full_period() -> None:
    """The register's polynomial x^40 + x^38 + x^21 + x^19 + 1 is primitive: x has the order 2**40 - 1, whose prime factors are known."""
    polynomial = 1 << 40 | 1 << 38 | 1 << 21 | 1 << 19 | 1

    def times(one: int, other: int) -> int:
        product = 0
        while other:
            product ^= one if other & 1 else 0
            one, other = one << 1, other >> 1
            one ^= polynomial if one >> 40 else 0
        return product

    def power(exponent: int) -> int:
        result, base = 1, 2
        while exponent:
            result = times(result, base) if exponent & 1 else result
            base, exponent = times(base, base), exponent >> 1
        return result

    order = (1 << NOISE_BITS) - 1
    primes = (3, 5, 11, 17, 31, 41, 61681)
    rest = order
    for prime in primes:
        while rest % prime == 0:
            rest //= prime
    assert rest == 1
    assert power(order) == 1
    assert all(power(order // prime) != 1 for prime in primes)
    assert math.gcd(order, 16) == 1  # so taking sixteen bits at a time visits them all


@pytest.mark.parametrize(
    ("build", "match"),
    [
        ({"gate_lines": 1}, "no gate lines"),
        ({"sample_bits": 8}, "choose 9 or more"),
        ({"rows": 128, "columns": 128}, "use fewer lines"),
        ({"range_full_scale_pa": (200_000, 50_000, 12_500, 3_000)}, "must fall by 4"),
    ],
)
def test_what_cannot_be_emulated_is_refused(build: dict, match: str) -> None:
    with pytest.raises(RangeError, match=match):
        emulated_parameters(Parameters(**build))
