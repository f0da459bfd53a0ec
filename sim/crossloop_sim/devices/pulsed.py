"""What pulse-driven models share: a step of w per pulse, spreads of steps and bounds, cycle-to-cycle and write noise, ageing.

With xi normal deviates, one set per cell, d = +1 (up) or -1 (down), and r a common factor of both steps:

    steps     a_up = dw_min*|min(up_down, 0) + r + beta|,  a_down = dw_min*|-max(up_down, 0) + r - beta|,  beta = up_down_dtod*xi
              r = 1 + dw_min_dtod*xi, or exp(dw_min_dtod*xi) if it is log-normal
    bounds    b_max = |w_max*(1 + w_max_dtod*xi)|,  b_min likewise, not below `w_floor`
    pulse     w += d * a_d * (f + noise) * t/t_pulse, then limited to the bounds;  noise = c2c*xi*f, or c2c*xi if it is additive
    write     seen = w + write_noise*dw_min*xi, drawn anew at each pulse

The factor f(w) is the model. Source: aihwkit's pulsed devices as its C++ has them (its documentation writes the asymmetry otherwise), with
its option enforce_consistency; pulses of other durations and the floor of the bounds are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
from numba import uint64

from crossloop.protocol.errors import RangeError
from crossloop_sim.devices.ageing import AGEING, KEY, LAST, Ageing, observe_aged, settle_age
from crossloop_sim.devices.device import Device, Draws, FloatArray
from crossloop_sim.devices.kernel import Kernel, W, helper, observe_state
from crossloop_sim.noise import Purpose, deviate

INITIALS = ("mid", "uniform")
"""Initial states: normally distributed about 0, or uniform."""

NOISES = ("multiplicative", "additive")
"""Cycle-to-cycle spread: in units of the step at this state, or of the step at state 0."""

HIDDEN, UP, DOWN, UPPER, LOWER, SHAPE_UP, SHAPE_DOWN = 2, 4, 5, 6, 7, 8, 9
T_PULSE, C2C, ADDITIVE, WRITE, FLOOR, OWN = range(AGEING, AGEING + 6)
"""Places in `constants`, behind those of ageing; those of a model begin at OWN."""

_WRITE_STREAM = 0x5DEECE66D
"""Separates the draws of write noise from those of cycle-to-cycle noise in a cell's stream."""


class Plane(IntEnum):
    """Planes of the cells."""

    W = W
    """Normalised conductance as circuits see it."""
    LAST = LAST
    """Time of the last pulse in seconds."""
    HIDDEN = HIDDEN
    """State without write noise."""
    DRIFT = 3
    """Drift exponent."""
    UP = UP
    """Step by one up pulse at w = 0, a magnitude."""
    DOWN = DOWN
    """Step by one down pulse at w = 0, a magnitude."""
    UPPER = UPPER
    """Upper bound."""
    LOWER = LOWER
    """Lower bound."""
    SHAPE_UP = SHAPE_UP
    """The model's own number for up pulses: slope or exponent. With a reference, its state, in units of w."""
    SHAPE_DOWN = SHAPE_DOWN
    """The same for down pulses."""
    KEY = KEY
    """A random number of the cell's own, from which its relaxation is drawn."""


@helper
def move(
    cells: Any, cell: int, constants: Any, up: bool, factor: float, t_s: float, now_s: float, stream: int, number: int
) -> float:
    """Step a cell by `factor` times its step at w = 0; return the pulse's duration."""
    if constants[C2C] != 0.0:
        xi = constants[C2C] * deviate(stream, number)
        factor = factor + xi if constants[ADDITIVE] != 0.0 else factor + factor * xi
    return place(cells, cell, constants, up, factor, t_s, now_s, stream, number)


@helper
def place(
    cells: Any, cell: int, constants: Any, up: bool, factor: float, t_s: float, now_s: float, stream: int, number: int
) -> float:
    """Step a cell by `factor`, cycle-to-cycle noise included, and draw the write noise."""
    step = cells[UP, cell] if up else -cells[DOWN, cell]
    w = cells[HIDDEN, cell] + step * factor * (t_s / constants[T_PULSE])
    w = min(max(w, cells[LOWER, cell]), cells[UPPER, cell])
    cells[HIDDEN, cell] = w
    if constants[WRITE] != 0.0:
        w += constants[WRITE] * deviate(uint64(stream) ^ uint64(_WRITE_STREAM), number)
        # Noise does not make a conductance negative.
        w = max(w, constants[FLOOR])
    cells[W, cell] = w
    cells[LAST, cell] = now_s
    return t_s


