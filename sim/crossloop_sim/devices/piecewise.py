"""Steps from a table: f is interpolated between nodes equally spaced from the lower to the upper bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from crossloop.protocol.errors import RangeError
from crossloop_sim.devices.kernel import Kernel, pulse_kernel
from crossloop_sim.devices.pulsed import HIDDEN, LOWER, OWN, UPPER, PulsedDevice, move

_NODES = OWN


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
    w = cells[HIDDEN, cell]
    up = v_v > 0.0
    span = cells[UPPER, cell] - cells[LOWER, cell]
    if not span > 0.0:
        return t_s
    nodes = int(constants[_NODES])
    x = min(max((w - cells[LOWER, cell]) / span, 0.0), 1.0) * (nodes - 1)
    left = min(int(x), nodes - 2)
    first = _NODES + 1 + (0 if up else nodes) + left
    factor = constants[first] + (x - left) * (constants[first + 1] - constants[first])
    return move(cells, cell, constants, up, factor, t_s, now_s, stream, number)


@dataclass(frozen=True, kw_only=True)
class PiecewiseStep(PulsedDevice):
    """Steps as measured. Source: aihwkit, PiecewiseStepDevice."""

    pulse: ClassVar[Kernel] = _pulse

    nodes_up: str = "1,1"
    """Factors f of up steps at equally spaced states from the lower to the upper bound, with commas between."""
    nodes_down: str = "1,1"
    """The same of down steps; as many."""

    def __post_init__(self) -> None:
        super().__post_init__()
        up, down = self._tables()
        if len(up) != len(down) or len(up) < 2:
            raise RangeError(
                f"nodes_up and nodes_down need the same number of factors, at least 2, not {len(up)} and {len(down)}"
            )

    def own_constants(self) -> tuple[float, ...]:
        """Return the number of nodes and both tables."""
        up, down = self._tables()
        return (float(len(up)), *up, *down)

    def _tables(self) -> tuple[list[float], list[float]]:
        try:
            up, down = ([float(part) for part in text.split(",")] for text in (self.nodes_up, self.nodes_down))
        except ValueError:
            raise RangeError(
                f"nodes_up and nodes_down must be numbers with commas between, not {self.nodes_up!r} and {self.nodes_down!r}"
            ) from None
        return up, down
