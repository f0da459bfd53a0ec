"""What pulse-driven models share: a step of w per pulse, spreads of steps and bounds, cycle-to-cycle noise.

With xi normal deviates, one set per cell, and d = +1 (up) or -1 (down):

    step      a_d   = |dw_min * (1 + d*beta + dw_min_dtod*xi)|,  beta = up_down + up_down_dtod*xi
    bounds    b_max = w_max * (1 + w_max_dtod*xi) >= 0,          b_min likewise, from `w_floor` to 0
    pulse     w    += d * a_d * (f + noise) * t/t_pulse, then limited to the bounds;  noise = c2c*xi*f, or c2c*xi if it is additive

The factor f(w) is the model. Source: aihwkit's documentation of its pulsed devices (the form of the formulas); magnitudes of steps as its
option enforce_consistency.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np

from crossloop.protocol.errors import RangeError
from crossloop_sim.devices.device import Device, Draws, FloatArray
from crossloop_sim.devices.kernel import W, helper
from crossloop_sim.noise import deviate

INITIALS = ("mid", "uniform")
"""Initial states: normally distributed about 0, or uniform."""

NOISES = ("multiplicative", "additive")
"""Cycle-to-cycle spread: in units of the step at this state, or of the step at state 0."""

UP, DOWN, UPPER, LOWER = 1, 2, 3, 4
T_PULSE, C2C, ADDITIVE, OWN = 0, 1, 2, 3
"""Places in `constants`; those of a model begin at OWN."""


class Plane(IntEnum):
    """Planes of the cells."""

    W = W
    """Normalised conductance."""
    UP = UP
    """Step by one up pulse at w = 0, a magnitude."""
    DOWN = DOWN
    """Step by one down pulse at w = 0, a magnitude."""
    UPPER = UPPER
    """Upper bound."""
    LOWER = LOWER
    """Lower bound."""


@helper
def move(cells: Any, cell: int, constants: Any, up: bool, factor: float, t_s: float, stream: int, number: int) -> float:
    """Step a cell by `factor` times its step at w = 0; return the pulse's duration."""
    if constants[C2C] != 0.0:
        xi = constants[C2C] * deviate(stream, number)
        factor = factor + xi if constants[ADDITIVE] != 0.0 else factor + factor * xi
    step = cells[UP, cell] if up else -cells[DOWN, cell]
    w = cells[W, cell] + step * factor * (t_s / constants[T_PULSE])
    cells[W, cell] = min(max(w, cells[LOWER, cell]), cells[UPPER, cell])
    return t_s


@dataclass(frozen=True, kw_only=True)
class PulsedDevice(Device):
    """A cell that every pulse moves by about one step. Subclasses give the step's dependence on the state."""

    planes: ClassVar[type[IntEnum]] = Plane
    at_least_zero: ClassVar[tuple[str, ...]] = (
        "dw_min", "dw_min_dtod", "up_down_dtod", "w_max_dtod", "w_min_dtod", "c2c", "initial_spread",
    )  # fmt: skip
    above_zero: ClassVar[tuple[str, ...]] = ("t_pulse_s",)

    dw_min: float = 0.0016
    """Mean step of w by one pulse of t_pulse_s at w = 0. Source: aihwkit preset GokmenVlasov, 1250 steps over -1 to 1."""
    dw_min_dtod: float = 0.3
    """Device-to-device spread of the step, relative. Source: aihwkit preset GokmenVlasov."""
    up_down: float = 0.0
    """Mean asymmetry beta: up steps are larger by the fraction beta, down steps smaller."""
    up_down_dtod: float = 0.01
    """Device-to-device spread of the asymmetry. Source: aihwkit preset GokmenVlasov."""
    w_max: float = 1.0
    """Mean upper bound of w."""
    w_max_dtod: float = 0.3
    """Device-to-device spread of the upper bound, relative. Source: aihwkit preset GokmenVlasov."""
    w_min: float = -1.0
    """Mean lower bound of w."""
    w_min_dtod: float = 0.3
    """Device-to-device spread of the lower bound, relative. Source: aihwkit preset GokmenVlasov."""
    c2c: float = 0.3
    """Cycle-to-cycle spread of a step in units of it (see `c2c_kind`). Source: aihwkit preset GokmenVlasov."""
    c2c_kind: str = "multiplicative"
    """One of NOISES."""
    t_pulse_s: float = 80e-9
    """Duration of a pulse that moves w by the nominal step; longer and shorter ones in proportion. A choice: 4 cycles of 50 MHz."""
    initial: str = "mid"
    """One of INITIALS."""
    initial_spread: float = 0.0
    """Standard deviation (mid) or largest magnitude (uniform) of the initial w; bounds still hold."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in (("initial", INITIALS), ("c2c_kind", NOISES)):
            if getattr(self, name) not in allowed:
                raise RangeError(
                    f"plant setting {name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}"
                )
        if not self.w_min < 0 < self.w_max:
            raise RangeError(
                f"plant settings w_min and w_max must lie on both sides of 0, not {self.w_min!r} and {self.w_max!r}"
            )

    def constants(self) -> FloatArray:
        """Return the numbers that the kernels read: t_pulse_s, c2c, whether it is additive, and the model's own."""
        return np.array([self.t_pulse_s, self.c2c, float(self.c2c_kind == "additive"), *self.own_constants()])

    def own_constants(self) -> tuple[float, ...]:
        """Return the model's own numbers."""
        return ()

    def populate(self, draws: Draws) -> FloatArray:
        """Draw steps, bounds and initial states; shape (5, cells), planes as in `Plane`."""
        beta = self.up_down + self.up_down_dtod * draws.spread(0)
        size = 1 + self.dw_min_dtod * draws.spread(1)
        cells = np.empty((len(Plane), draws.cells))
        cells[Plane.UP] = np.abs(self.dw_min * (size + beta))
        cells[Plane.DOWN] = np.abs(self.dw_min * (size - beta))
        cells[Plane.UPPER] = np.maximum(self.w_max * (1 + self.w_max_dtod * draws.spread(2)), 0.0)
        cells[Plane.LOWER] = np.clip(self.w_min * (1 + self.w_min_dtod * draws.spread(3)), self.w_floor, 0.0)
        draw = draws.initial() if self.initial == "mid" else draws.initial_uniform()
        self.set_w(cells, self.initial_spread * draw)
        return cells

    def set_w(self, cells: FloatArray, w: FloatArray) -> None:
        """Put cells into states w as far as their bounds allow."""
        cells[Plane.W] = np.clip(w, cells[Plane.LOWER], cells[Plane.UPPER])
