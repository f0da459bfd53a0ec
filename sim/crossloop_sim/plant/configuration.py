"""Settings of the simulated analog world: cells, their spreads, initial states and the front end's noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from crossloop.protocol.errors import RangeError

SHAPES = ("constant", "soft-bounds")
"""How a step depends on the state: not at all, or falling linearly to zero at the bound it moves to."""

INITIALS = ("mid", "uniform")
"""Initial states: normally distributed about 0, or uniform."""

NOISES = ("multiplicative", "additive")
"""Cycle-to-cycle spread: in units of the step at this state, or of the step at state 0."""


@dataclass(frozen=True, kw_only=True)
class PlantConfiguration:
    """The analog world behind the pins.

    A cell's state w is normalised: G = (g_min_s + g_max_s)/2 + w*(g_max_s - g_min_s)/2. Device models and the meaning of the spreads follow
    IBM's aihwkit; the formulas stand in `crossloop_sim.plant.cells`. The defaults are the preset `rpu`.
    """

    g_min_s: float = 1 / (24e6 * 4.5)
    """Conductance of state -1 in siemens. Source: mean resistance 24 Mohm, on/off ratio 8: mean*2/9 (Gokmen and Vlasov 2016)."""
    g_max_s: float = 8 / (24e6 * 4.5)
    """Conductance of state +1 in siemens. Source: as g_min_s."""
    shape: str = "constant"
    """One of SHAPES."""
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
    v_threshold_v: float = 0.7
    """Smallest voltage, either sign, that moves a cell. A choice between half (0.47 V) and full (0.94 V) coincidence voltage."""
    initial: str = "mid"
    """One of INITIALS."""
    initial_spread: float = 0.0
    """Standard deviation (mid) or largest magnitude (uniform) of the initial w; bounds still hold."""
    read_noise: float = 0.06
    """Standard deviation of a sample in output units: the current of one cell of full weight at full level.

    Source: aihwkit's default out_noise. Range r has output_bound units at full scale, so its noise is read_noise/output_bound of that.
    """
    output_bound: float = 12.0
    """Full scale of the converter in output units. Source: aihwkit's default out_bound; 12 units of the defaults are 194 nA."""
    seed: int = 0
    """Seed of every spread and every noise."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "float" and not (isinstance(value, int | float) and math.isfinite(value)):
                raise RangeError(f"plant setting {field.name} must be a finite number, not {value!r}")
        for name, allowed in (("shape", SHAPES), ("initial", INITIALS), ("c2c_kind", NOISES)):
            if getattr(self, name) not in allowed:
                raise RangeError(
                    f"plant setting {name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}"
                )
        for name in (
            "dw_min",
            "dw_min_dtod",
            "up_down_dtod",
            "w_max_dtod",
            "w_min_dtod",
            "c2c",
            "initial_spread",
            "read_noise",
        ):
            if getattr(self, name) < 0:
                raise RangeError(f"plant setting {name} must not be negative, not {getattr(self, name)!r}")
        for name in ("g_min_s", "t_pulse_s", "v_threshold_v", "output_bound"):
            if getattr(self, name) <= 0:
                raise RangeError(f"plant setting {name} must be above 0, not {getattr(self, name)!r}")
        if self.g_max_s <= self.g_min_s:
            raise RangeError(f"plant setting g_max_s of {self.g_max_s!r} S must be above g_min_s, {self.g_min_s!r} S")
        if not self.w_min < 0 < self.w_max:
            raise RangeError(
                f"plant settings w_min and w_max must lie on both sides of 0, not {self.w_min!r} and {self.w_max!r}"
            )
        if not 0 <= self.seed < 2**32:
            raise RangeError(f"plant setting seed must be from 0 to {2**32 - 1}, not {self.seed!r}")

    @property
    def g_mid_s(self) -> float:
        """Conductance of state 0 in siemens."""
        return (self.g_max_s + self.g_min_s) / 2

    @property
    def g_half_s(self) -> float:
        """Conductance of one unit of w in siemens."""
        return (self.g_max_s - self.g_min_s) / 2

    @property
    def w_floor(self) -> float:
        """Lowest bound a cell may have: 1 % of the conductance of state 0. Bounds spread widely, conductances stay positive."""
        return -0.99 * self.g_mid_s / self.g_half_s
