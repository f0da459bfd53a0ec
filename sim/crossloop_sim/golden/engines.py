"""The engines behind the sequencer, compiled: one function per micro-op that moves pins.

Each checks its micro-op, shows its pin changes in their cycles, advances scalars[CYCLE] to the next micro-op's first cycle, and returns GO,
or how else the run goes on.
"""

from __future__ import annotations

import numpy as np

from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.microops import LineState, Selection
from crossloop.protocol.parameters import ALL_LINES
from crossloop.protocol.records import RECORD_HEADER
from crossloop.protocol.registers import DUTY_UNIT, Rule
from crossloop.protocol.streams import MAGNITUDE_BITS, Family
from crossloop.protocol.timing import (
    BASE_CYCLES,
    COINCIDE_EXTRA,
    COINCIDE_OFFSET,
    CONNECT_EXTRA,
    CONNECT_OFFSET,
    CONVERT_EXTRA,
    CONVERT_OFFSET,
    FAULT_OFFSET,
    LEVEL_EXTRA,
    LEVEL_OFFSET,
    LEVELS_EXTRA,
    LEVELS_OFFSET,
    PULSE_EXTRA,
    PULSE_OFFSET,
    READOUT_CYCLES,
    SLOT_MIN_CYCLES,
    STORE_CYCLES,
    STREAMS_EXTRA,
)
from crossloop_sim.events import Kind
from crossloop_sim.golden.coincidence import draw
from crossloop_sim.golden.compiled import compiled, constant
from crossloop_sim.golden.machine import (
    BREAK_CYCLES,
    CAUSE,
    CELL_PULSES,
    CODE_MAX,
    CODE_MIN,
    COLUMN_PULSES,
    COMPLIANCE,
    CONVERSION_WAIT,
    CYCLE,
    DELIVERED,
    DUTY_REST,
    EVENT_COUNT,
    GAP_MIN,
    GATE_LEVEL_MAX,
    GATE_LEVEL_MIN,
    GATE_SOURCES,
    LATE_LEVEL,
    LEVEL_MAX,
    LEVEL_MIN,
    LEVEL_SETTLE,
    LEVEL_WAIT,
    LEVEL_WRITE,
    LIMIT,
    LIMIT_CAUSE,
    LINE_CYCLES,
    POINTER,
    PROGRESS,
    RECORDS_FREE,
    REST_UNTIL,
    ROUTE,
    ROW_PULSES,
    RULES,
    SLOT_GAP_MIN,
    SLOTS,
    STROBE_CYCLE,
    SWITCH_SETTLE,
    TAPS,
    TILE,
    TILES,
    TRAIN_PULSES,
    WIDTH_CAP,
    Integers,
    Machine,
    Words,
)
from crossloop_sim.golden.pins import clear_gates, float_all, line_mask, put_event, put_gates, put_states

GO = -1
"""The micro-op is done."""
YIELD = -2
"""The event buffer is too full; call again."""
HALTED = -3
"""The program is done."""
STROBE = -4
"""A conversion strobe shows; call again with its samples taken."""

_ONE_OP = constant(8)
"""Records that any micro-op may add without asking again."""
_RECORD = RECORD_HEADER.size
_SIGN = 1 << 31

_ROWS = constant(Family.ROWS)
_COLUMNS = constant(Family.COLUMNS)
_GATE_LINES = constant(Family.GATES)
_KIND_LEVEL = constant(Kind.LEVEL)
_KIND_TILE = constant(Kind.TILE)
_ALL, _ONE, _FIRST, _SIGNED = (int(selection) for selection in Selection)
_SENSE = int(LineState.SENSE)
_ONE_GATE = int(Rule.ONE_GATE)
_UNIT = DUTY_UNIT

