"""Forming as a controller does it: pulses of rising amplitude until a cell conducts, with or without a current limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import RangeError
from crossloop_sim.devices.filament import FilamentCell, Plane
from crossloop_sim.devices.population import Population


@dataclass(frozen=True)
class FormingResult:
    """What became of every cell; arrays of shape (cells,)."""

    formed: npt.NDArray[np.bool_]
    """Cells that conduct and still switch."""
    lost: npt.NDArray[np.bool_]
    """Cells that were destroyed."""
    v_form_v: npt.NDArray[np.float64]
    """Amplitude at which a cell formed or broke, in volts; NaN for those that never did."""
    pulses: npt.NDArray[np.int64]
    """Pulses each cell was given."""


def form(
    population: Population,
    *,
    limit_a: float = math.inf,
    start_v: float = 1.6,
    stop_v: float = 4.0,
    step_v: float = 0.05,
    t_pulse_s: float = 1e-6,
) -> FormingResult:
    """Form every cell by a ladder of amplitudes; a cell that conducts gets no further pulse.

    Parameters
    ----------
    population : Population
        Filamentary cells.
    limit_a : float
        Current at which the trip ends a pulse, in amperes; infinite: no trip.
    start_v, stop_v, step_v : float
        The ladder in volts.
    t_pulse_s : float
        Width of each pulse in seconds.

    Raises
    ------
    RangeError
        If the cells are not filamentary or the ladder has no steps; nothing is pulsed.
    """
    device = population.device
    if not isinstance(device, FilamentCell):
        raise RangeError(f"forming needs filamentary cells, not {type(device).__name__}; nothing was pulsed")
    if not (0 < start_v < stop_v and step_v > 0):
        raise RangeError(
            f"a ladder from {start_v!r} V to {stop_v!r} V in steps of {step_v!r} V has no steps; nothing was pulsed"
        )
    at_v = np.full(len(population), np.nan)
    for v in np.arange(start_v, stop_v + step_v / 2, step_v):
        waiting = population.planes[Plane.HEALTH] == 0
        if not waiting.any():
            break
        population.pulse(np.where(waiting, v, 0.0), t_pulse_s, limit_a=limit_a)
        at_v[waiting & (population.planes[Plane.HEALTH] != 0)] = v
    health = population.planes[Plane.HEALTH]
    return FormingResult(health == 1, health == 2, at_v, population.pulses.copy())
