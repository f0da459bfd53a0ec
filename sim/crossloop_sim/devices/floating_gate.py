"""Ionic floating gate: a polymer transistor whose gate is cut off by a volatile conductive bridge.

The bridge closes at its own threshold and opens again some time after the pulse. Closed, every voltage writes in proportion, small ones,
too; open, none does and the state holds. Source: Fuller et al., Science 364:570 (2019): selective and parallel linear writes behind a
volatile selector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from crossloop_sim.devices.ageing import LAST
from crossloop_sim.devices.device import Draws, FloatArray
from crossloop_sim.devices.kernel import Kernel, pulse_kernel
from crossloop_sim.devices.pulsed import OWN, SHAPE_UP, Plane, PulsedDevice, move

_BRIDGE, _OPENING, _V_WRITE = SHAPE_UP, OWN, OWN + 1


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
    closed = abs(v_v) >= cells[_BRIDGE, cell] or now_s - t_s - cells[LAST, cell] < constants[_OPENING]
    if not closed:
        return t_s
    return move(cells, cell, constants, v_v > 0.0, abs(v_v) / constants[_V_WRITE], t_s, now_s, stream, number)


@dataclass(frozen=True, kw_only=True)
class IonicFloatingGate(PulsedDevice):
    """A cell with a selector of its own."""

    pulse: ClassVar[Kernel] = _pulse
    at_least_zero: ClassVar[tuple[str, ...]] = (*PulsedDevice.at_least_zero, "v_bridge_dtod", "t_opening_s")
    above_zero: ClassVar[tuple[str, ...]] = (*PulsedDevice.above_zero, "v_bridge_v", "v_write_v")

    v_threshold_v: float = 0.02
    """Voltages below never write."""
    v_bridge_v: float = 0.6
    """Mean voltage at which the bridge closes in volts. A choice between half and full coincidence of the default build."""
    v_bridge_dtod: float = 0.05
    """Device-to-device spread of it, relative. A choice."""
    t_opening_s: float = 200e-9
    """Time in seconds that the bridge stays closed after a pulse. A choice; writes at more than 1 MHz are reported."""
    v_write_v: float = 0.9375
    """Voltage of the nominal step in volts. A choice: a coincidence of the default build."""

    def own_constants(self) -> tuple[float, ...]:
        """Return the opening time and the write voltage."""
        return (self.t_opening_s, self.v_write_v)

    def shape(self, cells: FloatArray, draws: Draws) -> None:
        """Draw the bridges' thresholds; all are open."""
        cells[Plane.SHAPE_UP] = np.abs(self.v_bridge_v * (1 + self.v_bridge_dtod * draws.spread(8)))
        cells[Plane.LAST] = -1.0
