"""Random numbers, spreads and converter noise: moments within sampling error, exact repetition."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from crossloop.protocol.errors import RangeError
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop_sim import noise
from crossloop_sim.plant import PRESETS, Plant, preset

N = 200_000


@pytest.fixture(scope="module")
def draws() -> np.ndarray:
    return noise.deviates(noise.starts(noise.key_of(1, noise.Purpose.READ), np.arange(N, dtype=np.uint64)), 0)


def test_deviates_have_normal_moments(draws):
    assert draws.mean() == pytest.approx(0, abs=4 / math.sqrt(N))
    assert draws.var() == pytest.approx(1, abs=4 * math.sqrt(2 / N))
    assert (draws**3).mean() == pytest.approx(0, abs=4 * math.sqrt(15 / N))
    assert (draws**4).mean() == pytest.approx(2.97, abs=4 * math.sqrt(96 / N))


def test_deviates_follow_the_normal_distribution(draws):
    distance = np.abs(np.arange(1, N + 1) / N - [NormalDist().cdf(x) for x in np.sort(draws).tolist()]).max()
    # Kolmogorov-Smirnov: 1.95 / sqrt(N) is exceeded once in a thousand; the approximation itself is off by less than 1e-3.
    assert distance < 1.95 / math.sqrt(N) + 1e-3


def test_known_values_do_not_change():
    # SplitMix64 from state 1234567, the test vector of its reference implementation (Vigna, splitmix64.c).
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [int(noise.bits(np.uint64(1234567), n)) for n in range(5)] == expected


@pytest.mark.parametrize("value", [0, 1, 2**64 - 1, 0x8000000000000001, 0x123456789ABCDEF0])
def test_ones_are_counted(value):
    assert int(noise.ones(np.uint64(value))) == value.bit_count()


def test_streams_and_draws_are_uncorrelated(draws):
    key = noise.key_of(1, noise.Purpose.READ)
    streams = noise.starts(key, np.arange(N, dtype=np.uint64))
    other = noise.starts(noise.key_of(2, noise.Purpose.READ), np.arange(N, dtype=np.uint64))
    for second in (np.roll(draws, 1), noise.deviates(streams, 1), noise.deviates(other, 0)):
        assert abs(np.corrcoef(draws, second)[0, 1]) < 4 / math.sqrt(N)


def test_read_noise_has_the_set_size(bench):
    # 0.06 of an output unit, with 12 units at full scale of 2048 steps: 10.24 steps, in every range.
    pins = bench(rows=1, columns=64, sample_bits=12, read_noise=0.06)
    for range_index in (0, 3):
        codes = np.concatenate([pins.convert(Family.COLUMNS, [0], range_index=range_index)[0] for _ in range(60)])
        expected = math.sqrt((0.06 / 12 * 2048) ** 2 + 1 / 12)
        assert codes.std() == pytest.approx(expected, rel=4 / math.sqrt(2 * codes.size))
        assert codes.mean() == pytest.approx(0, abs=4 * expected / math.sqrt(codes.size))


def test_read_noise_is_keyed_by_conversion_and_channel(bench):
    one, other = (bench(rows=1, columns=64, read_noise=0.06, sample_bits=12, seed=seed) for seed in (0, 0))
    first = [one.convert(Family.COLUMNS, [0])[0] for _ in range(3)]
    np.testing.assert_array_equal(first[0], other.convert(Family.COLUMNS, [0])[0])
    # Fewer channels of the second conversion: the same noise on those that are read.
    np.testing.assert_array_equal(first[1][:5], other.convert(Family.COLUMNS, [0], channels=5)[0])
    np.testing.assert_array_equal(first[2], other.convert(Family.COLUMNS, [0])[0])
    assert (first[0] != first[1]).any()


def test_compiled_plant_draws_the_same_deviates(bench):
    # A stale cache of the compiled plant would show here.
    pins = bench(rows=1, columns=64, read_noise=0.06, sample_bits=12, seed=9)
    start = noise.starts(noise.key_of(9, noise.Purpose.READ), np.array([0], np.uint64))
    expected = [round(0.06 / 12 * 2048 * noise.deviates(start, k)[0]) for k in range(64)]
    np.testing.assert_array_equal(pins.convert(Family.COLUMNS, [0])[0], expected)


@pytest.fixture(scope="module")
def population() -> dict[str, np.ndarray]:
    plant = Plant(Parameters(rows=128, columns=128), preset("rpu", up_down_dtod=0.05, seed=11))
    return plant.cell_fields()


def test_steps_spread_as_set(population):
    up, down = population["up"] / 0.0016, population["down"] / 0.0016
    n = up.size
    size, asymmetry = (up + down) / 2, (up - down) / 2
    assert size.mean() == pytest.approx(1, abs=4 * 0.3 / math.sqrt(n))
    assert size.std() == pytest.approx(0.3, rel=4 / math.sqrt(2 * n) + 1e-3)
    assert asymmetry.mean() == pytest.approx(0, abs=4 * 0.05 / math.sqrt(n))
    assert asymmetry.std() == pytest.approx(0.05, rel=4 / math.sqrt(2 * n) + 1e-3)
    assert abs(np.corrcoef(size.ravel(), asymmetry.ravel())[0, 1]) < 4 / math.sqrt(n) + 0.02


def test_bounds_spread_as_set(population):
    upper, lower = population["upper"].ravel(), population["lower"].ravel()
    assert upper.mean() == pytest.approx(1, abs=4 * 0.3 / math.sqrt(upper.size))
    assert upper.std() == pytest.approx(0.3, rel=4 / math.sqrt(2 * upper.size) + 2e-3)
    # Lower bounds end where the conductance would become zero, at w = -9/7, so only the others follow the spread.
    floor = -0.99 * 9 / 7
    assert lower.min() == pytest.approx(floor)
    below = NormalDist(-1, 0.3).cdf(floor)
    assert (lower == lower.min()).mean() == pytest.approx(below, abs=4 * math.sqrt(below / lower.size))
    assert abs(np.corrcoef(upper, lower)[0, 1]) < 4 / math.sqrt(upper.size)


def test_conductances_are_positive_at_every_bound():
    for configuration in PRESETS.values():
        plant = Plant(Parameters(rows=64, columns=64), configuration)
        plant.set_conductance_s(0, 0.0)
        assert plant.conductance_s().min() > 0


def test_seed_decides_everything():
    p = Parameters(rows=8, columns=8, tiles=2)
    settings = {"initial": "uniform", "initial_spread": 0.5}
    one, again, other = (Plant(p, preset("rpu", seed=seed, **settings)) for seed in (4, 4, 5))
    for key in ("w", "up", "down", "upper", "lower"):
        values = one.cell_fields(1)[key]
        np.testing.assert_array_equal(values, again.cell_fields(1)[key])
        assert (values != other.cell_fields(1)[key]).any()
        assert (values != one.cell_fields(0)[key]).any()


def test_a_cell_is_the_same_in_a_larger_array():
    small, large = (
        Plant(Parameters(rows=rows, columns=columns), preset("rpu")) for rows, columns in ((5, 6), (20, 30))
    )
    np.testing.assert_array_equal(small.cell_fields()["up"], large.cell_fields()["up"][:5, :6])


@pytest.mark.parametrize(("initial", "sd"), [("mid", 0.2), ("uniform", 0.2 / math.sqrt(3))])
def test_initial_states_spread_as_set(initial, sd):
    plant = Plant(Parameters(rows=64, columns=64), preset("ideal", initial=initial, initial_spread=0.2))
    assert plant.weights().mean() == pytest.approx(0, abs=4 * sd / 64)
    assert plant.weights().std() == pytest.approx(sd, rel=4 / math.sqrt(2 * 4096))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dw_min": -1.0}, "dw_min must not be negative"),
        ({"g_max_s": 1e-9}, "g_max_s of 1e-09 S must be above g_min_s"),
        ({"device": "square"}, "device must be one of constant, linear, soft-bounds"),
        ({"read_noise": math.nan}, "read_noise must be a finite number"),
        ({"w_min": 0.5}, "w_min and w_max must lie on both sides of 0"),
        ({"seed": -1}, "seed must be from 0"),
        ({"t_pulse_s": 0.0}, "t_pulse_s must be above 0"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(RangeError, match=message):
        preset("rpu", **settings)


def test_unknown_preset_names_the_known_ones():
    with pytest.raises(RangeError, match="unknown plant preset 'rpi'; known are rpu, ideal, idealized, soft-bounds"):
        preset("rpi")
