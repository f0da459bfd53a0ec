"""What time does to a cell, and what a read adds: decay, drift, relaxation, diffusion, white and 1/f read noise, temperature.

With t the time since the last pulse and w the state that it left:

    decay        w -> b + (w - b)*exp(-t/lifetime)
    drift        G -> G*(t/drift_t0)^-nu, for t above drift_t0
    relaxation   w -> w + relaxation*xi*(1 - exp(-t/relaxation_time)), one xi per pulse
    diffusion    w -> w + diffusion*sqrt(t)*xi, one xi per pulse
    white noise  w -> w + read_white*xi, one xi per reading
    1/f noise    w -> w + read_flicker*sum over octaves of held random levels

Decay, relaxation and diffusion are kept when the next pulse comes; drift and noise are not. Rates follow Arrhenius' law about 300 K.

1/f noise is a sum of processes that hold a random level for 1 us, 2 us, 4 us, ... up to some 1000 s; each has the spectrum of a sampled and
held level, a plateau up to 1/hold time, so equal powers in equal octaves add up to 1/f. Every level is a function of (cell, octave,
time), so a reading does not depend on readings before it. Source: the superposition is McWhorter's (1957); power-law drift and its
constants as in aihwkit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import uint64

from crossloop_sim.devices.kernel import W, helper, observe_kernel
from crossloop_sim.noise import deviate, stream, uniform

RATE, LIFETIME, BIAS, DRIFT_T0, OFFSET, RELAXATION, RELAXATION_TIME, DIFFUSION, WHITE, FLICKER, AGEING = range(11)
"""Places in `constants`; AGEING is their number."""

LAST, _HIDDEN, _DRIFT, _UPPER, _LOWER, KEY = 1, 2, 3, 6, 7, 10
"""Planes, as in `pulsed.Plane`."""

K_BOLTZMANN_EV = 8.617333262e-5
"""Boltzmann's constant in eV/K. Source: CODATA 2018."""
T_ROOM_K = 300.0
"""Temperature at which rates are given, in kelvin."""

OCTAVES = 30
FASTEST_S = 1e-6
"""The held levels of 1/f noise: 1 us to 2**29 us, some 540 s."""


@helper
def _kept(cells: Any, cell: int, constants: Any, now_s: float) -> float:
    """Return the state after decay, relaxation and diffusion since the last pulse."""
    w = cells[_HIDDEN, cell]
    last_s = cells[LAST, cell]
    t = max(now_s - last_s, 0.0) * constants[RATE]
    # Deviates hang on cell and pulse, whoever asks and however often: the time of the last pulse tells pulses apart.
    own = stream(uint64(cells[KEY, cell]), uint64(last_s * 1e9))
    if constants[LIFETIME] > 0.0:
        w = constants[BIAS] + (w - constants[BIAS]) * np.exp(-t / constants[LIFETIME])
    if constants[RELAXATION] > 0.0:
        share = -np.expm1(-t / constants[RELAXATION_TIME])
        w += constants[RELAXATION] * share * deviate(own, uint64(0))
    if constants[DIFFUSION] > 0.0:
        w += constants[DIFFUSION] * np.sqrt(t) * deviate(own, uint64(1))
    return w


@observe_kernel
def settle_age(cells: Any, cell: int, constants: Any, now_s: float, stream_: int, number: int) -> float:
    """Make what time has done to a cell's state by `now_s` part of it; return the state."""
    cells[_HIDDEN, cell] = min(max(_kept(cells, cell, constants, now_s), cells[_LOWER, cell]), cells[_UPPER, cell])
    cells[LAST, cell] = max(now_s, cells[LAST, cell])
    w: float = cells[_HIDDEN, cell]
    return w


@observe_kernel
def observe_aged(cells: Any, cell: int, constants: Any, now_s: float, stream_: int, number: int) -> float:
    """Return what a conversion meets in a cell that ages."""
    t = max(now_s - cells[LAST, cell], 0.0)
    w = cells[W, cell] + _kept(cells, cell, constants, now_s) - cells[_HIDDEN, cell]
    nu = cells[_DRIFT, cell]
    if nu != 0.0 and t * constants[RATE] > constants[DRIFT_T0]:
        w = (w + constants[OFFSET]) * (t * constants[RATE] / constants[DRIFT_T0]) ** (-nu) - constants[OFFSET]
    if constants[WHITE] > 0.0:
        w += constants[WHITE] * deviate(stream_, number)
    if constants[FLICKER] > 0.0:
        w += constants[FLICKER] * flicker(stream_, now_s)
    return w


@helper
def flicker(cell_stream: int, now_s: float) -> float:
    """Return 1/f noise at a time: variance 1 in total, OCTAVES octaves."""
    total = 0.0
    hold = FASTEST_S
    for octave in range(OCTAVES):
        own = stream(uint64(cell_stream), uint64(octave + 1))
        level = np.int64(now_s / hold + uniform(own, uint64(0)))
        total += deviate(own, uint64(level + 1))
        hold *= 2.0
    return total / np.sqrt(float(OCTAVES))


@dataclass(frozen=True, kw_only=True)
class Ageing:
    """Settings of ageing; all off by default."""

    not_negative: ClassVar[tuple[str, ...]] = (
        "lifetime_s", "relaxation", "diffusion", "drift_nu_dtod", "read_white", "read_flicker", "activation_ev",
    )  # fmt: skip
    positive: ClassVar[tuple[str, ...]] = ("drift_t0_s", "relaxation_time_s", "temperature_k")

    lifetime_s: float = 0.0
    """Time constant in seconds with which a state decays to `decay_bias`; 0: never."""
    decay_bias: float = 0.0
    """State w to which it decays."""
    drift_nu: float = 0.0
    """Mean exponent of the conductance's power-law drift."""
    drift_nu_dtod: float = 0.0
    """Device-to-device spread of the exponent, relative."""
    drift_t0_s: float = 1.0
    """Time in seconds after a pulse from which it drifts."""
    relaxation: float = 0.0
    """Spread of w after a pulse has relaxed."""
    relaxation_time_s: float = 1.0
    """Time constant of that in seconds. A choice: seconds, as in Wan et al., Nature 608:504 (2022)."""
    diffusion: float = 0.0
    """Spread of w by random walk, per square root of a second."""
    read_white: float = 0.0
    """Spread of w from reading to reading."""
    read_flicker: float = 0.0
    """Spread of w by 1/f noise, over all octaves."""
    temperature_k: float = T_ROOM_K
    """Temperature in kelvin; times run faster by exp(E/k*(1/300 K - 1/T))."""
    activation_ev: float = 0.0
    """Activation energy E of all rates in electron volts; 0: they do not depend on temperature."""

    @property
    def ages(self) -> bool:
        """Whether any of it is on."""
        on = (self.lifetime_s, self.drift_nu, self.relaxation, self.diffusion, self.read_white, self.read_flicker)
        return any(value != 0 for value in on)

    def ageing_constants(self, offset: float) -> tuple[float, ...]:
        """Return the numbers that the kernels read; `offset` is G/(G_half) at w = 0."""
        rate = math.exp(self.activation_ev / K_BOLTZMANN_EV * (1 / T_ROOM_K - 1 / self.temperature_k))
        return (
            rate, self.lifetime_s, self.decay_bias, self.drift_t0_s, offset, self.relaxation, self.relaxation_time_s,
            self.diffusion, self.read_white, self.read_flicker,
        )  # fmt: skip
