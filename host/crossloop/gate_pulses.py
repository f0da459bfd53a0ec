"""Pulses of one gate line against the channels of its cells: how electrochemical cells are written."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from crossloop.limits import LimitCodes
from crossloop.operation import Codes, Operation, check_line
from crossloop.protocol import microops as m
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family


@dataclass(frozen=True, slots=True)
class GatePulses(Operation):
    """Counted pulses of a gate line while every row and column is at ground and every other gate line floats. The result is None.

    All cells along the line get the pulses. Between them it is at ground, or floats if it is driven by a current. At the end it floats.
    """

    tile: int
    """Which array."""
    line: int
    """The gate line."""
    code: int
    """Its level code: of a voltage, or of a current."""
    current: bool
    """Whether the line is driven by its current source."""
    count: int
    """Number of pulses, from 1."""
    width_taps: int
    """Pulse width, in taps."""
    gap_taps: int
    """Gap after each pulse, in taps."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return self

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        if not parameters.gate_lines:
            raise RangeError("this build has no gate lines to pulse; build it with gate_lines=1 or 2, nothing was sent")
        check_line("tile", self.tile, parameters.tiles)
        check_line("gate line", self.line, parameters.lines(Family.GATES))
        state = LineState.CURRENT if self.current else LineState.DRIVE
        return (
            m.tile(self.tile),
            m.connect(Family.ROWS, LineState.GROUND),
            m.connect(Family.COLUMNS, LineState.GROUND),
            m.level(Family.GATES, self.line, self.code),
            m.connect(Family.GATES, state, others=LineState.FLOAT, selection=Selection.ONE, index=self.line),
            m.pulse(self.count, self.width_taps, self.gap_taps),
            m.connect(Family.GATES, LineState.FLOAT),
            m.halt(),
        )

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Nothing beside the program."""

    def data_commands(self, parameters: Parameters) -> tuple[bytes, ...]:  # noqa: ARG002  same on every build
        """Return no command: everything is in the program."""
        return ()

    def result(self, conversions: list[Codes]) -> None:
        """Return nothing."""
