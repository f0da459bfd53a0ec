"""The unit cell of phase-change pair and capacitor: W = F*(G+ - G-) + s*(g - g_ref), with transfer and polarity inversion.

The capacitor takes every update; every so often its part is transferred to the pair, the polarity s changes sign, and what the pair could
not hold goes back to the capacitor. A cell's fixed asymmetry then pushes W one way in one interval and the other way in the next.

Source: Ambrogio et al., Nature 558:60 (2018); F = 3 and the sequence of the transfer are unverified there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import RangeError, ShapeError
from crossloop_sim.devices.capacitor import Capacitor3T1C
from crossloop_sim.devices.pcm import PcmCell, Plane
from crossloop_sim.devices.population import Population

FloatArray = npt.NDArray[np.float64]


class UnitCells:
    """Unit cells, each of two phase-change cells and a capacitor.

    Parameters
    ----------
    cells : int
        How many.
    pcm : PcmCell
        The pair's kind.
    capacitor : Capacitor3T1C
        The capacitor's kind.
    gain : float
        F, the weight of the pair's conductance.
    seed : int
        Seed of every spread and noise.
    """

    def __init__(
        self,
        cells: int,
        pcm: PcmCell | None = None,
        capacitor: Capacitor3T1C | None = None,
        *,
        gain: float = 3.0,
        seed: int = 0,
    ) -> None:
        if not gain > 0:
            raise RangeError(f"gain must be above 0, not {gain!r}")
        kind = pcm or PcmCell()
        self.plus, self.minus = Population(kind, cells, seed=seed), Population(kind, cells, seed=seed + 1)
        """The pair."""
        self.capacitor = Population(capacitor or Capacitor3T1C(), cells, seed=seed + 2)
        """The capacitors; their state is g - g_ref."""
        self.gain = gain
        """F."""
        self.polarity = 1
        """s, the sign with which the capacitors count."""

    def weights(self) -> FloatArray:
        """Read W of every cell, shape (cells,)."""
        return self.pair() + self.polarity * self.capacitor.read_w()

    def pair(self) -> FloatArray:
        """Read the pair's part of W."""
        return self.gain * (self.plus.read_w() - self.minus.read_w())

    def update(self, pulses: npt.ArrayLike) -> None:
        """Give every cell's capacitor counted pulses, shape (cells,), up if positive; the polarity is taken care of."""
        counts = np.asarray(pulses)
        if counts.shape != (len(self.capacitor),) or not np.issubdtype(counts.dtype, np.integer):
            raise ShapeError(
                f"pulses must be integers of the shape ({len(self.capacitor)},), not {counts.dtype} of {counts.shape}"
            )
        device = self.capacitor.device
        assert isinstance(device, Capacitor3T1C)
        for n in range(int(np.abs(counts).max(initial=0))):
            self.capacitor.pulse(
                np.where(np.abs(counts) > n, self.polarity * np.sign(counts) * 1.0, 0.0), device.t_pulse_s
            )

    def wait(self, t_s: float) -> None:
        """Let time pass for all three, in seconds."""
        for population in (self.plus, self.minus, self.capacitor):
            population.wait(t_s)

    def transfer(self, *, attempts: int = 30) -> FloatArray:
        """Move W into the pair, invert the polarity, and leave the rest on the capacitors.

        Parameters
        ----------
        attempts : int
            Most SET pulses for each cell of the pair.

        Returns
        -------
        ndarray
            Error of W right after the transfer, shape (cells,): what the capacitors' range could not take back.
        """
        target = self.weights()
        device = self.plus.device
        assert isinstance(device, PcmCell)
        goal = np.clip(np.abs(target) / self.gain, 0.0, 1.0)
        for population, mine in ((self.plus, target > 0), (self.minus, target <= 0)):
            population.pulse(-1.5 * device.v_reset_v, device.t_pulse_s)
            for _ in range(attempts):
                low = mine & (population.planes[Plane.W] < goal)
                if not low.any():
                    break
                population.pulse(np.where(low, 1.0, 0.0), device.t_pulse_s)
        residual = target - self.pair()
        self.polarity = -self.polarity
        self.capacitor.set_w(self.polarity * residual)
        return self.weights() - target
