"""Linear steps: f = 1 - gamma_up*w/b upwards, 1 - gamma_down*w/b downwards, with b the bound ahead, nominal or the cell's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from crossloop_sim.devices.device import Draws, FloatArray
from crossloop_sim.devices.kernel import Kernel, pulse_kernel
from crossloop_sim.devices.pulsed import HIDDEN, SHAPE_DOWN, SHAPE_UP, Plane, PulsedDevice, move


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
    factor = 1.0 - (cells[SHAPE_UP, cell] if up else cells[SHAPE_DOWN, cell]) * w
    return move(cells, cell, constants, up, factor, t_s, now_s, stream, number)


@dataclass(frozen=True, kw_only=True)
class LinearStep(PulsedDevice):
    """Steps that fall linearly with the state. Source: aihwkit, LinearStepDevice."""

    pulse: ClassVar[Kernel] = _pulse
    at_least_zero: ClassVar[tuple[str, ...]] = (*PulsedDevice.at_least_zero, "gamma_up_dtod", "gamma_down_dtod")

    gamma_up: float = 0.0
    """Fraction by which an up step has fallen at the upper bound."""
    gamma_up_dtod: float = 0.05
    """Device-to-device spread of it, absolute. Source: aihwkit's default."""
    gamma_down: float = 0.0
    """Fraction by which a down step has fallen at the lower bound."""
    gamma_down_dtod: float = 0.05
    """Device-to-device spread of it, absolute. Source: aihwkit's default."""
    nominal_bounds: bool = False
    """Whether the fractions refer to the mean bounds instead of each cell's own."""

    def shape(self, cells: FloatArray, draws: Draws) -> None:
        """Draw the slopes: relative change of the step per unit of w."""
        for plane, mean, spread, draw, bound, nominal in (
            (Plane.SHAPE_UP, self.gamma_up, self.gamma_up_dtod, 8, Plane.UPPER, self.w_max),
            (Plane.SHAPE_DOWN, self.gamma_down, self.gamma_down_dtod, 9, Plane.LOWER, self.w_min),
        ):
            gamma = np.abs(mean + spread * draws.spread(draw))
            at = np.full_like(gamma, nominal) if self.nominal_bounds else cells[bound]
            cells[plane] = np.divide(gamma, at, out=np.zeros_like(gamma), where=at != 0)
