"""Equilibrium propagation: gradients from the potentials of a free and a nudged phase.

With cost C = |v_out - t|^2/2 and the nudging conductance beta from every output to a source at its target,

    one-sided   dC/dg_ij = ((dv+)^2 - (dv0)^2)/(2 beta) * c_l/c_L,   dv = A v_i - v_j
    centred     dC/dg_ij = ((dv+)^2 - (dv-)^2)/(4 beta) * c_l/c_L,   c_l/c_(l-1) = 1/A_l^2

A negative nudge is an active negative conductance: beyond the outputs' effective conductance to the inputs the circuit
is unstable.

Source: Scellier and Bengio, Front. Comput. Neurosci. 11:24 (2017); Kendall et al., arXiv 2006.01981; centred form Laborieux et al. (2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import RangeError
from crossloop_sim.network.coordinate import solve_ideal
from crossloop_sim.network.resistive import FloatArray, ResistiveNetwork

SAFE_SHARE = 0.5
"""Largest negative nudge as a share of the outputs' effective conductance."""


@dataclass
class Equilibrium:
    """Phases and gradients of a network.

    Parameters
    ----------
    network : ResistiveNetwork
        The network.
    beta_s : float
        Nudging conductance in siemens, above 0.
    centred : bool
        Whether the nudged phases are +beta and -beta instead of 0 and +beta.
    ideal : bool
        Whether diodes are ideal (coordinate descent) or the network's own (Newton's method).

    Raises
    ------
    RangeError
        If beta is not above 0, or its negative is beyond the stable range.
    """

    network: ResistiveNetwork
    beta_s: float
    centred: bool = True
    ideal: bool = True

    def __post_init__(self) -> None:
        if not (np.isfinite(self.beta_s) and self.beta_s > 0):
            raise RangeError(f"beta_s must be finite and above 0 S, not {self.beta_s!r}")
        limit_s = SAFE_SHARE * self.network.largest_negative_nudge_s()
        if self.centred and self.beta_s >= limit_s:
            raise RangeError(
                f"the negative nudge of {self.beta_s!r} S may be unstable: use less than {limit_s:.3g} S, "
                f"{SAFE_SHARE} of the outputs' effective conductance, or the one-sided form"
            )

    def phase(
        self, x: npt.ArrayLike, target_v: npt.ArrayLike, beta_s: float, start: list[FloatArray] | None = None
    ) -> list[FloatArray]:
        """Return the potentials of one phase, inputs included, shapes (cases, nodes)."""
        inputs = self.network.checked_inputs(x)
        if self.ideal:
            return [inputs, *solve_ideal(self.network, inputs, target_v=target_v, beta_s=beta_s, start=start)]
        return [inputs, *self.network.solve(inputs, target_v=target_v, beta_s=beta_s)]

    def cost(self, x: npt.ArrayLike, target_v: npt.ArrayLike) -> float:
        """Return the cost of the free phase, summed over the cases, in square volts."""
        free = self.phase(x, target_v, 0.0)
        return float(((free[-1] - np.atleast_2d(np.asarray(target_v, np.float64))) ** 2).sum() / 2)

    def gradients(self, x: npt.ArrayLike, target_v: npt.ArrayLike) -> list[FloatArray]:
        """Return dC/dg of every crossbar in square volts per siemens, summed over the cases."""
        free = self.phase(x, target_v, 0.0)
        first = self.phase(x, target_v, self.beta_s, free[1:])
        second = self.phase(x, target_v, -self.beta_s, free[1:]) if self.centred else free
        factor = 1 / ((4 if self.centred else 2) * self.beta_s)
        gains = self.network.gains
        out = []
        for layer in range(len(gains)):
            weight = float(np.prod([g**2 for g in gains[layer + 1 :]]))
            squares = [_squares(v[layer], v[layer + 1], gains[layer]) for v in (first, second)]
            out.append(factor * weight * (squares[0] - squares[1]))
        return out


def _squares(below: FloatArray, above: FloatArray, gain: float) -> FloatArray:
    """Return the sum over cases of (A v_i - v_j)^2, shape (nodes below, nodes above)."""
    driven = gain * below
    squares: FloatArray = (driven**2).sum(axis=0)[:, None] + (above**2).sum(axis=0) - 2 * driven.T @ above
    return squares
