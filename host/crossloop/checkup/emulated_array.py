"""A board with an emulated array: its cells after power-up, and whether pulses move them by the law and no others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crossloop.checkup.check import Check, Outcome, judged
from crossloop.emulated import read_states
from crossloop.programming import MaskedPulses
from crossloop.protocol import emulated
from crossloop.protocol.emulated import Cell
from crossloop.session import Session

States = NDArray[np.int64]
Mask = NDArray[np.bool_]

DRAWS_SEARCHED = 1 << 18
"""How far after power-up the noise generator is looked for, in draws."""
WIDTHS_CYCLES = (64, 255, 100, 37)
"""Widths of the pulses of the fixed program."""


@dataclass(frozen=True)
class Pulse:
    """One pulse of the fixed program, on all cells where a chosen row crosses a chosen column."""

    rows: Mask
    """Shape (rows,)."""
    columns: Mask
    """Shape (columns,)."""
    up: bool
    """To the upper bounds, or to the lower ones."""
    width_cycles: int


def fixed_program(rows: int, columns: int, width_cap: int) -> tuple[Pulse, ...]:
    """Return the pulses: up and down, on half the lines, on those that were left out, and on all."""
    row, column = np.arange(rows), np.arange(columns)
    chosen = (
        (row % 2 == 0, column % 2 == 1),
        (row >= 0, column >= 0),
        (row % 2 == 1, column % 2 == 0),
        (row >= 0, column >= 0),
    )
    return tuple(
        Pulse(lines[0], lines[1], up, min(width, width_cap))
        for lines, up, width in zip(chosen, (True, True, False, False), WIDTHS_CYCLES, strict=True)
    )  # fmt: skip


class KnownArray:
    """What must be in an array, from the seed of its build.

    Parameters
    ----------
    session : Session
        Armed, with a device that has an emulated array.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        p = self._parameters = session.parameters
        self._shape = (p.rows, p.columns)
        cells = list(emulated.cells(p))
        size = p.rows * p.columns
        self._cells = [cells[tile * size : (tile + 1) * size] for tile in range(p.tiles)]
        self._noise: int | None = None
        self._draws: int | None = 0
        self._searched = False

    @cached_property
    def start(self) -> States:
        """The states after power-up, shape (tiles, rows, columns)."""
        return np.array([cell.start for tile in self._cells for cell in tile]).reshape(-1, *self._shape)

    def power_up(self, pulsed: bool) -> Check:  # noqa: FBT001 - a fact of the device
        """Compare all states with those after power-up; of an array in use only stuck cells and bounds are known.

        Parameters
        ----------
        pulsed : bool
            Whether the device has counted pulses since its power-up.
        """
        found = np.stack([read_states(self._session, tile) for tile in range(self._parameters.tiles)])
        cells = [cell for tile in self._cells for cell in tile]
        stuck = np.array([cell.rate_up == 0 for cell in cells]).reshape(found.shape)
        low = np.array([cell.lower_bound for cell in cells]).reshape(found.shape)
        high = np.array([cell.upper_bound for cell in cells]).reshape(found.shape)
        wrong = (found < low) | (found > high) | (stuck & (found != self.start))
        fresh = bool((found == self.start).all())
        where = f"{found.size} cells of array_seed {self._parameters.array_seed}, {int(stuck.sum())} of them stuck"
        if not wrong.any() and not fresh and pulsed:
            text = f"pulses were counted since power-up, so of {where}, only bounds are known, and all are within"
            return Check("array at power-up", Outcome.SKIPPED, text, {"cells": found.size, "wrong_cells": 0})
        wrong |= (found != self.start) & (not pulsed)
        faults: list[str] = []
        if wrong.any():
            tile, row, column = (int(index) for index in np.argwhere(wrong)[0])
            faults.append(
                f"{int(wrong.sum())} of {where}, are not in the state that the build's table says: the first in tile {tile} at ({row}, "
                f"{column}) is {int(found[tile, row, column])}, not {int(self.start[tile, row, column])}; power-cycle the board and try "
                "again, then rebuild the bitstream"
            )
        return judged(
            "array at power-up",
            faults,
            f"{where}, all in the state that the table says",
            cells=found.size,
            wrong_cells=int(wrong.sum()),
        )

    def pulses(self) -> Check:
        """Give the fixed program to every tile, and compare the states after every pulse with the law."""
        count = moved = 0
        exact = True
        for tile in range(self._parameters.tiles):
            before = read_states(self._session, tile)
            for pulse in fixed_program(*self._shape, self._session.limit_codes.width_cap):
                self._give(tile, pulse)
                after = read_states(self._session, tile)
                fault, known = self._compare(tile, pulse, before, after)
                if fault:
                    return judged("array under pulses", [fault], "", pulses=count)
                exact, count, moved = exact and known, count + 1, moved + int((after != before).sum())
                before = after
        noise = (
            f"every state exact, with the noise generator {self._draws} draws after power-up"
            if exact and self._draws is not None
            else f"every step lawful; the noise generator is more than {DRAWS_SEARCHED} draws after power-up, so it was not checked"
        )
        return judged(
            "array under pulses", [], f"{count} pulses, {moved} steps, no cell moved that was not addressed; {noise}", pulses=count,
            steps=moved, exact=exact,
        )  # fmt: skip

    def _give(self, tile: int, pulse: Pulse) -> None:
        up, down = self._session.tile(tile).write_levels()
        gap = max(self._parameters.gap_min_cycles, pulse.width_cycles * self._session.limit_codes.duty_rest // 16 + 1)
        self._session.execute(
            MaskedPulses(tile, pulse.rows, pulse.columns, 1, up if pulse.up else down, pulse.width_cycles, gap)
        )

    def _compare(self, tile: int, pulse: Pulse, before: States, after: States) -> tuple[str, bool]:
        """Return what is wrong, and whether the draws were known."""
        addressed = np.outer(pulse.rows, pulse.columns)
        astray = (after != before) & ~addressed
        if astray.any():
            row, column = (int(index) for index in np.argwhere(astray)[0])
            return (
                f"{int(astray.sum())} cells moved that were not addressed, the first in tile {tile} at ({row}, {column})",
                False,
            )
        places = [(int(row), int(column)) for row, column in np.argwhere(addressed)]
        possible = [self._draws_of(self._cell(tile, at), pulse, int(before[at]), int(after[at])) for at in places]
        for at, draws in zip(places, possible, strict=True):
            if not draws:
                direction = "up" if pulse.up else "down"
                return (
                    f"a pulse of {pulse.width_cycles} cycles {direction} moved the cell ({at[0]}, {at[1]}) of tile {tile} from "
                    f"{int(before[at])} to {int(after[at])}, which its entry in the table of array_seed "
                    f"{self._parameters.array_seed} does not allow with any noise; rebuild the bitstream"
                ), False
        return self._follow(possible)

    def _follow(self, possible: list[frozenset[int]]) -> tuple[str, bool]:
        """Advance the noise generator by one draw per pulsed cell; the first time, find where it is."""
        if not self._searched:
            self._searched = True
            self._noise, self._draws = self._find(possible)
        if self._noise is None:
            return "", False
        for draws in possible:
            self._noise = emulated.noise_step(self._noise)
            if emulated.drawn(self._noise) not in draws:
                return "steps are lawful, but the noise generator left its sequence; rebuild the bitstream", False
        return "", True

    def _find(self, possible: list[frozenset[int]]) -> tuple[int | None, int | None]:
        """Return the generator's state before some draws, and how many draws after power-up that is; None if it was not found."""
        state = emulated.noise_start(self._parameters.array_seed)
        for draws in range(DRAWS_SEARCHED):
            trial = state
            for allowed in possible:
                trial = emulated.noise_step(trial)
                if emulated.drawn(trial) not in allowed:
                    break
            else:
                return state, draws
            state = emulated.noise_step(state)
        return None, None

    def _cell(self, tile: int, at: tuple[int, int]) -> Cell:
        return self._cells[tile][at[0] * self._shape[1] + at[1]]

    @staticmethod
    def _draws_of(cell: Cell, pulse: Pulse, before: int, after: int) -> frozenset[int]:
        """Return the draws by which a pulse would have moved a cell as it was moved."""
        return frozenset(
            draw
            for draw in range(emulated.DRAW_BITS + 1)
            if emulated.moved(cell, before, draw, pulse.width_cycles, up=pulse.up) == after
        )


def array_checks(session: Session, pulsed: bool) -> Iterator[Check]:  # noqa: FBT001 - a fact of the device
    """Yield the checks of an armed device's emulated array; `pulsed` says whether it has counted pulses since power-up."""
    levels = session.tile(0).write_levels()[0]
    if levels[0] - levels[1] <= emulated.threshold_code(session.parameters):
        text = (
            f"the limits in force allow {levels[0] - levels[1]} codes across a cell, which move none; reset the board"
        )
        yield Check("array", Outcome.SKIPPED, text)
        return
    array = KnownArray(session)
    yield array.power_up(pulsed)
    yield array.pulses()
