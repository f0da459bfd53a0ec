"""Nanosecond protonic resistors: steps that grow as sinh of the gate voltage, and break the device when pulses are too wide.

    dw = step * (t/t_pulse)^beta * sinh(V/v0)/sinh(v_write/v0),   v0 = 2 kB T d/(q a)

d is the thickness of the electrolyte, a the protons' hop length. A pulse wider than the cap damages the cell for good: its steps shrink by
`damage` times the excess over the cap. Source: hopping in a field (Onen et al., Science 377:539 (2022), as reported second-hand); the
damage law is a choice: reported is only that long pulses degrade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from crossloop_sim.devices.kernel import Kernel, pulse_kernel
from crossloop_sim.devices.pulsed import DOWN, OWN, T_PULSE, UP, PulsedDevice, move

K_BOLTZMANN_J_PER_K = 1.380649e-23
"""Source: SI definition."""
Q_ELECTRON_C = 1.602176634e-19
"""Source: SI definition."""

_V0, _V_WRITE, _BETA, _CAP, _DAMAGE = OWN, OWN + 1, OWN + 2, OWN + 3, OWN + 4


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
    v0 = constants[_V0]
    factor = np.sinh(abs(v_v) / v0) / np.sinh(constants[_V_WRITE] / v0)
    if constants[_BETA] != 1.0:
        factor *= (t_s / constants[T_PULSE]) ** (constants[_BETA] - 1.0)
    lasted = move(cells, cell, constants, up, factor, t_s, now_s, stream, number)
    if t_s > constants[_CAP]:
        left = max(1.0 - constants[_DAMAGE] * (t_s / constants[_CAP] - 1.0), 0.0)
        cells[UP, cell] *= left
        cells[DOWN, cell] *= left
    return lasted


@dataclass(frozen=True, kw_only=True)
class ProtonicResistor(PulsedDevice):
    """A proton-gated channel; it relaxes by `lifetime_s`."""

    pulse: ClassVar[Kernel] = _pulse
    at_least_zero: ClassVar[tuple[str, ...]] = (*PulsedDevice.at_least_zero, "damage")
    above_zero: ClassVar[tuple[str, ...]] = (
        *PulsedDevice.above_zero,
        "v_write_v",
        "hop_m",
        "thickness_m",
        "beta",
        "t_cap_s",
    )

    g_min_s: float = 65e-9 / 3
    """Conductance of w = -1 in siemens. A choice: 65 to 88 nS is the reported window, second-hand; a 20-fold range, the reported reach."""
    g_max_s: float = 20 * 65e-9 / 3
    """Conductance of w = +1 in siemens."""
    v_threshold_v: float = 0.05
    """Voltages below do nothing in any time that matters: 0.05 V moves 1e-3 of what 10 V does in the exponent's linear part."""
    t_pulse_s: float = 5e-9
    """Nominal pulse. Source: second-hand, 5 ns pulses."""
    dw_min: float = 0.002
    """Mean step. Source: second-hand, about 1000 states a sweep."""
    v_write_v: float = 10.0
    """Gate voltage of the nominal step in volts. Source: +-10 V class pulses, second-hand."""
    hop_m: float = 0.3e-9
    """Hop length a in metres. A choice within 0.2 to 0.5 nm."""
    thickness_m: float = 10e-9
    """Thickness d of the electrolyte in metres. Source: second-hand."""
    beta: float = 1.0
    """Exponent of the pulse width. A choice within 0.5 to 1."""
    t_cap_s: float = 100e-9
    """Widest pulse in seconds that does no damage. A choice."""
    damage: float = 0.1
    """Share of the step that is lost per cap's width of excess. A choice."""

    @property
    def v0_v(self) -> float:
        """Voltage scale of the sinh law in volts, at `temperature_k`."""
        return 2 * K_BOLTZMANN_J_PER_K * self.temperature_k * self.thickness_m / (Q_ELECTRON_C * self.hop_m)

    def disturb(self, fraction: float) -> float:
        """Return the step of a cell that sees a fraction of v_write_v, relative to the whole: V/2 or V/3 schemes."""
        return float(np.sinh(fraction * self.v_write_v / self.v0_v) / np.sinh(self.v_write_v / self.v0_v))

    def own_constants(self) -> tuple[float, ...]:
        """Return v0, v_write, beta, cap and damage."""
        return (self.v0_v, self.v_write_v, self.beta, self.t_cap_s, self.damage)
