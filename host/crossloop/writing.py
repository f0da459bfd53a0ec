"""Write-verify in volts, siemens and seconds; what runs in the device is in `crossloop.fabric.write_verify`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.fabric.endings import Reason
from crossloop.fabric.ladder import Ladder
from crossloop.fabric.write_verify import (
    RESULT_WORDS,
    Visit,
    WriteVerify,
    WriteVerifyOutcome,
    WriteVerifyTable,
    check_block,
    check_table,
    records_of,
)
from crossloop.gaps import gap_taps
from crossloop.protocol.converters import Levels
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.streams import Family
from crossloop.quantise import finite_array

if TYPE_CHECKING:
    from crossloop.session import Session
    from crossloop.tile import Tile


_PASSES_MAX = 100


@dataclass(frozen=True, kw_only=True)
class VoltageLadder:
    """Pulses of one direction: voltages between row and column of the cell.

    Half of each is on the row and the other half, inverted, on the column; in builds with gate lines all of it is on the line that crosses
    the cell's gate line.
    """

    v_start_v: float
    """First voltage, above 0 V."""
    v_stop_v: float
    """Last voltage."""
    v_step_v: float
    """Growth from one pulse to the next."""
    width_s: float
    """First pulse width in seconds."""
    width_stop_s: float | None = None
    """Last width; by default the first."""
    width_step_s: float | None = None
    """Growth of the width when the voltage has reached its end; by default the ladder ends there."""
    width_first: bool = False
    """The width grows first instead."""
    v_gate_v: float = 0.0
    """First voltage of the cell's gate line, in builds with gate lines: what its transistor lets through."""
    v_gate_stop_v: float | None = None
    """Last voltage of the gate line; by default the first. The gate voltage grows before the others."""
    v_gate_step_v: float = 0.0
    """Growth of the gate voltage from one pulse to the next."""

    def codes(self, session: Session, name: str) -> Ladder:
        """Return the ladder in level codes and taps; raises RangeError for what has no exact code."""
        return self._codes(session, name, 1 if session.parameters.gate_lines else 2)

    def halves(self, session: Session, name: str) -> Ladder:
        """Return the ladder for pulses that put half of the voltage on either line, also in builds with gate lines."""
        return self._codes(session, name, 2)

    def _codes(self, session: Session, name: str, part: int) -> Ladder:
        levels, clock = session.levels, session.clock
        gates = Levels.of(session.parameters, Family.GATES)
        half = "half of " if part == 2 else ""
        gate_stop_v = self.v_gate_v if self.v_gate_stop_v is None else self.v_gate_stop_v
        return Ladder(
            start=levels.code(self.v_start_v / part, f"{half}v_start_v of ladder {name!r}"),
            stop=levels.code(self.v_stop_v / part, f"{half}v_stop_v of ladder {name!r}"),
            step=levels.code(self.v_step_v / part, f"{half}v_step_v of ladder {name!r}"),
            gate=gates.code(self.v_gate_v, f"v_gate_v of ladder {name!r}"),
            gate_stop=gates.code(gate_stop_v, f"v_gate_stop_v of ladder {name!r}"),
            gate_step=gates.code(self.v_gate_step_v, f"v_gate_step_v of ladder {name!r}"),
            width_taps=clock.width_taps(self.width_s),
            width_stop_taps=0 if self.width_stop_s is None else clock.width_taps(self.width_stop_s, "width_stop_s"),
            width_step_taps=0 if self.width_step_s is None else clock.width_taps(self.width_step_s, "width_step_s"),
            width_first=self.width_first,
        )


@dataclass(frozen=True)
class Verified:
    """Outcome of a write-verify; arrays have the block's shape."""

    g_s: NDArray[np.float64]
    """Last reading of each cell, in siemens."""
    error_s: NDArray[np.float64]
    """That minus the target, in siemens."""
    pulses: NDArray[np.int64]
    """Pulses given to each cell."""
    failures: list[tuple[int, int, Reason]]
    """Row, column and reason of every cell outside its window."""
    time_s: float
    """Time of the run on the device, in seconds."""
    outcome: WriteVerifyOutcome
    """The device's records, in codes and cycles."""
    spread_s: NDArray[np.float64]
    """Standard deviation of reading minus target over the block, in siemens, after each pass and its rest; empty for a single pass."""


