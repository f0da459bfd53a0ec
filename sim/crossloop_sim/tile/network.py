"""A network of sigmoid layers trained inside tiles, one sample at a time: forward, backward and update all through the arrays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import RangeError
from crossloop_sim.devices.pulsed import PulsedDevice
from crossloop_sim.tile.tile import AnalogTile, TileSettings, Vector


class TileNetwork:
    """Layers of sigmoid neurons with a bias row each, the last one softmax; trained by stochastic gradient descent.

    Parameters
    ----------
    sizes : sequence of int
        Neurons per layer, inputs first.
    device : PulsedDevice
        Kind of cell.
    settings : TileSettings
        Converters and update rules.
    seed : int
        Seed of cells, noise and initial weights.

    Source: the network of Gokmen and Vlasov, Front. Neurosci. 10:333 (2016).
    """

    def __init__(
        self, sizes: Sequence[int], device: PulsedDevice, settings: TileSettings | None = None, *, seed: int = 0
    ) -> None:
        if len(sizes) < 2 or min(sizes) < 1:
            raise RangeError(f"a network needs at least two layers of at least 1 neuron, not {tuple(sizes)}")
        rng = np.random.default_rng(seed)
        self.tiles = [
            AnalogTile(inputs + 1, outputs, device, settings, seed=seed + layer)
            for layer, (inputs, outputs) in enumerate(pairwise(sizes))
        ]
        """One tile per layer; its last row is the bias."""
        for tile in self.tiles:
            limit = 1 / np.sqrt(tile.shape[0])
            tile.set_weights(rng.uniform(-limit, limit, tile.shape).astype(np.float32))
        self._inputs = [np.ones(tile.shape[0], np.float32) for tile in self.tiles]

    def forward(self, x: npt.ArrayLike) -> Vector:
        """Return the probabilities of the classes for one sample, shape (classes,)."""
        self._inputs[0][:-1] = x
        for layer, tile in enumerate(self.tiles):
            y = tile.forward(self._inputs[layer])
            if layer + 1 < len(self.tiles):
                self._inputs[layer + 1][:-1] = 1 / (1 + np.exp(-y))
        grown = np.exp(y - y.max())
        probabilities: Vector = grown / grown.sum()
        return probabilities

    def step(self, x: npt.ArrayLike, label: int, learning_rate: float) -> bool:
        """Learn one sample; return whether it was classified rightly before."""
        error = -self.forward(x)
        right = int(error.argmin()) == label
        error[label] += 1
        for layer in range(len(self.tiles) - 1, -1, -1):
            tile, inputs = self.tiles[layer], self._inputs[layer]
            if layer > 0:
                hidden = inputs[:-1]
                below = tile.backward(error)[:-1] * hidden * (1 - hidden)
            tile.update(inputs, error, learning_rate)
            if layer > 0:
                error = below
        return right
