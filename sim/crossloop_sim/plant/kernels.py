"""The compiled part of the plant: one call per batch of event records, one per conversion.

Every number of the plant lives in the arrays of `World`; the functions here only read and write those. All of them are
in this one file, because numba's cache of compiled code looks at the file of the outermost function only.

A pulse of a cell is an interval in which the voltages of its row and its column stay the same and differ by at least the
threshold. When the interval ends, the cell's model (`crossloop_sim.devices`) is told voltage, duration and time. Time is counted in taps:
clock cycles, or halves of them where pulse gates change in the middle of a cycle, too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float64, int64, njit, types, uint8, uint64

from crossloop_sim.devices.kernel import W, observe_at, pulse_at
from crossloop_sim.noise import deviate, ones, stream

ALL_LINES = 65535

FAMILIES, GATE_FAMILY = 3, 2
"""Rows, columns and gate lines; a family's number is an index of the arrays below."""

STATE, GATE, ON = 0, 6, 9
"""Rows of `pins`, each by family: state bits (two rows per family), pulse gates, lines that are on their level."""

TILE, ROWS, COLUMNS, GATE_LINES, FLOATING, SENSING, CONVERSIONS = range(7)
LIVE, DUMMY, WIRED, RUNNING, STOPPED, ORIGIN, GATED, TAPS = range(7, 15)
"""Scalars of `now`: tile connected, lines of each family, any row or column floats, any is sensed, conversions so far, lines whose
voltage is not 0, the tile that is made of resistors (-1: none), whether lines have resistance, whether a program runs, the tap in which
the last one ended, the tap at which the cells' age is 0, how the gate lines lie (`GateLines`), and the taps of a clock cycle.

Cells age while programs run only: how long the controller takes between runs differs between worlds that must agree otherwise."""

LEVEL_STEP, GATE_STEP, THRESHOLD, TAP_S, LIMIT, G_MID, G_HALF, NOISE_SD, GATE_THRESHOLD, GATE_K, SAMPLE_STEPS = range(
    11
)
"""Scalars of `constants`; the converter steps, one per range, are the last."""

# Kinds of records, as in events.Kind.
KIND_RUN, KIND_TILE, KIND_STATES, KIND_LEVEL, KIND_GATES = 0, 2, 3, 4, 5


class World(NamedTuple):
    """The arrays that the event kernels work on; T tiles, L lines of the longer family."""

    levels: Any
    """(3, L): level of every line in volts, by family."""
    volts: Any
    """(3, L): voltage of every line in volts."""
    pins: Any
    """(12, words): line states, pulse gates, and which lines are on their level, one bit per line."""
    since: Any
    """(3, L): tap in which a line got its present voltage."""
    driven: Any
    """(3, L): whether a line is driven away from 0 V."""
    cells: Any
    """(T, planes, cells): planes as in the cells' model, W first; cell row*columns + column."""
    streams: Any
    """(T, cells): random stream of every cell."""
    counts: Any
    """(T, 3, cells): up pulses, down pulses, line pulses that ended with a full pulse of the cell."""
    line_counts: Any
    """(T, 2, 3, L): pulses of lines, while writing and while reading, by family."""
    now: Any
    """Scalars, see above."""
    constants: Any
    """Scalars, see above."""
    model: Any
    """Numbers of the cells' model."""
    target: Any
    """(3, L): scratch, the voltages to come."""
    changed: Any
    """(3, L): scratch, which lines change; all 0 between events."""
    order: Any
    """(3*L,): scratch, a list of lines."""
    volt_taps: Any
    """(cells,): with resistance, the voltage that every cell has seen since its pulse began, times taps; otherwise empty."""


@njit(cache=True, error_model="numpy")
def _bit(words: Any, line: int) -> bool:
    """Return a line's bit."""
    return (words[line >> 6] >> uint64(line & 63)) & uint64(1) != uint64(0)


@njit(cache=True, error_model="numpy")
def _any_floats(pins: Any, family: int, size: int) -> bool:
    """Return whether a line of a family floats: both state bits are 0."""
    for index in range((size + 63) >> 6):
        lines = min(64, size - (index << 6))
        mask = ~uint64(0) >> uint64(64 - lines)
        if ~(pins[STATE + 2 * family, index] | pins[STATE + 2 * family + 1, index]) & mask != uint64(0):
            return True
    return False


