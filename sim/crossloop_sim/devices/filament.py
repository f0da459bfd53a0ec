"""Filamentary cells from the first day: forming, compliance-limited SET, gradual RESET, overshoot, and destruction.

A pristine cell conducts little. From its forming voltage on, a filament runs away: its conductance grows e-fold every `t_growth_s`, until
the circuit limits the current, or the cell is destroyed at its own current `i_break`, or the series resistance of its line ends the
growth. The limit acts `t_latency_s` late, so that the filament overshoots by exp(t_latency/t_growth). SET does the same from the state it
finds; RESET thins the filament gradually above its threshold. A destroyed cell is a short for ever.

Source: the sequence is that of Ielmini, Semicond. Sci. Technol. 31:063002 (2016); forming voltages are Weibull distributed; numbers are
choices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np

from crossloop_sim.devices.device import Device, Draws, FloatArray
from crossloop_sim.devices.kernel import Kernel, W, pulse_kernel
from crossloop_sim.noise import deviate

_FORM, _SET, _RESET, _BREAK, _HEALTH = 1, 2, 3, 4, 5
_PRISTINE, _FORMED, _BROKEN = 0.0, 1.0, 2.0
(
    _G_MID,
    _G_HALF,
    _G_PRISTINE,
    _G_START,
    _G_MAX,
    _R_SERIES,
    _GROWTH,
    _LATENCY,
    _SCALE,
    _RATE,
    _T_PULSE,
    _C2C,
    _G_SHORT,
) = range(13)


class Plane(IntEnum):
    """Planes of the cells."""

    W = W
    """Normalised conductance."""
    FORM = _FORM
    """Forming voltage in volts."""
    SET = _SET
    """SET voltage in volts."""
    RESET = _RESET
    """RESET voltage in volts, a magnitude."""
    BREAK = _BREAK
    """Current that destroys the cell, in amperes."""
    HEALTH = _HEALTH
    """0 pristine, 1 formed, 2 destroyed."""


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
    health = cells[_HEALTH, cell]
    if health == _BROKEN:
        return t_s
    g = constants[_G_MID] + constants[_G_HALF] * cells[W, cell]
    lasted = t_s
    if v_v > 0.0 and v_v >= (cells[_FORM, cell] if health == _PRISTINE else cells[_SET, cell]):
        start = constants[_G_START] if health == _PRISTINE else g
        # Current v/(r + 1/g) reaches a value at this conductance; never, if the series resistance keeps it below.
        limit_g, break_g = np.inf, np.inf
        if limit_a < v_v / constants[_R_SERIES]:
            limit_g = 1.0 / (v_v / limit_a - constants[_R_SERIES])
        if cells[_BREAK, cell] < v_v / constants[_R_SERIES]:
            break_g = 1.0 / (v_v / cells[_BREAK, cell] - constants[_R_SERIES])
        grown = start * np.exp(min(t_s / constants[_GROWTH], 200.0))
        if limit_g < grown:
            # The trip ends the pulse, after its latency.
            reached = max(np.log(limit_g / start), 0.0) * constants[_GROWTH]
            lasted = min(reached + constants[_LATENCY], t_s)
            grown = start * np.exp(min(lasted / constants[_GROWTH], 200.0))
        grown = min(grown, constants[_G_MAX])
        if grown >= break_g:
            cells[_HEALTH, cell] = _BROKEN
            cells[W, cell] = (constants[_G_SHORT] - constants[_G_MID]) / constants[_G_HALF]
            return lasted
        g = max(g, grown)
        cells[_HEALTH, cell] = _FORMED
    elif v_v < 0.0 and health == _FORMED and -v_v >= cells[_RESET, cell]:
        dose = constants[_RATE] * np.expm1((-v_v - cells[_RESET, cell]) / constants[_SCALE]) * t_s / constants[_T_PULSE]
        dose *= 1.0 + constants[_C2C] * deviate(stream, number)
        g = max(g * np.exp(-max(dose, 0.0)), constants[_G_START])
    cells[W, cell] = (g - constants[_G_MID]) / constants[_G_HALF]
    return lasted


@dataclass(frozen=True, kw_only=True)
class FilamentCell(Device):
    """A cell that must be formed, and can be destroyed."""

    planes: ClassVar[type[IntEnum]] = Plane
    pulse: ClassVar[Kernel] = _pulse
    at_least_zero: ClassVar[tuple[str, ...]] = (
        "v_set_dtod",
        "v_reset_dtod",
        "i_break_dtod",
        "t_latency_s",
        "reset_rate",
        "c2c",
    )
    above_zero: ClassVar[tuple[str, ...]] = (
        "g_min_s", "v_form_v", "v_form_shape", "v_set_v", "v_reset_v", "v_scale_v", "i_break_a", "r_series_ohm", "t_growth_s", "t_pulse_s",
        "g_pristine_s", *Device.above_zero,
    )  # fmt: skip

    g_min_s: float = 1e-6
    """Conductance of w = -1 and of a filament just begun, in siemens. A choice: NeuRRAM's 1 uS."""
    g_max_s: float = 400e-6
    """Conductance of w = +1 and of the thickest filament in siemens. A choice."""
    g_pristine_s: float = 20e-9
    """Conductance of an unformed cell in siemens. A choice."""
    v_threshold_v: float = 0.3
    """Voltages below do nothing: reading."""
    v_form_v: float = 2.8
    """Scale of the Weibull distribution of forming voltages in volts (63 % form below). A choice."""
    v_form_shape: float = 20.0
    """Its shape. A choice: some 6 % spread."""
    v_set_v: float = 1.1
    """Mean SET voltage in volts. A choice."""
    v_set_dtod: float = 0.08
    """Device-to-device spread of it, relative. A choice."""
    v_reset_v: float = 0.9
    """Mean RESET voltage in volts. A choice."""
    v_reset_dtod: float = 0.08
    """Device-to-device spread of it, relative. A choice."""
    v_scale_v: float = 0.25
    """Voltage in volts over which RESET becomes e-fold quicker. A choice."""
    reset_rate: float = 0.1
    """Share of the conductance that a nominal pulse one v_scale_v above threshold removes is 1 - exp(-1.72 times this). A choice."""
    i_break_a: float = 600e-6
    """Median current in amperes that destroys a cell. A choice."""
    i_break_dtod: float = 0.25
    """Device-to-device spread of its logarithm. A choice."""
    r_series_ohm: float = 4000.0
    """Resistance in ohm of driver, wires and switch in series. A choice."""
    t_growth_s: float = 20e-9
    """Time in seconds in which a running filament grows e-fold. A choice."""
    t_latency_s: float = 10e-9
    """Time in seconds by which a current limit acts too late. A choice."""
    t_pulse_s: float = 1e-6
    """Nominal pulse in seconds. A choice."""
    c2c: float = 0.3
    """Cycle-to-cycle spread of RESET, relative. A choice."""

    def constants(self) -> FloatArray:
        """Return the numbers that the kernel reads."""
        return np.array([
            self.g_mid_s, self.g_half_s, self.g_pristine_s, self.g_min_s, self.g_max_s, self.r_series_ohm, self.t_growth_s,
            self.t_latency_s, self.v_scale_v, self.reset_rate, self.t_pulse_s, self.c2c, 1 / self.r_series_ohm * 100,
        ])  # fmt: skip

    def populate(self, draws: Draws) -> FloatArray:
        """Return pristine cells."""
        cells = np.zeros((len(Plane), draws.cells))
        quantile = 1 - draws.spread_uniform(0)
        cells[Plane.FORM] = self.v_form_v * (-np.log(quantile)) ** (1 / self.v_form_shape)
        cells[Plane.SET] = self.v_set_v * np.abs(1 + self.v_set_dtod * draws.spread(1))
        cells[Plane.RESET] = self.v_reset_v * np.abs(1 + self.v_reset_dtod * draws.spread(2))
        cells[Plane.BREAK] = self.i_break_a * np.exp(self.i_break_dtod * draws.spread(3))
        cells[Plane.W] = (self.g_pristine_s - self.g_mid_s) / self.g_half_s
        return cells

    def set_w(self, cells: FloatArray, w: FloatArray) -> None:
        """Put cells into states w between g_min_s and g_max_s; they count as formed."""
        cells[Plane.W] = np.clip(w, -1.0, 1.0)
        cells[Plane.HEALTH] = _FORMED

    @property
    def overshoot(self) -> float:
        """Factor by which the latency lets a filament grow past the current limit."""
        return math.exp(self.t_latency_s / self.t_growth_s)
