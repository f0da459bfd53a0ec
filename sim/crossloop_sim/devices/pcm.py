"""Phase-change cells: gradual SET, abrupt RESET, programming error, drift, 1/f read noise.

w is the conductance over 25 uS. A pulse of positive polarity crystallises a share of what is still amorphous; one of negative polarity,
strong enough, melts everything. After each pulse the cell has the published programming error about its state, and a drift exponent of
its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
from numba import uint64

from crossloop_sim.devices.device import Device, Draws, FloatArray
from crossloop_sim.devices.kernel import Kernel, W, observe_kernel, pulse_kernel
from crossloop_sim.devices.noise_laws import PCM_DRIFT_T0_S, PCM_READ_TIME_S
from crossloop_sim.noise import deviate

_LAST, _STATE, _NU = 1, 2, 3
_SET, _T_PULSE, _V_RESET, _RESET_TO, _C2C, _ERROR, _DRIFTS, _READS = range(8)
_G_MAX_US = 25.0
_NU_STREAM = 0x1D8E4E27C47D124F
_ERROR_STREAM = 0x2B97F4A7C15D1B2D


class Plane(IntEnum):
    """Planes of the cells."""

    W = W
    """Conductance over 25 uS as programmed, error included."""
    LAST = _LAST
    """Time of the last pulse in seconds."""
    STATE = _STATE
    """Crystallised share, without programming error."""
    NU = _NU
    """Drift exponent since the last pulse."""


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
    state = cells[_STATE, cell]
    if v_v > 0.0:
        dose = constants[_SET] * t_s / constants[_T_PULSE] * (1.0 + constants[_C2C] * deviate(stream, number))
        state += (1.0 - state) * -np.expm1(-max(dose, 0.0))
    elif -v_v >= constants[_V_RESET]:
        state = constants[_RESET_TO]
    else:
        return t_s
    cells[_STATE, cell] = state
    sigma_us = 0.26348 + 1.9650 * state - 1.1731 * state * state
    xi = deviate(uint64(stream) ^ uint64(_ERROR_STREAM), number)
    w = max(state + constants[_ERROR] * sigma_us / _G_MAX_US * xi, 0.0)
    logarithm = np.log(max(w, 1e-12))
    mean = min(max(-0.0155 * logarithm + 0.0244, 0.049), 0.1)
    spread = min(max(-0.0125 * logarithm - 0.0059, 0.008), 0.045)
    cells[_NU, cell] = constants[_DRIFTS] * max(
        mean + spread * deviate(uint64(stream) ^ uint64(_NU_STREAM), number), 0.0
    )
    cells[W, cell] = w
    cells[_LAST, cell] = now_s
    return t_s


@observe_kernel
def _observe(cells: Any, cell: int, constants: Any, now_s: float, stream: int, number: int) -> float:
    t = max(now_s - cells[_LAST, cell], 0.0)
    w = cells[W, cell]
    if t > PCM_DRIFT_T0_S:
        w *= (t / PCM_DRIFT_T0_S) ** (-cells[_NU, cell])
    if constants[_READS] != 0.0 and t > PCM_READ_TIME_S:
        q = min(0.0088 / max(w, 1e-12) ** 0.65, 0.2)
        relative = q * np.sqrt(np.log((t + PCM_READ_TIME_S) / (2.0 * PCM_READ_TIME_S)))
        w += constants[_READS] * w * relative * deviate(stream, number)
    return w


@dataclass(frozen=True, kw_only=True)
class PcmCell(Device):
    """One phase-change cell."""

    planes: ClassVar[type[IntEnum]] = Plane
    pulse: ClassVar[Kernel] = _pulse
    observe: ClassVar[Kernel] = _observe
    at_least_zero: ClassVar[tuple[str, ...]] = (
        "set_share",
        "c2c",
        "programming_error",
        "drifts",
        "read_noise_share",
        "reset_share",
    )
    above_zero: ClassVar[tuple[str, ...]] = ("t_pulse_s", "v_reset_v", *Device.above_zero)

    g_min_s: float = -24.9e-6
    """Conductance of w = -1, out of reach; w = 0 is 0.05 uS. A choice: an on/off ratio of 500."""
    g_max_s: float = 25e-6
    """Conductance of w = 1. Source: aihwkit's PCMLikeNoiseModel."""
    t_pulse_s: float = 80e-9
    """Nominal SET pulse in seconds. A choice: 4 cycles of 50 MHz; reported ramps have steps of 1.7 to 550 ns."""
    set_share: float = 0.05
    """Share of the amorphous part that a nominal SET pulse crystallises. A choice: some 20 gradual pulses."""
    v_reset_v: float = 0.9
    """Voltage in volts from which a negative pulse melts the cell. A choice within the levels of the default build."""
    reset_share: float = 0.004
    """State after RESET. A choice: 0.1 uS."""
    c2c: float = 0.3
    """Cycle-to-cycle spread of a SET pulse's share, relative. A choice."""
    programming_error: float = 1.0
    """How much of the published programming error applies; 0: none."""
    drifts: float = 1.0
    """How much of the published drift exponent applies; 0: none."""
    read_noise_share: float = 1.0
    """How much of the published read noise applies; 0: none."""

    def constants(self) -> FloatArray:
        """Return the numbers that the kernels read."""
        return np.array([
            self.set_share, self.t_pulse_s, self.v_reset_v, self.reset_share, self.c2c, self.programming_error, self.drifts,
            self.read_noise_share,
        ])  # fmt: skip

    def populate(self, draws: Draws) -> FloatArray:
        """Return cells after RESET."""
        cells = np.zeros((len(Plane), draws.cells))
        self.set_w(cells, np.full(draws.cells, self.reset_share))
        return cells

    def set_w(self, cells: FloatArray, w: FloatArray) -> None:
        """Put cells into states w from 0 to 1, without error, with the mean drift of their state."""
        state = np.clip(w, 0.0, 1.0)
        cells[Plane.W] = cells[Plane.STATE] = state
        mean = np.clip(-0.0155 * np.log(np.maximum(state, 1e-12)) + 0.0244, 0.049, 0.1)
        cells[Plane.NU] = self.drifts * mean
