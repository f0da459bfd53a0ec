"""The ladder solver against a dense nodal matrix that is put together here from Kirchhoff's current law, and against closed forms."""

import numba
import numpy as np
import pytest

from crossloop.protocol.errors import CircuitError, RangeError, ShapeError
from crossloop_sim.array.effective import EffectiveMatrix
from crossloop_sim.array.ladder import Ladder, LadderSolver, Terminals


def random_ladder(rng, rows, columns, *, open_ends=False):
    row, column = rng.uniform(0.05, 1.0, (rows, columns + 1)), rng.uniform(0.05, 1.0, (rows + 1, columns))
    if open_ends:
        row[:, -1] = 0
        row[1::2, 0] = 0
        column[0] = 0
        column[-1, 1::2] = 0
    return Ladder(10 ** rng.uniform(-6, -4, (rows, columns)), row, column)


def random_terminals(rng, rows, columns, cases):
    return Terminals(*(rng.uniform(-1, 1, (lines, cases)) for lines in (rows, rows, columns, columns)))


def dense(ladder, terminals, case):
    """Return row-side and column-side potentials from one dense matrix, node by node."""
    rows, columns = ladder.cell_s.shape
    size = rows * columns
    matrix, right = np.zeros((2 * size, 2 * size)), np.zeros(2 * size)

    def join(a, b, g):
        matrix[a, a] += g
        matrix[b, b] += g
        matrix[a, b] -= g
        matrix[b, a] -= g

    def tie(a, g, v):
        matrix[a, a] += g
        right[a] += g * v

    for i in range(rows):
        for j in range(columns):
            w, b = i * columns + j, size + i * columns + j
            join(w, b, ladder.cell_s[i, j])
            if j:
                join(w, w - 1, ladder.row_s[i, j])
            if i:
                join(b, b - columns, ladder.column_s[i, j])
    for i in range(rows):
        tie(i * columns, ladder.row_s[i, 0], terminals.left_v[i, case])
        tie(i * columns + columns - 1, ladder.row_s[i, -1], terminals.right_v[i, case])
    for j in range(columns):
        tie(size + j, ladder.column_s[0, j], terminals.top_v[j, case])
        tie(size + (rows - 1) * columns + j, ladder.column_s[-1, j], terminals.bottom_v[j, case])
    v = np.linalg.solve(matrix, right)
    return v[:size].reshape(rows, columns), v[size:].reshape(rows, columns)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 9), (9, 1), (2, 3), (7, 5), (13, 20), (24, 17)])
@pytest.mark.parametrize("open_ends", [False, True])
@pytest.mark.parametrize("cases", [1, 3])
def test_potentials_and_currents_agree_with_a_dense_matrix(rows, columns, open_ends, cases):
    rng = np.random.default_rng(rows * 100 + columns)
    ladder, terminals = (
        random_ladder(rng, rows, columns, open_ends=open_ends),
        random_terminals(rng, rows, columns, cases),
    )
    solved = LadderSolver(ladder, 1e-13).solve(terminals, potentials=True)
    for case in range(cases):
        row_v, column_v = dense(ladder, terminals, case)
        np.testing.assert_allclose(solved.row_v[case], row_v, atol=1e-12)
        np.testing.assert_allclose(solved.column_v[case], column_v, atol=1e-12)
        left = ladder.row_s[:, 0] * (row_v[:, 0] - terminals.left_v[:, case])
        bottom = ladder.column_s[-1] * (column_v[-1] - terminals.bottom_v[:, case])
        np.testing.assert_allclose(solved.left_a[:, case], left, atol=1e-12)
        np.testing.assert_allclose(solved.bottom_a[:, case], bottom, atol=1e-12)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-10])