@dataclass(frozen=True, kw_only=True)
class PulsedDevice(Ageing, Device):
    """A cell that every pulse moves by about one step. Subclasses give the step's dependence on the state."""

    planes: ClassVar[type[IntEnum]] = Plane
    at_least_zero: ClassVar[tuple[str, ...]] = (
        "dw_min", "dw_min_dtod", "up_down_dtod", "w_max_dtod", "w_min_dtod", "c2c", "write_noise", "initial_spread", "corrupt",
        "corrupt_range", *Ageing.not_negative,
    )  # fmt: skip
    above_zero: ClassVar[tuple[str, ...]] = ("t_pulse_s", *Ageing.positive)

    dw_min: float = 0.0016
    """Mean step of w by one pulse of t_pulse_s at w = 0, of the larger direction. Source: aihwkit preset GokmenVlasov."""
    dw_min_dtod: float = 0.3
    """Device-to-device spread of the step, relative. Source: aihwkit preset GokmenVlasov."""
    dw_min_dtod_log_normal: bool = False
    """Whether that spread is log-normal."""
    up_down: float = 0.0
    """Mean asymmetry: above 0 down steps are smaller by this fraction, below 0 up steps."""
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
    write_noise: float = 0.0
    """Spread of what is seen after a pulse about the state, in units of dw_min."""
    corrupt: float = 0.0
    """Share of cells that are stuck."""
    corrupt_range: float = 0.1
    """Stuck cells lie uniformly between minus and plus this w, as far as their bounds reach. Source: aihwkit's default."""
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
        if not self.w_min <= 0 <= self.w_max or self.w_min == self.w_max:
            raise RangeError(
                f"plant settings w_min and w_max must lie on both sides of 0, not {self.w_min!r} and {self.w_max!r}"
            )
        if self.corrupt > 1:
            raise RangeError(f"plant setting corrupt is a share from 0 to 1, not {self.corrupt!r}")

    @property
    def observe(self) -> Kernel:  # type: ignore[override]  # which kernel depends on the settings
        """Kernel that says what a conversion meets."""
        return observe_aged if self.ages else observe_state

    @property
    def age(self) -> Kernel | None:  # type: ignore[override]
        """Kernel that makes decay, relaxation and diffusion part of the state before a pulse begins."""
        return settle_age if self.ages else None

    def constants(self) -> FloatArray:
        """Return the numbers that the kernels read: those of ageing, t_pulse_s, noises, and the model's own."""
        additive = float(self.c2c_kind == "additive")
        shared = (self.t_pulse_s, self.c2c, additive, self.write_noise * self.dw_min, self.w_floor)
        return np.array([*self.ageing_constants(self.g_mid_s / self.g_half_s), *shared, *self.own_constants()])

    def own_constants(self) -> tuple[float, ...]:
        """Return the model's own numbers."""
        return ()

    def shape(self, cells: FloatArray, draws: Draws) -> None:
        """Draw the model's own planes, SHAPE_UP and SHAPE_DOWN; steps and bounds are drawn already."""

    def populate(self, draws: Draws) -> FloatArray:
        """Draw steps, bounds and initial states; planes as in `Plane`."""
        beta = self.up_down_dtod * draws.spread(0)
        spread = self.dw_min_dtod * draws.spread(1)
        size = np.exp(spread) if self.dw_min_dtod_log_normal else 1 + spread
        cells = np.zeros((len(Plane), draws.cells))
        cells[Plane.UP] = np.abs(self.dw_min * (min(self.up_down, 0.0) + size + beta))
        cells[Plane.DOWN] = np.abs(self.dw_min * (size - max(self.up_down, 0.0) - beta))
        cells[Plane.UPPER] = np.abs(self.w_max * (1 + self.w_max_dtod * draws.spread(2)))
        cells[Plane.LOWER] = np.maximum(-np.abs(self.w_min * (1 + self.w_min_dtod * draws.spread(3))), self.w_floor)
        if self.corrupt > 0:
            self._corrupt(cells, draws)
        cells[Plane.DRIFT] = self.drift_nu * (1 + self.drift_nu_dtod * draws.spread(6))
        cells[Plane.KEY] = (draws.streams(Purpose.AGEING) >> np.uint64(12)).astype(np.float64)
        self.shape(cells, draws)
        draw = draws.initial() if self.initial == "mid" else draws.initial_uniform()
        self.set_w(cells, self.initial_spread * draw)
        return cells

    def _corrupt(self, cells: FloatArray, draws: Draws) -> None:
        stuck = draws.spread_uniform(4) < self.corrupt
        low = np.maximum(cells[Plane.LOWER], -self.corrupt_range)
        high = np.minimum(cells[Plane.UPPER], self.corrupt_range)
        value = low + (high - low) * draws.spread_uniform(5)
        for plane in (Plane.UPPER, Plane.LOWER):
            cells[plane] = np.where(stuck, value, cells[plane])
        for plane in (Plane.UP, Plane.DOWN):
            cells[plane] = np.where(stuck, 0.0, cells[plane])

    def set_w(self, cells: FloatArray, w: FloatArray) -> None:
        """Put cells into states w as far as their bounds allow."""
        cells[Plane.HIDDEN] = np.clip(w, cells[Plane.LOWER], cells[Plane.UPPER])
        cells[Plane.W] = cells[Plane.HIDDEN]