_TRIPPED = int(Status.TRIPPED)
_LINE_RANGE = int(Status.LINE_RANGE)
_ADDRESS_RANGE = int(Status.ADDRESS_RANGE)
_REPLY_FULL = int(Status.REPLY_FULL)
_LEVEL_WINDOW = int(TripCause.LEVEL_WINDOW)
_PULSE_WIDTH = int(TripCause.PULSE_WIDTH)
_DUTY = int(TripCause.DUTY)
_COMPLIANCE = int(TripCause.COMPLIANCE)
_GATE_RULE = int(TripCause.GATE_RULE)


@compiled
def _too_wide(m: Machine) -> int:
    """Trip in the cycle after the micro-op's first in the engine."""
    m.scalars[CAUSE] = _PULSE_WIDTH
    m.scalars[CYCLE] += 1
    return _TRIPPED


@compiled
def _crowded(m: Machine, records: int) -> bool:
    return bool(m.scalars[EVENT_COUNT] + records > m.events.shape[0])


@compiled
def _window(scalars: Integers, family: int) -> tuple[int, int]:
    """Return the lowest and the highest code that may be written to a family's lines."""
    if family == _GATE_LINES:
        return max(scalars[GATE_LEVEL_MIN], scalars[CODE_MIN]), min(scalars[GATE_LEVEL_MAX], scalars[CODE_MAX])
    return max(scalars[LEVEL_MIN], scalars[CODE_MIN]), min(scalars[LEVEL_MAX], scalars[CODE_MAX])


@compiled
def _ask_gates(m: Machine, tap: int, width: int) -> None:
    """Ask the safety gate for a pulse, in taps; a trip that it causes shows in cycle scalars[LIMIT]."""
    scalars = m.scalars
    cycle = tap // scalars[TAPS]
    if cycle >= scalars[LIMIT]:
        return
    if tap * _UNIT < scalars[REST_UNTIL]:
        scalars[LIMIT] = cycle
        scalars[LIMIT_CAUSE] = _DUTY
        return
    # The input has been active for long: the pulse ends in the cycle after its first.
    if scalars[COMPLIANCE] and cycle + 1 < scalars[LIMIT]:
        scalars[LIMIT] = cycle + 1
        scalars[LIMIT_CAUSE] = _COMPLIANCE
    on_taps = min(width, scalars[LIMIT] * scalars[TAPS] - tap)
    scalars[DELIVERED] = on_taps
    scalars[REST_UNTIL] = (tap + on_taps) * _UNIT + on_taps * scalars[DUTY_REST]


@compiled
def _gates_on(m: Machine, tap: int) -> None:
    """Turn on the gates of all DRIVE lines."""
    for w in range(m.states.shape[2]):
        m.selection[0, w] = m.states[0, 1, w] & ~m.states[0, 0, w]
        m.selection[1, w] = m.states[1, 1, w] & ~m.states[1, 0, w]
    put_gates(m, tap, m.selection[0], m.selection[1])


@compiled
def select_tile(m: Machine, tile: int) -> int:
    """TILE."""
    scalars = m.scalars
    if _crowded(m, _ONE_OP):
        return YIELD
    if tile >= scalars[TILES]:
        return _LINE_RANGE
    start = scalars[CYCLE] + CONNECT_OFFSET
    float_all(m, start)
    show = start + scalars[BREAK_CYCLES]
    if tile != scalars[TILE] and show < scalars[LIMIT]:
        scalars[TILE] = tile
        m.events[put_event(scalars, m.events, show, _KIND_TILE), 2] = tile
    scalars[CYCLE] += BASE_CYCLES + CONNECT_EXTRA + scalars[BREAK_CYCLES] + scalars[SWITCH_SETTLE]
    return GO


@compiled
def _absent(m: Machine, family: int) -> bool:
    """Return whether the build has no such family."""
    return bool(m.scalars[family] == 0)


