"""Measure aihwkit's preset devices pulse by pulse and keep the moments, for tests that do not need aihwkit.

    ./scripts/bench --peers
    .venv-peers/bin/python benchmarks/peers/make_aihwkit_reference.py tests/unit/devices/data/aihwkit.json

Per preset: 40,000 cells with spreads, drawn by aihwkit. From each of several states one up or one down pulse is given to every cell;
steps are those of the hidden weight (without write noise), of the cells whose bounds enclose the state. Alternating pulses end near the
symmetry point; the cells of one run share their noise (a table of normal deviates that is drawn once), so the spread from run to run is
measured, too.
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import sys
from pathlib import Path

import aihwkit
import numpy as np
import torch
from aihwkit.simulator.configs import SingleRPUConfig
from aihwkit.simulator.presets import devices as presets
from aihwkit.simulator.tiles import AnalogTile

SIDE = 200
SEED = 7
STATES = {"pcm-side": (0.2, 0.6, 1.0, 1.4)}
DEFAULT_STATES = (-0.4, -0.2, 0.0, 0.2, 0.4)
PAIRS = 300
RUNS = 12
PRESETS = {
    "rpu": presets.GokmenVlasovPresetDevice,
    "idealized": presets.IdealizedPresetDevice,
    "reram-sb": presets.ReRamSBPresetDevice,
    "reram-es": presets.ReRamESPresetDevice,
    "capacitor": presets.CapacitorPresetDevice,
    "ecram": presets.EcRamPresetDevice,
    "ecram-mo": presets.EcRamMOPresetDevice,
    "pcm-side": presets.PCMPresetDevice,
    "reram-om": presets.ReRamArrayOMPresetDevice,
    "reram-hfo2": presets.ReRamArrayHfO2PresetDevice,
}


def moments(values: np.ndarray) -> dict[str, float]:
    """Return count, mean, variance and fourth central moment."""
    values = np.asarray(values, np.float64)
    mean = float(values.mean())
    centred = values - mean
    return {
        "n": values.size,
        "mean": mean,
        "variance": float((centred**2).mean()),
        "fourth": float((centred**4).mean()),
    }


class Cells:
    """A square tile that is given single pulses."""

    def __init__(self, device) -> None:
        config = SingleRPUConfig(device=device)
        config.update.desired_bl = 1
        config.update.update_bl_management = True
        config.update.update_management = False
        config.mapping.weight_scaling_omega = 0.0
        self._tile = AnalogTile(SIDE, SIDE, config)
        # One slot (the largest BL), and probabilities sqrt(lr/(granularity*BL)) far above 1, so every line fires once. aihwkit takes the
        # granularity of some devices from their step at w = 0, not from dw_min.
        self._tile.set_learning_rate(1000 * device.dw_min)
        self._x = torch.ones(1, SIDE)

    def hidden(self, name: str) -> np.ndarray:
        """Return a hidden parameter of every cell."""
        found = self._tile.get_hidden_parameters()
        return found[name].numpy().ravel().copy() if name in found else None

    def state(self) -> np.ndarray:
        """Return the weights without write noise."""
        hidden = self._tile.get_hidden_parameters()
        for name, values in hidden.items():
            if "persistent" in name:
                return values.numpy().ravel().copy()
        return self._tile.tile.get_weights().numpy().ravel().copy()

    def set(self, w: float) -> None:
        """Put every cell into a state, as far as its bounds allow."""
        self._tile.tile.set_weights(torch.full((SIDE, SIDE), w))

    def pulse(self, sign: int) -> None:
        """Give every cell one pulse."""
        self._tile.tile.update(self._x, torch.full((1, SIDE), -float(sign)), False)


def measure(name: str, device_class) -> dict:
    """Return the moments of one preset."""
    torch.manual_seed(SEED)
    device = device_class()
    device.construction_seed = SEED
    cells = Cells(device)
    upper, lower = cells.hidden("max_bound"), cells.hidden("min_bound")
    reference = cells.hidden("reference")
    if reference is not None:
        upper, lower = upper - reference, lower - reference
    out = {"upper": moments(upper), "lower": moments(lower), "steps": []}
    for w in STATES.get(name, DEFAULT_STATES):
        inside = (lower < w) & (w < upper)
        for sign in (1, -1):
            cells.set(w)
            before = cells.state()
            cells.pulse(sign)
            out["steps"].append({"w": w, "sign": sign, **moments((cells.state() - before)[inside])})
    inside = (lower < 0.2) & (upper > 0.2)
    runs = []
    for _ in range(RUNS):
        cells.set(0.2)
        for _ in range(PAIRS):
            cells.pulse(1)
            cells.pulse(-1)
        runs.append(moments(cells.state()[inside]))
    means, variances = ([run[key] for run in runs] for key in ("mean", "variance"))
    out["alternating"] = {
        "start": 0.2, "pairs": PAIRS, "runs": RUNS, "n": runs[0]["n"],
        "mean": float(np.mean(means)), "mean_sd": float(np.std(means, ddof=1)),
        "variance": float(np.mean(variances)), "variance_sd": float(np.std(variances, ddof=1)),
        "fourth": float(np.mean([run["fourth"] for run in runs])),
    }  # fmt: skip
    return out


def main() -> None:
    """Measure every preset and write the file."""
    results = {}
    for name, device_class in PRESETS.items():
        print(name, flush=True)
        results[name] = measure(name, device_class)
    provenance = {
        "made_by": "benchmarks/peers/make_aihwkit_reference.py",
        "aihwkit": aihwkit.__version__, "torch": torch.__version__, "python": platform.python_version(),
        "seed": SEED, "cells": SIDE * SIDE, "date": dt.datetime.now(dt.UTC).date().isoformat(),
    }  # fmt: skip
    Path(sys.argv[1]).write_text(json.dumps({"provenance": provenance, "presets": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
