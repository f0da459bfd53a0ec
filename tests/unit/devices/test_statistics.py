"""Every preset after aihwkit against aihwkit itself: moments of single steps, bounds and alternating pulses over 40,000 cells.

The reference is kept as data (benchmarks/peers/make_aihwkit_reference.py measured it). Both sides are samples, so differences of means and
variances are compared with their standard errors; the bound on z is that of one false alarm in a thousand runs of all comparisons together.
"""

import json
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from crossloop_sim.devices.population import Population
from crossloop_sim.devices.presets import PULSED
from crossloop_sim.devices.pulsed import Plane

DATA = json.loads((Path(__file__).parent / "data" / "aihwkit.json").read_text())
SEED = 11
CELLS = 40_000
COMPARISONS = sum(2 * (len(preset["steps"]) + 3) for preset in DATA["presets"].values())
Z_BOUND = -NormalDist().inv_cdf(1e-3 / COMPARISONS / 2)


def population(name):
    """Return cells of a preset; a narrow conductance window, so that no bound meets the floor that keeps conductances positive."""
    device = replace(PULSED[name], g_min_s=0.9e-6, g_max_s=1.1e-6)
    return Population(device, CELLS, seed=SEED)


def check(what, ours, theirs):
    """Compare mean and variance of our sample with the moments of theirs."""
    ours = np.asarray(ours, np.float64)
    n, m = ours.size, theirs["n"]
    mean, variance = ours.mean(), ours.var()
    fourth = ((ours - mean) ** 4).mean()
    # float32 there: sums of 40,000 numbers of size |mean| are off by some 1e-7 of it.
    slack = 3e-7 * max(abs(mean), abs(theirs["mean"]), 0.5)
    # Where runs were repeated, their spread is what one run may be off.
    error = np.hypot(np.sqrt(variance / n + theirs["variance"] / m), theirs.get("mean_sd", 0.0))
    assert abs(mean - theirs["mean"]) <= Z_BOUND * error + slack, (
        f"{what}: mean {mean:.6g}, theirs {theirs['mean']:.6g}, error {error:.2g}"
    )
    error = np.sqrt(max(fourth - variance**2, 0) / n + max(theirs["fourth"] - theirs["variance"] ** 2, 0) / m)
    error = np.hypot(error, theirs.get("variance_sd", 0.0))
    assert abs(variance - theirs["variance"]) <= Z_BOUND * error + slack**2, (
        f"{what}: variance {variance:.6g}, theirs {theirs['variance']:.6g}, error {error:.2g}"
    )


@pytest.mark.parametrize("name", DATA["presets"])
def test_bounds_are_distributed_as_in_aihwkit(name):
    cells = population(name)
    check("upper bound", cells.planes[Plane.UPPER], DATA["presets"][name]["upper"])
    check("lower bound", cells.planes[Plane.LOWER], DATA["presets"][name]["lower"])


@pytest.mark.parametrize("name", DATA["presets"])
def test_steps_at_every_state_are_distributed_as_in_aihwkit(name):
    cells = population(name)
    upper, lower = cells.planes[Plane.UPPER], cells.planes[Plane.LOWER]
    for step in DATA["presets"][name]["steps"]:
        w, sign = step["w"], step["sign"]
        inside = (lower < w) & (w < upper)
        cells.set_w(w)
        before = cells.planes[Plane.HIDDEN].copy()
        cells.pulse(sign * 1.0, cells.device.t_pulse_s)
        check(f"step {sign:+d} at {w}", (cells.planes[Plane.HIDDEN] - before)[inside], step)


@pytest.mark.parametrize("name", DATA["presets"])
def test_alternating_pulses_end_as_in_aihwkit(name):
    cells = population(name)
    reference = DATA["presets"][name]["alternating"]
    start = reference["start"]
    inside = (cells.planes[Plane.LOWER] < start) & (cells.planes[Plane.UPPER] > start)
    cells.set_w(start)
    for _ in range(reference["pairs"]):
        cells.pulse(1.0, cells.device.t_pulse_s)
        cells.pulse(-1.0, cells.device.t_pulse_s)
    check("alternating pulses", cells.planes[Plane.HIDDEN][inside], reference)


@pytest.mark.parametrize("name", ["reram-sb", "reram-om", "reram-es"])
def test_write_noise_has_the_set_size(name):
    cells = population(name)
    cells.set_w(0.0)
    cells.pulse(1.0, cells.device.t_pulse_s)
    noise = cells.planes[Plane.W] - cells.planes[Plane.HIDDEN]
    expected = cells.device.write_noise * cells.device.dw_min
    assert noise.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * CELLS))
    assert noise.mean() == pytest.approx(0, abs=4 * expected / np.sqrt(CELLS))
