"""The sequencer, compiled: executes micro-ops until something outside the controller is needed.

Each micro-op function returns GO, YIELD (the event buffer must be emptied), STROBE (a conversion), HALTED, or the Status that ends the run.
Cycles follow crossloop.protocol.timing; checks come in the order that crossloop.protocol.microops promises.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crossloop.protocol.arithmetic import Y_CONSTANT
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.microops import Opcode
from crossloop.protocol.timing import BASE_CYCLES, FAULT_OFFSET, RUN_CYCLES, TRIP_EXTRA
from crossloop_sim.events import Kind
from crossloop_sim.golden.arithmetic import compute, holds, load, signed, store, vector, word_of
from crossloop_sim.golden.compiled import compiled, constant
from crossloop_sim.golden.engines import (
    GO,
    HALTED,
    STROBE,
    YIELD,
    coincide,
    connect,
    convert,
    level,
    levels,
    load_bank,
    pulse,
    select_tile,
)
from crossloop_sim.golden.machine import (
    ABSENT,
    ADDED_B,
    ADDED_C,
    CAUSE,
    CYCLE,
    DEPTH,
    EVENT_COUNT,
    LATE_LEVEL,
    LIMIT,
    LIMIT_CAUSE,
    LOOP_DEPTH,
    NEVER,
    PC,
    POINTER,
    PROGRESS,
    RECORDS_FREE,
    SAFE_CYCLE,
    SCALE,
    STATUS,
    Integers,
    Machine,
    Words,
)
from crossloop_sim.golden.pins import enter_safe_state, put_event, sort_events

ENDED = 0
"""The run is over: scalars[STATUS], scalars[CAUSE] and scalars[CYCLE] say how and when."""
CONVERTING = 1
"""A conversion strobe shows in cycle scalars[STROBE_CYCLE]: take the samples, then go on. scalars[PC] names the micro-op."""
EVENTS_FULL = 2
"""The event buffer must be emptied before the run can go on, or so many micro-ops have passed that Python should hear of it."""

_PATIENCE = 1_000_000
"""Micro-ops after which Python gets to see an interrupt: a program that branches may never end."""

PROCEED = -1
"""Address that means: go on where the run stopped."""

_WAIT = int(Opcode.WAIT)
_LOOP = int(Opcode.LOOP)
_NEXT = int(Opcode.NEXT)
_TILE = int(Opcode.TILE)
_LEVEL = int(Opcode.LEVEL)
_LEVELS = int(Opcode.LEVELS)
_CONNECT = int(Opcode.CONNECT)
_PULSE = int(Opcode.PULSE)
_COINCIDE = int(Opcode.COINCIDE)
_CONVERT = int(Opcode.CONVERT)
_HALT = int(Opcode.HALT)
_SAMPLE = int(Opcode.SAMPLE)
_STREAMS = int(Opcode.STREAMS)
_SET = int(Opcode.SET)
_COMPUTE = int(Opcode.COMPUTE)
_LOAD = int(Opcode.LOAD)
_STORE = int(Opcode.STORE)
_BRANCH = int(Opcode.BRANCH)
_INDEX = int(Opcode.INDEX)
_POINT = int(Opcode.POINT)
_VECTOR = int(Opcode.VECTOR)

_LAST = int(max(Opcode))

_RUN = constant(Kind.RUN)
_RISES = constant(1)
_NONE = int(TripCause.NONE)
_DEAD_MAN = int(TripCause.DEAD_MAN)
_OK = int(Status.OK)
_TRIPPED = int(Status.TRIPPED)
_UNKNOWN = int(Status.UNKNOWN_MICRO_OP)
_LOOP_DEPTH = int(Status.LOOP_DEPTH)
_LINE_RANGE = int(Status.LINE_RANGE)
_ADDRESS_RANGE = int(Status.ADDRESS_RANGE)


@compiled
def execute(
    scalars: Integers,
    program: Words,
    vector: npt.NDArray[np.int16],
    lanes: Words,
    streams: Words,
    states: Words,
    selection: Words,
    loops: Integers,
    registers: Integers,
    events: Words,
    address: int,
    cycle: int,
    limit: int,
    records_free: int,
) -> int:
    """Start a program, or go on with one that stopped for the world outside; return why it stopped.

    The machine comes in its parts: numba finds the types of arrays much faster than that of a named tuple.

    Parameters
    ----------
    address : int
        Where to start; PROCEED to go on.
    cycle : int
        Absolute cycle of the start.
    limit : int
        Absolute cycle in which the dead-man timer trips.
    records_free : int
        Payload bytes that the reply has left.
    """
    m = Machine(scalars, program, vector, lanes, streams, states, selection, loops, registers, events)
    if address != PROCEED:
        scalars[PC] = address
        scalars[CYCLE] = cycle + RUN_CYCLES
        scalars[LIMIT] = limit
        scalars[LIMIT_CAUSE] = _DEAD_MAN
        scalars[PROGRESS] = 0
        scalars[DEPTH] = 0
        scalars[CAUSE] = _NONE
        scalars[ADDED_B] = 0
        scalars[ADDED_C] = 0
        events[put_event(scalars, events, cycle, _RUN), 2] = 1
    scalars[RECORDS_FREE] = records_free
    result = GO
    patience = _PATIENCE
    while result == GO and scalars[CYCLE] < scalars[LIMIT]:
        result = _micro_op(m)
        patience -= 1
        if patience == 0 and result == GO:
            result = YIELD
    if result == YIELD:
        return EVENTS_FULL
    if result == STROBE:
        return CONVERTING
    _end_run(m, result)
    return ENDED


@compiled
def _end_run(m: Machine, result: int) -> None:
    scalars = m.scalars
    if result != GO:
        scalars[CYCLE] += FAULT_OFFSET
    status = _OK if result == HALTED else result
    if scalars[CYCLE] >= scalars[LIMIT]:
        # A trip that came by itself was faster.
        status = _TRIPPED
        scalars[CYCLE] = scalars[LIMIT]
        scalars[CAUSE] = scalars[LIMIT_CAUSE]
    scalars[STATUS] = status
    scalars[LIMIT] = NEVER
    scalars[SAFE_CYCLE] = scalars[CYCLE]
    if status == _OK:
        put_event(scalars, m.events, scalars[CYCLE], _RUN)
    else:
        scalars[SAFE_CYCLE] = enter_safe_state(m, scalars[CYCLE], _RISES * (status == _TRIPPED), _RISES)
        scalars[CYCLE] += TRIP_EXTRA * (status == _TRIPPED)
    if scalars[LATE_LEVEL]:
        scalars[LATE_LEVEL] = 0
        sort_events(m)
        scalars[SAFE_CYCLE] = max(scalars[SAFE_CYCLE], int(m.events[scalars[EVENT_COUNT] - 1, 0]))


@compiled
def _micro_op(m: Machine) -> int:
    scalars = m.scalars
    address = scalars[PC]
    if address >= m.program.size:
        return _ADDRESS_RANGE
    word = int(np.int64(m.program[address]))  # signed, or numba goes on in floating point
    opcode = word & 0xFF
    a = word >> 8 & 0xFF
    written = word >> 16 & 0xFFFF
    b = (written + scalars[ADDED_B]) & 0xFFFF
    c = ((word >> 32) + scalars[ADDED_C]) & 0xFFFFFFFF
    if opcode <= _LAST and scalars[ABSENT] >> opcode & 1:
        return _UNKNOWN
    if opcode >= _SET:
        return _arithmetic(m, opcode, a, b, c, written)
    if opcode == _NEXT:
        scalars[ADDED_B] = 0
        scalars[ADDED_C] = 0
        return _next_pass(m)
    result = _control(m, opcode, b, c) if opcode <= _LOOP else _engine(m, opcode, a, b, c)
    # A micro-op that is cut short is the one that ended the run.
    if result == GO and scalars[CYCLE] <= scalars[LIMIT]:
        scalars[PC] = address + 1
        scalars[ADDED_B] = 0
        scalars[ADDED_C] = 0
    return result


@compiled
def _control(m: Machine, opcode: int, b: int, c: int) -> int:
    """Execute HALT, WAIT or LOOP."""
    if opcode == _HALT:
        return HALTED
    if opcode == _WAIT:
        m.scalars[CYCLE] += BASE_CYCLES + c
        return GO
    return _open_loop(m, b)


@compiled
def _engine(m: Machine, opcode: int, a: int, b: int, c: int) -> int:
    """Execute a micro-op of the engine bay."""
    result = _UNKNOWN
    if opcode == _COINCIDE:
        result = coincide(m, a, b, c)
    elif opcode == _CONNECT:
        result = connect(m, a, b)
    elif opcode == _LEVEL:
        result = level(m, a, b, c)
    elif opcode == _LEVELS:
        result = levels(m, a, b, c)
    elif opcode in (_CONVERT, _SAMPLE):
        result = convert(m, a, b, c, int(opcode == _SAMPLE))
    elif opcode == _PULSE:
        result = pulse(m, a, b, c)
    elif opcode == _TILE:
        result = select_tile(m, a)
    elif opcode == _STREAMS:
        result = load_bank(m, a & 3, b, c & 0xFFFF)
    return result


@compiled
def _arithmetic(m: Machine, opcode: int, a: int, b: int, c: int, written: int) -> int:
    """Execute a micro-op that moves no pin; `written` is its field b without what an INDEX has added."""
    scalars = m.scalars
    scalars[ADDED_B] = 0
    scalars[ADDED_C] = 0
    x = m.registers[written & 15]
    y = m.registers[written >> 4 & 15]
    result = GO
    if opcode == _SET:
        m.registers[a & 15] = signed(c)
        scalars[CYCLE] += BASE_CYCLES
    elif opcode == _COMPUTE:
        result = compute(m, a, x, signed(c) if b & Y_CONSTANT else y)
    elif opcode == _LOAD:
        result = load(m, a & 15, b, x, c)
    elif opcode == _STORE:
        result = store(m, b, x, y, c)
    elif opcode == _POINT:
        scalars[POINTER] = ((x if a & 1 else 0) + c) & 0xFFFF
        scalars[SCALE] = a >> 4
        scalars[CYCLE] += BASE_CYCLES
    elif opcode == _VECTOR:
        result = vector(m, a, b & 0xFFF, c, written >> 12)
    elif opcode == _INDEX:
        scalars[ADDED_B] = x & 0xFFFF if a & 1 else 0
        scalars[ADDED_C] = y & 0xFFFFFFFF if a & 2 else 0
        scalars[CYCLE] += BASE_CYCLES
    elif opcode == _BRANCH:
        return _branch(m, a, x, word_of(c) if b & Y_CONSTANT else y, word_of(c >> 16))
    else:
        return _UNKNOWN
    if result == GO:
        scalars[PC] += 1
    return result


@compiled
def _branch(m: Machine, a: int, x: int, y: int, distance: int) -> int:
    scalars = m.scalars
    taken = holds(a & 15, x, y)
    if taken < 0:
        return _UNKNOWN
    target = scalars[PC] + 1
    if taken:
        if a & 16 and scalars[DEPTH] == 0:
            return _LOOP_DEPTH
        target = scalars[PC] + distance
        if not 0 <= target < m.program.size:
            return _ADDRESS_RANGE
        if a & 16:
            scalars[DEPTH] -= 1
    scalars[PC] = target
    scalars[CYCLE] += BASE_CYCLES
    return GO


@compiled
def _open_loop(m: Machine, passes: int) -> int:
    depth = m.scalars[DEPTH]
    if depth >= m.scalars[LOOP_DEPTH]:
        return _LOOP_DEPTH
    if passes == 0:
        return _LINE_RANGE
    m.loops[depth, 0] = m.scalars[PC] + 1
    m.loops[depth, 1] = passes
    m.scalars[DEPTH] = depth + 1
    m.scalars[CYCLE] += BASE_CYCLES
    return GO


@compiled
def _next_pass(m: Machine) -> int:
    depth = m.scalars[DEPTH] - 1
    if depth < 0:
        return _LOOP_DEPTH
    m.loops[depth, 1] -= 1
    if m.loops[depth, 1] > 0:
        m.scalars[PC] = m.loops[depth, 0]
    else:
        m.scalars[DEPTH] = depth
        m.scalars[PC] += 1
    m.scalars[CYCLE] += BASE_CYCLES
    return GO
