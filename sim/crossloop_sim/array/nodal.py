"""Nodal analysis of any network of resistors and nonlinear branches: the general exact solver, sparse, by Newton's method.

It shares nothing with the ladder solver but the laws of the cells. Resistances of 0 ohm merge their nodes instead of dividing by 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix, csc_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from crossloop.protocol.errors import CircuitError
from crossloop_sim.array.laws import Law

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_ITERATIONS = 100
_STEP = 1e-12
"""Newton's method ends when no potential moves by more than this, relative to the largest one."""


@dataclass(frozen=True)
class Netlist:
    """Resistors between nodes, cells between nodes, and held nodes."""

    names: list[str]
    """Name of every node, for error messages."""
    first: IntArray
    """One end of every resistor."""
    second: IntArray
    """Its other end."""
    r_ohm: FloatArray
    """Its resistance: 0 merges the nodes, infinity is no resistor at all."""
    held: IntArray
    """Nodes at given potentials."""
    held_v: FloatArray
    """Their potentials in volts."""
    cell_row: IntArray
    """Row-side node of every cell."""
    cell_column: IntArray
    """Column-side node of every cell."""
    cell_s: FloatArray
    """Conductance of every cell in siemens."""
    gate_v: FloatArray
    """Gate potential of every cell in volts."""