@compiled
def level(m: Machine, a: int, line: int, c: int) -> int:
    """LEVEL."""
    scalars = m.scalars
    family = a & 3
    if _crowded(m, _ONE_OP):
        return YIELD
    if _absent(m, family) or (line != ALL_LINES and line >= scalars[family]):
        return _LINE_RANGE
    scalars[CYCLE] += scalars[LEVEL_WAIT]
    code = c - 2 * (c & _SIGN)
    low, high = _window(scalars, family)
    if not low <= code <= high:
        scalars[CAUSE] = _LEVEL_WINDOW
        scalars[CYCLE] += LEVEL_OFFSET - FAULT_OFFSET
        return _TRIPPED
    _put_level(m, scalars[CYCLE] + LEVEL_OFFSET, family, line, code)
    scalars[CYCLE] += BASE_CYCLES + LEVEL_EXTRA + scalars[LEVEL_WRITE] - 1 + scalars[LEVEL_SETTLE]
    return GO


@compiled
def _put_level(m: Machine, strobe: int, family: int, line: int, code: int) -> None:
    """Show a level that is strobed in a cycle; it changes later, also when the run has ended meanwhile."""
    scalars = m.scalars
    row = put_event(scalars, m.events, strobe + scalars[LEVEL_WRITE] - 1, _KIND_LEVEL)
    m.events[row, 2] = family
    m.events[row, 3] = line
    m.events[row, 4] = np.uint64(code)
    if strobe < scalars[LIMIT] and row == scalars[EVENT_COUNT]:
        scalars[EVENT_COUNT] += 1
        scalars[LATE_LEVEL] = 1


@compiled
def levels(m: Machine, a: int, count: int, address: int) -> int:
    """LEVELS."""
    scalars = m.scalars
    family = a & 3
    if _absent(m, family) or count == 0 or count > scalars[family]:
        return _LINE_RANGE
    if address + count > m.vector.size:
        return _ADDRESS_RANGE
    if _crowded(m, count + _ONE_OP):
        return YIELD
    scalars[CYCLE] += scalars[LEVEL_WAIT]
    start = scalars[CYCLE] + LEVELS_OFFSET
    low, high = _window(scalars, family)
    pitch = scalars[LEVEL_WRITE]
    for line in range(count):
        code = int(np.int64(m.vector[address + line]))
        if not low <= code <= high:
            scalars[CAUSE] = _LEVEL_WINDOW
            scalars[CYCLE] += LEVELS_OFFSET + line * pitch - FAULT_OFFSET
            return _TRIPPED
        _put_level(m, start + line * pitch, family, line, code)
    scalars[CYCLE] += BASE_CYCLES + LEVELS_EXTRA + count * pitch + scalars[LEVEL_SETTLE]
    return GO


@compiled
def connect(m: Machine, a: int, index: int) -> int:
    """CONNECT."""
    scalars = m.scalars
    if _crowded(m, _ONE_OP):
        return YIELD
    family = a & 1 | a >> 7 << 1
    selection = a >> 5 & 3
    sensed = _SENSE in (a >> 1 & 3, a >> 3 & 3)
    if _absent(m, family) or (family > _GATE_LINES and sensed):
        return _LINE_RANGE
    if family == _GATE_LINES and (selection == _SIGNED or (sensed and not scalars[GATE_SOURCES])):
        return _LINE_RANGE
    lines = scalars[family]
    if (selection == _ONE and index >= lines) or (selection == _FIRST and index > lines):
        return _LINE_RANGE
    if family == _GATE_LINES and scalars[RULES] & _ONE_GATE and _driven(a, selection, index, lines) > 1:
        scalars[CAUSE] = _GATE_RULE
        # The lines are asked in the cycle after the micro-op's first in the engine.
        scalars[CYCLE] += 1
        return _TRIPPED
    float_low, float_high, low, high = m.selection[0], m.selection[1], m.selection[2], m.selection[3]
    for w in range(low.size):
        mask = line_mask(m, family, w)
        chosen = _chosen(m, family, selection, index, w) & mask
        others = mask & ~chosen
        low[w] = (chosen if a & 2 else np.uint64(0)) | (others if a & 8 else np.uint64(0))
        high[w] = (chosen if a & 4 else np.uint64(0)) | (others if a & 16 else np.uint64(0))
        kept = ~((low[w] ^ m.states[family, 0, w]) | (high[w] ^ m.states[family, 1, w]))
        float_low[w] = low[w] & kept
        float_high[w] = high[w] & kept
    start = scalars[CYCLE] + CONNECT_OFFSET
    put_states(m, start, family, float_low, float_high)
    put_states(m, start + scalars[BREAK_CYCLES], family, low, high)
    scalars[CYCLE] += BASE_CYCLES + CONNECT_EXTRA + scalars[BREAK_CYCLES] + scalars[SWITCH_SETTLE]
    return GO