def write_verify(
    tile: Tile,
    target_g_s: ArrayLike,
    *,
    tolerance_s: float,
    v_read_v: float,
    up: VoltageLadder,
    down: VoltageLadder,
    origin: tuple[int, int],
    averages: int,
    confirmations: int,
    wait_s: float,
    attempts: int,
    turns: int,
    range_index: int,
    settle_s: float,
    integrate_s: float,
    gap_s: float | None,
    v_gate_v: float | None,
    passes: int,
    rest_s: float,
) -> Verified:
    """Execute `Tile.write_verify`."""
    session = tile.session
    array = np.asarray(target_g_s)
    if array.ndim != 2 or not array.size:
        raise ShapeError(f"target_g_s must have shape (rows, columns), not {array.shape}; nothing was sent")
    target = finite_array("target_g_s", array, array.shape, "S")
    per_siemens = averages * v_read_v / session.samples.steps_a[range_index]
    window = math.floor(tolerance_s * per_siemens)
    if window < 1:
        raise RangeError(
            f"tolerance_s of {tolerance_s:.6g} S is below the {1 / per_siemens:.6g} S of one converter code; "
            "choose a larger one, a narrower range or more averages, nothing was sent"
        )
    if not 1 <= passes <= _PASSES_MAX:
        raise RangeError(f"passes must be from 1 to {_PASSES_MAX}, not {passes!r}; nothing was sent")
    clock = session.clock
    table = WriteVerifyTable(
        up=up.codes(session, "up"), down=down.codes(session, "down"), window=window,
        read_code=session.levels.code(v_read_v, "v_read_v"), averages=averages, confirmations=confirmations,
        wait_cycles=clock.cycles(wait_s, "wait_s") if wait_s else 0, attempts=attempts, turns=turns, range_index=range_index,
        settle_cycles=clock.cycles(settle_s, "settle_s", 0xFFFF), integrate_cycles=clock.cycles(integrate_s, "integrate_s", 0xFFFF),
        gap_taps=gap_taps(gap_s, session.parameters), read_gate=_read_gate(session, v_gate_v),
    )  # fmt: skip
    codes = np.rint(target * per_siemens).astype(np.int64)
    if codes.max() > averages * session.samples.code_max or codes.min() < 0:
        raise RangeError(
            f"target_g_s must be from 0 to {averages * session.samples.code_max / per_siemens:.6g} S in this range, not "
            f"{float(target.min()):.6g} to {float(target.max()):.6g} S; choose a wider range or a lower v_read_v, nothing was sent"
        )
    outcome = run(session, table, tile.index, codes, origin)
    readings: list[NDArray[np.int64]] = []
    if passes > 1:
        outcome, readings = _repeat(tile, table, codes, outcome, passes, rest_s)
    reached = outcome.codes / per_siemens
    return Verified(
        reached, reached - target, outcome.attempts, outcome.failures, clock.seconds(outcome.cycles), outcome,
        np.array([(codes / per_siemens - target).std() for codes in readings]),
    )  # fmt: skip


def _repeat(
    tile: Tile,
    table: WriteVerifyTable,
    targets: NDArray[np.int64],
    first: WriteVerifyOutcome,
    passes: int,
    rest_s: float,
) -> tuple[WriteVerifyOutcome, list[NDArray[np.int64]]]:
    """Let the block rest and read it, and program again what has left its window: for each pass after the first, and once more at the end.

    Returns
    -------
    tuple
        The outcome: last readings, pulses and turns of all passes, and reasons as the last reading has them, but for cells that a pass has
        given up. And the readings after each pass, in summed converter codes.
    """
    session, origin = tile.session, first.origin
    before, rest = session.cycles, session.clock.cycles(rest_s, "rest_s") if rest_s else 0
    attempts, turns, last, reasons = first.attempts, first.turns, first.last_amplitudes, first.reasons
    readings: list[NDArray[np.int64]] = []
    for further in range(passes):
        found = run(session, table, tile.index, targets, origin, visit=Visit.READ, rest_cycles=rest)
        outside = found.reasons != Reason.IN_WINDOW
        readings.append(found.codes)
        if further == passes - 1:
            break
        again = run(session, table, tile.index, targets, origin, visit=Visit.MARKED, marked=outside)
        attempts, turns = attempts + np.where(outside, again.attempts, 0), turns + np.where(outside, again.turns, 0)
        last = np.where(outside & (again.last_amplitudes != 0), again.last_amplitudes, last)
        reasons = np.where(outside, again.reasons, reasons)
    ended = np.where(outside, np.where(reasons == Reason.IN_WINDOW, Reason.RELAXED, reasons), Reason.IN_WINDOW)
    cycles = first.cycles + session.cycles - before
    return WriteVerifyOutcome(found.codes, attempts, turns, ended, last, cycles, origin), readings


def _read_gate(session: Session, v_gate_v: float | None) -> int:
    """Return the gate code of a reading: the session's, if none is asked for."""
    if not session.parameters.gate_lines:
        if v_gate_v is not None:
            raise RangeError("v_gate_v was given, but this build has no gate lines; nothing was sent")
        return 0
    wanted_v = session.v_gate_v if v_gate_v is None else v_gate_v
    if wanted_v is None:
        raise RangeError(
            "the session lets gate lines float: give v_gate_v, the gate voltage of a reading; nothing was sent"
        )
    return Levels.of(session.parameters, Family.GATES).code(wanted_v, "v_gate_v")


def run(
    session: Session,
    table: WriteVerifyTable,
    tile: int,
    targets: NDArray[np.int64],
    origin: tuple[int, int] = (0, 0),
    *,
    visit: Visit = Visit.ALL,
    marked: NDArray[np.bool_] | None = None,
    rest_cycles: int = 0,
) -> WriteVerifyOutcome:
    """Program a block of cells to targets in summed converter codes, shape (rows, columns); one command, and the host waits.

    With `Visit.MARKED` only cells where `marked` is true are dealt with; records of the others mean nothing.
    """
    check_table(table, session.parameters, session.limit_codes)
    layout = check_block(targets, origin, session.parameters)
    records = np.zeros((targets.size, RESULT_WORDS), np.int64)
    records[:, 0] = targets.reshape(-1)
    if marked is not None:
        records[:, 1] = marked.reshape(-1)
    session.write_words(layout.results, records.reshape(-1))
    before = session.cycles
    session.execute(WriteVerify(table, tile, origin, (layout.rows, layout.columns), visit, rest_cycles))
    words = session.read_words(layout.results, records.size)
    return records_of(words, (layout.rows, layout.columns), origin, session.cycles - before)
