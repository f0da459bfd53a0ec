"""A formed filament in small steps: exponential in the voltage above each cell's own threshold, with relaxation and read noise.

    dw = +-dw_min * exp((|V| - V_t)/v_scale) * t/t_pulse * (1 + c2c*xi)

What write-verify ladders of rising amplitude work on. Source: the calibration model of this project after NeuRRAM's incremental programming
(Wan et al., Nature 608:504 (2022)): sd(V_t) 0.15 V, c2c 30 %, 0.3 uS read noise, 1 to 40 uS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from crossloop_sim.devices.device import Draws, FloatArray
from crossloop_sim.devices.kernel import Kernel, pulse_kernel
from crossloop_sim.devices.pulsed import OWN, SHAPE_DOWN, SHAPE_UP, Plane, PulsedDevice, move

_SCALE = OWN


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
    up = v_v > 0.0
    threshold = cells[SHAPE_UP, cell] if up else cells[SHAPE_DOWN, cell]
    factor = np.exp((abs(v_v) - threshold) / constants[_SCALE])
    return move(cells, cell, constants, up, factor, t_s, now_s, stream, number)


@dataclass(frozen=True, kw_only=True)
class ThresholdCell(PulsedDevice):
    """A resistive memory cell between its on and off states."""

    pulse: ClassVar[Kernel] = _pulse
    at_least_zero: ClassVar[tuple[str, ...]] = (*PulsedDevice.at_least_zero, "v_dtod_v")
    above_zero: ClassVar[tuple[str, ...]] = (*PulsedDevice.above_zero, "v_set_v", "v_reset_v", "v_scale_v")

    v_threshold_v: float = 0.3
    """Voltages below do nothing: reading."""
    v_set_v: float = 1.2
    """Mean voltage of the nominal up step in volts. Source: NeuRRAM's first SET amplitude, unverified."""
    v_reset_v: float = 1.5
    """Mean voltage of the nominal down step in volts. Source: NeuRRAM's first RESET amplitude, unverified."""
    v_dtod_v: float = 0.15
    """Device-to-device spread of both in volts. Source: the calibration model."""
    v_scale_v: float = 0.15
    """Voltage in volts over which steps grow e-fold. A choice."""

    def own_constants(self) -> tuple[float, ...]:
        """Return the voltage scale."""
        return (self.v_scale_v,)

    def shape(self, cells: FloatArray, draws: Draws) -> None:
        """Draw the thresholds."""
        cells[Plane.SHAPE_UP] = self.v_set_v + self.v_dtod_v * draws.spread(8)
        cells[Plane.SHAPE_DOWN] = self.v_reset_v + self.v_dtod_v * draws.spread(9)
