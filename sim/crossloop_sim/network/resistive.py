"""Layers of nodes joined by crossbars: what the network is, and its node potentials by Newton's method.

Layer 0 is held at the inputs. Crossbar l has conductances g[i, j] from node i of layer l - 1 to node j of layer l; a bidirectional
amplifier in front of it drives it with A times the potential of the layer below, and takes 1/A of its current from there (A = 1: plain
wires). Kirchhoff's current law for node j of layer l, with a bias current b, a diode and, on the last layer, a nudging conductance beta
to a source at t:

    sum_i g[i, j] (v_j - A v_i) + sum_k g'[j, k] (v_j - v_k/A') + i_diode(v_j) + beta (v_j - t_j) = b_j

The network minimises sum_l c_l/2 sum_ij g (A v_i - v_j)^2 + ..., c_l = c_(l-1)/A_l^2: an energy in spite of the amplifiers.

Source: Kendall et al., arXiv 2006.01981 (2020): resistive networks with diodes and bidirectional amplifiers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import CircuitError, RangeError, ShapeError
from crossloop_sim.blas import single_threaded

FloatArray = npt.NDArray[np.float64]

_STEPS = 200


class Clamp(IntEnum):
    """Which diodes a node has."""

    NONE = 0
    """None: a linear node."""
    LOWER = 1
    """One that keeps it from going below 0 V."""
    UPPER = 2
    """One that keeps it from going above 0 V."""


@dataclass(frozen=True, kw_only=True)
class Diode:
    """A diode: Shockley's law, or two straight lines, which become ideal as `g_on_s` grows."""

    i_s_a: float = 0.0
    """Saturation current in amperes; 0: two straight lines."""
    n_vt_v: float = 0.02585
    """Ideality factor times thermal voltage in volts. Source: kT/q at 300 K."""
    g_on_s: float = 0.0
    """Conductance in forward direction of the straight lines in siemens; 0: a thousand million times that of the best connected node."""

    def __post_init__(self) -> None:
        if not (0 <= self.i_s_a < np.inf and 0 < self.n_vt_v < np.inf and 0 <= self.g_on_s < np.inf):
            raise RangeError(f"a diode needs i_s_a and g_on_s of 0 or more, and n_vt_v above 0, all finite, not {self}")

    def branch(self, v: FloatArray, clamps: npt.NDArray[np.int8], g_node_s: float) -> tuple[FloatArray, FloatArray]:
        """Return the current out of every node through its diode, and its derivative; `g_node_s` is the largest conductance of a node."""
        # Forward voltage of the diode: minus the node's for one that holds it up, the node's for one that holds it down.
        sign = np.where(clamps == Clamp.LOWER, -1.0, np.where(clamps == Clamp.UPPER, 1.0, 0.0))
        forward = sign * v
        if self.i_s_a == 0:
            slope = np.where(forward > 0, self.g_on_s or 1e9 * g_node_s, 0.0)
            return sign * slope * forward, np.where(sign != 0, slope, 0.0)
        with np.errstate(over="ignore"):
            grown = np.exp(np.minimum(forward / self.n_vt_v, 600))
        return sign * self.i_s_a * (grown - 1), np.where(sign != 0, self.i_s_a / self.n_vt_v * grown, 0.0)