@compiled
def _driven(a: int, selection: int, index: int, lines: int) -> int:
    """Return how many gate lines a CONNECT would drive, by a level or a current."""
    chosen = lines if selection == _ALL else 1 if selection == _ONE else index
    return (chosen if a >> 1 & 2 else 0) + (lines - chosen if a >> 3 & 2 else 0)


@compiled
def _chosen(m: Machine, family: int, selection: int, index: int, word: int) -> np.uint64:
    """Return a word of the lines that CONNECT selects; bits above the last line are arbitrary."""
    full = ~np.uint64(0)
    if selection == _ALL:
        return full
    if selection == _ONE:
        return np.uint64(1) << np.uint64(index & 63) if index >> 6 == word else np.uint64(0)
    if selection == _FIRST:
        if index >= 64 * (word + 1):
            return full
        if index <= 64 * word:
            return np.uint64(0)
        return (np.uint64(1) << np.uint64(index & 63)) - np.uint64(1)
    return m.streams[family & 1, MAGNITUDE_BITS, word]  # nudge lines go by the columns' bank


@compiled
def pulse(m: Machine, a: int, count: int, c: int) -> int:
    """PULSE."""
    scalars = m.scalars
    width = c & 0xFFFFFF
    gap = a << 8 | c >> 24
    if count == 0 or width == 0 or gap < scalars[GAP_MIN]:
        return _LINE_RANGE
    if width > scalars[WIDTH_CAP]:
        return _too_wide(m)
    taps = scalars[TAPS]
    while scalars[PROGRESS] < count:
        if _crowded(m, _ONE_OP):
            return YIELD
        start = (scalars[CYCLE] + PULSE_OFFSET) * taps + scalars[PROGRESS] * (width + gap)
        _ask_gates(m, start, width)
        # A pulse that ends within the cycle before a trip has ended by itself.
        if start + width > scalars[LIMIT] * taps:
            _gates_on(m, start)
            break
        _gates_on(m, start)
        clear_gates(m, start + width)
        scalars[PROGRESS] += 1
        scalars[TRAIN_PULSES] += 1
    scalars[PROGRESS] = 0
    scalars[CYCLE] += BASE_CYCLES + PULSE_EXTRA + (count * (width + gap) + taps - 1) // taps
    return GO


@compiled
def _draw_both(m: Machine, a: int, rows: Words, columns: Words) -> None:
    """Draw a slot that does not come."""
    draw(m, _ROWS, a & 1, rows)
    draw(m, _COLUMNS, a >> 1 & 1, columns)


