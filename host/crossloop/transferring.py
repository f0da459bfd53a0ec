"""Transfer of weights from fast cells to slow pairs, in volts, siemens and seconds; the program is in `crossloop.fabric.transfer`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop.fabric.endings import Reason
from crossloop.fabric.transfer import Transfer, TransferOutcome, TransferTable, outcome_of
from crossloop.gaps import gap_taps
from crossloop.protocol.errors import RangeError
from crossloop.sensing import INTEGRATE_S, SETTLE_S
from crossloop.tile import Tile
from crossloop.writing import VoltageLadder


@dataclass(frozen=True)
class Transferred:
    """Outcome of a transfer; arrays have the block's shape (rows, pairs)."""

    before_s: NDArray[np.float64]
    """Weights before, in siemens of the fast cells: F*(G+ - G-) + s*(g - g_ref) as it was read."""
    after_s: NDArray[np.float64]
    """Weights afterwards, of the last readings."""
    slow_s: NDArray[np.float64]
    """G+ - G- afterwards, in siemens."""
    fast_s: NDArray[np.float64]
    """g - g_ref afterwards, in siemens."""
    polarity: int
    """Polarity s from now on: readings of fast cells, and their updates, count with it."""
    failures: list[tuple[int, int, str, Reason]]
    """Row and pair, `slow` or `fast`, and why, of all that did not come into their windows."""
    time_s: float
    """Time of the run on the device, in seconds."""
    outcome: TransferOutcome
    """The device's records, in codes and cycles."""
    operation: Transfer
    """What was run, for `session.dry_run`."""


def transfer(
    fast: Tile,
    slow: Tile,
    *,
    polarity: int,
    set_ramp: VoltageLadder,
    reset: VoltageLadder,
    reset_pulses: int = 1,
    up: VoltageLadder,
    down: VoltageLadder,
    slow_tolerance_s: float,
    fast_tolerance_s: float,
    v_read_v: float,
    gain_bits: int = 0,
    origin: tuple[int, int] = (0, 0),
    shape: tuple[int, int] | None = None,
    invert: bool = True,
    attempts: int = 60,
    turns: int = 15,
    averages: int = 1,
    range_index: int = 0,
    settle_s: float = SETTLE_S,
    integrate_s: float = INTEGRATE_S,
    gap_s: float | None = None,
) -> Transferred:
    """Program the weights of a block into its slow pairs and put what is left on its fast cells, in one command.

    Parameters
    ----------
    fast : Tile
        Fast cells in columns 2k, each with its reference in column 2k + 1, which is never pulsed.
    slow : Tile
        Slow pairs: G+ in column 2k, G- in column 2k + 1.
    polarity : {1, -1}
        With which sign the fast cells have counted so far.
    set_ramp, reset : VoltageLadder
        Pulses that raise a slow cell, growing; and what resets it, of which the first rung is used.
    reset_pulses : int
        How many RESET pulses each cell of a pair gets.
    up, down : VoltageLadder
        Pulses that raise and lower a fast cell.
    slow_tolerance_s, fast_tolerance_s : float
        Largest accepted differences between readings and targets, in siemens.
    v_read_v : float
        Voltage of a reading.
    gain_bits : int
        The slow pair's gain F is 2**gain_bits.
    origin, shape : tuple of int
        First row and pair, and rows and pairs, of the block; all by default.
    invert : bool
        Whether the polarity changes, which lets a mismatch between up and down steps cancel from one transfer to the next.
    attempts, turns : int
        Most pulses, and most changes of bank or direction, for each of the two.
    averages, range_index, settle_s, integrate_s
        As in `Tile.read_all`.
    gap_s : float, optional
        As in `Tile.pulse`.

    Raises
    ------
    RangeError
        If the device cannot do it; nothing was pulsed.
    """
    session = fast.session
    clock = session.clock
    per_siemens = averages * v_read_v / session.samples.steps_a[range_index]
    if polarity not in {1, -1}:
        raise RangeError(f"polarity must be 1 or -1, not {polarity!r}; nothing was sent")
    table = TransferTable(
        shift=gain_bits, set=set_ramp.halves(session, "set"), reset=reset.halves(session, "reset"), reset_pulses=reset_pulses,
        slow_window=_window("slow_tolerance_s", slow_tolerance_s, per_siemens), up=up.halves(session, "up"),
        down=down.halves(session, "down"), fast_window=_window("fast_tolerance_s", fast_tolerance_s, per_siemens), attempts=attempts,
        turns=turns, invert=invert, read_code=session.levels.code(v_read_v, "v_read_v"), averages=averages, range_index=range_index,
        settle_cycles=clock.cycles(settle_s, "settle_s", 0xFFFF), integrate_cycles=clock.cycles(integrate_s, "integrate_s", 0xFFFF),
        gap_taps=gap_taps(gap_s, session.parameters),
    )  # fmt: skip
    rows, pairs = (fast.shape[0], fast.shape[1] // 2) if shape is None else shape
    operation = Transfer(table, fast.index, slow.index, origin, (rows, pairs))
    outcome = run(fast, operation, polarity)
    per_weight = (1 << gain_bits) * outcome.slow.codes + outcome.polarity * outcome.fast.codes
    return Transferred(
        outcome.weights / per_siemens, per_weight / per_siemens, outcome.slow.codes / per_siemens, outcome.fast.codes / per_siemens,
        outcome.polarity, outcome.failures, clock.seconds(outcome.cycles), outcome, operation,
    )  # fmt: skip


def run(tile: Tile, operation: Transfer, polarity: int) -> TransferOutcome:
    """Execute a transfer in codes and cycles; one command, and the host waits."""
    session = tile.session
    operation.check_data(session.parameters, session.limit_codes)
    session.write_words(operation.polarity, [polarity])
    before = session.cycles
    session.execute(operation)
    words = session.read_words(operation.polarity, operation.words - operation.polarity).astype(np.int64)
    return outcome_of(words, operation.shape, session.cycles - before)


def _window(name: str, tolerance_s: float, per_siemens: float) -> int:
    if not tolerance_s >= 0:
        raise RangeError(f"{name} must not be below 0 S, not {tolerance_s!r}; nothing was sent")
    return math.floor(tolerance_s * per_siemens + 1e-9)