@dataclass
class ResistiveNetwork:
    """Layers of nodes joined by crossbars.

    Parameters
    ----------
    conductance_s : sequence of ndarray
        One per crossbar, shape (nodes below, nodes above), in siemens, not negative.
    clamps : sequence of ndarray, optional
        Diodes of every layer above the inputs, shape (nodes,), values of Clamp; by default half of each hidden layer is kept above and
        half below 0 V, and the last layer has none.
    gain : float
        Voltage gain A of the amplifiers in front of every crossbar but the first.
    bias_a : sequence of ndarray, optional
        Currents into every layer above the inputs in amperes.
    diode : Diode
        What the diodes are for `solve`.

    Raises
    ------
    ShapeError, RangeError, CircuitError
        If shapes do not follow each other, a value is not a number, or a node has no conductance to anything.
    """

    conductance_s: list[FloatArray]
    clamps: list[npt.NDArray[np.int8]] = field(default_factory=list)
    gain: float = 1.0
    bias_a: list[FloatArray] = field(default_factory=list)
    diode: Diode = field(default_factory=Diode)

    def __post_init__(self) -> None:
        if not self.conductance_s:
            raise ShapeError("a network needs at least one crossbar")
        self.conductance_s = [np.array(g, np.float64, ndmin=2) for g in self.conductance_s]
        sizes = self.sizes
        if not self.clamps:
            half = [
                np.where(np.arange(n) < (n + 1) // 2, Clamp.LOWER, Clamp.UPPER).astype(np.int8) for n in sizes[1:-1]
            ]
            self.clamps = [*half, np.zeros(sizes[-1], np.int8)]
        if not self.bias_a:
            self.bias_a = [np.zeros(n) for n in sizes[1:]]
        self.check()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes per layer, inputs first."""
        return (self.conductance_s[0].shape[0], *(g.shape[1] for g in self.conductance_s))

    @property
    def gains(self) -> tuple[float, ...]:
        """Voltage gain in front of every crossbar."""
        return (1.0, *([self.gain] * (len(self.conductance_s) - 1)))

    def check(self) -> None:
        """Raise if the network has no unique solution."""
        if not (math.isfinite(self.gain) and self.gain > 0):
            raise RangeError(f"gain must be finite and above 0, not {self.gain!r}")
        if min(g.size for g in self.conductance_s) == 0:
            raise ShapeError("every crossbar needs at least one row and one column")
        sizes = self.sizes
        for layer, (g, below) in enumerate(zip(self.conductance_s, sizes[:-1], strict=True), 1):
            if g.shape[0] != below:
                raise ShapeError(f"crossbar {layer} has {g.shape[0]} rows for the {below} nodes of layer {layer - 1}")
            if not (g.min() >= 0 and g.max() < np.inf):
                i, j = (int(k) for k in np.argwhere(~((g >= 0) & (g < np.inf)))[0])
                raise RangeError(
                    f"conductance ({i}, {j}) of crossbar {layer} is {float(g[i, j])!r} S; it must be finite and not negative"
                )
        for name, values in (("clamps", self.clamps), ("bias_a", self.bias_a)):
            shapes = [np.shape(v) for v in values]
            if shapes != [(n,) for n in sizes[1:]]:
                raise ShapeError(
                    f"{name} must have the shapes {[(n,) for n in sizes[1:]]}, one per layer above the inputs, not {shapes}"
                )
        for layer, bias in enumerate(self.bias_a, 1):
            if not np.isfinite(bias).all():
                raise RangeError(f"bias_a of layer {layer} must be finite, not {bias!r}")
        if any(not np.isin(clamp, list(Clamp)).all() for clamp in self.clamps):
            raise RangeError(f"clamps must be {', '.join(f'{c.value} ({c.name})' for c in Clamp)}")
        self._check_ground()

    def _check_ground(self) -> None:
        """Raise for nodes that no path of conductances joins to an input: their potential is undetermined."""
        reached = np.ones(self.sizes[0], bool)
        held = [reached, *(np.zeros(g.shape[1], bool) for g in self.conductance_s)]
        changed = True
        while changed:
            changed = False
            for layer, g in enumerate(self.conductance_s):
                for up, new in ((True, held[layer] @ (g > 0)), (False, (g > 0) @ held[layer + 1])):
                    at = layer + 1 if up else layer
                    grown = held[at] | new
                    changed = changed or bool((grown != held[at]).any())
                    held[at] = grown
        for layer, nodes in enumerate(held):
            if not nodes.all():
                raise CircuitError(
                    f"node {int(np.argmin(nodes))} of layer {layer} floats: no conductance joins it to an input, "
                    "so the network has no ground there"
                )

    def checked_inputs(self, x: npt.ArrayLike) -> FloatArray:
        """Return inputs of shape (cases, inputs) in volts, or raise ShapeError or RangeError."""
        inputs = np.atleast_2d(np.asarray(x, np.float64))
        if inputs.shape[1:] != self.sizes[:1]:
            raise ShapeError(
                f"inputs must have the shape ({self.sizes[0]},) or (cases, {self.sizes[0]}), not {np.shape(x)}"
            )
        if not np.isfinite(inputs).all():
            raise RangeError("inputs must be finite voltages")
        return inputs

    def checked_targets(self, target_v: npt.ArrayLike | None, cases: int) -> FloatArray:
        """Return the potentials of the nudging sources, shape (cases, outputs), or raise ShapeError or RangeError."""
        last = self.sizes[-1]
        if target_v is None:
            return np.zeros((cases, last))
        targets = np.asarray(target_v, np.float64)
        if targets.shape not in {(last,), (1, last), (cases, last)}:
            raise ShapeError(f"targets must have the shape ({last},) or ({cases}, {last}), not {targets.shape}")
        if not np.isfinite(targets).all():
            raise RangeError("targets must be finite voltages")
        return np.broadcast_to(np.atleast_2d(targets), (cases, last))

    def check_nudge(self, beta_s: float) -> None:
        """Raise if a nudging conductance is no number, or so negative that the network may be unstable with no diode conducting."""
        if not math.isfinite(beta_s):
            raise RangeError(f"beta_s must be finite, not {beta_s!r}")
        limit_s = self.largest_negative_nudge_s() if beta_s < 0 else 0.0
        if beta_s < 0 and -beta_s >= limit_s:
            raise CircuitError(
                f"the network is unstable: a nudge of {beta_s!r} S cancels the outputs' effective conductance; "
                f"stay above {-limit_s:.3g} S"
            )

    def largest_negative_nudge_s(self) -> float:
        """Return the magnitude of the negative nudge at which the linear network becomes singular: the outputs' effective conductance.

        Diodes only add to the conductance of nodes, so the network with them is stable below it, too.
        """
        weights = np.concatenate([np.full(n, w) for n, w in zip(self.sizes[1:], self._weights(), strict=True)])
        symmetric = np.sqrt(weights)[:, None] * self._matrix(0.0) / np.sqrt(weights)
        last = self.sizes[-1]
        inverse = np.linalg.inv(symmetric)[-last:, -last:]
        return 1 / float(np.linalg.eigvalsh((inverse + inverse.T) / 2)[-1])

    def _weights(self) -> list[float]:
        """Return c_l of every layer above the inputs."""
        return [float(np.prod([g**-2 for g in self.gains[: layer + 1]])) for layer in range(len(self.gains))]

    def own_s(self, layer: int) -> FloatArray:
        """Return the total conductance of every node of a layer (1 is the first above the inputs) to its neighbours, in siemens."""
        own = self.conductance_s[layer - 1].sum(axis=0)
        if layer < len(self.conductance_s):
            own = own + self.conductance_s[layer].sum(axis=1)
        return own

    def solve(
        self, x: npt.ArrayLike, *, target_v: npt.ArrayLike | None = None, beta_s: float = 0.0
    ) -> list[FloatArray]:
        """Find the node potentials by Newton's method.

        Parameters
        ----------
        x : array_like
            Input potentials in volts, shape (inputs,) or (cases, inputs).
        target_v : array_like, optional
            Potentials of the nudging sources, shape (outputs,) or (cases, outputs).
        beta_s : float
            Nudging conductance in siemens; below 0 it takes current out.

        Returns
        -------
        list of ndarray
            Potentials of every layer above the inputs, shapes (cases, nodes).

        Raises
        ------
        CircuitError
            If Newton's method does not converge, or the network is singular.
        """
        inputs = self.checked_inputs(x)
        self.check()
        self.check_nudge(beta_s)
        targets = self.checked_targets(target_v, len(inputs))
        matrix = self._matrix(beta_s)
        clamps = np.concatenate(self.clamps)
        found = np.empty((len(inputs), len(matrix)))
        first = self.sizes[1]
        for case, values in enumerate(inputs):
            drive = np.concatenate(self.bias_a)
            drive[:first] += values @ self.conductance_s[0]
            drive[-self.sizes[-1] :] += beta_s * targets[case]
            with single_threaded():
                found[case] = self._newton(matrix, drive, clamps)
        ends = np.cumsum(self.sizes[1:])[:-1]
        return np.split(found, ends, axis=1)

    def _matrix(self, beta_s: float) -> FloatArray:
        """Return the nodal matrix of everything linear, shape (nodes, nodes)."""
        sizes = self.sizes[1:]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        matrix = np.zeros((starts[-1], starts[-1]))
        for layer in range(1, len(self.sizes)):
            here = slice(starts[layer - 1], starts[layer])
            own = self.own_s(layer)
            if layer == len(sizes):
                own = own + beta_s
            matrix[here, here] = np.diag(own)
            if layer > 1:
                below, g, gain = (
                    slice(starts[layer - 2], starts[layer - 1]),
                    self.conductance_s[layer - 1],
                    self.gains[layer - 1],
                )
                matrix[here, below] = -gain * g.T
                matrix[below, here] = -g / gain
        return matrix

    def _newton(self, matrix: FloatArray, drive: FloatArray, clamps: npt.NDArray[np.int8]) -> FloatArray:
        """Solve matrix v + diodes(v) = drive: full steps for straight lines, which end after finitely many.

        Limited ones for exponentials.
        """
        v = np.zeros(len(drive))
        g_node_s = float(np.abs(np.diag(matrix)).max())
        limit = np.inf if self.diode.i_s_a == 0 else 4 * self.diode.n_vt_v
        for _step in range(_STEPS):
            current, slope = self.diode.branch(v, clamps, g_node_s)
            unbalanced = matrix @ v + current - drive
            try:
                step = -np.linalg.solve(matrix + np.diag(slope), unbalanced)
            except np.linalg.LinAlgError:
                raise CircuitError(
                    "the network is singular: a negative nudge cancels the conductance of an output node"
                ) from None
            # An exponential that is overshot falls back by one thermal voltage a step: nodes that go forward are held back.
            forward = np.where(clamps == Clamp.LOWER, -1.0, np.where(clamps == Clamp.UPPER, 1.0, 0.0))
            going = forward * (v + step)
            critical = self._critical_v(slope)
            too_far = (going > critical) & (np.abs(step) > limit)
            step = np.where(
                too_far, np.sign(step) * np.maximum(limit, np.abs(step) - np.maximum(going - critical, 0)), step
            )
            v = v + step
            if not too_far.any() and np.abs(step).max() <= 1e-12 * max(float(np.abs(v).max()), 1e-9):
                return v
        raise CircuitError(
            f"Newton's method did not converge in {_STEPS} steps: the last one moved a node by {np.abs(step).max():.1e} V"
        )

    def _critical_v(self, slope: FloatArray) -> FloatArray:
        """Return the forward voltage beyond which a diode conducts more than everything else together."""
        if self.diode.i_s_a == 0:
            return np.full(slope.shape, np.inf)
        most = max(float(g.sum()) for g in self.conductance_s)
        return np.full(slope.shape, self.diode.n_vt_v * math.log(max(most * self.diode.n_vt_v / self.diode.i_s_a, 1.0)))


def random_network(
    sizes: Sequence[int], rng: np.random.Generator, *, gain: float = 1.0, g_s: float = 1e-4
) -> ResistiveNetwork:
    """Return a network with conductances uniform up to `g_s` siemens over the square root of the nodes below."""
    crossbars = [rng.uniform(0, g_s / math.sqrt(a), (a, b)) for a, b in pairwise(sizes)]
    return ResistiveNetwork(crossbars, gain=gain)
