"""Compiled solver of ohmic arrays: conjugate gradients on the column side, preconditioned by column lines and a coarse array.

Eliminating the row-side potentials W (each row is a tridiagonal system T_i) leaves, for the column-side potentials B, one unknown per cell:

    S B = c,   S = P - C,   P = column lines and cells (tridiagonal per column),   C = G T^-1 G

P^-1 S = 1 - P^-1 C has eigenvalues close to 0 only for potentials that are smooth over the attenuation length sqrt(g_segment/g_cell)
along rows and along columns. These few are spanned by Z, products of hat functions on a coarse grid, and the preconditioner

    P^-1 + Z (E^-1 - E_P^-1) Z^T,   E = Z^T S Z,   E_P = Z^T P Z

moves them to 1: on the coarse space it is the inverse of S, elsewhere that of P. Both terms are positive definite, because C is. E_C =
Z^T C Z costs one row solve per hat function along the rows.

Source: the elimination is that of any resistor ladder; the preconditioner is a two-level additive Schwarz method (Smith, Bjorstad and
Gropp, "Domain decomposition", 1996), corrected for what P already does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

BLOCK = 8
"""Rows solved together, so that the recurrences of several rows overlap."""
STRIP = 64
"""Columns swept together, so that a strip stays in the cache."""


@njit(cache=True, error_model="numpy")
def factor_lines(
    cell: Any, row: Any, column: Any, row_inverse: Any, row_ratio: Any, column_inverse: Any, column_ratio: Any
) -> None:
    """Factor every row (tridiagonal T_i) and every column (P_j) as L D L^T: inverses of D, shape (M, N), and ratios off-diagonal/D.

    A pivot of 0 (a piece of a line without any cell or terminal) gets the inverse 0: its nodes stay at 0 V.
    """
    m, n = cell.shape
    for i in range(m):
        previous = 0.0
        for j in range(n):
            ratio = row[i, j] * previous if j > 0 else 0.0
            pivot = cell[i, j] + row[i, j] + row[i, j + 1] - (row[i, j] * ratio if j > 0 else 0.0)
            scale = cell[i, j] + row[i, j] + row[i, j + 1]
            previous = 1.0 / pivot if pivot > 1e-14 * scale else 0.0
            row_inverse[i, j] = previous
            row_ratio[i, j] = ratio
    for j in range(n):
        column_inverse[0, j] = 0.0
    for i in range(m):
        for j in range(n):
            ratio = column[i, j] * column_inverse[i - 1, j] if i > 0 else 0.0
            scale = cell[i, j] + column[i, j] + column[i + 1, j]
            pivot = scale - (column[i, j] * ratio if i > 0 else 0.0)
            column_inverse[i, j] = 1.0 / pivot if pivot > 1e-14 * scale else 0.0
            column_ratio[i, j] = ratio


@njit(cache=True, error_model="numpy")
def change_cell(
    cell: Any, row: Any, column: Any, prepared: Any, row_factors: Any, i: int, j: int, cell_s: float
) -> None:
    """Give one cell another conductance, and bring up to date what `prepare` made: factors of its row and its column."""
    diagonal, inverse, ratio, blocks, column_inverse, column_ratio = prepared
    row_inverse, row_ratio = row_factors
    m, n = cell.shape
    diagonal[i, j] += cell_s - cell[i, j]
    cell[i, j] = cell_s
    blocks[i // BLOCK, j, i % BLOCK] = cell_s
    previous = row_inverse[i, j - 1] if j > 0 else 0.0
    for k in range(j, n):
        factor = row[i, k] * previous if k > 0 else 0.0
        scale = cell[i, k] + row[i, k] + row[i, k + 1]
        pivot = scale - (row[i, k] * factor if k > 0 else 0.0)
        previous = 1.0 / pivot if pivot > 1e-14 * scale else 0.0
        row_inverse[i, k], row_ratio[i, k] = previous, factor
        inverse[i // BLOCK, k, i % BLOCK], ratio[i // BLOCK, k, i % BLOCK] = previous, factor
    previous = column_inverse[i - 1, j] if i > 0 else 0.0
    for k in range(i, m):
        factor = column[k, j] * previous if k > 0 else 0.0
        scale = cell[k, j] + column[k, j] + column[k + 1, j]
        pivot = scale - (column[k, j] * factor if k > 0 else 0.0)
        previous = 1.0 / pivot if pivot > 1e-14 * scale else 0.0
        column_inverse[k, j], column_ratio[k, j] = previous, factor


@njit(cache=True, error_model="numpy")
def _hats(size: int, count: int) -> Any:
    """Return, for `size` positions under `count` hats, the left hat of each and its weight; the right one has the rest."""
    left = np.empty(size, np.int64)
    weight = np.empty(size)
    for i in range(size):
        x = (i + 0.5) / size * (count - 1)
        left[i] = min(int(x), count - 2)
        weight[i] = 1.0 - (x - left[i])
    return left, weight


@njit(cache=True, error_model="numpy")
def _inverse(matrix: Any) -> Any:
    """Return the inverse of a symmetric positive definite matrix by Cholesky's method."""
    size = matrix.shape[0]
    low = np.zeros((size, size))
    for p in range(size):
        for q in range(p + 1):
            total = matrix[p, q]
            for r in range(q):
                total -= low[p, r] * low[q, r]
            if p == q:
                low[p, p] = np.sqrt(total) if total > 1e-13 * matrix[p, p] else np.inf
            else:
                low[p, q] = total / low[q, q]
    # The inverse of L, row by row, then L^-T L^-1.
    inverse = np.zeros((size, size))
    for p in range(size):
        for q in range(p):
            factor = -low[p, q] / low[p, p]
            for r in range(q + 1):
                inverse[p, r] += factor * inverse[q, r]
        inverse[p, p] = 1.0 / low[p, p]
    out = np.zeros((size, size))
    for p in range(size):
        for q in range(p + 1):
            factor = inverse[p, q]
            for r in range(q + 1):
                out[q, r] += factor * inverse[p, r]
    for p in range(size):
        for q in range(p):
            out[q, p] = out[p, q]
    return out


