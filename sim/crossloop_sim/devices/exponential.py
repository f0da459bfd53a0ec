"""Exponential steps: f = max(1 - A*exp(-+gamma*z), 0), z = 2*a*w/(b_max - b_min) + b."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from crossloop_sim.devices.kernel import Kernel, pulse_kernel
from crossloop_sim.devices.pulsed import C2C, DOWN, HIDDEN, LOWER, OWN, UP, UPPER, PulsedDevice, move, place
from crossloop_sim.noise import deviate

_A_UP, _A_DOWN, _GAMMA_UP, _GAMMA_DOWN, _A, _B, _ADD, _SLOPE = range(OWN, OWN + 8)


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
    z = 2.0 * w / span * constants[_A] + constants[_B]
    if up:
        factor = max(1.0 - constants[_A_UP] * np.exp(constants[_GAMMA_UP] * z), 0.0)
    else:
        factor = max(1.0 - constants[_A_DOWN] * np.exp(-constants[_GAMMA_DOWN] * z), 0.0)
    if constants[_ADD] == 0.0 and constants[_SLOPE] == 0.0:
        return move(cells, cell, constants, up, factor, t_s, now_s, stream, number)
    step = cells[UP, cell] if up else cells[DOWN, cell]
    if step > 0.0:
        # A spread with a part of its own and one that grows with the state, in units of w.
        spread = constants[C2C] * (factor * step + constants[_ADD] + constants[_SLOPE] * abs(w))
        sign = 1.0 if up else -1.0
        factor += sign * spread / step * deviate(stream, number)
    return place(cells, cell, constants, up, factor, t_s, now_s, stream, number)


@dataclass(frozen=True, kw_only=True)
class ExpStep(PulsedDevice):
    """Steps that fall exponentially. Source: aihwkit, ExpStepDevice; the extended noise is that of its PCM preset."""

    pulse: ClassVar[Kernel] = _pulse
    at_least_zero: ClassVar[tuple[str, ...]] = (*PulsedDevice.at_least_zero, "c2c_add", "c2c_slope")

    a_up: float = 0.00081
    """Amplitude A of up steps. Source of this and the next five: aihwkit's defaults."""
    a_down: float = 0.36833
    """Amplitude A of down steps."""
    gamma_up: float = 12.44625
    """Exponent of up steps."""
    gamma_down: float = 12.78785
    """Exponent of down steps."""
    z_slope: float = 0.244
    """a: change of z over half the range of w."""
    z_offset: float = 0.2425
    """b: z at w = 0."""
    c2c_add: float = 0.0
    """Spread of a step at any state, in units of w, times c2c."""
    c2c_slope: float = 0.0
    """Spread of a step per unit of |w|, times c2c."""

    def own_constants(self) -> tuple[float, ...]:
        """Return the numbers above."""
        return (
            self.a_up, self.a_down, self.gamma_up, self.gamma_down, self.z_slope, self.z_offset, self.c2c_add, self.c2c_slope,
        )  # fmt: skip