@njit(cache=True, error_model="numpy", inline="always")
def gate_over(row: int, column: int, volts: Any, now: Any, constants: Any) -> float:
    """Return by how much the gate of a cell's transistor is above its threshold, in volts against ground."""
    return float(volts[2, row if now[GATED] == 1 else column] - constants[GATE_THRESHOLD])


@njit(cache=True, error_model="numpy", inline="always")
def through(cell_s: float, row: int, column: int, volts: Any, now: Any, constants: Any) -> float:
    """Return the conductance between row and column at small voltages."""
    if now[GATED] == 0:
        return cell_s
    over = gate_over(row, column, volts, now, constants)
    if over <= 0.0:
        return 0.0
    k = constants[GATE_K]
    return cell_s if k == 0.0 else cell_s * k * over / (cell_s + k * over)


@njit(cache=True, error_model="numpy")
def share(v_row: float, v_column: float, over: float, cell_s: float, k: float) -> float:
    """Return the part of the voltage between row and column that lies across the memristor of a 1T1R cell, in volts.

    The transistor is on the column's side; `over` is its gate's voltage against ground above the threshold, `k` its transconductance
    parameter in A/V^2, 0 for an ideal switch. Square law, source: Shichman and Hodges, IEEE J. Solid-State Circuits 3:285 (1968). The
    memristor takes the current i = g u, and so does the channel; both forms are quadratic in u.
    """
    v = v_row - v_column
    if k == 0.0:
        return v if over > min(v_row, v_column) else 0.0
    if v > 0.0:
        # The source is the column. In the linear range k((A)x - x^2/2) = g (v - x), x across the channel.
        a = over - v_column
        if a <= 0.0 or cell_s <= 0.0:
            return 0.0
        b = k * a + cell_s
        x = (b - np.sqrt(max(b * b - 2.0 * k * cell_s * v, 0.0))) / k
        return v - x if x < a and b * b >= 2.0 * k * cell_s * v else 0.5 * k * a * a / cell_s
    # The source is the inner node, u above the row: g u = k((A - u)(V - u) - (V - u)^2/2), saturated from V = A on.
    a, w = over - v_row, -v
    if a <= 0.0 or cell_s <= 0.0:
        return 0.0
    w = min(w, a)
    b = k * a + cell_s
    return -(b - np.sqrt(max(b * b - k * k * (2.0 * a * w - w * w), 0.0))) / k


@njit(cache=True, error_model="numpy")
def potentials(volts: Any, pins: Any, state: Any, now: Any, constants: Any) -> None:
    """Fill in the voltages of floating rows and columns, so that no current flows into any of them; `volts` has shape (3, lines).

    The held lines' voltages are given, `state` holds w of every cell. Conductances are positive, so the nodal matrix of the floating
    lines is positive definite as soon as one line is held; lines without any held one float at 0 V. Solved by Cholesky's method. A
    transistor counts as the resistor that it is at small voltages. A gate line floats at 0 V, where it was when its pulse gate went off.
    """
    rows, columns = now[ROWS], now[COLUMNS]
    floats = np.zeros((2, max(rows, columns)), np.uint8)
    nodes = np.empty(rows + columns, np.int64)
    n, split = 0, 0
    for family in range(2):
        split = n
        for line in range(now[ROWS + family]):
            if not _bit(pins[STATE + 2 * family], line) and not _bit(pins[STATE + 2 * family + 1], line):
                floats[family, line] = 1
                nodes[n] = line
                n += 1
    g_mid, g_half = constants[G_MID], constants[G_HALF]
    matrix = np.zeros((n, n))
    current = np.zeros(n)
    for p in range(n):
        if p < split:
            i = nodes[p]
            for j in range(columns):
                g = through(g_mid + g_half * state[i * columns + j], i, j, volts, now, constants)
                matrix[p, p] += g
                if floats[1, j] == 0:
                    current[p] += g * volts[1, j]
        else:
            j = nodes[p]
            for i in range(rows):
                g = through(g_mid + g_half * state[i * columns + j], i, j, volts, now, constants)
                matrix[p, p] += g
                if floats[0, i] == 0:
                    current[p] += g * volts[0, i]
            for q in range(split):
                matrix[p, q] = -through(
                    g_mid + g_half * state[nodes[q] * columns + j], nodes[q], j, volts, now, constants
                )
    coupled = 0 < split < n
    if coupled:
        _cholesky_solve(matrix, current)
    else:
        for p in range(n):
            current[p] = current[p] / matrix[p, p] if matrix[p, p] > 0.0 else 0.0
    for p in range(n):
        volts[0 if p < split else 1, nodes[p]] = current[p]


