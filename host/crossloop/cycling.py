"""Endurance in volts, seconds and siemens; what runs in the device is in `crossloop.fabric.endurance`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crossloop.fabric.endurance import SEGMENT_WORDS, Cycling, Endurance, segments_of
from crossloop.fabric.reading import Reading
from crossloop.gaps import gap_taps

if TYPE_CHECKING:
    from crossloop.tile import Tile


@dataclass(frozen=True)
class EnduranceRecord:
    """Conductances along the life of a cell."""

    cycles: NDArray[np.int64]
    """SET and RESET cycles passed at each reading, shape (n,)."""
    g_set_s: NDArray[np.float64]
    """Conductance after the SET pulse of that cycle in siemens, shape (n,)."""
    g_reset_s: NDArray[np.float64]
    """Conductance after its RESET pulse, shape (n,)."""
    time_s: float
    """Time of the whole run on the device in seconds."""
    rate_hz: float
    """SET and RESET cycles per second of that time."""


def cycle_cell(
    tile: Tile,
    row: int,
    column: int,
    counts: Sequence[int],
    *,
    v_set_v: float,
    v_reset_v: float,
    width_s: float,
    gap_s: float | None,
    level_settle_s: float,
    v_read_v: float,
    range_index: int,
    settle_s: float,
    integrate_s: float,
) -> EnduranceRecord:
    """Execute `Tile.endure`."""
    session = tile.session
    clock = session.clock
    width = clock.width_taps(width_s)
    set_levels, reset_levels = _levels(tile, v_set_v, v_reset_v)
    cycling = Cycling(
        set_levels=set_levels, reset_levels=reset_levels, set_taps=width, reset_taps=width, gap_taps=gap_taps(gap_s, session.parameters),
        level_cycles=clock.cycles(level_settle_s, "level_settle_s") if level_settle_s else 0,
        reading=Reading(
            session.levels.code(v_read_v, "v_read_v"), range_index, clock.cycles(settle_s, "settle_s", 0xFFFF),
            clock.cycles(integrate_s, "integrate_s", 0xFFFF),
        ),
    )  # fmt: skip
    operation = Endurance(cycling, tile.index, (int(row), int(column)), segments_of(counts))
    operation.check_data(session.parameters, session.limit_codes)
    words = operation.words()
    session.write_words(operation.first_word, words)
    before = session.cycles
    session.execute(operation)
    codes = session.read_words(operation.first_word, words.size).astype(np.float64).reshape(-1, SEGMENT_WORDS)
    conductances = codes * session.samples.steps_a[range_index] / v_read_v
    time_s = clock.seconds(session.cycles - before)
    return EnduranceRecord(
        np.array(counts, np.int64), conductances[:, 0], conductances[:, 1], time_s, int(counts[-1]) / time_s
    )


def _levels(tile: Tile, v_set_v: float, v_reset_v: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the level codes (row, column) of SET and RESET: held ones where the window has the whole voltages, else halves."""
    levels, limits = tile.session.levels, tile.session.limit_codes
    if min(v_set_v, v_reset_v) > 0 and max(v_set_v, v_reset_v) <= levels.volts(limits.level_max):
        return (levels.code(v_set_v, "v_set_v"), 0), (0, levels.code(v_reset_v, "v_reset_v"))
    (up, _down), (_up, down) = tile.write_levels(v_set_v), tile.write_levels(v_reset_v)
    return up, down