@pytest.mark.parametrize("r_ohm", [1.0, 30.0])
def test_the_error_estimate_bounds_the_error(tolerance, r_ohm):
    rng = np.random.default_rng(4)
    for size in (8, 40, 200):
        cells = rng.uniform(1e-6, 1e-4, (size, size))
        row, column = np.full((size, size + 1), 1 / r_ohm), np.full((size + 1, size), 1 / r_ohm)
        row[:, -1], column[0] = 0, 0
        ladder = Ladder(cells, row, column)
        terminals = Terminals(rng.uniform(0, 0.2, (size, 1)), *(np.zeros((size, 1)) for _ in range(3)))
        loose = LadderSolver(ladder, tolerance).solve(terminals)
        tight = LadderSolver(ladder, 1e-13).solve(terminals)
        error = np.abs(loose.bottom_a - tight.bottom_a).max() / np.abs(tight.bottom_a).max()
        assert error <= loose.error + 1e-12, f"{size} lines of {r_ohm} ohm, tolerance {tolerance}"
        assert loose.error <= tolerance


def test_without_wires_the_product_is_ohms_law():
    rng = np.random.default_rng(1)
    cells, v = rng.uniform(1e-6, 1e-4, (12, 9)), rng.uniform(0, 0.2, (12, 1))
    for g_wire in (1e3, 1e6):
        row, column = np.full((12, 10), g_wire), np.full((13, 9), g_wire)
        row[:, -1], column[0] = 0, 0
        solved = LadderSolver(Ladder(cells, row, column)).solve(
            Terminals(v, np.zeros((12, 1)), np.zeros((9, 1)), np.zeros((9, 1)))
        )
        # The drop is of the order of all current times all wire: 12*9*1e-4/g_wire.
        np.testing.assert_allclose(solved.bottom_a, cells.T @ v, rtol=12 * 12 * 1e-4 * 12 / g_wire)


def test_a_single_cell_is_three_resistors_in_series():
    solved = LadderSolver(Ladder(np.array([[1e-4]]), np.array([[0.5, 0.0]]), np.array([[0.0], [0.25]]))).solve(
        Terminals(np.array([[0.3]]), np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1)))
    )
    assert solved.bottom_a[0, 0] == pytest.approx(0.3 / (2 + 1e4 + 4), rel=1e-13)


def test_a_uniform_row_follows_the_ladder_recurrence():
    # One row, every column grounded through its own wire: the input conductance of an n-stage ladder by continued fractions.
    n, g, r = 30, 2e-5, 15.0
    branch = 1 / (1 / g + r)
    y = 0.0
    for _ in range(n):
        y = 1 / (r + 1 / (branch + y))
    row, column = np.full((1, n + 1), 1 / r), np.full((2, n), 1 / r)
    row[:, -1], column[0] = 0, 0
    solved = LadderSolver(Ladder(np.full((1, n), g), row, column)).solve(
        Terminals(np.ones((1, 1)), np.zeros((1, 1)), np.zeros((n, 1)), np.zeros((n, 1)))
    )
    assert -solved.left_a[0, 0] == pytest.approx(y, rel=1e-11)
    assert solved.bottom_a.sum() == pytest.approx(y, rel=1e-11)


@pytest.mark.parametrize("size", [20, 200])
def test_threads_change_nothing(size):
    rng = np.random.default_rng(3)
    ladder, terminals = random_ladder(rng, size, size), random_terminals(rng, size, size, 6)
    found = []
    for threads in (1, 2):
        if threads > numba.config.NUMBA_NUM_THREADS:
            pytest.skip("one core only")
        numba.set_num_threads(threads)
        found.append(LadderSolver(ladder).solve(terminals).bottom_a)
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(("rows", "columns"), [(6, 6), (5, 9), (11, 4)])
def test_the_effective_matrix_follows_changes_of_cells(rows, columns):
    rng = np.random.default_rng(8)
    ladder = random_ladder(rng, rows, columns)
    matrix = EffectiveMatrix(LadderSolver(ladder, 1e-13))
    cells = ladder.cell_s.copy()
    for _ in range(12):
        i, j, g = int(rng.integers(rows)), int(rng.integers(columns)), float(10 ** rng.uniform(-6, -3))
        cells[i, j] = g
        matrix.change(i, j, g)
    fresh = EffectiveMatrix(LadderSolver(ladder._replace(cell_s=cells), 1e-13))
    scale = np.abs(fresh.matrix_s).max()
    off = np.abs(matrix.matrix_s - fresh.matrix_s).max() / scale
    assert off <= matrix.error + 1e-12
    assert off < 1e-6  # cells changed a thousandfold, twelve times
    v = rng.uniform(0, 1, rows)
    zeros = np.zeros((columns, 1))
    solved = LadderSolver(ladder._replace(cell_s=cells), 1e-13).solve(
        Terminals(v[:, None], np.zeros((rows, 1)), zeros, zeros)
    )
    np.testing.assert_allclose(matrix.currents_a(v), solved.bottom_a[:, 0], atol=1e-6 * scale)


