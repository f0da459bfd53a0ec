"""Neurons with a time constant and delayed connections: C R dx_i/dt = -x_i + sum_j J_ij tanh(gain x_j(t - delay)).

It is the stability rule of any sampled closed loop: converter, fabric and driver latency add up to the delay. A symmetric network
oscillates above a critical delay, with mu = gain * smallest eigenvalue of J < -1:

    delay_c/RC = arccos(1/mu)/sqrt(mu^2 - 1)

Source: Marcus and Westervelt, Phys. Rev. A 39:347 (1989); the formula is the Hopf bifurcation of the linearised equation.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from crossloop.protocol.errors import RangeError, ShapeError

FloatArray = npt.NDArray[np.float64]


def critical_delay(coupling: npt.ArrayLike, gain: float) -> float:
    """Return the critical delay in units of RC; infinite if no delay makes the network oscillate."""
    mu = gain * float(np.linalg.eigvalsh(_checked(coupling))[0])
    return math.acos(1 / mu) / math.sqrt(mu**2 - 1) if mu < -1 else math.inf


def simulate(
    coupling: npt.ArrayLike,
    gain: float,
    delay: float,
    duration: float,
    start: npt.ArrayLike,
    *,
    steps_per_delay: int = 64,
) -> FloatArray:
    """Integrate the network from a constant history.

    Parameters
    ----------
    coupling : array_like
        J, symmetric, shape (neurons, neurons).
    gain : float
        Slope of the neurons at 0.
    delay, duration : float
        In units of RC, above 0.
    start : array_like
        State at t <= 0, shape (neurons,).
    steps_per_delay : int
        Steps of one delay, at least 2.

    Returns
    -------
    ndarray
        States at every step, shape (steps + 1, neurons); a step is delay/steps_per_delay.

    The method is Heun's with the decay exact (exponential integrator of second order): between two steps the delayed inputs are known.
    """
    j, x0 = _checked(coupling), np.asarray(start, np.float64)
    if x0.shape != (len(j),):
        raise ShapeError(f"start must have the shape ({len(j)},), not {x0.shape}")
    if not np.isfinite(x0).all():
        raise RangeError("start must be finite")
    if not (0 < gain < np.inf and 0 < delay < np.inf and 0 < duration < np.inf and steps_per_delay >= 2):
        raise RangeError(
            f"gain {gain!r}, delay {delay!r} and duration {duration!r} must be above 0, steps_per_delay at least 2"
        )
    h = delay / steps_per_delay
    # Large delays need steps that also follow RC.
    refine = max(1, math.ceil(h / 0.02))
    states = np.empty((math.ceil(duration / h * refine) + 1, len(j)))
    _integrate(np.ascontiguousarray(j), gain, h / refine, steps_per_delay * refine, x0, states)
    return states[::refine]


def oscillates(coupling: npt.ArrayLike, gain: float, delay: float, *, duration: float = 60.0) -> bool:
    """Return whether a small disturbance grows: from the second to the last quarter of `duration` (in RC), or to full size before.

    The disturbance is along the mode that is unstable by delay, that of the smallest eigenvalue: others may grow without any delay, to
    states that do not oscillate.
    """
    mode = np.linalg.eigh(_checked(coupling))[1][:, 0]
    # Seen along the same mode, so that rounding errors that others amplify do not count.
    states = simulate(coupling, gain, delay, duration, 1e-3 * mode) @ mode
    quarter = len(states) // 4
    middle, end = (np.abs(part).max() for part in (states[quarter : 2 * quarter], states[-quarter:]))
    return bool(end > middle or end > 5e-3)


def measured_critical_delay(
    coupling: npt.ArrayLike, gain: float, *, tolerance: float = 0.01, duration: float = 60.0
) -> float:
    """Return the delay, in RC, above which the simulated network oscillates, by bisection to a relative `tolerance`."""
    if not 1e-12 <= tolerance < 1:
        raise RangeError(f"tolerance must be from 1e-12 to 1, not {tolerance!r}")
    low, high = 1e-3, 1.0
    while not oscillates(coupling, gain, high, duration=duration):
        low, high = high, 2 * high
        if high > 100:
            raise RangeError("the network does not oscillate at any delay up to 100 RC; mu must be below -1")
    while high - low > tolerance * high:
        middle = (low + high) / 2
        if oscillates(coupling, gain, middle, duration=duration):
            high = middle
        else:
            low = middle
    return (low + high) / 2


def inhibitory(neurons: int) -> FloatArray:
    """Return the coupling of neurons that all inhibit each other, rows normalised: the worst case of Marcus and Westervelt."""
    if neurons < 2:
        raise RangeError(f"inhibition needs at least 2 neurons, not {neurons!r}")
    return -(np.ones((neurons, neurons)) - np.eye(neurons)) / (neurons - 1)


def _checked(coupling: npt.ArrayLike) -> FloatArray:
    j = np.asarray(coupling, np.float64)
    if j.ndim != 2 or j.shape[0] != j.shape[1]:
        raise ShapeError(f"the coupling must be square, not of the shape {j.shape}")
    if not (np.isfinite(j).all() and np.allclose(j, j.T)):
        raise RangeError("the coupling must be finite and symmetric")
    return j


@njit(cache=True)
def _integrate(j: Any, gain: float, h: float, lag: int, x0: Any, states: Any) -> None:
    """Fill `states`, shape (steps + 1, neurons)."""
    size = x0.size
    decay = np.exp(-h)
    whole = 1.0 - decay  # integral of the decay over one step
    ramp = (h - whole) / h  # the same of the decay times a ramp from 0 to 1
    states[0] = x0
    before, after = np.empty(size), np.empty(size)
    for step in range(states.shape[0] - 1):
        for at, fired in ((step - lag, before), (step - lag + 1, after)):
            for i in range(size):
                total = 0.0
                for k in range(size):
                    past = x0[k] if at < 0 else states[at, k]
                    total += j[i, k] * np.tanh(gain * past)
                fired[i] = total
        for i in range(size):
            states[step + 1, i] = decay * states[step, i] + (whole - ramp) * before[i] + ramp * after[i]
