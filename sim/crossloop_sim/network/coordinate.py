"""Exact solution for ideal diodes by block coordinate descent: one layer at a time, each node to the minimum of the energy, then clamped.

Nodes of one layer do not see each other, so a whole layer is one block, and each step can only lower the energy.

Source: Scellier, "A fast algorithm to simulate nonlinear resistive networks", ICML 2024.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import CircuitError, RangeError, ShapeError
from crossloop_sim.blas import single_threaded
from crossloop_sim.network.resistive import Clamp, FloatArray, ResistiveNetwork


def solve_ideal(
    network: ResistiveNetwork,
    x: npt.ArrayLike,
    *,
    target_v: npt.ArrayLike | None = None,
    beta_s: float = 0.0,
    sweeps: int = 5000,
    tolerance: float = 1e-12,
    start: list[FloatArray] | None = None,
) -> list[FloatArray]:
    """Find the node potentials for ideal diodes.

    Parameters
    ----------
    network : ResistiveNetwork
        The network; its own diode model is not used.
    x, target_v, beta_s
        As in `ResistiveNetwork.solve`.
    sweeps : int
        Most sweeps over all layers; training gets along with 4 to 6 of them (`tolerance` infinite).
    tolerance : float
        Ends when no potential moves by more, relative to the largest.
    start : list of ndarray, optional
        Potentials to start from: those of another phase.

    Returns
    -------
    list of ndarray
        Potentials of every layer above the inputs, shapes (cases, nodes).

    Raises
    ------
    CircuitError
        If the sweeps end before the tolerance is met.
    """
    below = network.checked_inputs(x)
    count = len(network.conductance_s)
    cases = len(below)
    if sweeps < 1 or not tolerance > 0:
        raise RangeError(f"sweeps must be at least 1 and tolerance above 0, not {sweeps!r} and {tolerance!r}")
    network.check()
    network.check_nudge(beta_s)
    targets = network.checked_targets(target_v, cases)
    if start is not None and [np.shape(layer) for layer in start] != [(cases, n) for n in network.sizes[1:]]:
        raise ShapeError(
            f"start must have the shapes {[(cases, n) for n in network.sizes[1:]]}, one per layer above the inputs"
        )
    v = [np.zeros((cases, n)) for n in network.sizes[1:]] if start is None else [layer.copy() for layer in start]
    whole = [network.own_s(layer) for layer in range(1, count + 1)]
    whole[-1] = whole[-1] + beta_s
    lower = [np.where(clamp == Clamp.LOWER, 0.0, -np.inf) for clamp in network.clamps]
    upper = [np.where(clamp == Clamp.UPPER, 0.0, np.inf) for clamp in network.clamps]
    with single_threaded():
        fixed = below @ network.conductance_s[0]
        for _sweep in range(sweeps):
            moved, largest = 0.0, 1e-300
            for layer in range(count):
                drive = network.bias_a[layer] + (
                    fixed if layer == 0 else network.gains[layer] * (v[layer - 1] @ network.conductance_s[layer])
                )
                if layer + 1 < count:
                    drive = drive + v[layer + 1] @ network.conductance_s[layer + 1].T / network.gains[layer + 1]
                else:
                    drive = drive + beta_s * targets
                new = np.clip(drive / whole[layer], lower[layer], upper[layer])
                moved = max(moved, float(np.abs(new - v[layer]).max()))
                largest = max(largest, float(np.abs(new).max()))
                v[layer] = new
            if np.isfinite(tolerance) and moved <= tolerance * largest:
                return v
    if np.isinf(tolerance):
        return v
    raise CircuitError(f"{sweeps} sweeps were not enough: the last one moved a node by {moved:.1e} V")
