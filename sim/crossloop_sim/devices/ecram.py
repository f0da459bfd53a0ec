"""ECRAM with an open-circuit voltage: the gate's own voltage opposes what drives it, and grows with the state.

    V_OC = kappa*(g - 1/2), g = (w + 1)/2;   a gate at V moves w by step*t/t_pulse*f((V - V_OC)/v_write), f linear or sinh
    compensated: the driver adds each cell's V_OC, so f(V/v_write);  current: the charge decides, the same step at every state

With f linear a voltage-driven gate is exactly the linear-step model with gamma = kappa/(2 v_write) and bounds of +-1.

Source: the form is derived from the electrochemistry that Haensch, Gokmen and Puri, Proc. IEEE 107:108 (2019), describe: current-controlled
gates give almost symmetric steps, voltage-controlled ones a state-dependent asymmetry. kappa is a choice from 0 to 1 V.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from crossloop.protocol.errors import RangeError
from crossloop_sim.devices.device import Draws, FloatArray
from crossloop_sim.devices.kernel import Kernel, pulse_kernel
from crossloop_sim.devices.pulsed import HIDDEN, OWN, SHAPE_UP, Plane, PulsedDevice, move

DRIVES = ("voltage", "compensated", "current")
"""How the gate is driven."""

_KAPPA = SHAPE_UP
_V_WRITE, _DRIVE, _SHARPNESS = OWN, OWN + 1, OWN + 2


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
    v_oc = 0.5 * cells[_KAPPA, cell] * cells[HIDDEN, cell]
    x = 1.0
    if constants[_DRIVE] == 0.0:
        x = (v_v - v_oc) / constants[_V_WRITE]
    elif constants[_DRIVE] == 1.0:
        x = v_v / constants[_V_WRITE]
    else:
        x = 1.0 if up else -1.0
    sharpness = constants[_SHARPNESS]
    if sharpness > 0.0 and constants[_DRIVE] != 2.0:
        x = np.sinh(sharpness * x) / np.sinh(sharpness)
    return move(cells, cell, constants, up, x if up else -x, t_s, now_s, stream, number)


@dataclass(frozen=True, kw_only=True)
class EcRam(PulsedDevice):
    """A three-terminal electrochemical cell; its gate leaks by `lifetime_s`."""

    pulse: ClassVar[Kernel] = _pulse
    at_least_zero: ClassVar[tuple[str, ...]] = (*PulsedDevice.at_least_zero, "kappa_v", "kappa_dtod", "sharpness")
    above_zero: ClassVar[tuple[str, ...]] = (*PulsedDevice.above_zero, "v_write_v")

    drive: str = "voltage"
    """One of DRIVES."""
    v_write_v: float = 0.9375
    """Gate voltage in volts that gives the nominal step at g = 1/2. A choice: a coincidence of the default build."""
    kappa_v: float = 0.46875
    """Mean change of V_OC over the whole range of g in volts. A choice: half of v_write_v."""
    kappa_dtod: float = 0.1
    """Device-to-device spread of it, relative. A choice."""
    sharpness: float = 0.0
    """Argument of sinh at v_write_v; 0: linear."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.drive not in DRIVES:
            raise RangeError(f"plant setting drive must be one of {', '.join(DRIVES)}, not {self.drive!r}")

    def own_constants(self) -> tuple[float, ...]:
        """Return v_write_v, the drive's number and the sharpness."""
        return (self.v_write_v, float(DRIVES.index(self.drive)), self.sharpness)

    def shape(self, cells: FloatArray, draws: Draws) -> None:
        """Draw each cell's kappa."""
        cells[Plane.SHAPE_UP] = np.abs(self.kappa_v * (1 + self.kappa_dtod * draws.spread(8)))