@njit(cache=True, error_model="numpy")
def _cholesky_solve(matrix: Any, vector: Any) -> None:
    """Solve a positive definite system in place; only the lower triangle is read. Undetermined unknowns become 0."""
    n = vector.size
    for p in range(n):
        scale = matrix[p, p]
        for q in range(p):
            total = matrix[p, q]
            for r in range(q):
                total -= matrix[p, r] * matrix[q, r]
            matrix[p, q] = total / matrix[q, q] if matrix[q, q] > 0.0 else 0.0
        pivot = matrix[p, p]
        for r in range(p):
            pivot -= matrix[p, r] * matrix[p, r]
        matrix[p, p] = np.sqrt(pivot) if pivot > 1e-12 * scale else 0.0
    for p in range(n):
        total = vector[p]
        for r in range(p):
            total -= matrix[p, r] * vector[r]
        vector[p] = total / matrix[p, p] if matrix[p, p] > 0.0 else 0.0
    for p in range(n - 1, -1, -1):
        total = vector[p]
        for r in range(p + 1, n):
            total -= matrix[r, p] * vector[r]
        vector[p] = total / matrix[p, p] if matrix[p, p] > 0.0 else 0.0


@njit(cache=True, error_model="numpy", inline="always")
def age_taps(tap: int, now: Any) -> int:
    """Return the cells' age in taps."""
    return (tap if now[RUNNING] != 0 else now[STOPPED]) - now[ORIGIN]


@njit(cache=True, error_model="numpy")
def _end_pulses(tap: int, world: World, pulse: Any, age: Any, ages: bool) -> None:
    """End the pulses of every cell whose row or column changes its voltage at `tap`."""
    if world.now[GATED] != 0:
        _end_gated_pulses(tap, world, pulse, age, ages)
        return
    tile, sensing, dummy = world.now[TILE], world.now[SENSING], world.now[DUMMY]
    wired = world.now[WIRED] != 0
    aged = age_taps(tap, world.now)
    constants = world.constants
    threshold, tap_s, limit_a = constants[THRESHOLD], constants[TAP_S], constants[LIMIT]
    rows, columns = world.now[ROWS], world.now[COLUMNS]
    volts_column, since_column = world.volts[1], world.since[1]
    changed_column, driven_column = world.changed[1], world.driven[1]
    cells, model, streams = world.cells[tile], world.model, world.streams[tile]
    ups, downs, whole = world.counts[tile, 0], world.counts[tile, 1], world.counts[tile, 2]
    live = np.empty(columns, np.int64)
    lives = 0
    alone_column = False
    for j in range(columns):
        if volts_column[j] != 0.0:
            live[lives] = j
            lives += 1
            alone_column = alone_column or abs(volts_column[j]) >= threshold
    for i in range(rows):
        v_row = world.volts[0, i]
        if v_row == 0.0 and not alone_column:
            continue
        # A cell on a column at 0 V is only moved when its row alone reaches the threshold.
        alone = abs(v_row) >= threshold
        row_changed = world.changed[0, i] != 0
        row_ends = 1 if row_changed and world.driven[0, i] != 0 else 0
        row_since = world.since[0, i]
        for position in range(columns if alone else lives):
            j = position if alone else live[position]
            column_changed = changed_column[j] != 0
            begin = max(row_since, since_column[j])
            if not (row_changed or column_changed) or begin >= tap:
                continue
            v = v_row - volts_column[j]
            cell = i * columns + j
            if wired:
                v = world.volt_taps[cell] / (tap - begin)
            ends = row_ends + (1 if column_changed and driven_column[j] != 0 else 0)
            if abs(v) >= threshold:
                if tile != dummy:
                    if ages:
                        age(cells, cell, model, (aged - (tap - begin)) * tap_s, streams[cell], 0)
                    pulse(
                        cells, cell, model, v, (tap - begin) * tap_s, aged * tap_s, limit_a, streams[cell],
                        ups[cell] + downs[cell],
                    )  # fmt: skip
                if v > 0.0:
                    ups[cell] += 1
                else:
                    downs[cell] += 1
                if sensing == 0:
                    whole[cell] += ends
            elif ends == 2 and sensing == 0:
                whole[cell] += 1


