"""An array of cells with everything around it that conducts: currents and voltages for given line ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import CircuitError, RangeError, ShapeError
from crossloop.protocol.streams import Family
from crossloop_sim.array import nodal
from crossloop_sim.array.ladder import Ladder, LadderSolver, Terminals
from crossloop_sim.array.laws import Law, Ohmic
from crossloop_sim.array.wiring import Break, Bridge, LineEnd, Lines, Wires

FloatArray = npt.NDArray[np.float64]

_NEWTON_STEPS = 60


@dataclass(frozen=True)
class Currents:
    """An operating point. Currents flow out of the array into the line ends; both ends of an ideal line share them equally."""

    row_near_a: FloatArray
    """Into the left ends of the rows in amperes, shape (rows,)."""
    row_far_a: FloatArray
    """Into the right ends of the rows."""
    column_near_a: FloatArray
    """Into the bottom ends of the columns, shape (columns,)."""
    column_far_a: FloatArray
    """Into the top ends of the columns."""
    row_v: FloatArray
    """Potential of the row at every cell in volts, shape (rows, columns)."""
    column_v: FloatArray
    """Potential of the column at every cell, same shape."""
    cell_a: FloatArray
    """Current through every cell from row to column in amperes, same shape."""
    method: str
    """What was solved: ladder, ladder and Newton's method, or nodal."""
    error: float
    """Estimated relative error, of currents relative to the largest one."""

    @property
    def cell_v(self) -> FloatArray:
        """Voltage across every cell, row minus column, shape (rows, columns)."""
        return self.row_v - self.column_v


