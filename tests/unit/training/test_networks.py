"""The networks: in float64 against finite differences, in arrays against the float one and by their frames."""

import numpy as np
import pytest

from crossloop.protocol.errors import RangeError
from crossloop.protocol.parameters import Parameters
from crossloop.training.array_network import ArrayNetwork
from crossloop.training.float_network import FloatNetwork, train_float
from crossloop.training.linear import linear_accuracy
from crossloop.training.loop import train
from crossloop.training.optimiser import output_error, sample_order, scheduled_rate

DEMO = Parameters(rows=65, columns=64, tiles=2)


def loss(network: FloatNetwork, inputs: np.ndarray, label: int) -> float:
    outputs = network.forward(inputs)[-1]
    return float(np.log(np.exp(outputs).sum()) - outputs[label])


def test_a_step_of_the_float_network_is_the_negative_gradient(rng) -> None:
    inputs, label, epsilon = np.append(rng.uniform(0, 1, 5), 1.0), 2, 1e-6
    reference, stepped = FloatNetwork.initial((5, 4, 3), 0), FloatNetwork.initial((5, 4, 3), 0)
    stepped.learn(inputs, label, 1.0)
    for weights, after in zip(reference.weights, stepped.weights, strict=True):
        step = after - weights
        for index in np.ndindex(weights.shape):
            held = weights[index]
            weights[index] = held + epsilon
            above = loss(reference, inputs, label)
            weights[index] = held - epsilon
            slope = (above - loss(reference, inputs, label)) / (2 * epsilon)
            weights[index] = held
            assert step[index] == pytest.approx(-slope, abs=1e-6)


def test_the_output_error_sums_to_zero_and_points_to_the_label() -> None:
    error = output_error(np.array([1000.0, 0.0, 1000.0]), 2)
    assert error == pytest.approx([-0.5, 0.0, 0.5])


def test_the_rate_falls_linearly() -> None:
    assert [scheduled_rate(0.1, epoch, 4) for epoch in range(4)] == pytest.approx([0.1, 0.075, 0.05, 0.025])


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    assert (sample_order(1, 2, 50) == sample_order(1, 2, 50)).all()
    assert (sample_order(1, 2, 50) != sample_order(1, 3, 50)).any()
    assert (sample_order(1, 2, 50) != sample_order(2, 2, 50)).any()
    assert sorted(sample_order(1, 2, 50)) == list(range(50))


def test_an_image_takes_three_round_trips_with_the_update_before_the_next_product(numpy_arrays) -> None:
    arrays = numpy_arrays(Parameters(rows=5, columns=8, tiles=2))
    network = ArrayNetwork(arrays, (4, 3, 2))
    network.initialise(0)
    arrays.trips.clear()
    inputs = np.array([1.0, 0.5, 0.0, 0.25, 1.0])
    network.learn(inputs, 0, 0.1)
    network.learn(inputs, 1, 0.1)
    network.flush()
    network.flush()
    assert arrays.trips == [
        ["Product 0"],
        ["Product 1"],
        ["Product 1"],
        ["Update 0", "Update 1", "Product 0"],
        ["Product 1"],
        ["Product 1"],
        ["Update 0", "Update 1"],
    ]


def test_a_step_in_the_arrays_is_a_step_of_the_float_network_on_average(numpy_arrays) -> None:
    arrays = numpy_arrays(Parameters(rows=9, columns=12, tiles=2), step=0.0016)
    network = ArrayNetwork(arrays, (8, 6, 3))
    network.initialise(3)
    rng = np.random.default_rng(5)
    inputs, label, rate, repeats = np.append(rng.uniform(-1, 1, 8), 1.0), 1, 0.02, 200
    start = arrays.cells.copy()
    twin = FloatNetwork([weights_of(arrays, layer) for layer in network.layers])
    before = [weights.copy() for weights in twin.weights]
    twin.learn(inputs, label, rate)
    mean = [np.zeros_like(weights) for weights in before]
    for _ in range(repeats):
        arrays.cells[:] = start
        network.learn(inputs, label, rate)
        network.flush()
        for index, layer in enumerate(network.layers):
            mean[index] += (weights_of(arrays, layer) - before[index]) / repeats
    for stepped, held, found in zip(twin.weights, before, mean, strict=True):
        wanted = stepped - held
        cosine = (wanted * found).sum() / np.sqrt((wanted**2).sum() * (found**2).sum())
        assert cosine > 0.97
        assert np.abs(found).sum() == pytest.approx(np.abs(wanted).sum(), rel=0.1)


def weights_of(arrays, layer) -> np.ndarray:
    used = arrays.cells[layer.tile, : layer.inputs, : 2 * layer.outputs]
    return used[:, 0::2] - used[:, 1::2]


def test_initial_weights_have_the_wanted_spread_and_repeat(numpy_arrays) -> None:
    found = []
    for _ in range(2):
        arrays = numpy_arrays(DEMO)
        network = ArrayNetwork(arrays, (64, 32, 10))
        network.initialise(7)
        found.append(arrays.cells.copy())
        for layer in network.layers:
            weights = weights_of(arrays, layer)
            assert weights.std() == pytest.approx(1.6 / np.sqrt(layer.inputs), rel=0.15)
            assert abs(weights.mean()) < 0.05
    assert (found[0] == found[1]).all()


def test_the_arrays_learn_the_digits(numpy_arrays, tiny_digits) -> None:
    arrays = numpy_arrays(DEMO, noise=1.2)
    network = ArrayNetwork(arrays, (64, 32, 10))
    network.initialise(0)
    untrained = network.accuracy(tiny_digits.test)
    records = list(train(arrays, network, tiny_digits, epochs=3, rate=0.08, seed=0))
    assert [record.epoch for record in records] == [1, 2, 3]
    assert records[-1].train > records[0].train
    assert untrained < 0.3
    assert network.accuracy(tiny_digits.test) > 0.75


def test_the_baselines_learn_the_digits(tiny_digits) -> None:
    run = train_float(tiny_digits, layers=(64, 16, 10), epochs=4, rate=0.08, seed=0)
    assert run.validation[-1] > 0.75
    assert linear_accuracy(tiny_digits).test > 0.75


def test_a_network_without_layers_is_refused() -> None:
    with pytest.raises(RangeError, match="layers must be at least two positive sizes such as 64,32,10"):
        FloatNetwork.initial((64,), 0)