@njit(cache=True, error_model="numpy")
def _end_gated_pulses(tap: int, world: World, pulse: Any, age: Any, ages: bool) -> None:
    """End the pulses of every cell whose row, column or gate line changes its voltage at `tap`.

    A cell whose transistor is off has seen nothing: line pulses that end then are no half-selection of it.
    """
    now, constants, volts, since, changed, driven = (
        world.now, world.constants, world.volts, world.since, world.changed, world.driven,
    )  # fmt: skip
    tile, sensing, dummy, along_rows = now[TILE], now[SENSING], now[DUMMY], now[GATED] == 1
    aged = age_taps(tap, now)
    threshold, tap_s, limit_a, k = constants[THRESHOLD], constants[TAP_S], constants[LIMIT], constants[GATE_K]
    cells, model, streams = world.cells[tile], world.model, world.streams[tile]
    ups, downs, whole = world.counts[tile, 0], world.counts[tile, 1], world.counts[tile, 2]
    rows, columns = now[ROWS], now[COLUMNS]
    for i in range(rows):
        for j in range(columns):
            gate = i if along_rows else j
            if changed[0, i] == 0 and changed[1, j] == 0 and changed[2, gate] == 0:
                continue
            begin = max(since[0, i], since[1, j], since[2, gate])
            if begin >= tap:
                continue
            cell = i * columns + j
            ends = np.int64(changed[0, i] != 0 and driven[0, i] != 0) + np.int64(
                changed[1, j] != 0 and driven[1, j] != 0
            )
            cell_s = constants[G_MID] + constants[G_HALF] * cells[W, cell]
            v = share(volts[0, i], volts[1, j], gate_over(i, j, volts, now, constants), cell_s, k)
            if abs(v) >= threshold:
                if tile != dummy:
                    if ages:
                        age(cells, cell, model, (aged - (tap - begin)) * tap_s, streams[cell], 0)
                    pulse(
                        cells, cell, model, v, (tap - begin) * tap_s, aged * tap_s, limit_a, streams[cell],
                        ups[cell] + downs[cell],
                    )  # fmt: skip
                if v > 0.0:
                    ups[cell] += 1
                else:
                    downs[cell] += 1
                if sensing == 0:
                    whole[cell] += ends
            elif sensing == 0 and (v == 0.0 or ends == 2):
                whole[cell] += ends if v == 0.0 else 1


@njit(cache=True, error_model="numpy")
def _switch_line(tap: int, world: World, family: int, line: int) -> None:
    """Give a changed line its target voltage, and count the pulse that ends with it."""
    world.changed[family, line] = 0
    before, after = world.volts[family, line], world.target[family, line]
    if world.driven[family, line] != 0 and world.since[family, line] < tap:
        world.line_counts[world.now[TILE], world.now[SENSING], family, line] += 1
    if family < GATE_FAMILY:
        world.now[LIVE] += (after != 0.0) - (before != 0.0)
    world.volts[family, line] = after
    world.since[family, line] = tap
    world.driven[family, line] = after != 0.0 and _bit(world.pins[ON + family], line)


