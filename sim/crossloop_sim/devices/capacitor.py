"""3T1C: a read transistor whose gate sits on a capacitor, one transistor that adds charge and one that removes it.

Steps are linear; the currents of the two transistors differ by a fixed mismatch in each cell; charge leaks toward an asymptote.

Source: Ambrogio et al., Nature 558:60 (2018): centre at 0.5 V, leak toward about 0.8 V; numbers of spread and time are choices.
"""

from __future__ import annotations

from dataclasses import dataclass

from crossloop_sim.devices.linear import LinearStep


@dataclass(frozen=True, kw_only=True)
class Capacitor3T1C(LinearStep):
    """A capacitor cell: w = +-1 are the ends of its range, w = 0 is 0.5 V."""

    dw_min: float = 0.005
    """Mean step. Source: the calibration runs for this system, 0.5 % of the range."""
    dw_min_dtod: float = 0.1
    """Device-to-device spread of the step. Source: as above."""
    up_down_dtod: float = 0.3
    """Fixed mismatch of up against down steps. Source: as above, the middle of 10 to 50 %."""
    w_max: float = 0.4
    """Upper bound. Source: as above."""
    w_max_dtod: float = 0.0
    """All cells have the same supply."""
    w_min: float = -0.4
    """Lower bound."""
    w_min_dtod: float = 0.0
    """As above."""
    c2c: float = 0.0
    """Charge packets of transistors repeat well. A choice."""
    gamma_up: float = 0.05
    """Source: aihwkit's CapacitorPresetDevice."""
    gamma_up_dtod: float = 0.01
    """Source: as above."""
    gamma_down: float = 0.05
    """Source: as above."""
    gamma_down_dtod: float = 0.01
    """Source: as above."""
    lifetime_s: float = 0.01
    """Time constant of the leak in seconds. A choice."""
    decay_bias: float = 0.24
    """Where it leaks to: 0.8 V, if 0.4 is 1 V. Source: the asymptote above."""
