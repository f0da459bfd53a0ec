"""What an array is wired with: resistances and capacitances of its lines, what its line ends are tied to, breaks and bridges."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.microops import LineState
from crossloop.protocol.streams import Family

FloatArray = npt.NDArray[np.float64]
Ends = Literal["near", "both"]


@dataclass(frozen=True, kw_only=True)
class Wires:
    """Resistances in ohm and capacitances in farad; 0 is an ideal wire. The near end of a row is the left one, of a column the bottom."""

    r_row_ohm: float = 0.0
    """One segment of a row, between neighbouring cells and between the first cell and its end."""
    r_column_ohm: float = 0.0
    """The same of a column."""
    r_gate_ohm: float = 0.0
    """The same of a gate line."""
    r_driver_ohm: float = 0.0
    """Output resistance of a driver."""
    r_switch_ohm: float = 0.0
    """On-resistance of the line multiplexer, in series with whatever it connects."""
    r_amplifier_ohm: float = 0.0
    """Input resistance of a transimpedance amplifier."""
    c_row_f: float = 0.0
    """Capacitance to ground of one segment of a row."""
    c_column_f: float = 0.0
    """The same of a column."""
    c_gate_f: float = 0.0
    """The same of a gate line."""
    row_ends: str = "near"
    """Which ends of the rows are connected: near or both."""
    column_ends: str = "near"
    """The same of the columns."""

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name.endswith("_ends"):
                if value not in {"near", "both"}:
                    raise RangeError(f"{setting.name} must be near or both, not {value!r}")
            elif not (math.isfinite(value) and value >= 0):
                raise RangeError(f"{setting.name} must be finite and not negative, not {value!r}")

    @property
    def ideal(self) -> bool:
        """Whether lines are single nodes without delay and without anything in series."""
        return all(getattr(self, s.name) == 0 for s in fields(self) if s.name[:2] in {"r_", "c_"})


class Break(NamedTuple):
    """An open line: segment k lies before cell k as seen from the left or the top; the last one behind the last cell."""

    family: Family
    line: int
    segment: int


class Bridge(NamedTuple):
    """A short between two nodes, each (family, row, column): the row-side or the column-side node of a cell."""

    first: tuple[Family, int, int]
    second: tuple[Family, int, int]
    r_ohm: float


class LineEnd(NamedTuple):
    """What one end of a line is tied to: nothing (`r_ohm` infinite), or `v_v` volts behind `r_ohm` ohm (the first segment not included)."""

    v_v: float
    r_ohm: float


@dataclass(frozen=True)
class Lines:
    """What every line of both families is tied to at its near (left, bottom) and far (right, top) end, and the gate voltages."""

    row_near: list[LineEnd]
    row_far: list[LineEnd]
    column_near: list[LineEnd]
    column_far: list[LineEnd]
    gate_v: FloatArray = field(default_factory=lambda: np.zeros(0))
    """Voltage of every row's gate line, shape (rows,); empty: all 0 V."""

    @classmethod
    def of_states(
        cls, wires: Wires, row_states: list[LineState], column_states: list[LineState], row_v: npt.ArrayLike, column_v: npt.ArrayLike,
        gate_v: npt.ArrayLike | None = None,
    ) -> Lines:  # fmt: skip
        """Tie lines as the design's line states say.

        Parameters
        ----------
        wires : Wires
            Series resistances, and which ends are connected.
        row_states, column_states : list of LineState
            FLOAT, GROUND, DRIVE (its level) or SENSE (virtual ground) of every line.
        row_v, column_v : array_like
            Levels in volts, shape (lines,); only those of driven lines matter.
        gate_v : array_like, optional
            Voltage of every row's gate line.

        Raises
        ------
        ShapeError
            If there is not one level per state.
        """
        tied = []
        for name, states, levels in (("row", row_states, row_v), ("column", column_states, column_v)):
            volts = np.asarray(levels, np.float64)
            if volts.shape != (len(states),):
                raise ShapeError(
                    f"{name}_v must have the shape ({len(states)},), one level per {name}, not {volts.shape}"
                )
            tied.append([_tie(wires, state, float(v)) for state, v in zip(states, volts, strict=True)])
        nothing = LineEnd(0.0, math.inf)
        rows, columns = tied
        return cls(
            rows,
            rows if wires.row_ends == "both" else [nothing] * len(rows),
            columns,
            columns if wires.column_ends == "both" else [nothing] * len(columns),
            np.zeros(len(rows)) if gate_v is None else np.asarray(gate_v, np.float64),
        )


def _tie(wires: Wires, state: LineState, v_v: float) -> LineEnd:
    if state is LineState.FLOAT:
        return LineEnd(0.0, math.inf)
    if state is LineState.DRIVE:
        return LineEnd(v_v, wires.r_driver_ohm + wires.r_switch_ohm)
    series = wires.r_amplifier_ohm if state is LineState.SENSE else 0.0
    return LineEnd(0.0, series + wires.r_switch_ohm)


def write_scheme(
    rows: int, columns: int, row: int, column: int, v_write_v: float, scheme: Literal["V/2", "V/3"] = "V/2"
) -> tuple[FloatArray, FloatArray]:
    """Return the levels of rows and columns, in volts, that put `v_write_v` across one cell.

    V/2: half on the row, minus half on the column, others at 0: half-selected cells see V/2, the rest nothing. V/3: selected row at V,
    column at 0, other rows at V/3, other columns at 2V/3: every other cell sees V/3 in magnitude. Levels are shifted by -V/2 there, so
    that both schemes need the same drivers.

    Raises
    ------
    RangeError
        If the cell is outside the array or the scheme is unknown.
    """
    if not (0 <= row < rows and 0 <= column < columns):
        raise RangeError(f"cell ({row}, {column}) is outside the array of {rows} x {columns} cells")
    if scheme == "V/2":
        row_v, column_v = np.zeros(rows), np.zeros(columns)
    elif scheme == "V/3":
        row_v, column_v = np.full(rows, -v_write_v / 6), np.full(columns, v_write_v / 6)
    else:
        raise RangeError(f"the scheme must be V/2 or V/3, not {scheme!r}")
    row_v[row], column_v[column] = v_write_v / 2, -v_write_v / 2
    return row_v, column_v
