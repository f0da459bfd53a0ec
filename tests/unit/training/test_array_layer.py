"""One layer on arrays written in plain numpy: products, their scale, and the mean of the updates."""

import numpy as np
import pytest

from crossloop.protocol.errors import RangeError
from crossloop.protocol.parameters import Parameters
from crossloop.training.analog import AnalogCodes, AnalogSettings
from crossloop.training.array_layer import ArrayLayer

PARAMETERS = Parameters(rows=9, columns=8, tiles=2)
SETTINGS = AnalogSettings()


@pytest.fixture
def layer() -> ArrayLayer:
    return ArrayLayer(1, 9, 4, AnalogCodes.of(SETTINGS, PARAMETERS))


@pytest.fixture
def arrays(numpy_arrays, rng):
    arrays = numpy_arrays(PARAMETERS)
    arrays.cells[1] = rng.uniform(-0.9, 0.9, (9, 8))
    return arrays


def test_a_code_is_worth_what_ohms_law_says() -> None:
    # 200 nA over 256 codes; 1 weight unit of 32.407 nS at 63 steps of 7.8125 mV is 15.950 nA.
    assert AnalogCodes.of(SETTINGS, PARAMETERS).output_unit == pytest.approx(0.78125 / 15.9505, rel=1e-4)


def test_forward_product_is_the_matrix_product(layer, arrays, rng) -> None:
    x = np.round(rng.uniform(-1, 1, 9) * 63) / 63
    weights = arrays.cells[1][:, 0::2] - arrays.cells[1][:, 1::2]
    outputs = layer.outputs_of(arrays.execute(layer.forward(x))[0])
    assert outputs == pytest.approx(x @ weights, abs=0.5001 * layer.codes.output_unit)


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-6])
def test_transposed_product_keeps_its_relative_accuracy_for_small_errors(layer, arrays, rng, size) -> None:
    d = np.round(rng.uniform(-1, 1, 4) * 63) / 63
    d *= size / np.abs(d).max()
    weights = arrays.cells[1][:-1, 0::2] - arrays.cells[1][:-1, 1::2]
    product, scale = layer.backward(d)
    errors = layer.errors_of(arrays.execute(product)[0], scale)
    # Half a converter code, and half a level code on each of the four errors.
    assert errors == pytest.approx(weights @ d, abs=size * (0.51 * layer.codes.output_unit + 4 * 1.8 * 0.5 / 63))


def test_no_error_drives_no_level(layer) -> None:
    product, scale = layer.backward(np.zeros(4))
    assert scale == 0.0
    assert not product.codes.any()


def test_updates_follow_the_outer_product_on_average(layer, arrays, rng) -> None:
    x, d, rate, repeats = rng.uniform(-1, 1, 9), rng.uniform(-1, 1, 4), 0.01, 400
    update = layer.update(x, d, rate)
    before = arrays.cells[1].copy()
    for _ in range(repeats):
        arrays.execute(update)
    change = (arrays.cells[1] - before) / repeats
    weights = change[:, 0::2] - change[:, 1::2]
    # A coincidence is rarer than one per update: its variance is below its mean, the pair has two cells.
    sigma = np.sqrt(rate * np.abs(np.outer(x, d)) * arrays.step / repeats) + 1e-6
    rounding = 2 * arrays.step * update.slots / 64
    assert (np.abs(weights - rate * np.outer(x, d)) < 5 * sigma + rounding).all()
    assert not arrays.cells[0].any()


def test_weights_are_read_from_pairs_of_columns(layer, arrays) -> None:
    g_s = SETTINGS.weight_unit_s * (1.3 + arrays.cells[1])
    expected = arrays.cells[1][:, 0::2] - arrays.cells[1][:, 1::2]
    assert layer.weights(g_s, SETTINGS.weight_unit_s) == pytest.approx(expected)


def test_a_layer_that_does_not_fit_is_refused_with_both_sizes(layer) -> None:
    with pytest.raises(RangeError, match="needs 9 rows and 8 columns on tile 1; this build has 1 tiles of 8 x 8"):
        layer.check(Parameters(rows=8, columns=8, tiles=1))
