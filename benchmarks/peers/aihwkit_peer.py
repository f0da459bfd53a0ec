"""aihwkit, timed in its own environment: products and updates of one tile below its layers, and training of a network."""

from __future__ import annotations

import numpy as np
import torch
from aihwkit.nn import AnalogLinear, AnalogSequential
from aihwkit.optim import AnalogSGD
from aihwkit.simulator.configs import SingleRPUConfig
from aihwkit.simulator.presets import devices as presets
from aihwkit.simulator.presets.utils import PresetIOParameters, PresetUpdateParameters
from aihwkit.simulator.tiles import AnalogTile
from serve import serve, timed

torch.set_num_threads(2)
DEVICES = {"ecram": presets.EcRamPresetDevice, "reram-sb": presets.ReRamSBPresetDevice}
SIZE = 256
tiles = {}


def config(device: str, fixed: bool) -> SingleRPUConfig:
    """Return a tile's configuration; `fixed`: 31 slots, without management of slots and balance."""
    made = SingleRPUConfig(
        device=DEVICES[device](),
        forward=PresetIOParameters(),
        backward=PresetIOParameters(),
        update=PresetUpdateParameters(),
    )
    if fixed:
        made.update.desired_bl = 31
        made.update.update_bl_management = False
        made.update.update_management = False
    made.mapping.weight_scaling_omega = 0.0
    return made


def tile_of(device: str):
    """Return a tile with small random weights, the same as `plant_tile` sets."""
    if device not in tiles:
        tile = AnalogTile(SIZE, SIZE, config(device, fixed=True))
        tile.set_learning_rate(0.05)
        tiles[device] = tile
    weights = np.random.default_rng(1).uniform(-0.06, 0.06, (SIZE, SIZE)).astype(np.float32)
    tiles[device].tile.set_weights(torch.from_numpy(weights.T.copy()))
    return tiles[device].tile


def update(device: str, gradient: float, repeats: int) -> dict:
    """Time single updates with x uniform in -1 to 1 and d uniform up to `gradient`."""
    rng = np.random.default_rng(2)
    tile = tile_of(device)
    x = torch.from_numpy(rng.uniform(-1, 1, (1, SIZE)).astype(np.float32))
    d = torch.from_numpy((gradient * rng.uniform(-1, 1, (1, SIZE))).astype(np.float32))
    return {"seconds": timed(lambda: tile.update(x, d, False), repeats)}


def product(device: str, batch: int, transposed: bool, repeats: int) -> dict:
    """Time products of a batch."""
    rng = np.random.default_rng(3)
    tile = tile_of(device)
    x = torch.from_numpy(rng.uniform(-1, 1, (batch, SIZE)).astype(np.float32))
    call = (lambda: tile.backward(x, False)) if transposed else (lambda: tile.forward(x, False, False, False, False))
    return {"seconds": timed(call, repeats)}


def network(device: str, samples: int) -> dict:
    """Train 784-256-128-10 for some samples, one at a time; return the seconds of all of them."""
    torch.manual_seed(0)
    rng = np.random.default_rng(4)
    x = torch.from_numpy((rng.random((samples, 784)) * (rng.random((samples, 784)) < 0.19)).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 10, samples))
    layers = []
    for inputs, outputs in ((784, 256), (256, 128), (128, 10)):
        layers += [AnalogLinear(inputs, outputs, bias=True, rpu_config=config(device, fixed=False)), torch.nn.Sigmoid()]
    layers[-1] = torch.nn.LogSoftmax(dim=1)
    model = AnalogSequential(*layers)
    optimiser = AnalogSGD(model.parameters(), lr=0.05)
    optimiser.regroup_param_groups(model)
    loss = torch.nn.NLLLoss()

    def train() -> None:
        for k in range(samples):
            optimiser.zero_grad()
            loss(model(x[k : k + 1]), labels[k : k + 1]).backward()
            optimiser.step()

    return {"seconds": timed(train, 1)}


serve({"update": update, "product": product, "network": network})