@njit(cache=True, error_model="numpy")
def coarse_inverse(cell: Any, column: Any, row_inverse: Any, row_ratio: Any, hats_down: int, hats_across: int) -> Any:
    """Return E^-1 - E_P^-1 for hats_down x hats_across hat functions, shape (hats, hats), hats numbered row by row."""
    m, n = cell.shape
    down, weight_down = _hats(m, hats_down)
    across, weight_across = _hats(n, hats_across)
    size = hats_down * hats_across
    lines = np.zeros((size, size))  # E_P
    smooth = np.zeros((size, size))  # E_C
    # Energies of the columns: cells, end segments, and the segments between rows.
    for i in range(m):
        for j in range(n):
            own = cell[i, j]
            if i == 0:
                own += column[0, j]
            if i == m - 1:
                own += column[m, j]
            for a in range(4):
                hat_a = (down[i] + (a >> 1)) * hats_across + across[j] + (a & 1)
                x = weight_across[j] if a & 1 == 0 else 1.0 - weight_across[j]
                value_a = x * (weight_down[i] if a >> 1 == 0 else 1.0 - weight_down[i])
                for b in range(4):
                    hat_b = (down[i] + (b >> 1)) * hats_across + across[j] + (b & 1)
                    y = weight_across[j] if b & 1 == 0 else 1.0 - weight_across[j]
                    value_b = y * (weight_down[i] if b >> 1 == 0 else 1.0 - weight_down[i])
                    lines[hat_a, hat_b] += own * value_a * value_b
    across_energy = np.zeros((m, 2 * hats_across))
    # Segment i joins rows i - 1 and i; its drop in hat I is the difference of the hat's values there.
    for i in range(1, m):
        for j in range(n):
            g = column[i, j]
            wa, wb = weight_across[j], 1.0 - weight_across[j]
            across_energy[i, across[j]] += g * wa * wa
            across_energy[i, across[j] + 1] += g * wb * wb
            across_energy[i, hats_across + across[j]] += g * wa * wb
        first = down[i - 1]
        last = down[i] + 1
        for a in range(first, last + 1):
            drop_a = _value(a, down[i], weight_down[i]) - _value(a, down[i - 1], weight_down[i - 1])
            for b in range(first, last + 1):
                drop_b = _value(b, down[i], weight_down[i]) - _value(b, down[i - 1], weight_down[i - 1])
                product = drop_a * drop_b
                if product == 0.0:
                    continue
                for k in range(hats_across):
                    lines[a * hats_across + k, b * hats_across + k] += product * across_energy[i, k]
                for k in range(hats_across - 1):
                    mixed = product * across_energy[i, hats_across + k]
                    lines[a * hats_across + k, b * hats_across + k + 1] += mixed
                    lines[a * hats_across + k + 1, b * hats_across + k] += mixed
    # What the rows carry: one row solve per hat along the row.
    y = np.empty((n, hats_across))
    row_energy = np.empty((hats_across, hats_across))
    for i in range(m):
        for j in range(n):
            g = cell[i, j]
            ratio = row_ratio[i, j]
            for k in range(hats_across):
                y[j, k] = ratio * y[j - 1, k] if j > 0 else 0.0
            y[j, across[j]] += g * weight_across[j]
            y[j, across[j] + 1] += g * (1.0 - weight_across[j])
        row_energy[:] = 0.0
        for j in range(n - 1, -1, -1):
            inverse = row_inverse[i, j]
            ratio = row_ratio[i, j + 1] if j < n - 1 else 0.0
            left, right = cell[i, j] * weight_across[j], cell[i, j] * (1.0 - weight_across[j])
            hat = across[j]
            for k in range(hats_across):
                value = y[j, k] * inverse + (ratio * y[j + 1, k] if j < n - 1 else 0.0)
                y[j, k] = value
                row_energy[hat, k] += left * value
                row_energy[hat + 1, k] += right * value
        for a in range(2):
            value_a = weight_down[i] if a == 0 else 1.0 - weight_down[i]
            for b in range(2):
                product = value_a * (weight_down[i] if b == 0 else 1.0 - weight_down[i])
                at_a, at_b = (down[i] + a) * hats_across, (down[i] + b) * hats_across
                for k in range(hats_across):
                    for q in range(hats_across):
                        smooth[at_a + k, at_b + q] += product * row_energy[k, q]
    return _inverse(lines - 0.5 * (smooth + smooth.T)) - _inverse(lines)


