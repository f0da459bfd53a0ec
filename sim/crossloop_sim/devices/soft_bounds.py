"""Soft bounds: the step falls linearly to zero at the bound it moves to, f = 1 - w/b_max upwards, 1 - w/b_min downwards.

With a reference r the state that pulses see is w + r: what circuits see is the difference to a reference cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from crossloop_sim.devices.device import Draws, FloatArray
from crossloop_sim.devices.kernel import Kernel, pulse_kernel
from crossloop_sim.devices.pulsed import HIDDEN, LOWER, SHAPE_UP, UPPER, Plane, PulsedDevice, move

_REFERENCE = SHAPE_UP


@pulse_kernel
def _pulse(
    cells: Any,
    cell: int,
    constants: Any,
    v_v: float,
    t_s: float,
    now_s: float,
    limit_a: float,
    stream: int,
    number: int,
) -> float:
    w = cells[HIDDEN, cell] + cells[_REFERENCE, cell]
    up = v_v > 0.0
    # The bounds are kept as those of w, without the reference.
    bound = (cells[UPPER, cell] if up else cells[LOWER, cell]) + cells[_REFERENCE, cell]
    factor = 1.0 - w / bound if (bound > 0.0 if up else bound < 0.0) else 1.0
    return move(cells, cell, constants, up, factor, t_s, now_s, stream, number)


@dataclass(frozen=True, kw_only=True)
class SoftBounds(PulsedDevice):
    """Steps that saturate. Source: aihwkit, SoftBoundsDevice and SoftBoundsReferenceDevice."""

    pulse: ClassVar[Kernel] = _pulse
    at_least_zero: ClassVar[tuple[str, ...]] = (*PulsedDevice.at_least_zero, "reference_std")

    reference_mean: float = 0.0
    """Mean state of the reference cells."""
    reference_std: float = 0.0
    """Device-to-device spread of their states."""
    subtract_symmetry_point: bool = False
    """Whether each reference also holds its cell's symmetry point, so that alternating pulses end at w = 0."""

    def shape(self, cells: FloatArray, draws: Draws) -> None:
        """Draw the references, and shift the bounds by them."""
        reference = self.reference_mean + self.reference_std * draws.spread(7)
        if self.subtract_symmetry_point:
            up, down, upper, lower = (cells[plane] for plane in (Plane.UP, Plane.DOWN, Plane.UPPER, Plane.LOWER))
            works = (upper > 0) & (lower < 0) & (up + down > 0)
            tilt = np.where(works, up / np.where(works, upper, 1) - down / np.where(works, lower, 1), 1)
            reference = reference + np.where(works, (up - down) / tilt, 0)
        cells[_REFERENCE] = reference
        cells[Plane.UPPER] -= reference
        cells[Plane.LOWER] -= reference
        # A cell stays above its floor.
        cells[Plane.LOWER] = np.maximum(cells[Plane.LOWER], self.w_floor)
        cells[Plane.UPPER] = np.maximum(cells[Plane.UPPER], cells[Plane.LOWER])