class Array:
    """An array of cells on wires.

    Parameters
    ----------
    cell_s : array_like
        Conductances in siemens, shape (rows, columns), up to 512 x 512 in tests.
    wires : Wires
        Resistances and capacitances of lines and line ends.
    law : Law
        I-V law of the cells; `cell_s` is the conductance at small voltages.
    faults : sequence of Break or Bridge
        Open lines and shorts.
    tolerance : float
        Relative error that a solution may have, of currents relative to the largest one; a looser one ends earlier, and the error is
        estimated in either case. The default is near the limit of double precision, so that the small currents of unselected lines are
        right, too.

    Raises
    ------
    ShapeError, RangeError
        If the cells are no matrix, a conductance is negative or not a number, or a fault lies outside the array.
    """

    def __init__(
        self,
        cell_s: npt.ArrayLike,
        wires: Wires | None = None,
        law: Law | None = None,
        faults: Sequence[Break | Bridge] = (),
        *,
        tolerance: float = 1e-13,
    ) -> None:
        self.wires = wires or Wires()
        """Resistances and capacitances."""
        self.law = law or Ohmic()
        """I-V law of the cells."""
        self.faults = tuple(faults)
        """Breaks and bridges."""
        self._tolerance = tolerance
        self.cell_s = _checked_cells(cell_s)
        """Conductances in siemens, shape (rows, columns)."""
        self._row_g, self._column_g = self._segments()
        self._ladders: dict[bytes, LadderSolver] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        rows, columns = self.cell_s.shape
        return rows, columns

    def set_cells(self, cell_s: npt.ArrayLike) -> None:
        """Replace the conductances, in siemens, shape (rows, columns)."""
        new = _checked_cells(cell_s)
        if new.shape != self.shape:
            raise ShapeError(
                f"conductances of shape {new.shape} do not fit an array of {self.shape}; nothing was changed"
            )
        self.cell_s = new
        for solver in self._ladders.values():
            solver.set_cells(new)

    def solve(self, lines: Lines, start: Currents | None = None) -> Currents:
        """Find the operating point.

        Parameters
        ----------
        lines : Lines
            What the line ends are tied to.
        start : Currents, optional
            An operating point to start from: that of a similar state.

        Raises
        ------
        ShapeError, RangeError
            If there is not one end per line, or a value is not a number.
        CircuitError
            If the network has no unique solution, or none was found; the message names a node.
        """
        self._check_lines(lines)
        if not self._is_ladder(lines):
            return self._solve_nodal(lines, start)
        if self.law.linear:
            return self._solve_ladder(lines)
        return self._solve_newton(lines, start)

    def solver(self, lines: Lines) -> LadderSolver:
        """Return the ladder solver for given line ends, for many vectors or an effective matrix.

        Raises
        ------
        CircuitError
            If the array is not an ohmic ladder: it has bridges, a nonlinear law, or wires of 0 ohm.
        """
        self._check_lines(lines)
        if not (self.law.linear and self._is_ladder(lines)):
            raise CircuitError(
                "only ohmic arrays with wires above 0 ohm and without bridges are ladders; use Array.solve"
            )
        return self._ladder(lines, self.cell_s)

    def netlist(self, lines: Lines) -> nodal.Netlist:
        """Return the array as a list of branches."""
        rows, columns = self.shape
        size = rows * columns
        index = np.arange(size).reshape(rows, columns)
        row_node, column_node = index, size + index
        ends = [2 * size + np.arange(rows), 2 * size + rows + np.arange(rows)]
        ends += [2 * size + 2 * rows + np.arange(columns), 2 * size + 2 * rows + columns + np.arange(columns)]
        row_r, column_r = self._resistances()
        parts = [
            (row_node[:, :-1], row_node[:, 1:], row_r[:, 1:-1]),
            (column_node[:-1], column_node[1:], column_r[1:-1]),
            (ends[0], row_node[:, 0], row_r[:, 0] + _series(lines.row_near)),
            (ends[1], row_node[:, -1], row_r[:, -1] + _series(lines.row_far)),
            (ends[2], column_node[-1], column_r[-1] + _series(lines.column_near)),
            (ends[3], column_node[0], column_r[0] + _series(lines.column_far)),
        ]
        for bridge in self.faults:
            if isinstance(bridge, Bridge):
                nodes = [(row_node, column_node)[family][i, j] for family, i, j in (bridge.first, bridge.second)]
                parts.append((np.array(nodes[:1]), np.array(nodes[1:]), np.array([bridge.r_ohm])))
        first, second, r = (np.concatenate([np.ravel(part[k]) for part in parts]) for k in range(3))
        volts = [
            np.array([end.v_v for end in side])
            for side in (lines.row_near, lines.row_far, lines.column_near, lines.column_far)
        ]
        open_end = [
            ~np.isfinite(_series(side)) for side in (lines.row_near, lines.row_far, lines.column_near, lines.column_far)
        ]
        tied = np.flatnonzero(~np.concatenate(open_end))
        gate_v = np.broadcast_to(lines.gate_v[:, None], self.shape) if lines.gate_v.size else np.zeros(self.shape)
        return nodal.Netlist(
            names=self._names(),
            first=first, second=second, r_ohm=r,
            held=2 * size + tied, held_v=np.concatenate(volts)[tied],
            cell_row=row_node.ravel(), cell_column=column_node.ravel(), cell_s=self.cell_s.ravel(), gate_v=gate_v.ravel(),
        )  # fmt: skip

    def _names(self) -> list[str]:
        rows, columns = self.shape
        cells = [f"({i}, {j})" for i in range(rows) for j in range(columns)]
        return [
            *(f"the row-side node of cell {cell}" for cell in cells),
            *(f"the column-side node of cell {cell}" for cell in cells),
            *(f"the {end} end of row {i}" for end in ("left", "right") for i in range(rows)),
            *(f"the {end} end of column {j}" for end in ("bottom", "top") for j in range(columns)),
        ]

    def _resistances(self) -> tuple[FloatArray, FloatArray]:
        """Return the segments' resistances in ohm, shapes (rows, columns + 1) and (rows + 1, columns); breaks are infinite."""
        rows, columns = self.shape
        row_r = np.full((rows, columns + 1), self.wires.r_row_ohm)
        column_r = np.full((rows + 1, columns), self.wires.r_column_ohm)
        for fault in self.faults:
            if isinstance(fault, Break):
                segments = row_r if fault.family is Family.ROWS else column_r.T
                if not (0 <= fault.line < segments.shape[0] and 0 <= fault.segment < segments.shape[1]):
                    raise RangeError(f"{fault} lies outside the array of {rows} x {columns} cells")
                segments[fault.line, fault.segment] = np.inf
            else:
                for _family, i, j in (fault.first, fault.second):
                    if not (0 <= i < rows and 0 <= j < columns):
                        raise RangeError(f"{fault} lies outside the array of {rows} x {columns} cells")
                if not fault.r_ohm >= 0:
                    raise RangeError(f"{fault} must have a resistance of 0 ohm or more")
        return row_r, column_r

    def _segments(self) -> tuple[FloatArray, FloatArray]:
        """Return the segments' conductances; those of 0 ohm are infinite."""
        with np.errstate(divide="ignore"):
            row_r, column_r = self._resistances()
            return 1 / row_r, 1 / column_r

    def _check_lines(self, lines: Lines) -> None:
        rows, columns = self.shape
        sides = (("row_near", rows), ("row_far", rows), ("column_near", columns), ("column_far", columns))
        for name, count in sides:
            ends: list[LineEnd] = getattr(lines, name)
            if len(ends) != count:
                raise ShapeError(f"{name} must have {count} ends, one per line, not {len(ends)}")
            for k, end in enumerate(ends):
                if not np.isfinite(end.v_v) or not end.r_ohm >= 0:
                    raise RangeError(f"{name}[{k}] is {end}; voltages must be finite and resistances 0 ohm or more")
        if lines.gate_v.size not in {0, rows}:
            raise ShapeError(f"gate_v must have the shape ({rows},), one voltage per row, not {lines.gate_v.shape}")
        if not any(np.isfinite(_series(getattr(lines, name))).any() for name, _count in sides):
            raise CircuitError(
                "no line end is connected, so the network has no ground; ground or drive at least one line"
            )

    def _is_ladder(self, lines: Lines) -> bool:
        """Return whether every resistance on the way is above 0 and nothing but wires joins lines."""
        if not self.law.two_terminal or any(isinstance(fault, Bridge) for fault in self.faults):
            return False
        if np.isinf(self._row_g[:, 1:-1]).any() or np.isinf(self._column_g[1:-1]).any():
            return False
        row, column = self._ends(lines)
        return bool(np.isfinite(row).all() and np.isfinite(column).all())

    def _ends(self, lines: Lines) -> tuple[FloatArray, FloatArray]:
        """Return conductances of rows (M, N + 1) and columns (M + 1, N) with everything in series with the ends."""
        row, column = self._row_g.copy(), self._column_g.copy()
        with np.errstate(divide="ignore"):
            row[:, 0] = 1 / (1 / row[:, 0] + _series(lines.row_near))
            row[:, -1] = 1 / (1 / row[:, -1] + _series(lines.row_far))
            column[-1] = 1 / (1 / column[-1] + _series(lines.column_near))
            column[0] = 1 / (1 / column[0] + _series(lines.column_far))
        return row, column

    def _ladder(self, lines: Lines, cell_s: FloatArray) -> LadderSolver:
        """Return a solver for these line ends; those of the last few sets of ends are kept."""
        row, column = self._ends(lines)
        key = row[:, (0, -1)].tobytes() + column[(0, -1), :].tobytes()
        solver = self._ladders.pop(key, None)
        if solver is None:
            solver = LadderSolver(Ladder(cell_s, row, column), self._tolerance)
            while len(self._ladders) >= 4:
                self._ladders.pop(next(iter(self._ladders)))
        self._ladders[key] = solver
        return solver

    def _solve_ladder(self, lines: Lines) -> Currents:
        solved = self._ladder(lines, self.cell_s).solve(_terminals(lines), potentials=True)
        assert solved.row_v is not None
        assert solved.column_v is not None
        row_v, column_v = solved.row_v[0], solved.column_v[0]
        return Currents(
            solved.left_a[:, 0], solved.right_a[:, 0], solved.bottom_a[:, 0], solved.top_a[:, 0], row_v, column_v,
            self.cell_s * (row_v - column_v), "ladder", solved.error,
        )  # fmt: skip

    def _solve_newton(self, lines: Lines, start: Currents | None) -> Currents:
        """Newton's method around the ladder: each step is an ohmic array with currents injected into its nodes."""
        row, column = self._ends(lines)
        terminals = _terminals(lines)
        gate_v = np.zeros(self.shape)
        solver = LadderSolver(Ladder(self.cell_s, row, column), self._tolerance)
        if start is None:
            solved = solver.solve(terminals, potentials=True)
            assert solved.row_v is not None
            assert solved.column_v is not None
            row_v, column_v = solved.row_v[0], solved.column_v[0]
        else:
            row_v, column_v = start.row_v, start.column_v
        moved = np.inf
        for step in range(1, _NEWTON_STEPS + 1):
            cell_a, slope_s, _ = self.law.branch(self.cell_s, row_v, column_v, gate_v)
            solver.set_cells(slope_s)
            injected = slope_s * (row_v - column_v) - cell_a
            solved = solver.solve_injected(terminals, injected, -injected, column_v)
            assert solved.row_v is not None
            assert solved.column_v is not None
            before = moved
            drop = (solved.row_v[0] - solved.column_v[0]) - (row_v - column_v)
            moved = float(np.abs(drop).max())
            # A law that bends upwards overshoots in one direction only: halve steps that grow.
            scale = 1.0 if moved < 2 * before or step == 1 else 0.5
            row_v = row_v + scale * (solved.row_v[0] - row_v)
            column_v = column_v + scale * (solved.column_v[0] - column_v)
            if scale == 1.0 and moved <= 1e-9 * max(float(np.abs(row_v - column_v).max()), 1e-9):
                cell_a, _, _ = self.law.branch(self.cell_s, row_v, column_v, gate_v)
                return Currents(
                    solved.left_a[:, 0], solved.right_a[:, 0], solved.bottom_a[:, 0], solved.top_a[:, 0], row_v, column_v, cell_a,
                    f"ladder and {step} Newton steps", solved.error,
                )  # fmt: skip
        return self._solve_nodal(lines, start)

    def _solve_nodal(self, lines: Lines, start: Currents | None) -> Currents:
        rows, columns = self.shape
        size = rows * columns
        netlist = self.netlist(lines)
        begin = None
        if start is not None:
            begin = np.zeros(len(netlist.names))
            begin[:size], begin[size : 2 * size] = start.row_v.ravel(), start.column_v.ravel()
        v, _steps = nodal.solve(netlist, self.law, begin)
        row_v, column_v = v[:size].reshape(self.shape), v[size : 2 * size].reshape(self.shape)
        cell_a, _, _ = self.law.branch(self.cell_s, row_v, column_v, netlist.gate_v.reshape(self.shape))
        ends = _end_currents(netlist, v, cell_a.ravel(), 2 * size)
        near, far, bottom, top = np.split(ends, (rows, 2 * rows, 2 * rows + columns))
        return Currents(near, far, bottom, top, row_v, column_v, cell_a, "nodal", 1e-12)


