"""Volts, amperes and seconds meet codes and cycles exactly or not at all."""

from __future__ import annotations

import math

import pytest

from crossloop.protocol.converters import Clock, Levels, Samples
from crossloop.protocol.errors import RangeError
from crossloop.protocol.parameters import Parameters

LEVELS = Levels.of(Parameters(level_bits=7, level_full_scale_uv=500_000))
CLOCK = Clock.of(Parameters(clock_hz=50_000_000))


def test_level_step_is_full_scale_over_half_the_codes() -> None:
    # 500 mV over 64 codes.
    assert LEVELS.step_v == pytest.approx(7.8125e-3)
    assert LEVELS.code(0.46875) == 60
    assert LEVELS.code(-0.5) == -64
    assert LEVELS.volts(-3) == pytest.approx(-23.4375e-3)


def test_every_level_code_survives_the_way_through_volts() -> None:
    assert [LEVELS.code(LEVELS.volts(code)) for code in range(-64, 64)] == list(range(-64, 64))


def test_level_outside_the_range_is_refused_with_both_limits() -> None:
    with pytest.raises(RangeError, match=r"level of 0\.5 V is outside -0\.5 to 0\.492188 V"):
        LEVELS.code(0.5)


def test_level_between_codes_is_refused_with_its_neighbours() -> None:
    with pytest.raises(RangeError, match=r"not a multiple of 0\.0078125 V; the nearest are 0\.1015625 and 0\.109375 V"):
        LEVELS.code(0.105)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_level_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(RangeError, match="finite number of V"):
        LEVELS.code(value)
    with pytest.raises(RangeError, match="finite number of V"):
        LEVELS.nearest_v(value)


def test_rounding_is_there_for_who_asks() -> None:
    assert LEVELS.nearest_v(0.105) == pytest.approx(0.1015625)


def test_converter_code_is_a_current_of_the_range() -> None:
    samples = Samples.of(Parameters(sample_bits=9, range_full_scale_pa=(256_000, 25_600, 2_560, 256)))
    # 256 nA over 256 codes is 1 nA a step, a tenth of it in the next range.
    assert samples.amperes(-7, 0) == pytest.approx(-7e-9)
    assert samples.amperes(-7, 1) == pytest.approx(-0.7e-9)
    assert (samples.code_min, samples.code_max) == (-256, 255)


def test_time_is_a_whole_number_of_cycles() -> None:
    assert CLOCK.cycles(100e-9) == 5
    assert CLOCK.seconds(5) == pytest.approx(100e-9)
    with pytest.raises(RangeError, match=r"not a multiple of 2e-08 s; the nearest are 1e-07 and 1\.2e-07 s"):
        CLOCK.cycles(110e-9)


def test_no_time_at_all_is_refused() -> None:
    with pytest.raises(RangeError, match="outside 2e-08 to"):
        CLOCK.cycles(0.0)
