"""The front end: channel errors, the filter before the converter, the tile of resistors, the drivers' current limit."""

import math

import numpy as np
import pytest

from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState
from crossloop.protocol.streams import Family
from crossloop_sim.events import conversion_record

LEVEL_STEP_V = 0.5 / 64


def test_channels_have_gain_and_offset_errors_of_the_set_size(bench):
    pins = bench(rows=1, columns=512, sample_bits=15, gain_error=0.02, offset_error=0.003)
    pins.plant.set_conductance_s(0, 60e-9)
    zero, _ = pins.convert(Family.COLUMNS, [0])
    driven, _ = pins.convert(Family.COLUMNS, [60])
    half_scale = 2**14
    expected = 60e-9 * 60 * LEVEL_STEP_V / (200e-9 / half_scale)
    gain = (driven - zero) / expected
    assert gain.mean() == pytest.approx(1, abs=4 * 0.02 / math.sqrt(512))
    assert gain.std() == pytest.approx(0.02, rel=4 / math.sqrt(2 * 512))
    assert zero.mean() == pytest.approx(0, abs=4 * 0.003 * half_scale / math.sqrt(512))
    assert zero.std() == pytest.approx(0.003 * half_scale, rel=4 / math.sqrt(2 * 512))


def test_rows_and_columns_have_channels_of_their_own(bench):
    pins = bench(rows=8, columns=8, sample_bits=15, offset_error=0.01)
    of_columns, _ = pins.convert(Family.COLUMNS, [0] * 8)
    of_rows, _ = pins.convert(Family.ROWS, [0] * 8)
    assert (of_columns != of_rows).any()
    again, _ = bench(rows=8, columns=8, sample_bits=15, offset_error=0.01).convert(Family.COLUMNS, [0] * 8)
    np.testing.assert_array_equal(again, of_columns)


@pytest.mark.parametrize("cycles", [1, 5, 20, 200])
def test_reading_before_the_filter_has_settled_gives_a_part(bench, cycles):
    t_filter_s = 200e-9  # 10 cycles of 50 MHz
    pins = bench(rows=1, columns=1, sample_bits=15, t_filter_s=t_filter_s)
    pins.plant.set_conductance_s(0, 60e-9)
    pins.states(LineState.DRIVE, LineState.SENSE)
    pins.level(Family.ROWS, 0, 60)
    pins.cycle += 500
    pins.gates(1, 0)
    pins.cycle += cycles
    word = pins.plant.convert(conversion_record(pins.parameters, pins.cycle, Family.COLUMNS, 1))[0]
    final = 60e-9 * 60 * LEVEL_STEP_V / (200e-9 / 2**14)
    assert word == pytest.approx(final * (1 - math.exp(-cycles * 20e-9 / t_filter_s)), abs=0.51)


def test_the_filter_forgets_what_was_read_before(bench):
    pins = bench(rows=2, columns=2, sample_bits=15, t_filter_s=100e-9)
    first, _ = pins.convert(Family.COLUMNS, [60, 60])
    pins.cycle += 5000
    still, _ = pins.convert(Family.COLUMNS, [0, 0])
    assert first.min() > 100
    assert not still.any()


def test_filtered_reads_do_not_depend_on_batches(bench, rng):
    first = bench(rows=5, columns=4, name="rpu", t_filter_s=300e-9)
    codes = [first.convert(Family.COLUMNS, rng.integers(-60, 60, 5))[0] for _ in range(3)]
    again = bench(rows=5, columns=4, name="rpu", t_filter_s=300e-9)
    again.put(*first.log[: len(first.log) // 3])
    again.put(*first.log[len(first.log) // 3 :])
    record = conversion_record(again.parameters, first.cycle + 40, Family.COLUMNS, 4)
    np.testing.assert_array_equal(again.plant.voltages_v()[0], first.plant.voltages_v()[0])
    assert len(codes) == 3
    # The converter's count differs, so only the filters are compared.
    again.plant.convert(record)
    first.plant.convert(record)
    np.testing.assert_array_equal(again.plant.filtered_a(), first.plant.filtered_a())


def test_the_dummy_tile_is_made_of_resistors(bench):
    pins = bench(rows=32, columns=32, tiles=2, dummy_g_s=50e-9, dummy_tolerance=0.002)
    g_s = pins.plant.conductance_s(1)
    assert g_s.mean() == pytest.approx(50e-9, rel=4 * 0.002 / 32)
    assert g_s.std() == pytest.approx(0.002 * 50e-9, rel=4 / math.sqrt(2 * 1024))
    pins.tile(1)
    pins.coincide(60)
    pins.pulse((1 << 32) - 1, (1 << 32) - 1)
    np.testing.assert_array_equal(pins.plant.conductance_s(1), g_s)
    assert pins.plant.ledger(1).up.min() == 1
    with pytest.raises(RangeError, match="tile 1 is made of resistors"):
        pins.plant.set_conductance_s(1, 40e-9)


def test_a_dummy_tile_needs_a_second_tile(bench):
    with pytest.raises(RangeError, match="give the build at least 2 tiles"):
        bench(dummy_g_s=50e-9)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"gain_error": 0.3}, "gain_error of 0.3 would turn channels round"),
        ({"t_filter_s": -1e-9}, "t_filter_s must not be negative"),
        ({"limit_a": 0.0}, "limit_a must be above 0 A"),
        ({"output_bound": 0.0}, "output_bound must be above 0"),
    ],
)
def test_wrong_settings_are_refused(bench, setting, message):
    with pytest.raises(RangeError, match=message):
        bench(**setting)
