"""Exact solution of ohmic arrays with wire resistance: the ladder network of rows, columns and cells.

Row i runs from its left terminal through segment 0 to the node of cell (i, 0), and so on to its right terminal; column j from its top
terminal to its bottom terminal. Cell (i, j) joins the row-side and the column-side node there. Every conductance may differ, so series
resistances of drivers, switches and amplifiers (in the end segments), floating ends (0) and open lines (a 0 in between) are all the same
thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import CircuitError, RangeError, ShapeError
from crossloop_sim.array import kernels

FloatArray = npt.NDArray[np.float64]

TOLERANCE = 1e-10
"""Relative error of currents that a solution may have unless another is asked for."""
_LIMIT = 5000
"""Iterations after which a network counts as too badly conditioned."""
_COARSE_LINES = 192
"""Lines from which a coarse array pays; it needs some cases or strong wires to pay for itself."""
_HATS = 8
_EMPTY = np.zeros((0, 0))
_COLD = False
"""Without a start vector."""


class Ladder(NamedTuple):
    """An ohmic array; conductances in siemens."""

    cell_s: FloatArray
    """Cells, shape (M, N)."""
    row_s: FloatArray
    """Row segments from the left terminal to the right one, shape (M, N + 1); the end segments include what is in series with them."""
    column_s: FloatArray
    """Column segments from the top terminal to the bottom one, shape (M + 1, N)."""


class Terminals(NamedTuple):
    """Voltages behind the end segments in volts, K cases at once; those of floating ends (conductance 0) do not matter."""

    left_v: FloatArray
    """Shape (M, K)."""
    right_v: FloatArray
    """Shape (M, K)."""
    top_v: FloatArray
    """Shape (N, K)."""
    bottom_v: FloatArray
    """Shape (N, K)."""


@dataclass(frozen=True)
class Solution:
    """Currents into the terminals in amperes (out of the array is positive), and potentials if they were asked for."""

    left_a: FloatArray
    """Shape (M, K)."""
    right_a: FloatArray
    """Shape (M, K)."""
    top_a: FloatArray
    """Shape (N, K)."""
    bottom_a: FloatArray
    """Shape (N, K)."""
    row_v: FloatArray | None
    """Potentials of the row-side nodes, shape (K, M, N)."""
    column_v: FloatArray | None
    """Potentials of the column-side nodes, shape (K, M, N)."""
    error: float
    """Estimate of the largest relative error: of a current, relative to the largest current of its case."""
    iterations: int
    """Most iterations that a case took."""


class LadderSolver:
    """Solves one array for any terminal voltages; what depends on the array alone is kept.

    Parameters
    ----------
    ladder : Ladder
        The array.
    tolerance : float
        Relative error that solutions may have, 1e-14 to 1e-2.

    Raises
    ------
    ShapeError
        If shapes do not belong together.
    RangeError
        If a conductance is negative or not a number.
    CircuitError
        If a part of the network is held by no terminal; the message names a node of it.
    """

    def __init__(self, ladder: Ladder, tolerance: float = TOLERANCE) -> None:
        if not 1e-14 <= tolerance <= 1e-2:
            raise RangeError(f"tolerance must be from 1e-14 to 1e-2, not {tolerance!r}")
        self.ladder, self._smoothness = check_ladder(ladder)
        self._tolerance = tolerance
        self._factored = False
        self._system: Any = ()
        # Whether the cells are a copy of our own, which may be changed in place.
        self._owned = False
        self._hats = 0

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        rows, columns = self.ladder.cell_s.shape
        return rows, columns

    def set_cells(self, cell_s: FloatArray) -> None:
        """Replace the cells, shape (M, N), in siemens; everything else stays."""
        self.ladder, self._smoothness = check_ladder(self.ladder._replace(cell_s=cell_s))
        self._factored = self._owned = False

    def change_cell(self, row: int, column: int, cell_s: float) -> None:
        """Replace one cell, in siemens; the caller has checked the value. The factors of its row and column are renewed, no others."""
        if not self._owned:
            self.ladder = self.ladder._replace(cell_s=self.ladder.cell_s.copy())
            self._owned = True
            if self._factored:
                self._system = (self.ladder.cell_s, *self._system[1:])
        # The coarse array stays as it was: as a preconditioner it need not be exact.
        self._factor(1)
        kernels.change_cell(*self.ladder, self._prepared, self._row_factors, row, column, cell_s)

    def solve(self, terminals: Terminals, *, potentials: bool = False) -> Solution:
        """Solve K cases.

        Parameters
        ----------
        terminals : Terminals
            Voltages.
        potentials : bool
            Whether to return the potentials of all nodes: 16*M*N bytes per case.

        Raises
        ------
        ShapeError, RangeError
            If voltages do not fit or are not numbers.
        CircuitError
            If the network is so badly conditioned that the tolerance cannot be reached.
        """
        rows, columns = self.shape
        volts = _check_terminals(terminals, rows, columns)
        cases = volts[0].shape[0]
        self._factor(cases)
        out = np.empty((cases, 2 * (rows + columns)))
        kept = cases if potentials or cases == 1 else 0
        x, w = np.empty((kept, rows, columns)), np.empty((kept, rows, columns))
        if cases == 1:
            residual, iterations = kernels.solve_single(
                self.ladder, self._system, self._row_factors, self._hats, (volts[0][0], volts[1][0], volts[2][0], volts[3][0]), _EMPTY,
                _EMPTY, x[0], w[0], _COLD, self._stop, _LIMIT, out[0],
            )  # fmt: skip
        else:
            residuals, counts = np.empty(cases), np.empty(cases, np.int64)
            kernels.solve_cases(
                self.ladder, self._system, self._row_factors, self._hats, *volts, potentials, x, w, self._stop, _LIMIT, out, residuals,
                counts,
            )  # fmt: skip
            residual, iterations = residuals.max(), counts.max()
        return self._solution(
            out, x if potentials else None, w if potentials else None, float(residual), int(iterations), self._stop
        )

    def solve_injected(
        self,
        terminals: Terminals,
        row_a: FloatArray,
        column_a: FloatArray,
        start: FloatArray | None = None,
        *,
        tolerance: float | None = None,
    ) -> Solution:
        """Solve one case with currents injected into the nodes, shape (M, N), in amperes.

        Parameters
        ----------
        terminals : Terminals
            Voltages, K = 1.
        row_a, column_a : ndarray
            Currents into row-side and column-side nodes.
        start : ndarray, optional
            Column-side potentials to start from, shape (M, N): those of a similar network.
        tolerance : float, optional
            Relative error that this solution may have; by default that of the solver.
        """
        rows, columns = self.shape
        volts = _check_terminals(terminals, rows, columns)
        self._factor(1)
        stop = self._stop if tolerance is None else max(tolerance / self._amplification, 3e-16)
        out = np.empty((1, 2 * (rows + columns)))
        x = np.empty((rows, columns)) if start is None else np.array(start, np.float64)
        w = np.empty((rows, columns))
        residual, iterations = kernels.solve_single(
            self.ladder, self._system, self._row_factors, self._hats, (volts[0][0], volts[1][0], volts[2][0], volts[3][0]),
            np.ascontiguousarray(row_a, np.float64), np.ascontiguousarray(column_a, np.float64), x, w, start is not None, stop,
            _LIMIT, out[0],
        )  # fmt: skip
        return self._solution(out, x[None], w[None], float(residual), int(iterations), stop)

    def _solution(
        self, out: FloatArray, x: FloatArray | None, w: FloatArray | None, residual: float, iterations: int, stop: float
    ) -> Solution:
        rows, columns = self.shape
        if not residual <= stop:
            raise CircuitError(
                f"the array of {rows} x {columns} cells did not converge: residual {residual:.1e} after {iterations} iterations, "
                f"{stop:.1e} wanted; the conductances span too many decades"
            )
        a = out.T
        ends = (a[:rows], a[rows : 2 * rows], a[2 * rows : 2 * rows + columns], a[2 * rows + columns :])
        return Solution(*ends, w, x, residual * self._amplification, iterations)

    def _factor(self, cases: int) -> None:
        """Prepare for a number of cases; what is there already is kept."""
        rows, columns = self.shape
        large = min(rows, columns) >= _COARSE_LINES
        coarse_pays = large and (cases >= 4 or self._smoothness > 0.9)
        if self._factored and (self._hats > 0 or not coarse_pays):
            return
        cell, row, column = self.ladder
        if not self._factored:
            self._prepared, self._row_factors = kernels.prepare(cell, row, column)
        diagonal, *rest = self._prepared
        self._hats = _HATS if coarse_pays else 0
        coarse = kernels.coarse_inverse(cell, column, *self._row_factors, _HATS, _HATS) if coarse_pays else _EMPTY
        self._system = (cell, diagonal, column, *rest, coarse)
        # The energy norm of the error is the residual's times at most the root of the condition number.
        self._amplification = 4 * (2.0 if coarse_pays else (1 - min(self._smoothness, 1 - 1e-6)) ** -0.5)
        self._stop = max(self._tolerance / self._amplification, 3e-16)
        self._factored = True


def check_ladder(ladder: Ladder) -> tuple[Ladder, float]:
    """Return a ladder as the kernels need it, and how smooth its potentials may be; or raise the error that `LadderSolver` documents."""
    cell, row, column = (np.ascontiguousarray(values, np.float64) for values in ladder)
    if cell.ndim != 2 or cell.size == 0:
        raise ShapeError(f"cells must have the shape (rows, columns), each at least 1, not {cell.shape}")
    rows, columns = cell.shape
    for name, values, shape in (("row_s", row, (rows, columns + 1)), ("column_s", column, (rows + 1, columns))):
        if values.shape != shape:
            raise ShapeError(
                f"{name} of an array of {rows} x {columns} cells must have the shape {shape}, not {values.shape}"
            )
    right, whole, smooth = kernels.survey(cell, row, column)
    if not right:
        _raise_bad_value(cell, row, column)
    if not whole:
        _raise_if_floating(cell, row, column)
    return Ladder(cell, row, column), smooth


def _raise_bad_value(cell: FloatArray, row: FloatArray, column: FloatArray) -> None:
    for name, values in (("cell_s", cell), ("row_s", row), ("column_s", column)):
        bad = np.argwhere(~((values >= 0) & (values < np.inf)))
        if len(bad):
            at = tuple(int(k) for k in bad[0])
            raise RangeError(
                f"{name}{list(at)} is {float(values[at])!r} S; conductances must be finite and not negative (wires of 0 ohm: see Array)"
            )


def _raise_if_floating(cell: FloatArray, row: FloatArray, column: FloatArray) -> None:
    held = kernels.islands(cell, row, column)
    if not held.all():
        side, i, j = (int(k) for k in np.argwhere(held == 0)[0])
        raise CircuitError(
            f"the {('row', 'column')[side]}-side node of cell ({i}, {j}) is on a floating island of {int((held == 0).sum())} nodes: "
            "no terminal holds it; connect one of its lines, or take its cells out"
        )


def _check_terminals(
    terminals: Terminals, rows: int, columns: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return voltages as (K, lines)."""
    given = [np.asarray(values, np.float64) for values in terminals]
    cases = given[0].shape[-1] if given[0].ndim == 2 else -1
    out = []
    for name, values, lines in zip(Terminals._fields, given, (rows, rows, columns, columns), strict=True):
        if values.shape != (lines, cases):
            raise ShapeError(f"{name} must have the shape ({lines}, {max(cases, 1)}), not {values.shape}")
        if not np.isfinite(values).all():
            at = tuple(int(k) for k in np.argwhere(~np.isfinite(values))[0])
            raise RangeError(f"{name}{list(at)} is {float(values[at])!r} V; voltages must be finite")
        out.append(np.ascontiguousarray(values.T))
    return out[0], out[1], out[2], out[3]