@njit(cache=True, error_model="numpy")
def _value(hat: int, left: int, weight: float) -> float:
    """Return the value of a hat at a position between the hats `left` and `left + 1`."""
    if hat == left:
        return weight
    return 1.0 - weight if hat == left + 1 else 0.0


@njit(cache=True, error_model="numpy")
def row_solve(row_inverse: Any, row_ratio: Any, cell: Any, b: Any, f: Any, w: Any, coupled: bool) -> None:
    """Set w = T^-1 f, or T^-1 (f + G b) if `coupled`; all of shape (M, N)."""
    m, n = cell.shape
    for i in range(m):
        previous = 0.0
        for j in range(n):
            previous = f[i, j] + row_ratio[i, j] * previous
            if coupled:
                previous += cell[i, j] * b[i, j]
            w[i, j] = previous
        previous = 0.0
        ratio = 0.0
        for j in range(n - 1, -1, -1):
            previous = w[i, j] * row_inverse[i, j] + ratio * previous
            w[i, j] = previous
            ratio = row_ratio[i, j]


@njit(cache=True, error_model="numpy")
def _dot(a: Any, b: Any) -> float:
    """Return the scalar product of two vectors: four running sums, so that the order is fixed and the additions overlap."""
    n = a.size
    whole = n - n % 4
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for j in range(0, whole, 4):
        s0 += a[j] * b[j]
        s1 += a[j + 1] * b[j + 1]
        s2 += a[j + 2] * b[j + 2]
        s3 += a[j + 3] * b[j + 3]
    for j in range(whole, n):
        s0 += a[j] * b[j]
    return (s0 + s1) + (s2 + s3)