def _end_currents(netlist: nodal.Netlist, v: FloatArray, cell_a: FloatArray, first_end: int) -> FloatArray:
    """Return the current into every line end: by Ohm's law, or for ends of 0 ohm as what their whole line does not balance otherwise."""
    nodes = len(netlist.names)
    groups, _ = nodal.merged(netlist)
    real = np.isfinite(netlist.r_ohm) & (netlist.r_ohm > 0)
    a, b = netlist.first[real], netlist.second[real]
    amperes = (v[a] - v[b]) / netlist.r_ohm[real]
    into = np.zeros(nodes)
    for at, current in ((b, amperes), (a, -amperes), (netlist.cell_column, cell_a), (netlist.cell_row, -cell_a)):
        into += np.bincount(at, current, nodes)
    # What flows into a merged group leaves it through its held ends, in equal parts.
    of_group = np.bincount(groups, into)
    held = np.zeros(nodes)
    held[netlist.held] = 1
    sharing = np.bincount(groups, held)
    shared = np.where(held > 0, of_group[groups] / np.maximum(sharing[groups], 1), 0.0)
    return shared[first_end:]


def _terminals(lines: Lines) -> Terminals:
    volts = [
        np.array([[end.v_v] for end in side])
        for side in (lines.row_near, lines.row_far, lines.column_far, lines.column_near)
    ]
    return Terminals(*volts)


def _series(ends: list[LineEnd]) -> FloatArray:
    return np.array([end.r_ohm for end in ends])


def _checked_cells(cell_s: npt.ArrayLike) -> FloatArray:
    cells = np.array(cell_s, np.float64)
    if cells.ndim != 2 or cells.size == 0:
        raise ShapeError(f"conductances must have the shape (rows, columns), each at least 1, not {cells.shape}")
    if not (cells.min() >= 0 and cells.max() < np.inf):
        i, j = (int(k) for k in np.argwhere(~((cells >= 0) & (cells < np.inf)))[0])
        raise RangeError(
            f"the conductance of cell ({i}, {j}) is {float(cells[i, j])!r} S; it must be finite and not negative"
        )
    return cells
