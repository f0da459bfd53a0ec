"""The host against the Python model: what is read, multiplied and pulsed agrees with the plant's own cells."""

import numpy as np
import pytest

pytest.importorskip("crossloop_sim.targets", exc_type=ImportError)

import crossloop
from crossloop.operations import Product, PulseTrain, Update
from crossloop.protocol.errors import RangeError, SafetyTrip, TripCause
from crossloop.protocol.microops import LineState
from crossloop.protocol.streams import Family

URL = "model:?rows=8&columns=6&tiles=2&seed=3&read_noise=0"


@pytest.fixture
def session():
    with crossloop.connect(URL) as session:
        session.arm()
        yield session


def true_g_s(session, tile=0):
    return session.transport.world.plant.conductance_s(tile)


def step_s(session, range_index=0, v_read_v=63 / 128):
    """Smallest conductance difference a reading shows."""
    return session.samples.steps_a[range_index] / v_read_v


def test_reading_agrees_with_the_cells_to_half_a_code(session):
    for tile in (0, 1):
        read = session.tile(tile).read_all()
        assert np.abs(read - true_g_s(session, tile)).max() <= 0.51 * step_s(session)


def test_reading_does_not_change_the_cells(session):
    before = true_g_s(session).copy()
    session.tile(0).read_all(averages=3)
    session.tile(0).multiply(np.full(8, 0.25))
    assert np.array_equal(true_g_s(session), before)


@pytest.mark.parametrize("pair", [False, True])
def test_products_agree_with_matrix_products(session, pair):
    tile, g_s = session.tile(1), true_g_s(session, 1)
    rng = np.random.default_rng(5)
    volts = rng.integers(-20, 21, 8) / 128
    expected = volts @ g_s
    expected = expected[0::2] - expected[1::2] if pair else expected
    assert np.abs(tile.multiply(volts, pair=pair) - expected).max() <= 0.51 * session.samples.steps_a[0]
    values = rng.integers(-20, 21, 3 if pair else 6) / 128
    columns = np.stack([values, -values], 1).ravel() if pair else values
    found = tile.multiply_transposed(values, pair=pair)
    assert np.abs(found - g_s @ columns).max() <= 0.51 * session.samples.steps_a[0]


@pytest.mark.parametrize("polarity", [1, -1])
@pytest.mark.parametrize("row", [0, 7])
@pytest.mark.parametrize("column", [0, 5])
def test_pulses_change_the_one_cell_in_the_asked_direction(session, row, column, polarity):
    before = true_g_s(session).copy()
    session.tile(0).pulse(row, column, 25, polarity=polarity)
    change = true_g_s(session) - before
    assert change[row, column] * polarity > 0
    change[row, column] = 0
    assert np.count_nonzero(change) == 0
    assert session.counters().train_pulses == 25


def test_counted_pulses_reach_the_ledger_of_each_cell(session):
    counts = np.random.default_rng(2).integers(-40, 41, (8, 6))
    session.tile(0).pulse_counts(counts)
    ledger = session.transport.world.plant.ledger(0)
    assert np.array_equal(ledger.up, np.maximum(counts, 0))
    assert np.array_equal(ledger.down, np.maximum(-counts, 0))


def test_programming_brings_cells_to_their_target():
    # Cells whose pulses differ by 10 %, so that one step stands for all and four rounds suffice.
    with crossloop.connect(f"{URL}&dw_min_dtod=0.1") as session:
        session.arm()
        tile = session.tile(0)
        target = true_g_s(session) + np.random.default_rng(4).uniform(-6e-9, 6e-9, (8, 6))
        before = tile.read_cell(0, 0, averages=4)
        tile.pulse(0, 0, 50)
        pulse_s = (tile.read_cell(0, 0, averages=4) - before) / 50
        done = tile.program(target, step_s=pulse_s, rounds=4)
        assert np.abs(true_g_s(session) - target).max() < 1.5 * step_s(session)
        assert np.array_equal(done.error_s, done.g_s - target)


def test_an_update_follows_the_signs_of_its_factors(session):
    tile = session.tile(0)
    session.seed(11, 12)
    x = np.array([0.5, -0.5, 0.25, 0, 0.75, -0.125, 0, 0.5])
    delta = np.array([0.5, -0.25, 0.75])
    before = true_g_s(session).copy()
    tile.update(x, delta, pair=True, slots=400)
    change = true_g_s(session) - before
    expected = np.outer(x, np.stack([delta, -delta], 1).ravel())
    assert np.array_equal(np.sign(change[np.abs(expected) > 0.03]), np.sign(expected[np.abs(expected) > 0.03]))
    assert np.count_nonzero(change[expected == 0]) == 0
    # Coincidences: 400 slots times the sum of |x| |delta|, within 4 standard deviations of a binomial count.
    mean = 400 * np.abs(expected).sum()
    assert (
        abs(session.counters().cell_pulses - mean)
        < 4 * np.sqrt(400 * (np.abs(expected) * (1 - np.abs(expected))).sum()) * 3
    )


def test_every_operation_takes_the_cycles_its_dry_run_says(session):
    program = session.program(1).connect(Family.ROWS, LineState.DRIVE, first=3).connect(Family.COLUMNS, LineState.SENSE)
    with program.loop(3):
        program.level(Family.ROWS, 0.125).pulse(4, width_s=1e-6, gap_s=2e-6).wait(5e-6)
        program.convert(Family.COLUMNS, settle_s=1e-6, integrate_s=3e-6)
    values = np.array([5, 0x85, 9], np.uint8)
    for operation in (
        program,
        Product(0, Family.COLUMNS, np.arange(8), 6),
        Product(1, Family.ROWS, np.arange(6), 8),
        Update(0, values, values, 13, 3, 2, (30, -30), (-30, 30)),
        PulseTrain(1, 2, 3, 17, (60, -60), 40, 300),
    ):
        before = session.cycles
        session.execute(operation)
        assert session.cycles - before == operation.dry_run(session.parameters).cycles, operation


def test_silence_beyond_the_dead_man_time_trips(session):
    session.transport.world.advance(session.clock.cycles(0.25))
    with pytest.raises(SafetyTrip) as caught:
        session.execute(Product(0, Family.COLUMNS, np.arange(8), 6))
    assert caught.value.cause is TripCause.DEAD_MAN
    session.arm()
    session.execute(Product(0, Family.COLUMNS, np.arange(8), 6))


def test_refused_input_leaves_cells_and_session_as_they_were(session):
    tile, before = session.tile(0), true_g_s(session).copy()
    for call in (
        lambda: tile.pulse(0, 0, 5, width_s=1e-3),
        lambda: tile.pulse(8, 0, 5),
        lambda: tile.update(np.full(8, np.nan), np.full(6, 0.5)),
        lambda: tile.multiply(np.full(8, 5.0)),
    ):
        with pytest.raises(RangeError):
            call()
    assert np.array_equal(true_g_s(session), before)
    tile.pulse(0, 0, 5)
    assert true_g_s(session)[0, 0] > before[0, 0]
