"""Calibration on a tile of resistors: recovers what the plant's converter channels do wrong."""

import numpy as np
import pytest

import crossloop
from crossloop.protocol.errors import CalibrationError, RangeError
from crossloop.protocol.streams import Family

G_S = 41.7e-9
ROWS, COLUMNS = 6, 5
TARGET = (
    f"model:?rows={ROWS}&columns={COLUMNS}&tiles=2&sample_bits=12&read_noise=0.01&gain_error=0.03&offset_error=0.01"
    f"&dummy_g_s={G_S}&dummy_tolerance=0&seed=4"
)


@pytest.fixture
def session():
    with crossloop.connect(TARGET) as session:
        session.arm()
        yield session


def channel_errors(session):
    """Return what the plant's channels do wrong, from behind the pins."""
    return session.transport.world.plant.channel_errors()


def test_gain_and_offset_of_every_channel_are_recovered(session):
    found = crossloop.calibrate(session.tile(1), G_S, averages=16)
    errors = channel_errors(session)
    full_scale_a = np.array(session.samples.steps_a) * 2**11
    for family, lines in ((Family.ROWS, ROWS), (Family.COLUMNS, COLUMNS)):
        true_gain, true_offset = errors[family, 0, :lines], errors[family, 1, :lines]
        assert np.abs(true_gain - 1).max() > 0.01
        assert np.abs(true_offset).max() > 0.004
        for range_index in range(4):
            gain, offset_a = found.gain[family, range_index, :lines], found.offset_a[family, range_index, :lines]
            # Noise of a sample is 0.01/12 of full scale; 17 steps of a uniform staircase to at most 0.7 of it, 16 times each. The largest
            # steps of the narrow ranges are few level codes, so their staircase may be shorter: 0.2 of full scale at least.
            sd = 0.01 / 12 / np.sqrt(17 * 16)
            np.testing.assert_allclose(gain, true_gain, atol=5 * sd / (0.2 * 0.6))
            np.testing.assert_allclose(offset_a / full_scale_a[range_index], true_offset, atol=5 * sd + 2**-14)


def test_calibrated_reads_are_right_where_plain_ones_are_not(session):
    tile = session.tile(0)
    session.transport.world.plant.set_conductance_s(0, 30e-9)
    plain = tile.read_all(averages=64)
    session.calibration = crossloop.calibrate(session.tile(1), G_S, averages=16)
    corrected = tile.read_all(averages=64)
    assert np.abs(plain / 30e-9 - 1).max() > 0.02
    assert np.abs(corrected / 30e-9 - 1).max() < 0.01
    assert np.abs(corrected / 30e-9 - 1).max() < np.abs(plain / 30e-9 - 1).max() / 4


def test_products_are_corrected_in_both_directions(session):
    session.transport.world.plant.set_conductance_s(0, 30e-9)
    session.calibration = crossloop.calibrate(session.tile(1), G_S, averages=16)
    v = 0.25
    for measured, lines in (
        (session.tile(0).multiply(np.full(ROWS, v)), ROWS),
        (session.tile(0).multiply_transposed(np.full(COLUMNS, v)), COLUMNS),
    ):
        expected = 30e-9 * v * lines
        assert measured == pytest.approx(expected, abs=5 * 0.01 / 12 * 200e-9 + 0.003 * expected)


def test_calibration_is_the_same_on_a_second_run_of_the_same_seed():
    found = []
    for _ in range(2):
        with crossloop.connect(TARGET) as session:
            session.arm()
            found.append(crossloop.calibrate(session.tile(1), G_S))
    np.testing.assert_array_equal(found[0].gain, found[1].gain)
    np.testing.assert_array_equal(found[0].offset_a, found[1].offset_a)


def test_wrong_resistors_are_noticed(session):
    with pytest.raises(CalibrationError, match=r"gain of .* outside 0\.5 to 2"):
        crossloop.calibrate(session.tile(1), 3 * G_S)
    with pytest.raises(CalibrationError, match=r"saturates in range \d at 70% of full scale"):
        crossloop.calibrate(session.tile(1), G_S / 1.7)
    assert session.calibration is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 4}, "odd number of steps from 3, not 4"),
        ({"averages": 0}, "averages must be from 1"),
        ({"conductance_s": -1e-9}, "must be above 0 S"),
        ({"conductance_s": float("nan")}, "conductance_s"),
    ],
)
def test_bad_arguments_are_refused(session, arguments, message):
    with pytest.raises(RangeError, match=message):
        crossloop.calibrate(session.tile(1), **{"conductance_s": G_S, **arguments})
