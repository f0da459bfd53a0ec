"""Whole tiles: expected updates, agreement with the cells' own kernels, both forms, products, independence of threads."""

import math
from dataclasses import replace

import numba
import numpy as np
import pytest
from scipy import stats

from crossloop.protocol.errors import RangeError, ShapeError
from crossloop_sim.devices.constant import ConstantStep
from crossloop_sim.devices.exponential import ExpStep
from crossloop_sim.devices.linear import LinearStep
from crossloop_sim.devices.population import Population
from crossloop_sim.devices.presets import PULSED
from crossloop_sim.devices.soft_bounds import SoftBounds
from crossloop_sim.tile import AnalogTile, TileNetwork, TileSettings, kernels

FIXED = {"choose_slots": False, "balance": False}
QUIET_IO = {"input_step": 1e-6, "output_step": 1e-6, "output_noise": 0.0}
SPREADLESS = {"dw_min_dtod": 0.0, "up_down_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0}
FORMS = ("sequential", "counted")


@pytest.mark.parametrize("form", FORMS)
def test_updates_add_the_outer_product_in_the_mean(form):
    rng = np.random.default_rng(0)
    tile = AnalogTile(40, 30, ConstantStep(dw_min=0.001, c2c=0.3, **SPREADLESS), TileSettings(form=form), seed=1)
    x, d = rng.uniform(-1, 1, 40), rng.uniform(-1, 1, 30)
    updates = 400
    for _ in range(updates):
        tile.update(x, d, 0.0005)
    expected = updates * 0.0005 * np.outer(x, d)
    # Coincidences are binomial: variance of the sum below n*dw_min per unit of mean.
    sd = math.sqrt(updates * 0.0005 * 0.001 * 1.2) + 1e-6
    z = (tile.weights() - expected) / sd
    assert np.abs(z).max() < 5
    assert abs(z.mean()) < 5 / math.sqrt(z.size)


def test_the_number_of_pulses_is_that_of_independent_trains():
    tile = AnalogTile(64, 64, ConstantStep(c2c=0.0, **SPREADLESS), TileSettings(**FIXED), seed=3)
    x, d = np.full(64, 0.5), np.full(64, -0.7)
    rate = 0.02
    for _ in range(50):
        tile.update(x, d, rate)
    amplitude = math.sqrt(rate / (tile.device.dw_min * 31))
    p = min(1, 0.5 * amplitude) * min(1, 0.7 * amplitude)
    counts = tile.counts[1].ravel() / 50
    assert not tile.counts[0].any()
    assert counts.mean() == pytest.approx(31 * p, rel=0.02)
    # Cells of one row share its train, so the mean over the tile spreads more than cells would alone; rows against columns must not.
    rows, columns = tile.counts[1].mean(axis=1), tile.counts[1].mean(axis=0)
    assert rows.std() / rows.mean() < 0.1
    assert columns.std() / columns.mean() < 0.1


@pytest.mark.parametrize("name", ["ecram", "reram-sb", "rpu", "reram-om"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sign", [1, -1])
def test_counted_pulses_move_cells_as_their_own_kernels_do(name, form, sign):
    device = replace(PULSED[name], g_min_s=0.9e-6, g_max_s=1.1e-6)
    side, pulses = 128, 7
    tile = AnalogTile(side, side, device, TileSettings(form=form), seed=5)
    tile.pulse(np.full((side, side), sign * pulses))
    cells = Population(device, side * side, seed=6)
    cells.pulse(sign * 1.0, device.t_pulse_s, pulses)
    ours, theirs = tile.weights().ravel().astype(float), cells.read_w()
    n = side * side
    error = math.hypot(ours.std(), theirs.std()) / math.sqrt(n)
    # The count form limits once instead of seven times: with noise of 3.75 steps that is still inside the error.
    assert ours.mean() == pytest.approx(theirs.mean(), abs=4.5 * error)
    fourth = ((theirs - theirs.mean()) ** 4).mean() / theirs.var() ** 2
    assert ours.var() == pytest.approx(theirs.var(), rel=4.5 * math.sqrt(2 * (fourth - 1) / n) + 0.005)
    assert (tile.counts[0 if sign > 0 else 1] == pulses).all()


@pytest.mark.parametrize(
    "device",
    [
        SoftBounds(dw_min=0.1, c2c=0.0, **SPREADLESS),
        LinearStep(
            dw_min=0.1, gamma_up=0.5, gamma_up_dtod=0.0, gamma_down=0.5, gamma_down_dtod=0.0, c2c=0.0, **SPREADLESS
        ),
    ],
)
@pytest.mark.parametrize("n", [1, 2, 5, 17, 31])
def test_both_forms_agree_exactly_without_noise(device, n):
    found = {}
    for form in FORMS:
        tile = AnalogTile(3, 4, device, TileSettings(form=form))
        tile.set_weights(np.linspace(-0.9, 0.9, 12).reshape(3, 4))
        tile.pulse(np.array([[n, -n, n, -n]] * 3))
        found[form] = tile.weights()
    np.testing.assert_allclose(found["counted"], found["sequential"], atol=2e-6)


def test_soft_bounds_follow_the_geometric_series():
    tile = AnalogTile(1, 1, SoftBounds(dw_min=0.05, c2c=0.0, **SPREADLESS), TileSettings(form="counted"))
    tile.pulse([[20]])
    assert tile.weights()[0, 0] == pytest.approx(1 - 0.95**20, rel=1e-5)


def test_the_count_form_errs_only_near_bounds():
    # How far the count form is off in the mean, in steps, with the noisiest preset: in the middle nothing, at the bound some.
    device = replace(PULSED["reram-sb"], write_noise=0.0, g_min_s=0.9e-6, g_max_s=1.1e-6, **SPREADLESS)
    off = {}
    for start in (0.0, 1.24):
        means = []
        for form in FORMS:
            tile = AnalogTile(256, 256, device, TileSettings(form=form), seed=2)
            tile.set_weights(np.full((256, 256), start))
            tile.pulse(np.full((256, 256), 10))
            means.append((tile.weights() - start).mean() / device.dw_min)
        off[start] = abs(means[0] - means[1])
    error = 3.75 * math.sqrt(10) / 256
    assert off[0.0] < 4.5 * math.sqrt(2) * error
    assert off[1.24] < 5


@pytest.mark.parametrize("form", FORMS)
def test_threads_change_nothing(form):
    rng = np.random.default_rng(1)
    found = []
    for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
        numba.set_num_threads(threads)
        tile = AnalogTile(70, 50, PULSED["reram-sb"], TileSettings(form=form), seed=4)
        for k in range(5):
            x, d = np.random.default_rng(k).normal(size=70), np.random.default_rng(k + 9).normal(size=50)
            tile.update(x, d, 0.05)
        found.append((tile.weights(), tile.forward(rng.normal(size=(4, 70)) * 0 + 0.3)))
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_quantiles_and_hashes_are_normal():
    assert kernels.QUANTILES.std() == pytest.approx(1, abs=1e-6)
    assert np.abs(kernels.QUANTILES).max() == pytest.approx(3.67, abs=0.01)
    tile = AnalogTile(1, 4096, settings=TileSettings(input_step=1e-6, output_step=1e-6, output_noise=1.0, halvings=0))
    draws = np.concatenate([tile.forward([1.0]) for _ in range(20)]).astype(float)
    n = draws.size
    assert draws.mean() == pytest.approx(0, abs=4.5 / math.sqrt(n))
    assert draws.var() == pytest.approx(1, abs=4.5 * math.sqrt(2 / n))
    assert stats.kurtosis(draws) == pytest.approx(-0.06, abs=4.5 * math.sqrt(24 / n) + 0.02)


def test_products_are_quantised_matrix_products():
    rng = np.random.default_rng(0)
    w, x, d = rng.uniform(-0.1, 0.1, (37, 29)), rng.normal(size=(5, 37)), rng.normal(size=(5, 29))
    tile = AnalogTile(37, 29, settings=TileSettings(**QUIET_IO))
    tile.set_weights(w)
    w = tile.weights()
    np.testing.assert_allclose(tile.forward(x), x @ w, atol=2e-4)
    np.testing.assert_allclose(tile.backward(d), d @ w.T, atol=2e-4)
    for case in range(5):
        np.testing.assert_allclose(tile.forward(x[case]), x[case] @ w, atol=2e-4)
        np.testing.assert_allclose(tile.backward(d[case]), w @ d[case], atol=2e-4)
    coarse = AnalogTile(37, 29, settings=TileSettings(output_noise=0.0))
    coarse.set_weights(w)
    steps = coarse.forward(x[0]) / (np.abs(x[0]).max() * 20 / 255)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)


def test_inputs_are_halved_until_no_output_is_cut_off():
    tile = AnalogTile(64, 2, ConstantStep(w_max_dtod=0.0), TileSettings(**QUIET_IO))
    tile.set_weights(np.full((64, 2), 0.9))
    expected = 64 * 0.9
    assert tile.forward(np.ones(64)) == pytest.approx([expected] * 2, rel=1e-4)
    assert tile.forward(np.ones((3, 64))) == pytest.approx(np.full((3, 2), expected), rel=1e-4)
    cut = AnalogTile(64, 2, ConstantStep(w_max_dtod=0.0), TileSettings(halvings=0, **QUIET_IO))
    cut.set_weights(np.full((64, 2), 0.9))
    assert cut.forward(np.ones(64)) == pytest.approx([20, 20], rel=1e-4)


def test_a_network_learns_more_than_it_knew():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x = images / 16
    network = TileNetwork((64, 16, 10), ConstantStep(), seed=1)

    def score():
        return np.mean([network.forward(x[k]).argmax() == labels[k] for k in range(1500, 1797)])

    before = score()
    for k in np.random.default_rng(0).integers(0, 1500, 3000):
        network.step(x[k], int(labels[k]), 0.05)
    assert score() > before + 0.4


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: t.forward(np.ones(3)), ShapeError, r"inputs must have the shape \(4,\) or \(cases, 4\), not \(3,\)"),
        (lambda t: t.update(np.ones(4), np.ones(4), 0.1), ShapeError, r"must have the shapes \(4,\) and \(5,\)"),
        (lambda t: t.update(np.full(4, np.nan), np.ones(5), 0.1), RangeError, "x and d must be finite; nothing was pulsed"),
        (lambda t: t.update(np.ones(4), np.ones(5), 0.0), RangeError, "learning_rate must be above 0, not 0.0; nothing was pulsed"),
        (lambda t: t.pulse(np.full((4, 5), 32)), RangeError, "from -31 to 31, not 32; nothing was pulsed"),
        (lambda t: t.pulse(np.ones((4, 5))), ShapeError, "counts must be integers"),
        (lambda t: t.set_weights(np.ones((5, 4))), ShapeError, "nothing was changed"),
        (lambda _: AnalogTile(0, 3), RangeError, "at least 1 row and 1 column"),
        (lambda _: AnalogTile(2, 2, ExpStep()), RangeError, "takes constant, linear or soft-bounds cells without ageing, not ExpStep"),
        (lambda _: AnalogTile(2, 2, ConstantStep(lifetime_s=1.0)), RangeError, "not ConstantStep that ages"),
        (lambda _: TileSettings(slots=32), RangeError, "slots must be from 1 to 31, not 32"),
        (lambda _: TileSettings(form="both"), RangeError, "form must be sequential or counted"),
        (lambda _: TileNetwork((4,), ConstantStep()), RangeError, "at least two layers"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused_and_change_nothing(call, error, message):
    tile = AnalogTile(4, 5)
    before = tile.weights()
    with pytest.raises(error, match=message):
        call(tile)
    np.testing.assert_array_equal(tile.weights(), before)
    assert not tile.counts.any()