@compiled
def coincide(m: Machine, a: int, slots: int, c: int) -> int:
    """COINCIDE."""
    scalars = m.scalars
    width = c & 0xFFFF
    gap = c >> 16
    taps = scalars[TAPS]
    if slots == 0 or width == 0 or gap < scalars[SLOT_GAP_MIN]:
        return _LINE_RANGE
    if width * taps > scalars[WIDTH_CAP]:
        return _too_wide(m)
    pitch = max(width + gap, SLOT_MIN_CYCLES)
    rows, columns = m.selection[0], m.selection[1]
    while scalars[PROGRESS] < slots:
        if _crowded(m, _ONE_OP):
            return YIELD
        start = scalars[CYCLE] + COINCIDE_OFFSET + scalars[PROGRESS] * pitch
        _ask_gates(m, start * taps, width * taps)
        if start >= scalars[LIMIT]:
            # Its lines are drawn already; those of the next slot too from two cycles before its gates on.
            _draw_both(m, a, rows, columns)
            if start <= scalars[LIMIT] + 1 and scalars[PROGRESS] + 1 < slots:
                _draw_both(m, a, rows, columns)
            break
        row_count = draw(m, _ROWS, a & 1, rows)
        column_count = draw(m, _COLUMNS, a >> 1 & 1, columns)
        put_gates(m, start * taps, rows, columns)
        clear_gates(m, (start + width) * taps)
        scalars[PROGRESS] += 1
        scalars[SLOTS] += 1
        scalars[ROW_PULSES] += row_count
        scalars[COLUMN_PULSES] += column_count
        scalars[CELL_PULSES] += row_count * column_count
    scalars[PROGRESS] = 0
    scalars[CYCLE] += BASE_CYCLES + COINCIDE_EXTRA + slots * pitch
    return GO


@compiled
def convert(m: Machine, a: int, channels: int, c: int, to_vector: int) -> int:
    """CONVERT, or SAMPLE: up to the conversion strobe in the first call, to its end in the second."""
    scalars = m.scalars
    on_cycles = (c & 0xFFFF) + (c >> 16)
    taps = scalars[TAPS]
    start = scalars[CYCLE] + CONVERT_OFFSET + scalars[ROUTE]
    per_channel = 2 if a & 2 else 1
    if scalars[PROGRESS] == 0:
        if channels == 0 or channels * per_channel > scalars[a & 1] or c & 0xFFFF == 0 or c >> 16 == 0:
            return _LINE_RANGE
        if to_vector:
            if scalars[POINTER] + channels > m.vector.size:
                return _ADDRESS_RANGE
        elif scalars[RECORDS_FREE] < 2 * _RECORD + 2 * channels:
            return _REPLY_FULL
        if (on_cycles + 1) * taps > scalars[WIDTH_CAP]:
            return _too_wide(m)
        if _crowded(m, _ONE_OP):
            return YIELD
        _ask_gates(m, start * taps, (on_cycles + 1) * taps)
        _gates_on(m, start * taps)
        scalars[STROBE_CYCLE] = start + on_cycles
        if start + on_cycles < scalars[LIMIT]:
            scalars[PROGRESS] = 1
            return STROBE
    scalars[PROGRESS] = 0
    clear_gates(m, (start + on_cycles + 1) * taps)
    # Both take the time of a record's header while the converters work.
    waits = scalars[ROUTE] + scalars[CONVERSION_WAIT]
    scalars[CYCLE] += (
        BASE_CYCLES
        + CONVERT_EXTRA
        + on_cycles
        + waits
        + channels * (READOUT_CYCLES + STORE_CYCLES * to_vector + scalars[LINE_CYCLES] * per_channel)
    )
    return GO


@compiled
def load_bank(m: Machine, family: int, count: int, address: int) -> int:
    """STREAMS."""
    scalars = m.scalars
    if family >= _GATE_LINES or count == 0 or count > scalars[family]:
        return _LINE_RANGE
    if address + count > m.vector.size:
        return _ADDRESS_RANGE
    planes = m.streams[family]
    planes[:] = np.uint64(0)
    for line in range(count):
        value = np.uint64(m.vector[address + line] & 0xFF)
        position = np.uint64(line & 63)
        for plane in range(MAGNITUDE_BITS + 1):
            planes[plane, line >> 6] |= ((value >> np.uint64(plane)) & np.uint64(1)) << position
    scalars[CYCLE] += BASE_CYCLES + STREAMS_EXTRA + count
    return GO