@njit(cache=True, error_model="numpy")
def _row_block(inv: Any, rat: Any, g: Any, y: Any) -> None:
    """Set y = G T^-1 (G y) for BLOCK rows at once; all of shape (N, BLOCK)."""
    n = y.shape[0]
    for k in range(BLOCK):
        y[0, k] = y[0, k] * g[0, k]
    for j in range(1, n):
        for k in range(BLOCK):
            y[j, k] = g[j, k] * y[j, k] + rat[j, k] * y[j - 1, k]
    last = np.zeros(BLOCK)
    for j in range(n - 1, -1, -1):
        for k in range(BLOCK):
            last[k] = y[j, k] * inv[j, k] + last[k]
            y[j, k] = g[j, k] * last[k]
            last[k] *= rat[j, k]


@njit(cache=True, error_model="numpy")
def _apply(system: Any, p: Any, q: Any, y: Any) -> float:
    """Set q = S p and return p.q."""
    diagonal, column = system[1], system[2]
    inverse, ratio, blocks = system[3], system[4], system[5]
    m, n = p.shape
    total = 0.0
    for block in range(inverse.shape[0]):
        first = block * BLOCK
        count = min(BLOCK, m - first)
        for k in range(count):
            p_row = p[first + k]
            for j in range(n):
                y[j, k] = p_row[j]
        _row_block(inverse[block], ratio[block], blocks[block], y)
        for k in range(count):
            i = first + k
            p_row, q_row, d_row = p[i], q[i], diagonal[i]
            for j in range(n):
                q_row[j] = d_row[j] * p_row[j] - y[j, k]
            if i > 0:
                above, wire = p[i - 1], column[i]
                for j in range(n):
                    q_row[j] -= wire[j] * above[j]
            if i < m - 1:
                below, wire = p[i + 1], column[i + 1]
                for j in range(n):
                    q_row[j] -= wire[j] * below[j]
            total += _dot(p_row, q_row)
    return total


@njit(cache=True, error_model="numpy")
def _sweep(system: Any, alpha: float, p: Any, q: Any, x: Any, r: Any, z: Any) -> float:
    """Step x += alpha p, r -= alpha q, set z = P^-1 r and return r.z, strip by strip of columns."""
    inverse, ratio = system[6], system[7]
    m, n = r.shape
    total = 0.0
    for begin in range(0, n, STRIP):
        end = min(begin + STRIP, n)
        for i in range(m):
            r_row, z_row = r[i, begin:end], z[i, begin:end]
            if alpha != 0.0:
                x_row, p_row, q_row = x[i, begin:end], p[i, begin:end], q[i, begin:end]
                for j in range(end - begin):
                    x_row[j] += alpha * p_row[j]
                    r_row[j] -= alpha * q_row[j]
            if i == 0:
                for j in range(end - begin):
                    z_row[j] = r_row[j]
            else:
                above, ratio_row = z[i - 1, begin:end], ratio[i, begin:end]
                for j in range(end - begin):
                    z_row[j] = r_row[j] + ratio_row[j] * above[j]
        for i in range(m - 1, -1, -1):
            z_row, inverse_row = z[i, begin:end], inverse[i, begin:end]
            if i == m - 1:
                for j in range(end - begin):
                    z_row[j] *= inverse_row[j]
            else:
                below, ratio_row = z[i + 1, begin:end], ratio[i + 1, begin:end]
                for j in range(end - begin):
                    z_row[j] = z_row[j] * inverse_row[j] + ratio_row[j] * below[j]
            total += _dot(r[i, begin:end], z_row)
    return total


@njit(cache=True, error_model="numpy")
def _coarse_step(coarse: Any, hats: Any, r: Any, restricted: Any, lifted: Any) -> float:
    """Set lifted = (E^-1 - E_P^-1) Z^T r; return its share of the preconditioned residual's norm."""
    down, weight_down, across, weight_across = hats
    m, n = r.shape
    size = coarse.shape[0]
    hats_across = size // (down[m - 1] + 2)
    restricted[:] = 0.0
    strip = np.empty(hats_across)
    for i in range(m):
        strip[:] = 0.0
        r_row = r[i]
        # Neighbours mostly share their hats: their sums stay in registers until the hat changes.
        j = 0
        while j < n:
            hat = across[j]
            left, whole = 0.0, 0.0
            while j < n and across[j] == hat:
                left += weight_across[j] * r_row[j]
                whole += r_row[j]
                j += 1
            strip[hat] += left
            strip[hat + 1] += whole - left
        at = down[i] * hats_across
        for k in range(hats_across):
            restricted[at + k] += weight_down[i] * strip[k]
            restricted[at + hats_across + k] += (1.0 - weight_down[i]) * strip[k]
    for a in range(size):
        lifted[a] = _dot(coarse[a], restricted)
    return _dot(lifted, restricted)


