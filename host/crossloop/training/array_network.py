"""The network in the arrays: one tile per layer; forward, backward and update cycles all happen there, the host adds tanh and the error."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crossloop.operation import Operation
from crossloop.session import Session
from crossloop.training import stochastic
from crossloop.training.analog import AnalogCodes, AnalogSettings, settings_for
from crossloop.training.array_layer import ArrayLayer
from crossloop.training.data import Part
from crossloop.training.optimiser import Purpose, check_layers, generator, initial_spread, output_error

FloatArray = NDArray[np.float64]

INITIAL_UPDATES = 32
"""Random updates that make the initial weights; their number bounds the rank of the initial weight matrices."""


class Watcher(Protocol):
    """Is told of every image that went through the arrays."""

    def __call__(self) -> None:
        """Count one image."""


class ArrayNetwork:
    """Fully connected layers with tanh between them, their weights held by differential pairs of cells.

    The update of an image waits in the host until the next image's first product: both travel in one frame, so an image takes one round
    trip per product and none for the update. Layers of the update are fired before that product, in order.

    Parameters
    ----------
    session : Session
        An armed session.
    layers : sequence of int
        Inputs, hidden units and classes, without biases.
    settings : AnalogSettings
        How the arrays are driven; by default as their cells need it, see `settings_for`.
    """

    def __init__(self, session: Session, layers: Sequence[int], settings: AnalogSettings | None = None) -> None:
        sizes = check_layers(layers)
        self._session = session
        self.settings = settings or settings_for(session.parameters)
        codes = AnalogCodes.of(self.settings, session.parameters)
        self.layers = [
            ArrayLayer(tile, inputs + 1, outputs, codes) for tile, (inputs, outputs) in enumerate(pairwise(sizes))
        ]
        for layer in self.layers:
            layer.check(session.parameters)
        self._waiting: list[Operation] = []
        # Inputs of every layer for the image under way; the last entry of each is the bias input.
        self._states = [np.ones(layer.inputs) for layer in self.layers]

    def initialise(self, seed: int) -> None:
        """Make random weights by random updates, from whatever state the cells are in.

        Each of INITIAL_UPDATES updates has random signs on all rows and pairs, and as many slots at the highest probability as give the
        wanted spread: about 370 coincidences per cell, 33,000 cycles for the demo's two layers. The random streams of the device are
        seeded here, too.
        """
        streams = generator(seed, Purpose.STREAMS).integers(1, 1 << 32, 2)
        self._session.seed(int(streams[0]), int(streams[1]))
        for layer in self.layers:
            rng = generator(seed, Purpose.WEIGHTS, layer.tile)
            change = initial_spread(layer.inputs) / np.sqrt(INITIAL_UPDATES)
            for _ in range(INITIAL_UPDATES):
                x = rng.choice([-1.0, 1.0], layer.inputs)
                d = rng.choice([-1.0, 1.0], layer.outputs)
                pulses = stochastic.encode(
                    x, d, rate=change, step=layer.codes.step, slots_max=layer.codes.slots_max * 10
                )
                if pulses is not None:
                    self._session.execute(layer.fire(pulses))

    def learn(self, inputs: FloatArray, label: int, rate: float) -> bool:
        """Run one image through the arrays, forward and backward; its update is fired with the next call or with `flush`.

        Parameters
        ----------
        inputs : ndarray
            Inputs from -1 to 1, the bias of 1 last, shape (inputs + 1,).
        label : int
            The wanted class.
        rate : float
            Learning rate.

        Returns
        -------
        bool
            Whether the image was classified rightly, before its update.
        """
        outputs = self._forward(inputs)
        delta = output_error(outputs, label)
        waiting: list[Operation] = []
        for index in range(len(self.layers) - 1, -1, -1):
            layer, state = self.layers[index], self._states[index]
            update = layer.update(state, delta, rate)
            if update is not None:
                waiting.insert(0, update)
            if index:
                product, scale = layer.backward(delta)
                errors = layer.errors_of(self._session.execute(product)[0], scale)
                delta = errors * (1.0 - state[:-1] * state[:-1])
        self._waiting = waiting
        return bool(outputs.argmax() == label)

    def flush(self) -> None:
        """Fire the update that waits, if any."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._session.execute(*waiting)

    def outputs(self, inputs: FloatArray) -> FloatArray:
        """Return the outputs for one image, shape (classes,), by forward products."""
        self.flush()
        return self._forward(inputs)

    def accuracy(self, part: Part, watcher: Watcher | None = None) -> float:
        """Return the fraction of images that the arrays classify rightly, read noise and all: every image is shown once."""
        right = 0
        for inputs, label in zip(part.inputs, part.labels, strict=True):
            right += int(self.outputs(inputs).argmax()) == label
            if watcher is not None:
                watcher()
        return float(right) / len(part)

    def _forward(self, inputs: FloatArray) -> FloatArray:
        """Run the products of all layers, with the waiting update before the first one, and keep every layer's inputs."""
        self._states[0] = inputs
        operations, self._waiting = [*self._waiting, self.layers[0].forward(inputs)], []
        outputs = self.layers[0].outputs_of(self._session.execute(*operations)[-1])
        for layer, state in zip(self.layers[1:], self._states[1:], strict=True):
            np.tanh(outputs, out=state[:-1])
            outputs = layer.outputs_of(self._session.execute(layer.forward(state))[0])
        return outputs
