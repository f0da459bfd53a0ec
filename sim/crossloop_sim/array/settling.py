"""How long lines take: the currents into the line ends while the wires' capacitances charge, and a quick estimate of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix, csc_matrix, diags
from scipy.sparse.linalg import splu

from crossloop.protocol.errors import CircuitError, RangeError
from crossloop_sim.array.array import Array, Currents
from crossloop_sim.array.wiring import LineEnd, Lines

FloatArray = npt.NDArray[np.float64]

_GAMMA = 1 - 1 / np.sqrt(2)
"""Coefficient of the second-order method: both stages solve with the same matrix, and fast parts die out at once.

Source: Alexander, SIAM J. Numer. Anal. 14:1006 (1977), the two-stage L-stable SDIRK method.
"""
_STEPS_PER_DOUBLING = 24


def settle(array: Array, before: Currents, lines: Lines, times_s: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Follow an ohmic array after its line ends were switched at t = 0.

    Parameters
    ----------
    array : Array
        Ohmic cells, wires above 0 ohm with capacitances above 0.
    before : Currents
        The operating point that was left.
    lines : Lines
        What the line ends are tied to from now on.
    times_s : array_like
        Rising times in seconds, shape (T,), above 0.

    Returns
    -------
    row_near_a, column_near_a : ndarray
        Currents into the near ends in amperes, shapes (T, rows) and (T, columns). Relative error about 1e-4 of the final current.

    Raises
    ------
    RangeError
        If times do not rise from 0.
    CircuitError
        If the array is not ohmic, or a node has no capacitance.
    """
    times = np.atleast_1d(np.asarray(times_s, np.float64))
    if not (np.diff(times, prepend=0.0) > 0).all():
        raise RangeError("times_s must rise, all above 0 s")
    wires = array.wires
    if not (
        array.law.linear and min(wires.c_row_f, wires.c_column_f) > 0 and min(wires.r_row_ohm, wires.r_column_ohm) > 0
    ):
        raise CircuitError(
            "settling needs an ohmic array whose row and column segments have resistance and capacitance above 0"
        )
    size = array.cell_s.size
    rows, columns = array.shape
    conductance, driven = _system(array, lines)
    capacitance = np.concatenate([np.full(size, wires.c_row_f), np.full(size, wires.c_column_f)])
    v = np.concatenate([before.row_v.ravel(), before.column_v.ravel()])
    # The fastest node sets the first step; steps then double as the fast parts have died out.
    step = 0.02 * float((capacitance / conductance.diagonal()).min())
    found = np.empty((times.size, rows + columns))
    near_row, near_column = _near(array, lines)
    now = 0.0
    for k, until in enumerate(times):
        while now < until * (1 - 1e-12):
            count = min(_STEPS_PER_DOUBLING, max(1, int(np.ceil((until - now) / step))))
            actual = min(step, (until - now) / count)
            v = _advance(conductance, capacitance, driven, v, actual, count)
            now += actual * count
            step *= 2
        # A new report time starts no new transient: only its last steps were shortened.
        row_v, column_v = v[:size].reshape(array.shape), v[size:].reshape(array.shape)
        found[k, :rows] = near_row[0] * (row_v[:, 0] - near_row[1])
        found[k, rows:] = near_column[0] * (column_v[-1] - near_column[1])
    return found[:, :rows], found[:, rows:]


def elmore_s(array: Array, lines: Lines) -> tuple[FloatArray, FloatArray]:
    """Return the Elmore delay of every row and column in seconds: an upper bound of the time to half, and the usual time constant.

    Lines are taken alone, cells count as open; a floating line has no delay of its own (NaN).

    Source: Elmore, J. Appl. Phys. 19:55 (1948); the bound is that of Gupta, Tutuianu and Pileggi, IEEE TCAD 16:95 (1997).
    """
    rows, columns = array.shape
    wires = array.wires
    sides = (
        (lines.row_near, lines.row_far, columns, wires.r_row_ohm, wires.c_row_f),
        (lines.column_near, lines.column_far, rows, wires.r_column_ohm, wires.c_column_f),
    )
    out = []
    for near, far, cells, r_ohm, c_f in sides:
        distance = np.arange(1, cells + 1) * r_ohm
        delays = []
        for one, other in zip(near, far, strict=True):
            ends = [end.r_ohm for end in (one, other) if np.isfinite(end.r_ohm)]
            if not ends:
                delays.append(np.nan)
            elif len(ends) == 1:
                # The far end sees every capacitance through the resistance it shares with the source.
                delays.append(float(c_f * (ends[0] + distance).sum()))
            else:
                left = ends[0] + distance
                right = ends[1] + distance[::-1]
                delays.append(float(c_f * (left * right / (left + right)).sum()))
        out.append(np.array(delays))
    return out[0], out[1]


def gate_elmore_s(array: Array) -> float:
    """Return the Elmore delay of a gate line in seconds: driver and switch, then one segment per cell; gates draw no direct current."""
    wires, columns = array.wires, array.shape[1]
    series = wires.r_driver_ohm + wires.r_switch_ohm
    return float(wires.c_gate_f * (series + np.arange(1, columns + 1) * wires.r_gate_ohm).sum())


def _advance(
    conductance: csc_matrix, capacitance: FloatArray, driven: FloatArray, v: FloatArray, step: float, count: int
) -> FloatArray:
    """Take `count` steps of C dv/dt = driven - G v."""
    factors = splu(
        (diags(capacitance / (_GAMMA * step)) + conductance).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        options={"SymmetricMode": True},
    )
    for _ in range(count):
        # Stage values solve C k_i = driven - G (v + ...), with slopes k_i.
        first = (factors.solve(driven - conductance @ v)) / (_GAMMA * step)
        middle = v + (1 - _GAMMA) * step * first
        second = (factors.solve(driven - conductance @ middle)) / (_GAMMA * step)
        v = middle + _GAMMA * step * second
    return v


def _system(array: Array, lines: Lines) -> tuple[csc_matrix, FloatArray]:
    """Return the nodal matrix of all row-side and column-side nodes, and the currents that the ends drive into them."""
    size = array.cell_s.size
    netlist = array.netlist(lines)
    real = np.isfinite(netlist.r_ohm)
    first, second, g = netlist.first[real], netlist.second[real], 1 / netlist.r_ohm[real]
    a = np.concatenate([first, netlist.cell_row])
    b = np.concatenate([second, netlist.cell_column])
    g = np.concatenate([g, netlist.cell_s])
    volts = np.zeros(len(netlist.names))
    volts[netlist.held] = netlist.held_v
    rows = np.concatenate([a, a, b, b])
    columns = np.concatenate([a, b, a, b])
    values = np.concatenate([g, -g, -g, g])
    whole = coo_matrix((values, (rows, columns)), shape=(volts.size, volts.size)).tocsr()
    inner = whole[: 2 * size, : 2 * size].tocsc()
    driven: FloatArray = -(whole[: 2 * size, 2 * size :] @ volts[2 * size :])
    return inner, driven


def _near(array: Array, lines: Lines) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
    """Return conductance and voltage of the near ends of rows and of columns."""
    wires = array.wires

    def of(ends: list[LineEnd], r_ohm: float) -> tuple[FloatArray, FloatArray]:
        return 1 / (np.array([end.r_ohm for end in ends]) + r_ohm), np.array([end.v_v for end in ends])

    return of(lines.row_near, wires.r_row_ohm), of(lines.column_near, wires.r_column_ohm)