@njit(cache=True, error_model="numpy")
def _settle_all(tap: int, force: bool, world: World, pulse: Any, age: Any, ages: bool) -> None:
    """Find every line's voltage anew, floating ones included, and switch those that differ (all of them with `force`)."""
    low, high = 0.0, 0.0
    for family in range(FAMILIES):
        for line in range(world.now[ROWS + family]):
            v = world.levels[family, line] if _bit(world.pins[ON + family], line) else 0.0
            if family < GATE_FAMILY:
                low, high = min(low, v), max(high, v)
            world.target[family, line] = v
    # A floating line lies between the lowest and the highest held voltage: below the threshold apart, it moves nothing.
    if world.now[FLOATING] != 0 and high - low >= world.constants[THRESHOLD]:
        potentials(world.target, world.pins, world.cells[world.now[TILE], W], world.now, world.constants)
    for family in range(FAMILIES):
        for line in range(world.now[ROWS + family]):
            world.changed[family, line] = force or world.target[family, line] != world.volts[family, line]
    if world.now[LIVE] != 0:
        _end_pulses(tap, world, pulse, age, ages)
    for family in range(FAMILIES):
        for line in range(world.now[ROWS + family]):
            if world.changed[family, line] != 0:
                _switch_line(tap, world, family, line)


@njit(cache=True, error_model="numpy")
def _settle(tap: int, world: World, pulse: Any, age: Any, ages: bool) -> None:
    """Connect lines to their levels, or to ground, after gates or states have changed."""
    pins = world.pins
    words = pins.shape[1]
    lines = world.order
    count = 0
    for family in range(FAMILIES):
        for index in range(words):
            drive = pins[STATE + 2 * family + 1, index] & ~pins[STATE + 2 * family, index]
            on = drive & pins[GATE + family, index]
            different = on ^ pins[ON + family, index]
            pins[ON + family, index] = on
            while different != uint64(0):
                lowest = different & (~different + uint64(1))
                line = (index << 6) + np.int64(ones(lowest - uint64(1)))
                lines[count] = (line << 2) | family
                count += 1
                world.target[family, line] = world.levels[family, line] if on & lowest != uint64(0) else 0.0
                world.changed[family, line] = world.target[family, line] != world.volts[family, line]
                different ^= lowest
    if world.now[FLOATING] != 0:
        if count != 0 or world.now[LIVE] != 0:
            _settle_all(tap, False, world, pulse, age, ages)
        return
    if count != 0 and world.now[LIVE] != 0:
        _end_pulses(tap, world, pulse, age, ages)
    for position in range(count):
        family, line = lines[position] & 3, lines[position] >> 2
        if world.changed[family, line] != 0:
            _switch_line(tap, world, family, line)


