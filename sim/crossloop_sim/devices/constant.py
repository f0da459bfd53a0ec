"""Constant steps: the same at every state, f = 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from crossloop_sim.devices.kernel import Kernel, pulse_kernel
from crossloop_sim.devices.pulsed import PulsedDevice, move


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
    return move(cells, cell, constants, v_v > 0.0, 1.0, t_s, now_s, stream, number)


@dataclass(frozen=True, kw_only=True)
class ConstantStep(PulsedDevice):
    """The symmetric device of the RPU specification. Source: aihwkit, ConstantStepDevice."""

    pulse: ClassVar[Kernel] = _pulse
