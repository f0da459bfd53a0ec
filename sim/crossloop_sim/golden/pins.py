"""Pin changes as event records, compiled: called by the micro-op interpreter and for the safe state.

Nothing moves from the cycle scalars[LIMIT] on, in which a trip shows: the functions then leave pins and state as they are.
"""

from __future__ import annotations

import numpy as np

from crossloop.protocol.streams import Family
from crossloop.protocol.timing import FAULT_SAFE_OFFSET, SAFE_OFFSET, TRIP_EXTRA
from crossloop_sim.events import Kind
from crossloop_sim.golden.compiled import compiled, constant
from crossloop_sim.golden.machine import (
    BREAK_CYCLES,
    EVENT_COUNT,
    FAMILIES,
    GATES_ON,
    LIMIT,
    TAPS,
    Integers,
    Machine,
    Words,
)

_STATES = constant(Kind.STATES)
_GATES = constant(Kind.GATES)
_RUN = constant(Kind.RUN)
_TRIP = constant(Kind.TRIP)
_HEADER = 4
_GATE_FAMILY = constant(Family.GATES)


@compiled
def put_event(scalars: Integers, events: Words, cycle: int, kind: int) -> int:
    """Append a record with all its fields 0 and return its row; a record at or after the limit is not counted."""
    row = scalars[EVENT_COUNT]
    events[row, 0] = cycle
    events[row, 1] = kind
    for index in range(2, events.shape[1]):
        events[row, index] = 0
    if cycle < scalars[LIMIT]:
        scalars[EVENT_COUNT] = row + 1
    return int(row)


@compiled
def put_gates(m: Machine, tap: int, rows: Words, columns: Words) -> None:
    """Turn on exactly these gates, and those of all gate and nudge lines that are driven; all others are off before."""
    cycle = tap // m.scalars[TAPS]
    words = rows.size
    fired = np.uint64(0)
    for w in range(words):
        fired |= rows[w] | columns[w]
        for family in range(_GATE_FAMILY, FAMILIES):
            # States 2 and 3, DRIVE and CURRENT; nudge lines are never in state 3.
            fired |= m.states[family, 1, w]
    if fired != np.uint64(0) and cycle < m.scalars[LIMIT]:
        row = put_event(m.scalars, m.events, cycle, _GATES)
        m.events[row, 2] = tap - cycle * m.scalars[TAPS]
        for w in range(words):
            m.events[row, _HEADER + w] = rows[w]
            m.events[row, _HEADER + words + w] = columns[w]
            for family in range(_GATE_FAMILY, FAMILIES):
                m.events[row, _HEADER + family * words + w] = m.states[family, 1, w]
        m.scalars[GATES_ON] = 1


@compiled
def clear_gates(m: Machine, tap: int) -> None:
    """Turn every gate off."""
    cycle = tap // m.scalars[TAPS]
    if m.scalars[GATES_ON] != 0 and cycle < m.scalars[LIMIT]:
        m.events[put_event(m.scalars, m.events, cycle, _GATES), 2] = tap - cycle * m.scalars[TAPS]
        m.scalars[GATES_ON] = 0


@compiled
def put_states(m: Machine, cycle: int, family: int, low: Words, high: Words) -> None:
    """Show a family's new line states, if they differ."""
    changed = np.uint64(0)
    states = m.states
    words = low.size
    for w in range(words):
        changed |= (states[family, 0, w] ^ low[w]) | (states[family, 1, w] ^ high[w])
    if changed == np.uint64(0) or cycle >= m.scalars[LIMIT]:
        return
    for w in range(words):
        states[family, 0, w] = low[w]
        states[family, 1, w] = high[w]
    put_planes(m, cycle)


@compiled
def put_planes(m: Machine, cycle: int) -> None:
    """Append a STATES record of the states at hand."""
    row = put_event(m.scalars, m.events, cycle, _STATES)
    column = _HEADER
    for family in range(FAMILIES):
        for plane in range(2):
            for w in range(m.states.shape[2]):
                m.events[row, column] = m.states[family, plane, w]
                column += 1


@compiled
def float_all(m: Machine, cycle: int) -> None:
    """Let every line float."""
    any_tied = np.uint64(0)
    for family in range(FAMILIES):
        for w in range(m.states.shape[2]):
            any_tied |= m.states[family, 0, w] | m.states[family, 1, w]
    if any_tied != np.uint64(0) and cycle < m.scalars[LIMIT]:
        for family in range(FAMILIES):
            for w in range(m.states.shape[2]):
                m.states[family, 0, w] = 0
                m.states[family, 1, w] = 0
        put_planes(m, cycle)


@compiled
def enter_safe_state(m: Machine, cycle: int, tripped: int, running: int) -> int:
    """Show the end of a run, a trip, gates off, then all lines to ground; return the first cycle after it all.

    `tripped` and `running` are 1 where the pin changes. Break before make: lines that are not at ground float first.
    """
    if running and not tripped:
        put_event(m.scalars, m.events, cycle, _RUN)
    if tripped:
        m.events[put_event(m.scalars, m.events, cycle, _TRIP), 2] = 1
    clear_gates(m, cycle * m.scalars[TAPS])
    if running and tripped:
        put_event(m.scalars, m.events, cycle + TRIP_EXTRA, _RUN)
    start = cycle + (FAULT_SAFE_OFFSET if running and not tripped else SAFE_OFFSET)
    end = start + m.scalars[BREAK_CYCLES]
    words = m.states.shape[2]
    tied = False
    away = False
    for family in range(FAMILIES):
        for w in range(words):
            mask = line_mask(m, family, w)
            low = m.states[family, 0, w]
            high = m.states[family, 1, w]
            ground = low & ~high
            tied = tied or (low | high) != ground
            away = away or ground != mask
            m.states[family, 0, w] = ground
            m.states[family, 1, w] = np.uint64(0)
    if tied:
        put_planes(m, start)
    if away:
        for family in range(FAMILIES):
            for w in range(words):
                m.states[family, 0, w] = line_mask(m, family, w)
        put_planes(m, end)
    return int(end)


@compiled
def sort_events(m: Machine) -> None:
    """Put the collected records into the order of their cycles; few are out of it."""
    events, column = m.events, np.zeros(m.events.shape[1], np.uint64)
    for end in range(1, m.scalars[EVENT_COUNT]):
        at = end
        while at > 0 and events[at - 1, 0] > events[at, 0]:
            column[:] = events[at]
            events[at] = events[at - 1]
            events[at - 1] = column
            at -= 1


@compiled
def line_mask(m: Machine, family: int, word: int) -> np.uint64:
    """Return the bits of a word that stand for lines."""
    lines = m.scalars[family] - 64 * word  # ROWS to NUDGE_LINES are scalars 0 to 3
    if lines >= 64:
        return np.uint64(0xFFFFFFFFFFFFFFFF)
    if lines <= 0:
        return np.uint64(0)
    return (np.uint64(1) << np.uint64(lines)) - np.uint64(1)
