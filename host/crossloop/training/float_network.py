"""The reference: the same network, trained online in float64 with the same optimiser and the same order of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from crossloop.training.data import Digits, Part
from crossloop.training.optimiser import (
    LEARNING_RATES,
    FloatArray,
    Purpose,
    check_layers,
    generator,
    initial_spread,
    output_error,
    sample_order,
    scheduled_rate,
)


@dataclass
class FloatNetwork:
    """Fully connected layers with tanh between them; weights have shapes (inputs + 1, outputs), biases last."""

    weights: list[FloatArray]

    @classmethod
    def initial(cls, layers: Sequence[int], seed: int) -> FloatNetwork:
        """Return a network with random weights."""
        sizes = check_layers(layers)
        return cls(
            [
                generator(seed, Purpose.WEIGHTS, index).normal(0.0, initial_spread(inputs + 1), (inputs + 1, outputs))
                for index, (inputs, outputs) in enumerate(pairwise(sizes))
            ]
        )

    def forward(self, inputs: FloatArray) -> list[FloatArray]:
        """Return the inputs of every layer (bias included) and the outputs, for one image of shape (inputs + 1,)."""
        states = [inputs]
        for weights in self.weights[:-1]:
            state = np.empty(weights.shape[1] + 1)
            np.tanh(states[-1] @ weights, out=state[:-1])
            state[-1] = 1.0
            states.append(state)
        states.append(states[-1] @ self.weights[-1])
        return states

    def learn(self, inputs: FloatArray, label: int, rate: float) -> None:
        """Make one step of gradient descent on one image."""
        *states, outputs = self.forward(inputs)
        delta = output_error(outputs, label)
        for index in range(len(self.weights) - 1, -1, -1):
            weights, state = self.weights[index], states[index]
            before = weights[:-1] @ delta if index else None
            weights += np.multiply.outer(rate * state, delta)
            if before is not None:
                delta = before * (1.0 - state[:-1] ** 2)

    def accuracy(self, part: Part) -> float:
        """Return the fraction of images that are classified rightly."""
        states = part.inputs
        for weights in self.weights[:-1]:
            states = np.concatenate([np.tanh(states @ weights), np.ones((len(states), 1))], axis=1)
        return float(np.mean((states @ self.weights[-1]).argmax(axis=1) == part.labels))


@dataclass(frozen=True)
class FloatRun:
    """One training of the float network."""

    network: FloatNetwork
    rate: float
    validation: list[float] = field(default_factory=list)
    """Accuracy on the validation images after every epoch."""


def train_float(data: Digits, *, layers: Sequence[int], epochs: int, rate: float, seed: int) -> FloatRun:
    """Train the float network online."""
    run = FloatRun(FloatNetwork.initial(layers, seed), rate)
    for epoch in range(epochs):
        now = scheduled_rate(rate, epoch, epochs)
        for index in sample_order(seed, epoch, len(data.train)):
            run.network.learn(data.train.inputs[index], int(data.train.labels[index]), now)
        run.validation.append(run.network.accuracy(data.validation))
    return run


def best_float(
    data: Digits, *, layers: Sequence[int], epochs: int, seed: int, rates: Sequence[float] = LEARNING_RATES
) -> tuple[FloatRun, dict[float, float]]:
    """Train once per learning rate and return the run that is best on the validation images, and the accuracies of all."""
    runs = {rate: train_float(data, layers=layers, epochs=epochs, rate=rate, seed=seed) for rate in rates}
    accuracies = {rate: run.validation[-1] for rate, run in runs.items()}
    return runs[max(accuracies, key=lambda rate: accuracies[rate])], accuracies