@njit(
    types.void(
        int64,
        int64,
        uint64[:, ::1],
        float64[:, ::1],
        float64[:, ::1],
        uint64[:, ::1],
        int64[:, ::1],
        uint8[:, ::1],
        float64[:, :, ::1],
        uint64[:, ::1],
        int64[:, :, ::1],
        int64[:, :, :, ::1],
        int64[::1],
        float64[::1],
        float64[::1],
        float64[:, ::1],
        uint8[:, ::1],
        int64[::1],
        float64[::1],
    ),
    cache=True,
    error_model="numpy",
)
def apply(pulse_address: int, age_address: int, events: Any, levels: Any, volts: Any, pins: Any, since: Any, driven: Any, cells: Any,
          streams: Any, counts: Any, line_counts: Any, now: Any, constants: Any, model: Any, target: Any, changed: Any,
          order: Any, volt_taps: Any) -> None:  # fmt: skip
    """Apply event records, shape (n, words), in order; addresses are those of the cells' kernels, arrays those of `World`."""
    pulse, age, ages = pulse_at(pulse_address), observe_at(age_address), age_address != 0
    world = World(
        levels,
        volts,
        pins,
        since,
        driven,
        cells,
        streams,
        counts,
        line_counts,
        now,
        constants,
        model,
        target,
        changed,
        order,
        volt_taps,
    )
    words = pins.shape[1]
    for index in range(events.shape[0]):
        event = events[index]
        tap, kind = np.int64(event[0]) * now[TAPS], np.int64(event[1])
        if kind == KIND_RUN:
            if event[2] != uint64(0):
                now[ORIGIN] += tap - now[STOPPED]
            else:
                now[STOPPED] = tap
            now[RUNNING] = np.int64(event[2])
        elif kind == KIND_GATES:
            tap += np.int64(event[2])
            different = uint64(0)
            for family in range(FAMILIES):
                for word in range(words):
                    gates = event[4 + family * words + word]
                    different |= pins[GATE + family, word] ^ gates
                    pins[GATE + family, word] = gates
            if different != uint64(0):
                _settle(tap, world, pulse, age, ages)
        elif kind == KIND_LEVEL:
            family, line = int(event[2]), np.int64(event[3])
            v = np.int64(event[4]) * constants[GATE_STEP if family == GATE_FAMILY else LEVEL_STEP]
            on = now[LIVE] != 0
            if line == ALL_LINES:
                levels[family, : now[ROWS + family]] = v
            else:
                levels[family, line] = v
                on = on or (pins[ON + family, line >> 6] >> uint64(line & 63)) & uint64(1) != uint64(0)
            if on:
                _settle_all(tap, False, world, pulse, age, ages)
        elif kind == KIND_STATES:
            for bit in range(2 * FAMILIES):
                for word in range(words):
                    pins[STATE + bit, word] = event[4 + bit * words + word]
            floats = _any_floats(pins, 0, now[ROWS]) or _any_floats(pins, 1, now[COLUMNS])
            # Lines that have just ceased to float leave the voltage they had, so this record is settled as if they still did.
            now[FLOATING] |= floats
            _settle(tap, world, pulse, age, ages)
            now[FLOATING] = floats
            now[SENSING] = 0
            for word in range(words):
                if (pins[0, word] & pins[1, word]) | (pins[2, word] & pins[3, word]) != uint64(
                    0
                ):  # rows or columns at SENSE
                    now[SENSING] = 1
        elif kind == KIND_TILE:
            # What was under way ends on the old cells; the lines' voltages then lie on the new ones.
            _settle_all(tap, True, world, pulse, age, ages)
            now[TILE] = np.int64(event[2])
            _settle_all(tap, True, world, pulse, age, ages)


@njit(
    types.void(
        int64,
        float64[:, :, ::1],
        uint64[:, ::1],
        int64[::1],
        float64[::1],
        float64,
        int64,
        float64[::1],
    ),
    cache=True,
    error_model="numpy",
)
def observe(address: int, cells: Any, streams: Any, now: Any, model: Any, now_s: float, number: int, state: Any) -> None:  # fmt: skip
    """Fill `state`, shape (cells,), with what a conversion at `now_s` meets in the connected tile; `number` counts its conversions."""
    kernel = observe_at(address)
    tile = now[TILE]
    for cell in range(state.size):
        state[cell] = kernel(cells[tile], cell, model, now_s, streams[tile, cell], number)


@njit(cache=True, error_model="numpy")
def gated_currents(sensed: int, lines: int, volts: Any, state: Any, now: Any, constants: Any) -> Any:
    """Return the same as `currents` of an array whose cells have transistors."""
    rows, columns = now[ROWS], now[COLUMNS]
    out = np.zeros(lines)
    k = constants[GATE_K]
    for i in range(lines if sensed == 0 else rows):
        for j in range(lines if sensed == 1 else columns):
            v_row = volts[0, i] if sensed == 1 else 0.0
            v_column = volts[1, j] if sensed == 0 else 0.0
            if v_row != v_column:
                g = constants[G_MID] + constants[G_HALF] * state[i * columns + j]
                current = g * share(v_row, v_column, gate_over(i, j, volts, now, constants), g, k)
                out[j if sensed == 1 else i] += current if sensed == 1 else -current
    return out


