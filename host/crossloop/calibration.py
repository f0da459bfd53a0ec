"""Gain and offset of every converter channel, recovered from an array of known resistors.

    measured current = gain * true current + offset,   a line per channel and range, by least squares over a staircase of drive voltages

The staircase fills most of the range, so quantisation averages out over its steps. What remains is the tolerance of the resistors: errors
of single resistors average over the lines of a channel, a common error of all of them is a common gain error that no calibration on them
can see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.operations import Product
from crossloop.protocol.errors import CalibrationError, RangeError
from crossloop.protocol.streams import CROSSING, Family
from crossloop.quantise import finite_array
from crossloop.sensing import INTEGRATE_S, LARGEST_COUNT, SETTLE_S

if TYPE_CHECKING:
    from crossloop.tile import Tile

FILL = 0.7
"""Part of the range that the largest current of the staircase fills: the rest leaves room for gain and offset errors."""


@dataclass(frozen=True)
class Calibration:
    """Errors of the converter channels, for currents in amperes."""

    gain: NDArray[np.float64]
    """Measured over true, shape (2, ranges, channels): family sensed, range, line; 1 is right."""
    offset_a: NDArray[np.float64]
    """Measured at no current, in amperes, same shape."""
    residual_a: NDArray[np.float64]
    """Root mean square distance of the measured staircase from the fitted line, same shape."""

    def corrected(self, sensed: Family, range_index: int, amperes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return true currents for measured ones.

        Parameters
        ----------
        sensed : Family
            The family that was sensed.
        range_index : int
            Its converter range.
        amperes : ndarray
            Measured currents, shape (..., channels), from channel 0 on.
        """
        channels = amperes.shape[-1]
        offset_a = self.offset_a[sensed, range_index, :channels]
        corrected: NDArray[np.float64] = (amperes - offset_a) / self.gain[sensed, range_index, :channels]
        return corrected


def calibrate(
    tile: Tile,
    conductance_s: ArrayLike,
    *,
    steps: int = 17,
    averages: int = 8,
    settle_s: float = SETTLE_S,
    integrate_s: float = INTEGRATE_S,
) -> Calibration:
    """Measure the errors of every channel, in every range, on a tile of known resistors.

    Nothing is written: the staircase stays within the session's level window.

    Parameters
    ----------
    tile : Tile
        The tile with the resistors; its session must be armed.
    conductance_s : array_like
        Their conductances in siemens, shape () or (rows, columns).
    steps : int
        Steps of the staircase, odd, from 3.
    averages : int
        Conversions per step.
    settle_s, integrate_s : float
        Time before and of the integration in seconds.

    Returns
    -------
    Calibration
        To be set as `session.calibration`.

    Raises
    ------
    RangeError
        If an argument is out of range; nothing was sent.
    CalibrationError
        If a channel saturates or does not follow the drive: the errors are not those of a working channel, or these are not the resistors.
    """
    if steps < 3 or steps % 2 == 0:
        raise RangeError(f"a staircase needs an odd number of steps from 3, not {steps!r}; nothing was sent")
    if not 1 <= averages <= LARGEST_COUNT:
        raise RangeError(f"averages must be from 1 to {LARGEST_COUNT}, not {averages!r}; nothing was sent")
    given = np.asarray(conductance_s, np.float64)
    g_s = finite_array("conductance_s", np.full(tile.shape, given) if given.ndim == 0 else given, tile.shape, "S")
    if not (g_s > 0).all():
        raise RangeError(f"conductance_s of resistors must be above 0 S, not {g_s.min()!r}; nothing was sent")
    session = tile.session
    lines = max(tile.shape)
    ranges = len(session.samples.steps_a)
    saved, session.calibration = session.calibration, None
    gain, offset_a, residual_a = np.ones((2, ranges, lines)), np.zeros((2, ranges, lines)), np.zeros((2, ranges, lines))
    try:
        for sensed in CROSSING:
            into = g_s if sensed is Family.ROWS else g_s.T
            for range_index in range(ranges):
                codes = _staircase(tile, into, range_index, steps)
                true_a = np.outer(session.levels.volts(1) * codes, into.sum(axis=1))
                measured_a = _measure(tile, sensed, codes, range_index, averages, settle_s, integrate_s)
                fitted = _fit(true_a, measured_a, sensed, range_index)
                where = np.s_[sensed, range_index, : into.shape[0]]
                gain[where], offset_a[where], residual_a[where] = fitted
    finally:
        session.calibration = saved
    return Calibration(gain, offset_a, residual_a)


