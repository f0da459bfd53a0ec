"""The tiles' lines with their resistance: what every cell sees and every amplifier gets, between one event and the next.

A line that is held is held through its driver, its switch or its amplifier; a pulse gate that is off grounds its line. Lines settle to
first order, with the Elmore delay of the driven line, of the sensed line and of the filter added.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop_sim.array import Array, Currents, Lines, Wires
from crossloop_sim.array.laws import LAWS
from crossloop_sim.array.settling import elmore_s
from crossloop_sim.plant import kernels

FloatArray = npt.NDArray[np.float64]


class WiredLines:
    """The circuit of the connected tile.

    Parameters
    ----------
    parameters : Parameters
        Geometry.
    wires : Wires
        Resistances and capacitances.
    iv : str
        Name of the cells' I-V law.
    """

    def __init__(self, parameters: Parameters, wires: Wires, iv: str) -> None:
        self._shape = (parameters.rows, parameters.columns)
        self._wires = wires
        self._array = Array(np.ones(self._shape), wires, LAWS[iv])
        self._point: Currents | None = None
        self._last: Currents | None = None
        # Volts times taps that every cell has seen since its row or column last changed.
        self.volt_taps = np.zeros(self._shape)

    def forget(self) -> None:
        """Something has changed: the next question needs a new operating point."""
        self._point = None

    def point(self, volts: FloatArray, pins: npt.NDArray[np.uint64], cell_s: FloatArray) -> Currents:
        """Return the operating point.

        Parameters
        ----------
        volts : ndarray
            Voltages that lines are held at, shape (2, lines).
        pins : ndarray
            As in `kernels`.
        cell_s : ndarray
            Conductances in siemens, shape (cells,).
        """
        if self._point is None:
            rows, columns = self._shape
            row_states, column_states = line_states(pins, 0, rows), line_states(pins, 1, columns)
            if all(state is LineState.FLOAT for state in (*row_states, *column_states)):
                zero, none = np.zeros(self._shape), np.zeros
                self._point = Currents(
                    none(rows), none(rows), none(columns), none(columns), zero, zero, zero, "floating", 0.0
                )
                return self._point
            self._array.set_cells(cell_s.reshape(self._shape))
            lines = Lines.of_states(self._wires, row_states, column_states, volts[0, :rows], volts[1, :columns])
            self._point = self._last = self._array.solve(lines, start=None if self._array.law.linear else self._last)
        return self._point

    def pass_taps(self, point: Currents, taps: int) -> None:
        """Let an operating point last for some taps."""
        self.volt_taps += taps * point.cell_v

    def restart(self, since: npt.NDArray[np.int64], tap: int) -> None:
        """Begin the pulses of cells whose row or column has changed at this tap anew."""
        rows, columns = self._shape
        self.volt_taps[since[0, :rows] == tap] = 0
        self.volt_taps[:, since[1, :columns] == tap] = 0

    def delays_s(self) -> FloatArray:
        """Return each line's time constant while it is sensed, shape (2, lines of the longer family): driven and sensed line together."""
        rows, columns = self._shape
        out = np.zeros((2, max(rows, columns)))
        for sensed, count in ((Family.ROWS, rows), (Family.COLUMNS, columns)):
            kinds = [LineState.DRIVE, LineState.DRIVE]
            kinds[sensed] = LineState.SENSE
            lines = Lines.of_states(
                self._wires, [kinds[0]] * rows, [kinds[1]] * columns, np.zeros(rows), np.zeros(columns)
            )
            delays = elmore_s(self._array, lines)
            out[sensed, :count] = delays[sensed] + delays[1 - sensed].max()
        return out


def line_states(pins: npt.NDArray[np.uint64], family: int, count: int) -> list[LineState]:
    """Return the states of a family's lines; a driven line whose gate is off counts as grounded."""
    rows = (2 * family, 2 * family + 1, kernels.ON + family)
    words = [np.unpackbits(pins[row].view(np.uint8), bitorder="little")[:count] for row in rows]
    states = []
    for low, high, on in zip(*words, strict=True):
        state = LineState(int(low) | int(high) << 1)
        states.append(LineState.GROUND if state is LineState.DRIVE and not on else state)
    return states
