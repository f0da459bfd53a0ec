"""Power-law steps: f = omega^gamma_up upwards, (1 - omega)^gamma_down downwards, omega = (b_max - w)/(b_max - b_min)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from crossloop_sim.devices.device import Draws, FloatArray
from crossloop_sim.devices.kernel import Kernel, pulse_kernel
from crossloop_sim.devices.pulsed import HIDDEN, LOWER, SHAPE_DOWN, SHAPE_UP, UPPER, Plane, PulsedDevice, move


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
    w = cells[HIDDEN, cell]
    up = v_v > 0.0
    span = cells[UPPER, cell] - cells[LOWER, cell]
    if not span > 0.0:
        return t_s
    omega = min(max((cells[UPPER, cell] - w) / span, 0.0), 1.0)
    factor = omega ** cells[SHAPE_UP, cell] if up else (1.0 - omega) ** cells[SHAPE_DOWN, cell]
    return move(cells, cell, constants, up, factor, t_s, now_s, stream, number)


@dataclass(frozen=True, kw_only=True)
class PowStep(PulsedDevice):
    """Steps that fall as a power of the distance to the bound. Source: aihwkit, PowStepDevice."""

    pulse: ClassVar[Kernel] = _pulse
    at_least_zero: ClassVar[tuple[str, ...]] = (
        *PulsedDevice.at_least_zero,
        "exponent_up",
        "exponent_down",
        "exponent_dtod",
    )

    exponent_up: float = 1.0
    """gamma of up steps. Source: aihwkit's default."""
    exponent_down: float = 1.0
    """gamma of down steps."""
    exponent_dtod: float = 0.1
    """Device-to-device spread of both. Source: aihwkit's default."""

    def shape(self, cells: FloatArray, draws: Draws) -> None:
        """Draw the exponents."""
        cells[Plane.SHAPE_UP] = np.abs(self.exponent_up + self.exponent_dtod * draws.spread(8))
        cells[Plane.SHAPE_DOWN] = np.abs(self.exponent_down + self.exponent_dtod * draws.spread(9))