def _staircase(tile: Tile, into: NDArray[np.float64], range_index: int, steps: int) -> NDArray[np.int64]:
    """Return level codes, shape (steps,), that fill the range as far as the level window allows."""
    session = tile.session
    full_scale_a = session.samples.steps_a[range_index] * (1 << (session.parameters.sample_bits - 1))
    per_code_a = session.levels.volts(1) * into.sum(axis=1).max()
    largest = min(int(FILL * full_scale_a / per_code_a), session.limit_codes.level_max, -session.limit_codes.level_min)
    if largest < 1:
        raise CalibrationError(
            f"one step of the level converter drives {per_code_a:.3g} A into a channel whose range {range_index} ends at "
            f"{full_scale_a:.3g} A; calibrate on resistors of lower conductance, or with fewer lines"
        )
    return np.unique(np.rint(np.linspace(-largest, largest, steps)).astype(np.int64))


def _measure(
    tile: Tile,
    sensed: Family,
    codes: NDArray[np.int64],
    range_index: int,
    averages: int,
    settle_s: float,
    integrate_s: float,
) -> NDArray[np.float64]:
    """Return the mean currents of every line at every step, shape (steps, lines)."""
    session = tile.session
    driven = tile.shape[1] if sensed is Family.ROWS else tile.shape[0]
    lines = tile.shape[sensed]
    clock = session.clock
    settle, integrate = clock.cycles(settle_s, "settle_s", 0xFFFF), clock.cycles(integrate_s, "integrate_s", 0xFFFF)
    products = [
        Product(
            tile.index,
            sensed,
            np.full(driven, code),
            lines,
            range_index=range_index,
            settle_cycles=settle,
            integrate_cycles=integrate,
        )
        for code in codes
        for _ in range(averages)
    ]
    found = session.execute(*products)
    if any(result.saturated.any() for result in found):
        raise CalibrationError(
            f"a channel of the {sensed.name.lower()} saturates in range {range_index} at {FILL:.0%} of full scale; "
            "check that the tile holds the resistors of conductance_s"
        )
    step_a = session.samples.steps_a[range_index]
    counts = np.array([result.codes for result in found], np.float64).reshape(codes.size, averages, lines)
    means: NDArray[np.float64] = counts.mean(axis=1) * step_a
    return means


def _fit(
    true_a: NDArray[np.float64], measured_a: NDArray[np.float64], sensed: Family, range_index: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return gain, offset and residual of every channel."""
    centred = true_a - true_a.mean(axis=0)
    gain = (centred * measured_a).sum(axis=0) / (centred**2).sum(axis=0)
    offset_a = measured_a.mean(axis=0) - gain * true_a.mean(axis=0)
    wrong = np.flatnonzero(~((gain > 0.5) & (gain < 2)))
    if wrong.size:
        raise CalibrationError(
            f"channel {wrong[0]} of the {sensed.name.lower()} has a gain of {gain[wrong[0]]:.3g} in range {range_index}, outside 0.5 to 2; "
            "it is broken, or the tile does not hold the resistors of conductance_s"
        )
    residual_a = np.sqrt(((measured_a - gain * true_a - offset_a) ** 2).mean(axis=0))
    return gain, offset_a, residual_a