@njit(cache=True, error_model="numpy")
def currents(sensed: int, lines: int, volts: Any, state: Any, now: Any, constants: Any) -> Any:
    """Return the currents into the first `lines` lines of a family held at 0 V, in amperes.

    The other family is at its voltages in `volts`, shape (3, lines); `state` holds w of every cell.
    """
    if now[GATED] != 0:
        return gated_currents(sensed, lines, volts, state, now, constants)
    rows, columns = now[ROWS], now[COLUMNS]
    out = np.zeros(lines)
    total = 0.0
    if sensed == 1:
        for i in range(rows):
            v = volts[0, i]
            if v != 0.0:
                total += v
                for j in range(lines):
                    out[j] += v * state[i * columns + j]
    else:
        for j in range(columns):
            total += volts[1, j]
        whole = columns - columns % 4
        for i in range(lines):
            # Four running sums: the order is fixed, and the additions overlap.
            a, b, c, d = 0.0, 0.0, 0.0, 0.0
            for j in range(0, whole, 4):
                a += volts[1, j] * state[i * columns + j]
                b += volts[1, j + 1] * state[i * columns + j + 1]
                c += volts[1, j + 2] * state[i * columns + j + 2]
                d += volts[1, j + 3] * state[i * columns + j + 3]
            for j in range(whole, columns):
                a += volts[1, j] * state[i * columns + j]
            out[i] = (a + b) + (c + d)
    for k in range(lines):
        out[k] = constants[G_MID] * total + constants[G_HALF] * out[k]
    return out


@njit(cache=True, error_model="numpy")
def line_currents(sensed: int, lines: int, line_volts: Any, pins: Any, state: Any, now: Any, constants: Any) -> Any:
    """Return the currents of the first `lines` lines of a family, in amperes; a line that is not in the state SENSE gives none."""
    volts = line_volts.copy()
    if _any_floats(pins, 1 - sensed, now[ROWS + 1 - sensed]):
        potentials(volts, pins, state, now, constants)
    amperes = currents(sensed, lines, volts, state, now, constants)
    for line in range(lines):
        if not _bit(pins[STATE + 2 * sensed], line) or not _bit(pins[STATE + 2 * sensed + 1], line):
            amperes[line] = 0.0
    return amperes


@njit(cache=True, error_model="numpy")
def digitise(amperes: Any, sensed: int, channels: int, range_index: int, pair: bool, sample_bits: int, read_key: int, errors: Any,
             now: Any, constants: Any, conversions: Any) -> Any:  # fmt: skip
    """Convert line currents: code in two's complement, saturation flag above it, one int64 per channel.

    Channel k is line k, or line 2k minus line 2k + 1. `errors`, shape (2, 2, channels): gain and offset (a fraction of full scale) of
    every channel, by family.
    """
    step = constants[SAMPLE_STEPS + range_index]
    limit = np.int64(1) << np.int64(sample_bits - 1)
    # The spread of the noise is a fraction of full scale, the same in every range.
    sd = constants[NOISE_SD] * limit
    start = stream(uint64(read_key), uint64(now[CONVERSIONS]))
    now[CONVERSIONS] += 1
    conversions[now[TILE], sensed] += 1
    words = np.empty(channels, np.int64)
    for k in range(channels):
        current = 0.0
        if pair and 2 * k + 1 < amperes.size:
            current = amperes[2 * k] - amperes[2 * k + 1]
        elif not pair and k < amperes.size:
            current = amperes[k]
        position = current / step
        # Channels beyond the lines convert nothing, without errors of their own.
        if k < errors.shape[2]:
            position = position * errors[sensed, 0, k] + errors[sensed, 1, k] * limit
        if sd != 0.0:
            position += sd * deviate(start, uint64(k))
        rounded = np.rint(position)
        saturated = 0
        if rounded < -limit:
            rounded, saturated = -np.float64(limit), 1
        elif rounded > limit - 1:
            rounded, saturated = np.float64(limit - 1), 1
        words[k] = (np.int64(rounded) & (2 * limit - 1)) | (np.int64(saturated) << np.int64(sample_bits))
    return words


@njit(cache=True, error_model="numpy")
def convert(sensed: int, channels: int, range_index: int, pair: bool, sample_bits: int, read_key: int, volts: Any, pins: Any, cells: Any,
            errors: Any, now: Any, constants: Any, conversions: Any) -> Any:  # fmt: skip
    """Convert channels of the sensed family of the connected tile, whose cells neither age nor fluctuate; as `digitise`."""
    lines = min(2 * channels if pair else channels, now[ROWS + sensed])
    amperes = line_currents(sensed, lines, volts, pins, cells[now[TILE], W], now, constants)
    return digitise(
        amperes, sensed, channels, range_index, pair, sample_bits, read_key, errors, now, constants, conversions
    )
