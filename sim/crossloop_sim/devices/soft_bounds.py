"""Soft bounds: the step falls linearly to zero at the bound it moves to, f = 1 - w/b_max upwards, 1 - w/b_min downwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from crossloop_sim.devices.kernel import Kernel, W, pulse_kernel
from crossloop_sim.devices.pulsed import LOWER, UPPER, PulsedDevice, move


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
    bound = cells[UPPER, cell] if up else cells[LOWER, cell]
    factor = 1.0 - cells[W, cell] / bound if bound != 0.0 else 0.0
    return move(cells, cell, constants, up, factor, t_s, stream, number)


@dataclass(frozen=True, kw_only=True)
class SoftBounds(PulsedDevice):
    """Steps that saturate. Source: aihwkit, SoftBoundsDevice."""

    pulse: ClassVar[Kernel] = staticmethod(_pulse)