@njit(cache=True, error_model="numpy")
def _direction(hats: Any, lifted: Any, z: Any, beta: float, p: Any) -> None:
    """Set p = z + Z lifted + beta p."""
    down, weight_down, across, weight_across = hats
    m, n = p.shape
    size = lifted.size
    row = np.zeros(n)
    hats_across = size // (down[m - 1] + 2)
    for i in range(m):
        p_row, z_row = p[i], z[i]
        if size > 0:
            at = down[i] * hats_across
            for j in range(n):
                k = at + across[j]
                upper = weight_across[j] * lifted[k] + (1.0 - weight_across[j]) * lifted[k + 1]
                lower = (
                    weight_across[j] * lifted[k + hats_across] + (1.0 - weight_across[j]) * lifted[k + hats_across + 1]
                )
                row[j] = weight_down[i] * upper + (1.0 - weight_down[i]) * lower
            for j in range(n):
                p_row[j] = z_row[j] + row[j] + beta * p_row[j]
        else:
            for j in range(n):
                p_row[j] = z_row[j] + beta * p_row[j]


@njit(cache=True, error_model="numpy")
def interleave(values: Any) -> Any:
    """Return an array (M, N) as (blocks, N, BLOCK): rows of a block side by side, zeros after the last row."""
    m, n = values.shape
    out = np.zeros(((m + BLOCK - 1) // BLOCK, n, BLOCK))
    for i in range(m):
        for j in range(n):
            out[i // BLOCK, j, i % BLOCK] = values[i, j]
    return out


@njit(cache=True, error_model="numpy")
def solve_schur(system: Any, hats_across: int, c: Any, x: Any, warm: bool, tolerance: float, limit: int) -> Any:
    """Solve S x = c from the start vector in `x` (0 unless `warm`).

    Parameters
    ----------
    system : tuple
        cell, diagonal of P, column segments; row factors and cells, interleaved; column factors; coarse inverse, see `factor`.
    hats_across : int
        Hat functions along a row.
    c, x : ndarray
        Right side and solution, shape (M, N).
    warm : bool
        Whether `x` holds a start vector.
    tolerance : float
        Where to stop: the residual's norm relative to that of c, both in the norm of the preconditioner.
    limit : int
        Most iterations.

    Returns
    -------
    tuple
        The relative residual that was reached, and the number of iterations.
    """
    coarse = system[8]
    m, n = c.shape
    size = coarse.shape[0]
    down, weight_down = _hats(m, size // hats_across if size > 0 else 2)
    across, weight_across = _hats(n, max(hats_across, 2))
    hats = (down, weight_down, across, weight_across)
    restricted, lifted = np.zeros(size), np.zeros(size)
    r, z, p, q = np.empty((m, n)), np.empty((m, n)), np.zeros((m, n)), np.empty((m, n))
    y = np.zeros((n, BLOCK))
    r[:] = c
    if not warm:
        x[:] = 0.0
    reference = _sweep(system, 0.0, p, q, x, r, z)
    if size > 0:
        reference += _coarse_step(coarse, hats, r, restricted, lifted)
    rz = reference
    if warm:
        _apply(system, x, q, y)
        for i in range(m):
            for j in range(n):
                r[i, j] = c[i, j] - q[i, j]
        rz = _sweep(system, 0.0, p, q, x, r, z)
        if size > 0:
            rz += _coarse_step(coarse, hats, r, restricted, lifted)
    beta = 0.0
    done = 0
    while rz > tolerance * tolerance * reference and done < limit:
        _direction(hats, lifted, z, beta, p)
        pq = _apply(system, p, q, y)
        if not pq > 0.0:
            break
        before = rz
        rz = _sweep(system, rz / pq, p, q, x, r, z)
        if size > 0:
            rz += _coarse_step(coarse, hats, r, restricted, lifted)
        beta = rz / before
        done += 1
    return (np.sqrt(max(rz, 0.0) / reference) if reference > 0.0 else 0.0), done


@njit(cache=True, error_model="numpy")
def _solve_case(ladder: Any, system: Any, row_factors: Any, hats_across: int, ends: Any, row_a: Any, column_a: Any, x: Any, w: Any,
                warm: bool, tolerance: float, limit: int) -> Any:  # fmt: skip
    """Solve one case: fill the potentials `w` and `x` (column side), shape (M, N); return residual and iterations."""
    cell, row, column = ladder
    left, right, top, bottom = ends
    m, n = cell.shape
    injected = row_a.size > 0
    f, c = np.zeros((m, n)), np.zeros((m, n))
    for i in range(m):
        f[i, 0] += row[i, 0] * left[i]
        f[i, n - 1] += row[i, n] * right[i]
    if injected:
        f += row_a
        c += column_a
    row_solve(row_factors[0], row_factors[1], cell, c, f, w, False)
    for i in range(m):
        for j in range(n):
            c[i, j] += cell[i, j] * w[i, j]
    for j in range(n):
        c[0, j] += column[0, j] * top[j]
        c[m - 1, j] += column[m, j] * bottom[j]
    residual, iterations = solve_schur(system, hats_across, c, x, warm, tolerance, limit)
    row_solve(row_factors[0], row_factors[1], cell, x, f, w, True)
    return residual, iterations


@njit(cache=True, error_model="numpy")
def _currents(ladder: Any, ends: Any, x: Any, w: Any, out: Any) -> None:
    """Fill the currents into the terminals: left, right (M each), top, bottom (N each), one after the other."""
    _cell, row, column = ladder
    left, right, top, bottom = ends
    m, n = w.shape
    for i in range(m):
        out[i] = row[i, 0] * (w[i, 0] - left[i])
        out[m + i] = row[i, n] * (w[i, n - 1] - right[i])
    for j in range(n):
        out[2 * m + j] = column[0, j] * (x[0, j] - top[j])
        out[2 * m + n + j] = column[m, j] * (x[m - 1, j] - bottom[j])


@njit(cache=True, error_model="numpy")
def solve_single(ladder: Any, system: Any, row_factors: Any, hats_across: int, ends: Any, row_a: Any, column_a: Any, x: Any, w: Any,
                 warm: bool, tolerance: float, limit: int, out: Any) -> Any:  # fmt: skip
    """Solve one case, as `_solve_case`, and fill its terminal currents, shape (2M + 2N,)."""
    residual, iterations = _solve_case(
        ladder, system, row_factors, hats_across, ends, row_a, column_a, x, w, warm, tolerance, limit
    )
    _currents(ladder, ends, x, w, out)
    return residual, iterations


@njit(cache=True, error_model="numpy", parallel=True)
def solve_cases(ladder: Any, system: Any, row_factors: Any, hats_across: int, left: Any, right: Any, top: Any, bottom: Any,
                potentials: bool, x: Any, w: Any, tolerance: float, limit: int, out: Any, residuals: Any,
                iterations: Any) -> None:  # fmt: skip
    """Solve K cases, each by itself, so that the number of threads changes nothing.

    Voltages have shape (K, lines), `out` (K, 2M + 2N); `x` and `w`, shape (K, M, N), are filled if `potentials`.
    """
    m, n = ladder[0].shape
    empty = np.zeros((0, 0))
    for k in prange(left.shape[0]):
        own_x = x[k] if potentials else np.empty((m, n))
        own_w = w[k] if potentials else np.empty((m, n))
        ends = (left[k], right[k], top[k], bottom[k])
        residuals[k], iterations[k] = _solve_case(
            ladder, system, row_factors, hats_across, ends, empty, empty, own_x, own_w, False, tolerance, limit
        )
        _currents(ladder, ends, own_x, own_w, out[k])


@njit(cache=True, error_model="numpy")
def _root(parent: Any, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True, error_model="numpy")
def islands(cell: Any, row: Any, column: Any) -> Any:
    """Return whether each node (row side, then column side; shape (2, M, N)) is connected to a terminal or carries nothing at all."""
    m, n = cell.shape
    size = m * n
    ground = 2 * size
    parent = np.arange(2 * size + 1)
    lonely = np.ones(2 * size + 1, np.uint8)
    for i in range(m):
        for j in range(n):
            w = i * n + j
            b = size + w
            if cell[i, j] > 0.0:
                parent[_root(parent, w)] = _root(parent, b)
                lonely[w], lonely[b] = 0, 0
            if row[i, j] > 0.0:
                parent[_root(parent, w)] = _root(parent, w - 1 if j > 0 else ground)
            if j == n - 1 and row[i, n] > 0.0:
                parent[_root(parent, w)] = _root(parent, ground)
            if column[i, j] > 0.0:
                parent[_root(parent, b)] = _root(parent, b - n if i > 0 else ground)
            if i == m - 1 and column[m, j] > 0.0:
                parent[_root(parent, b)] = _root(parent, ground)
    held = np.empty((2, m, n), np.uint8)
    top = _root(parent, ground)
    carries = np.zeros(2 * size + 1, np.uint8)
    for node in range(2 * size):
        if lonely[node] == 0:
            carries[_root(parent, node)] = 1
    for node in range(2 * size):
        root = _root(parent, node)
        held[node // size, (node % size) // n, node % n] = root == top or carries[root] == 0
    return held


@njit(cache=True, error_model="numpy")
def _all_right(values: Any) -> bool:
    """Return whether every value is finite and not negative."""
    right = True
    for value in values.flat:
        right = right and value >= 0.0 and value < np.inf
    return right


@njit(cache=True, error_model="numpy")
def survey(cell: Any, row: Any, column: Any) -> Any:
    """Look through an array once.

    Returns
    -------
    tuple
        Whether all conductances are finite and not negative; whether cells and wires are all above 0 with some terminal connected; and an
        estimate of the largest eigenvalue of P^-1 C, that of the smoothest potential, tied at the ends of its lines.
    """
    m, n = cell.shape
    right = _all_right(cell) and _all_right(row) and _all_right(column)
    whole = True
    g = 0.0
    for value in cell.flat:
        g += value
        whole = whole and value > 0.0
    g /= m * n
    row_wire, row_end, column_wire, column_end = 0.0, 0.0, 0.0, 0.0
    for i in range(m):
        row_end += row[i, 0] + row[i, n]
        for j in range(1, n):
            row_wire += row[i, j]
            whole = whole and row[i, j] > 0.0
    for j in range(n):
        column_end += column[0, j] + column[m, j]
        for i in range(1, m):
            column_wire += column[i, j]
            whole = whole and column[i, j] > 0.0
    whole = whole and row_end + column_end > 0.0
    smooth = 0.0
    if right and g > 0.0:
        rows_tie = _tie(n, row_wire / max(m * (n - 1), 1), row_end / m)
        columns_tie = _tie(m, column_wire / max(n * (m - 1), 1), column_end / n)
        smooth = g / (g + rows_tie) * g / (g + columns_tie)
    return right, whole, smooth


@njit(cache=True, error_model="numpy")
def _tie(size: int, wire: float, end: float) -> float:
    """Return the conductance per cell with which a line of `size` cells is held: wire and ends in series."""
    outer = end / size
    if size == 1:
        return outer
    inner = wire * (np.pi / (2 * size)) ** 2
    return inner * outer / (inner + outer) if inner > 0.0 and outer > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def prepare(cell: Any, row: Any, column: Any) -> Any:
    """Return what `solve_schur` needs of an array: diagonal of P, interleaved row factors and cells, column factors.

    And plain row factors.
    """
    m, n = cell.shape
    row_inverse, row_ratio = np.empty((m, n)), np.empty((m, n))
    column_inverse, column_ratio = np.empty((m, n)), np.empty((m, n))
    factor_lines(cell, row, column, row_inverse, row_ratio, column_inverse, column_ratio)
    diagonal = np.empty((m, n))
    for i in range(m):
        for j in range(n):
            diagonal[i, j] = cell[i, j] + column[i, j] + column[i + 1, j]
    return (
        (diagonal, interleave(row_inverse), interleave(row_ratio), interleave(cell), column_inverse, column_ratio),
        (row_inverse, row_ratio),
    )