def solve(netlist: Netlist, law: Law, start_v: FloatArray | None = None) -> tuple[FloatArray, int]:
    """Find the potentials of all nodes.

    Parameters
    ----------
    netlist : Netlist
        The network.
    law : Law
        I-V law of the cells.
    start_v : ndarray, optional
        Potentials to start from, shape (nodes,).

    Returns
    -------
    potentials : ndarray
        In volts, shape (nodes,). Nodes that nothing is connected to are at 0 V.
    iterations : int
        Newton steps; 1 for a linear network.

    Raises
    ------
    CircuitError
        If two sources are shorted, a part of the network floats, or no solution is found.
    """
    groups, fixed_v = merged(netlist)
    _check_islands(netlist, groups, fixed_v)
    count = fixed_v.size
    free = np.flatnonzero(np.isnan(fixed_v))
    place = np.full(count, -1)
    place[free] = np.arange(free.size)
    a, b = groups[netlist.first], groups[netlist.second]
    real = np.isfinite(netlist.r_ohm) & (netlist.r_ohm > 0) & (a != b)
    a, b, g = a[real], b[real], 1 / netlist.r_ohm[real]
    wires = _stamp(place, a, b, g, -g, count)
    v = np.where(np.isnan(fixed_v), 0.0, fixed_v)
    if start_v is not None:
        v[groups[::-1]] = start_v[::-1]
        v[~np.isnan(fixed_v)] = fixed_v[~np.isnan(fixed_v)]
    p, q = groups[netlist.cell_row], groups[netlist.cell_column]

    def unbalanced(v: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the currents out of every free node, the largest current, and the cells' derivatives."""
        wire_a = g * (v[a] - v[b])
        cell_a, by_row, by_column = law.branch(netlist.cell_s, v[p], v[q], netlist.gate_v)
        out = np.zeros(count)
        for nodes, amperes in ((a, wire_a), (b, -wire_a), (p, cell_a), (q, -cell_a)):
            out += np.bincount(nodes, amperes, count)
        largest = max(np.abs(wire_a).max(initial=0), np.abs(cell_a).max(initial=0))
        return out[free], largest, by_row, by_column

    if free.size == 0:
        return v[groups], 0
    out, largest, by_row, by_column = unbalanced(v)
    for iteration in range(1, _ITERATIONS + 1):
        cells = _stamp(place, p, q, by_row, by_column, count)
        step = _linear_step(wires + cells, -out, netlist, groups, free)
        scale = 1.0
        while True:
            trial = v.copy()
            trial[free] += scale * step
            new_out, new_largest, new_row, new_column = unbalanced(trial)
            # Rounding limits how far the balance can be improved.
            if law.linear or not np.abs(new_out).max() > max(np.abs(out).max(), 1e-14 * new_largest) or scale < 1e-6:
                break
            scale /= 2
        v, out, largest, by_row, by_column = trial, new_out, new_largest, new_row, new_column
        if law.linear or np.abs(scale * step).max() <= _STEP * max(np.abs(v).max(), 1e-9):
            return v[groups], iteration
    worst = netlist.names[int(np.flatnonzero(groups == free[int(np.abs(out).argmax())])[0])]
    raise CircuitError(
        f"no solution after {_ITERATIONS} Newton steps: {np.abs(out).max():.1e} A are unbalanced at {worst}, "
        f"the largest current is {largest:.1e} A"
    )


def merged(netlist: Netlist) -> tuple[IntArray, FloatArray]:
    """Merge nodes joined by 0 ohm; return each node's group, and each group's potential (NaN if it is not held)."""
    nodes = len(netlist.names)
    zero = netlist.r_ohm == 0
    links = coo_matrix((np.ones(zero.sum()), (netlist.first[zero], netlist.second[zero])), shape=(nodes, nodes))
    count, groups = connected_components(links, directed=False)
    fixed_v = np.full(count, np.nan)
    for node, v in zip(netlist.held, netlist.held_v, strict=True):
        group = groups[node]
        if not np.isnan(fixed_v[group]) and fixed_v[group] != v:
            raise CircuitError(
                f"{netlist.names[node]} at {v} V is shorted to a node at {fixed_v[group]} V by wires of 0 ohm; "
                "give the drivers a resistance"
            )
        fixed_v[group] = v
    return groups.astype(np.int64), fixed_v


def _check_islands(netlist: Netlist, groups: IntArray, fixed_v: FloatArray) -> None:
    """Hold lone nodes at 0 V; raise if several nodes float together."""
    count = fixed_v.size
    wired = np.isfinite(netlist.r_ohm)
    crossed = netlist.cell_s > 0
    first = np.concatenate([groups[netlist.first[wired]], groups[netlist.cell_row[crossed]]])
    second = np.concatenate([groups[netlist.second[wired]], groups[netlist.cell_column[crossed]]])
    links = coo_matrix((np.ones(first.size), (first, second)), shape=(count, count))
    parts, part_of = connected_components(links, directed=False)
    held = np.zeros(parts, bool)
    held[part_of[~np.isnan(fixed_v)]] = True
    # A part without any cell carries no current, whatever its potential.
    carries = np.zeros(parts, bool)
    carries[part_of[groups[netlist.cell_row[crossed]]]] = True
    floating = np.flatnonzero(~held & carries)
    if floating.size:
        inside = np.flatnonzero(part_of[groups] == floating[0])
        raise CircuitError(
            f"{netlist.names[inside[0]]} is on a floating island of {inside.size} nodes: no terminal holds it; connect one of its lines, "
            "or take its cells out"
        )
    fixed_v[~held[part_of] & np.isnan(fixed_v)] = 0.0


def _stamp(place: IntArray, a: IntArray, b: IntArray, by_a: FloatArray, by_b: FloatArray, count: int) -> csc_matrix:
    """Return the Jacobian of branches whose current from a to b has these derivatives, for the free nodes."""
    rows = np.concatenate([a, a, b, b])
    columns = np.concatenate([a, b, a, b])
    values = np.concatenate([by_a, by_b, -by_a, -by_b])
    inside = (place[rows] >= 0) & (place[columns] >= 0)
    size = int(place.max()) + 1 if count else 0
    return coo_matrix((values[inside], (place[rows[inside]], place[columns[inside]])), shape=(size, size)).tocsc()


def _linear_step(
    matrix: csc_matrix, right: FloatArray, netlist: Netlist, groups: IntArray, free: IntArray
) -> FloatArray:
    """Solve one linear system, refined once, so that small currents are right, too."""
    diagonal = matrix.diagonal()
    if not (diagonal > 0).all():
        node = netlist.names[int(np.flatnonzero(groups == free[int(np.argmin(diagonal))])[0])]
        raise CircuitError(
            f"the network is singular at {node}: no branch there conducts (a transistor that is off, or cells of 0 S)"
        )
    try:
        factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError as error:
        raise CircuitError(f"the network of {free.size} unknown potentials is singular ({error})") from None
    step: FloatArray = factors.solve(right)
    step += factors.solve(right - matrix @ step)
    if not np.isfinite(step).all():
        node = netlist.names[int(np.flatnonzero(groups == free[int(np.argmax(~np.isfinite(step)))])[0])]
        raise CircuitError(f"the network is singular at {node}")
    return step