def test_a_change_outside_the_array_changes_nothing():
    ladder = random_ladder(np.random.default_rng(0), 3, 3)
    matrix = EffectiveMatrix(LadderSolver(ladder))
    before = matrix.matrix_s.copy()
    with pytest.raises(RangeError, match=r"cell \(3, 0\) is outside the array of 3 x 3 cells; nothing was changed"):
        matrix.change(3, 0, 1e-6)
    with pytest.raises(RangeError, match="must be finite and not negative, not nan S"):
        matrix.change(0, 0, float("nan"))
    np.testing.assert_array_equal(matrix.matrix_s, before)


def test_bad_values_name_the_place():
    ladder = random_ladder(np.random.default_rng(0), 4, 5)
    for field, at, value, message in (
        ("cell_s", (2, 3), -1e-6, r"cell_s\[2, 3\] is -1e-06 S"),
        ("cell_s", (1, 0), np.nan, r"cell_s\[1, 0\] is nan S"),
        ("row_s", (0, 5), np.inf, r"row_s\[0, 5\] is inf S"),
    ):
        values = getattr(ladder, field).copy()
        values[at] = value
        with pytest.raises(RangeError, match=message):
            LadderSolver(ladder._replace(**{field: values}))
    with pytest.raises(
        ShapeError, match=r"row_s of an array of 4 x 5 cells must have the shape \(4, 6\), not \(4, 5\)"
    ):
        LadderSolver(ladder._replace(row_s=ladder.row_s[:, :-1]))
    left = np.array([[0], [np.nan], [0], [0]])
    with pytest.raises(RangeError, match=r"left_v\[1, 0\] is nan V"):
        LadderSolver(ladder).solve(Terminals(left, np.zeros((4, 1)), np.zeros((5, 1)), np.zeros((5, 1))))


def test_a_floating_island_is_named():
    cells = np.full((4, 4), 1e-5)
    row, column = np.full((4, 5), 1.0), np.full((5, 4), 1.0)
    row[:, -1] = 0
    column[0] = 0
    # Row 2 and column 1 float and meet only each other.
    row[2, 0] = 0
    column[-1, 1] = 0
    cells[2, :] = 0
    cells[:, 1] = 0
    cells[2, 1] = 1e-5
    with pytest.raises(CircuitError, match=r"the row-side node of cell \(2, 0\) is on a floating island of 8 nodes"):
        LadderSolver(Ladder(cells, row, column))


def test_a_line_without_any_cell_may_float():
    cells = np.full((3, 3), 1e-5)
    cells[1] = 0
    row, column = np.full((3, 4), 1.0), np.full((4, 3), 1.0)
    row[:, -1] = 0
    row[1, 0] = 0
    column[0] = 0
    solved = LadderSolver(Ladder(cells, row, column)).solve(
        Terminals(np.ones((3, 1)), np.zeros((3, 1)), np.zeros((3, 1)), np.zeros((3, 1))), potentials=True
    )
    assert not solved.row_v[0, 1].any()
    assert (solved.bottom_a > 1.9e-5).all()
