"""The effective matrix of an ohmic array: what its terminals see, with all wires in it; kept up to date when cells change.

A cell that changes by d siemens acts on the old network as a current i = d*V0/(1 + d*R) from its row to its column, where V0 is its
voltage and R the resistance of the old network between its ends. One solution with a unit current there gives R, the current it brings to
every sensed end, and, by reciprocity, the cell's voltage per volt at every driven end: a rank-one update (Sherman and Morrison, Ann.
Math. Stat. 21:124, 1950).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import RangeError, ShapeError
from crossloop_sim.array.ladder import LadderSolver, Terminals

FloatArray = npt.NDArray[np.float64]


_TOLERANCE = 1e-7
"""Relative error of a correction."""


class EffectiveMatrix:
    """Maps voltages at the left ends of the rows to currents into the bottom ends of the columns; all other connected ends at 0 V.

    Parameters
    ----------
    solver : LadderSolver
        The array. It is kept in step with `change`.
    """

    def __init__(self, solver: LadderSolver) -> None:
        rows, columns = solver.shape
        self.solver = solver
        """The array."""
        # By reciprocity either side may be driven: the fewer cases the better.
        if rows <= columns:
            solved = solver.solve(_zero(rows, columns, rows)._replace(left_v=np.eye(rows)))
            matrix_s = solved.bottom_a
        else:
            solved = solver.solve(_zero(rows, columns, columns)._replace(bottom_v=np.eye(columns)))
            matrix_s = solved.left_a.T
        self.matrix_s = np.ascontiguousarray(matrix_s)
        """Currents per volt in siemens, shape (columns, rows)."""
        self.error = solved.error
        """Estimated error of the matrix, relative to its largest entry; it grows with every change."""

    def currents_a(self, row_v: npt.ArrayLike) -> FloatArray:
        """Return the currents into the columns.

        Parameters
        ----------
        row_v : array_like
            Voltages at the left ends in volts, shape (rows,) or (rows, K).

        Returns
        -------
        ndarray
            In amperes, shape (columns,) or (columns, K).
        """
        volts = np.asarray(row_v, np.float64)
        if volts.shape[:1] != self.matrix_s.shape[1:]:
            raise ShapeError(
                f"row_v must have {self.matrix_s.shape[1]} rows, one voltage each, not the shape {volts.shape}"
            )
        product: FloatArray = self.matrix_s @ volts
        return product

    def change(self, row: int, column: int, cell_s: float) -> None:
        """Give one cell another conductance in siemens.

        Raises
        ------
        RangeError
            If the cell is outside the array, or the conductance is negative or not a number; nothing was changed.
        """
        rows, columns = self.solver.shape
        if not (0 <= row < rows and 0 <= column < columns):
            raise RangeError(
                f"cell ({row}, {column}) is outside the array of {rows} x {columns} cells; nothing was changed"
            )
        if not 0 <= cell_s < np.inf:
            raise RangeError(
                f"the conductance of cell ({row}, {column}) must be finite and not negative, not {cell_s!r} S; nothing was changed"
            )
        cells = self.solver.ladder.cell_s
        d_s = cell_s - cells[row, column]
        if d_s == 0:
            return
        unit = np.zeros((rows, columns))
        unit[row, column] = 1.0
        # The answer enters as a correction, which is small against the whole: fewer of its digits are needed.
        answer = self.solver.solve_injected(_zero(rows, columns, 1), -unit, unit, tolerance=_TOLERANCE)
        assert answer.row_v is not None
        assert answer.column_v is not None
        r_ohm = answer.column_v[0, row, column] - answer.row_v[0, row, column]
        cell_v_per_v = -answer.left_a[:, 0]
        self.matrix_s += np.outer(answer.bottom_a[:, 0], cell_v_per_v * (d_s / (1 + d_s * r_ohm)))
        self.solver.change_cell(row, column, cell_s)
        share = abs(d_s / (1 + d_s * r_ohm)) * float(np.abs(answer.bottom_a).max() * np.abs(cell_v_per_v).max())
        self.error += 2 * _TOLERANCE * share / max(float(np.abs(self.matrix_s).max()), 1e-300)


def _zero(rows: int, columns: int, cases: int) -> Terminals:
    return Terminals(*(np.zeros((lines, cases)) for lines in (rows, rows, columns, columns)))
