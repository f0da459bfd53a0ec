"""The compiled part of the integer model: one call per batch of event records, one per conversion.

The formulas are those of docs/emulated.md. Nothing here follows the gateware's way of working: sums are sums, products are products.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

TILE, ROWS, COLUMNS, PULSING, READING, SINCE = range(6)
"""Scalars of `now`: tile that is connected, lines of each family, whether a gate is on, whether a conversion fell into this pulse, cycle in
which it began."""

RATE_UP, RATE_DOWN, UPPER, LOWER = range(4)
"""Last index of `table`."""

(
    THRESHOLD, FRACTION, SAMPLE_BITS, READ_BACK_RANGE, RANGE_SHIFT, CUT_SHIFT, STEP_SHIFT, WIDTH_MAX, DRAW_BITS, NOISE_BITS, NOISE_STEP,
    NOISE_SHIFT,
) = range(12)  # fmt: skip
"""Scalars of `law`: difference of levels that must be exceeded, fraction bits of a sum, bits of a code, and constants of
`crossloop.protocol.emulated`; the shifts of the noise are the last."""

# Kinds of records, as in events.Kind; a record's words begin at FIELDS.
KIND_TILE, KIND_STATES, KIND_LEVEL, KIND_GATES = 2, 3, 4, 5
FIELDS = 4
ALL_LINES = 65535
COLUMN_FAMILY = 1


class ArrayState(NamedTuple):
    """What the array is made of; W is the number of 64-bit words per line family.

    Attributes
    ----------
    states : (tiles, rows, columns) int64
        Conductances, 16 bits each.
    table : (tiles, rows, columns, 4) int64
        Rates and bounds.
    levels : (2, lines) int64
        Level codes by family.
    gates : (2, W) uint64
        Lines whose gates are on, or were on last.
    sensed : (2, W) uint64
        Lines in state SENSE.
    noise : (1,) int64
        The generator.
    now : (6,) int64
        Scalars.
    law : (16,) int64
        Scalars that stay.
    counts : (tiles, 3, rows, columns) int64
        For the ledger: up pulses, down pulses, and line pulses that ended together with another one of the cell.
    line_counts : (tiles, 2, 2, lines) int64
        For the ledger: pulses of lines while writing and while reading, by family.
    conversions : (tiles, 2) int64
        For the ledger: converted channels, by family.
    """

    states: Integers
    table: Integers
    levels: Integers
    gates: Words
    sensed: Words
    noise: Integers
    now: Integers
    law: Integers
    counts: Integers
    line_counts: Integers
    conversions: Integers


@njit(cache=True, nogil=True)
def _bit(words: Words, line: int) -> bool:
    return bool((words[line >> 6] >> np.uint64(line & 63)) & np.uint64(1))


@njit(cache=True, nogil=True)
def draw(noise: Integers, law: Integers) -> int:
    """Advance the generator and return the number of ones among its new low bits."""
    state = noise[0]
    fresh = 0
    for shift in law[NOISE_SHIFT:]:
        fresh ^= state >> shift
    fresh &= (1 << law[NOISE_STEP]) - 1
    noise[0] = (state << law[NOISE_STEP] | fresh) & ((1 << law[NOISE_BITS]) - 1)
    ones = 0
    for bit in range(law[DRAW_BITS]):
        ones += fresh >> bit & 1
    return int(ones)


@njit(cache=True, nogil=True)
def step(distance: int, rate: int, drawn: int, width: int, law: Integers) -> int:
    """Return by how much a pulse moves a cell."""
    cut = distance * rate * drawn >> law[CUT_SHIFT]
    shift = law[STEP_SHIFT] - law[CUT_SHIFT]
    return int((cut * width + (1 << (shift - 1))) >> shift)


@njit(cache=True, nogil=True)
def _walk(a: ArrayState, width: int) -> None:
    """Move the cells whose row and column were on."""
    tile, rows, columns, limit = a.now[TILE], a.now[ROWS], a.now[COLUMNS], a.law[THRESHOLD]
    for row in range(rows):
        if not _bit(a.gates[0], row):
            continue
        for column in range(columns):
            if not _bit(a.gates[1], column):
                continue
            difference = a.levels[0, row] - a.levels[1, column]
            a.counts[tile, 2, row, column] += 1
            if -limit <= difference <= limit:
                continue
            a.counts[tile, 2, row, column] += 1
            a.counts[tile, 0 if difference > 0 else 1, row, column] += 1
            drawn = draw(a.noise, a.law)
            state, cell = a.states[tile, row, column], a.table[tile, row, column]
            if difference > 0:
                a.states[tile, row, column] = state + step(cell[UPPER] - state, cell[RATE_UP], drawn, width, a.law)
            else:
                a.states[tile, row, column] = state - step(state - cell[LOWER], cell[RATE_DOWN], drawn, width, a.law)


@njit(cache=True, nogil=True)
def apply(
    events: Words,
    states: Integers,
    table: Integers,
    levels: Integers,
    gates: Words,
    sensed: Words,
    noise: Integers,
    now: Integers,
    law: Integers,
    counts: Integers,
    line_counts: Integers,
    conversions: Integers,
) -> None:
    """Take event records in order; the array comes in its parts, whose types numba finds much faster than that of a named tuple."""
    a = ArrayState(states, table, levels, gates, sensed, noise, now, law, counts, line_counts, conversions)
    words = gates.shape[1]
    for at in range(events.shape[0]):
        event = events[at]
        kind = event[1]
        if kind == KIND_TILE:
            now[TILE] = event[2]
        elif kind == KIND_STATES:
            for family in range(2):
                for w in range(words):
                    first = FIELDS + 2 * family * words + w
                    sensed[family, w] = event[first] & event[first + words]
        elif kind == KIND_LEVEL:
            family, line, code = event[2], event[3], np.int64(event[4])
            if line == ALL_LINES:
                levels[family, :] = code
            else:
                levels[family, line] = code
        elif kind == KIND_GATES:
            _change_gates(a, event, words)


@njit(cache=True, nogil=True)
def _change_gates(a: ArrayState, event: Words, words: int) -> None:
    now = a.now
    cycle = np.int64(event[0])
    if now[PULSING]:
        for family in range(2):
            for line in range(now[ROWS + family]):
                if _bit(a.gates[family], line):
                    a.line_counts[now[TILE], now[READING], family, line] += 1
        if not now[READING]:
            _walk(a, min(cycle - now[SINCE], a.law[WIDTH_MAX]))
    fired = np.uint64(0)
    for w in range(words):
        for family in range(2):
            a.gates[family, w] = event[FIELDS + family * words + w]
            fired |= a.gates[family, w]
    now[PULSING] = fired != np.uint64(0)
    now[READING] = 0
    now[SINCE] = cycle


@njit(cache=True, nogil=True)
def convert(
    family: int,
    channels: int,
    range_index: int,
    pair: int,
    states: Integers,
    table: Integers,
    levels: Integers,
    gates: Words,
    sensed: Words,
    noise: Integers,
    now: Integers,
    law: Integers,
    counts: Integers,
    line_counts: Integers,
    conversions: Integers,
) -> Integers:
    """Return the sample words of a conversion."""
    a = ArrayState(states, table, levels, gates, sensed, noise, now, law, counts, line_counts, conversions)
    now[READING] = 1
    conversions[now[TILE], family] += channels
    words = np.empty(channels, np.int64)
    for channel in range(channels):
        total = line_sum(a, family, channel << pair)
        if pair:
            total -= line_sum(a, family, 2 * channel + 1)
        words[channel] = _sample(a, total, range_index)
    return words


@njit(cache=True, nogil=True)
def line_sum(a: ArrayState, family: int, line: int) -> int:
    """Return the sum over a line's cells of level times state."""
    total = 0
    if not _bit(a.sensed[family], line):
        return total
    crossing = 1 - family
    tile = a.now[TILE]
    for other in range(a.now[ROWS + crossing]):
        if _bit(a.gates[crossing], other):
            row, column = (other, line) if family == COLUMN_FAMILY else (line, other)
            total += a.levels[crossing, other] * a.states[tile, row, column]
    return int(total)


@njit(cache=True, nogil=True)
def _sample(a: ArrayState, total: int, range_index: int) -> int:
    """Return a sample word: the code in two's complement, and above it whether it is at the limit."""
    bits, fraction = a.law[SAMPLE_BITS], a.law[FRACTION]
    mask = (1 << bits) - 1
    if range_index == a.law[READ_BACK_RANGE]:
        code = total >> 8 if total < 0 else total & 0xFF
        return int(code & mask)
    drawn = draw(a.noise, a.law)
    limit = 1 << (bits - 1)
    scaled = total << (a.law[RANGE_SHIFT] * range_index)
    if -limit <= scaled >> fraction < limit:
        # A draw is an eighth of a code around its mean, and half a code rounds.
        scaled += (2 * drawn - a.law[DRAW_BITS] + 4) << (fraction - 3)
    code = scaled >> fraction
    if code >= limit:
        return int(limit - 1 | limit << 1)
    if code < -limit:
        return int(limit | limit << 1)
    return int(code & mask)
