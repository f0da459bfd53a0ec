"""Resistive networks: two solvers and ngspice agree, gradients are right, a small task is learned; bad networks are refused by name."""

import subprocess

import numpy as np
import pytest
from circuits.spice import needs_ngspice

from crossloop.protocol.errors import CircuitError, RangeError, ShapeError
from crossloop_sim.network import Clamp, Diode, Equilibrium, ResistiveNetwork
from crossloop_sim.network.coordinate import solve_ideal
from crossloop_sim.network.resistive import random_network

SEEDS = range(12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("gain", [1.0, 4.0])
@pytest.mark.parametrize("g_s", [1e-4, 1.0])
def test_coordinate_descent_and_newton_agree_for_ideal_diodes(seed, gain, g_s):
    rng = np.random.default_rng(seed)
    sizes = [int(k) for k in rng.integers(2, 20, int(rng.integers(3, 6)))]
    network = random_network(sizes, rng, gain=gain, g_s=g_s)
    network.bias_a = [rng.normal(0, 0.1 * g_s, n) for n in sizes[1:]]
    x, target = rng.normal(0, 1, (3, sizes[0])), rng.normal(0, 0.3, (3, sizes[-1]))
    for beta_s in (0.0, 0.2 * g_s):
        ideal = solve_ideal(network, x, target_v=target, beta_s=beta_s)
        newton = network.solve(x, target_v=target, beta_s=beta_s)
        scale = max(np.abs(layer).max() for layer in ideal)
        for one, other in zip(ideal, newton, strict=True):
            assert np.abs(one - other).max() <= 1e-6 * scale, f"seed {seed}, layers {sizes}"


def test_steep_exponentials_approach_ideal_diodes():
    rng = np.random.default_rng(3)
    network = random_network((6, 8, 4), rng)
    x = rng.normal(0, 1, (4, 6))
    ideal = solve_ideal(network, x)
    off = []
    for n_vt_v in (0.02, 0.002, 0.0002):
        network.diode = Diode(i_s_a=1e-9, n_vt_v=n_vt_v)
        off.append(max(np.abs(a - b).max() for a, b in zip(ideal, network.solve(x), strict=True)))
    # A conducting diode holds its node n_vt*ln(i/i_s) beyond the clamp.
    assert off[0] > off[1] > off[2]
    assert off[2] < 0.0002 * 20


@needs_ngspice
@pytest.mark.parametrize("seed", range(4))
def test_exponential_diodes_and_amplifiers_agree_with_ngspice(seed, tmp_path):
    rng = np.random.default_rng(seed)
    sizes, gain = (5, 6, 4, 3), 4.0
    network = random_network(sizes, rng, gain=gain)
    network.bias_a = [rng.normal(0, 1e-6, n) for n in sizes[1:]]
    network.diode = Diode(i_s_a=1e-9, n_vt_v=0.03)
    x = rng.normal(0, 0.5, sizes[0])
    lines = ["* network"] + [f"vin{i} n0_{i} 0 dc {float(v)!r}" for i, v in enumerate(x)]
    for layer, g in enumerate(network.conductance_s, 1):
        a = network.gains[layer - 1]
        for i in range(g.shape[0]):
            # The amplifier: its output follows A times its input, and takes 1/A of its current back from there.
            lines += [
                f"ea{layer}_{i} d{layer}_{i} a{layer}_{i} n{layer - 1}_{i} 0 {a!r}",
                f"va{layer}_{i} a{layer}_{i} 0 dc 0",
            ]
            if layer > 1:
                lines.append(f"fa{layer}_{i} 0 n{layer - 1}_{i} va{layer}_{i} {1 / a!r}")
            lines += [f"r{layer}_{i}_{j} d{layer}_{i} n{layer}_{j} {float(1 / g[i, j])!r}" for j in range(g.shape[1])]
        for j in range(g.shape[1]):
            lines.append(f"ib{layer}_{j} 0 n{layer}_{j} dc {float(network.bias_a[layer - 1][j])!r}")
            clamp = network.clamps[layer - 1][j]
            v = f"v(n{layer}_{j})"
            if clamp == Clamp.LOWER:
                lines.append(f"bd{layer}_{j} 0 n{layer}_{j} i=1e-9*(exp(-{v}/0.03)-1)")
            elif clamp == Clamp.UPPER:
                lines.append(f"bd{layer}_{j} n{layer}_{j} 0 i=1e-9*(exp({v}/0.03)-1)")
    nodes = [(layer, j) for layer in range(1, 4) for j in range(sizes[layer])]
    lines += [".options reltol=1e-10 abstol=1e-18 vntol=1e-13 gmin=1e-20 itl1=2000", ".control", "set numdgt=12", "op"]
    lines += [*(f"print v(n{layer}_{j})" for layer, j in nodes), ".endc", ".end", ""]
    (tmp_path / "net.cir").write_text("\n".join(lines))
    done = subprocess.run(["ngspice", "-b", "net.cir"], cwd=tmp_path, capture_output=True, text=True, check=False)
    found = [float(line.split("=")[1]) for line in done.stdout.splitlines() if line.startswith("v(n")]
    assert len(found) == len(nodes), done.stdout[-300:] + done.stderr[-300:]
    ours = np.concatenate([layer[0] for layer in network.solve(x)])
    np.testing.assert_allclose(ours, found, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("gain", [1.0, 3.0])
@pytest.mark.parametrize("seed", range(8))
def test_centred_gradients_point_along_finite_differences(seed, gain):
    rng = np.random.default_rng(seed)
    network = random_network((8, 8, 3), rng, gain=gain)
    x, target = rng.normal(0, 1, (1, 8)), rng.normal(0, 0.2, (1, 3))
    equilibrium = Equilibrium(network, 0.01 * network.largest_negative_nudge_s())
    gradients = equilibrium.gradients(x, target)
    differences = []
    for g in network.conductance_s:
        found = np.empty_like(g)
        for at in np.ndindex(g.shape):
            costs = []
            for sign in (1, -1):
                kept = g[at]
                g[at] = kept + sign * 1e-3 * kept
                costs.append(equilibrium.cost(x, target))
                g[at] = kept
            found[at] = (costs[0] - costs[1]) / (2e-3 * g[at])
        differences.append(found)
    a, b = (np.concatenate([part.ravel() for part in parts]) for parts in (gradients, differences))
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    assert cosine >= 0.999, f"seed {seed}, gain {gain}: {cosine}"
    assert np.linalg.norm(a) == pytest.approx(np.linalg.norm(b), rel=0.02)


def test_one_sided_gradients_are_less_exact_than_centred_ones():
    rng = np.random.default_rng(0)
    network = random_network((8, 8, 3), rng)
    x, target = rng.normal(0, 1, (1, 8)), rng.normal(0, 0.2, (1, 3))
    beta_s = 0.2 * network.largest_negative_nudge_s()
    fine = np.concatenate([g.ravel() for g in Equilibrium(network, beta_s / 1000).gradients(x, target)])
    off = {}
    for centred in (True, False):
        found = np.concatenate([g.ravel() for g in Equilibrium(network, beta_s, centred=centred).gradients(x, target)])
        off[centred] = np.linalg.norm(found - fine) / np.linalg.norm(fine)
    assert off[True] < off[False] / 3


def chain():
    return ResistiveNetwork([[[1e-6]], [[1e-4]]], clamps=[np.zeros(1, np.int8)] * 2)


def test_a_few_sweeps_are_made_if_asked_for():
    rng = np.random.default_rng(1)
    network = random_network((6, 8, 8, 4), rng)
    x = rng.normal(0, 1, (2, 6))
    exact = solve_ideal(network, x)
    off = []
    for sweeps in (1, 4, 16):
        found = solve_ideal(network, x, sweeps=sweeps, tolerance=np.inf)
        off.append(max(np.abs(a - b).max() for a, b in zip(exact, found, strict=True)))
    assert off[0] > off[1] > off[2]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ResistiveNetwork([[[1e-5, -1e-6]]]), RangeError, r"conductance \(0, 1\) of crossbar 1 is -1e-06 S"),
        (lambda: ResistiveNetwork([[[1e-5]], [[float("nan")]]]), RangeError, r"conductance \(0, 0\) of crossbar 2 is nan S"),
        (lambda: ResistiveNetwork([np.ones((2, 3)), np.ones((2, 3))]), ShapeError, "crossbar 2 has 2 rows for the 3 nodes of layer 1"),
        (
            lambda: ResistiveNetwork([np.array([[1e-5, 0.0]]), np.array([[1e-5, 0.0], [0.0, 1e-5]])]),
            CircuitError,
            "node 1 of layer 1 floats: no conductance joins it to an input, so the network has no ground there",
        ),
        (lambda: ResistiveNetwork([np.ones((2, 2))], gain=0.0), RangeError, "gain must be finite and above 0, not 0.0"),
        (lambda: ResistiveNetwork([np.ones((2, 2))]).solve([1.0]), ShapeError, r"inputs must have the shape \(2,\)"),
        (lambda: ResistiveNetwork([np.ones((1, 1))]).solve([float("inf")]), RangeError, "inputs must be finite"),
        (lambda: Equilibrium(ResistiveNetwork([np.ones((2, 2))]), 1.5), RangeError, "may be unstable: use less than 1 S"),
        # The chain's output hangs on the input by 1e-6 S only, whatever its own conductance.
        (lambda: Equilibrium(chain(), 4e-5), RangeError, "use less than 4.95e-07 S"),
        (lambda: ResistiveNetwork([np.ones((1, 1))]).solve([1.0], beta_s=-1.0), CircuitError, "the network is unstable: a nudge of -1.0 S"),
        (lambda: ResistiveNetwork([np.ones((1, 1))]).solve([1.0], beta_s=-2.0), CircuitError, "the network is unstable"),
        (lambda: solve_ideal(chain(), [1.0], beta_s=-4e-5), CircuitError, "the network is unstable"),
        (lambda: solve_ideal(chain(), [1.0], target_v=[float("nan")]), RangeError, "targets must be finite"),
        (lambda: solve_ideal(chain(), [1.0], target_v=[1.0, 2.0]), ShapeError, r"targets must have the shape \(1,\)"),
        (lambda: solve_ideal(chain(), [1.0], sweeps=0), RangeError, "sweeps must be at least 1"),
        (lambda: chain().solve([1.0], beta_s=float("nan")), RangeError, "beta_s must be finite, not nan"),
        (lambda: ResistiveNetwork([]), ShapeError, "at least one crossbar"),
        (lambda: ResistiveNetwork([np.ones((1, 1))], bias_a=[np.array([np.nan])]), RangeError, "bias_a of layer 1 must be finite"),
        (lambda: Diode(n_vt_v=0.0), RangeError, "n_vt_v above 0"),
    ],
)  # fmt: skip
def test_bad_networks_are_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_small_network_learns_iris():
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    data, labels = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    order = rng.permutation(150)
    x = (data - data[order[:100]].mean(axis=0)) / data[order[:100]].std(axis=0)
    # Inputs and their negatives and a bias: conductances cannot be negative.
    inputs = 4 * np.column_stack([x, -x, np.ones(150), -np.ones(150)])
    train, test = order[:100], order[100:]
    targets = np.eye(3)[labels] - 1 / 3
    linear = LogisticRegression(max_iter=500).fit(x[train], labels[train]).score(x[test], labels[test])
    scores = {}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        network = random_network((10, 8, 3), rng, g_s=1.0)
        untrained = (solve_ideal(network, inputs[test])[-1].argmax(axis=1) == labels[test]).mean()
        # Rate and nudge as in the calibration runs for this system (iris 10-8-3, 20 epochs), not chosen here.
        for _epoch in range(20):
            for k in rng.permutation(train):
                beta_s = 0.2 * network.largest_negative_nudge_s()
                gradients = Equilibrium(network, beta_s).gradients(inputs[k : k + 1], targets[k : k + 1])
                for g, gradient in zip(network.conductance_s, gradients, strict=True):
                    np.clip(g - 0.1 * gradient, 1e-3, None, out=g)
        trained = (solve_ideal(network, inputs[test])[-1].argmax(axis=1) == labels[test]).mean()
        scores[seed] = (untrained, trained)
    median = float(np.median([trained for _, trained in scores.values()]))
    worst_start = max(untrained for untrained, _ in scores.values())
    assert median >= 0.85, f"trained and untrained {scores}, linear {linear}"
    assert median > worst_start + 0.2, f"trained and untrained {scores}, linear {linear}"
