"""Arithmetic in the fabric, compiled: registers, vectors and comparisons as `crossloop.protocol.arithmetic` promises them."""

from __future__ import annotations

import numpy as np

from crossloop.protocol.arithmetic import (
    REDUCTIONS,
    SCALAR_OPERAND,
    TABLE_WORDS,
    WITHOUT_OPERAND,
    WORD_MAX,
    WORD_MIN,
    X_NONE,
    Condition,
    Elementwise,
    Function,
)
from crossloop.protocol.errors import Status
from crossloop.protocol.timing import BASE_CYCLES, LOAD_EXTRA, MULTIPLY_EXTRA, word_cycles
from crossloop_sim.golden.compiled import compiled
from crossloop_sim.golden.engines import GO
from crossloop_sim.golden.machine import CYCLE, LIMIT, POINTER, SCALE, Machine

_STREAM_MAX = 127

_UNKNOWN = int(Status.UNKNOWN_MICRO_OP)
_LINE_RANGE = int(Status.LINE_RANGE)
_ADDRESS_RANGE = int(Status.ADDRESS_RANGE)

_ADD, _SUBTRACT, _AND, _OR, _XOR = (int(f) for f in list(Function)[:5])
_MINIMUM, _MAXIMUM, _MULTIPLY = (int(f) for f in list(Function)[5:])

_COPY = int(Elementwise.COPY)
_V_ADD = int(Elementwise.ADD)
_V_SUBTRACT = int(Elementwise.SUBTRACT)
_V_MINIMUM = int(Elementwise.MINIMUM)
_V_MAXIMUM = int(Elementwise.MAXIMUM)
_DAMP = int(Elementwise.DAMP)
_SELECT = int(Elementwise.SELECT)
_LOOKUP = int(Elementwise.LOOKUP)
_MAGNITUDE = int(Elementwise.MAGNITUDE)
_THRESHOLD = int(Elementwise.THRESHOLD)
_V_MULTIPLY = int(Elementwise.MULTIPLY)
_SQUARES = int(Elementwise.SQUARES)
_SUM = int(Elementwise.SUM)
_DISTANCE = int(Elementwise.DISTANCE)
_PRODUCT = int(Elementwise.PRODUCT)
_FILL = int(Elementwise.FILL)
_FUNCTIONS = len(Elementwise)
_REDUCES = tuple(function in REDUCTIONS for function in Elementwise)
_WORD_CYCLES = tuple(word_cycles(function) for function in Elementwise)
_ALONE = tuple(function in WITHOUT_OPERAND for function in Elementwise)


@compiled
def signed(value: int) -> int:
    """Return a number of 32 bits with its sign."""
    value &= 0xFFFFFFFF
    return value - ((value & 0x80000000) << 1)


@compiled
def word_of(value: int) -> int:
    """Return the low 16 bits with their sign."""
    value &= 0xFFFF
    return value - ((value & 0x8000) << 1)


@compiled
def _saturated(value: int) -> int:
    return min(max(value, WORD_MIN), WORD_MAX)


@compiled
def compute(m: Machine, a: int, x: int, y: int) -> int:
    """COMPUTE."""
    function = a >> 4
    cycles = BASE_CYCLES
    if function == _ADD:
        value = x + y
    elif function == _SUBTRACT:
        value = x - y
    elif function == _AND:
        value = x & y
    elif function == _OR:
        value = x | y
    elif function == _XOR:
        value = x ^ y
    elif function == _MINIMUM:
        value = min(x, y)
    elif function == _MAXIMUM:
        value = max(x, y)
    elif function == _MULTIPLY:
        value = (word_of(x) * word_of(y)) >> m.scalars[SCALE]
        cycles += MULTIPLY_EXTRA
    else:
        return _UNKNOWN
    if m.scalars[CYCLE] + cycles <= m.scalars[LIMIT]:
        m.registers[a & 15] = signed(value)
    m.scalars[CYCLE] += cycles
    return GO


@compiled
def holds(condition: int, x: int, y: int) -> int:
    """Return whether a condition is met, 1 or 0; -1 if there is no such condition."""
    if condition == Condition.ALWAYS:
        return 1
    if condition == Condition.EQUAL:
        return int(x == y)
    if condition == Condition.DIFFERENT:
        return int(x != y)
    if condition == Condition.LESS:
        return int(x < y)
    if condition == Condition.NOT_LESS:
        return int(x >= y)
    if condition == Condition.GREATER:
        return int(x > y)
    if condition == Condition.NOT_GREATER:
        return int(x <= y)
    return -1


@compiled
def load(m: Machine, register: int, b: int, x: int, c: int) -> int:
    """LOAD."""
    address = signed((0 if b & X_NONE else x) + c)
    if not 0 <= address < m.vector.size:
        return _ADDRESS_RANGE
    m.registers[register] = m.vector[address]
    m.scalars[CYCLE] += BASE_CYCLES + LOAD_EXTRA
    return GO


@compiled
def store(m: Machine, b: int, x: int, y: int, c: int) -> int:
    """STORE."""
    address = signed((0 if b & X_NONE else x) + c)
    if not 0 <= address < m.vector.size:
        return _ADDRESS_RANGE
    m.vector[address] = word_of(y)
    m.scalars[CYCLE] += BASE_CYCLES
    return GO


@compiled
def vector(m: Machine, a: int, count: int, c: int, number: int) -> int:
    """VECTOR; `number` is the register that is the operand or takes the result."""
    scalars, words = m.scalars, m.vector
    function, scalar = a & 31, a & SCALAR_OPERAND
    source, destination, pointer = c & 0xFFFF, c >> 16, scalars[POINTER]
    if function >= _FUNCTIONS or (_REDUCES[function] and scalar):
        return _UNKNOWN
    if count == 0:
        return _LINE_RANGE
    size = words.size
    outside = source + count > size or (not _REDUCES[function] and destination + count > size)
    outside = outside or (not scalar and not _ALONE[function] and pointer + count > size)
    if outside or (function == _LOOKUP and pointer + TABLE_WORDS > size):
        return _ADDRESS_RANGE
    each = _WORD_CYCLES[function]
    first = scalars[CYCLE] + BASE_CYCLES
    scalars[CYCLE] = first + each * count
    # A trip leaves the places that come after it as they are.
    reached = min(count, max(0, (scalars[LIMIT] - first) // each))
    constant = word_of(m.registers[number])
    total = 0
    for place in range(reached):
        s = int(np.int64(words[source + place]))  # int alone would stay at 16 bits, where -(-32768) overflows
        o = constant if scalar else int(np.int64(words[(pointer + place) % size]))
        if _REDUCES[function]:
            total = _collected(function, total, s, o, scalars[SCALE])
        elif function == _THRESHOLD:
            sign = -1 if s < 0 else 1
            fires = sign if 0 < o <= abs(s) else 0
            words[destination + place] = fires
            words[source + place] = _saturated(s - fires * o)
        elif function == _LOOKUP:
            half = TABLE_WORDS // 2
            words[destination + place] = words[pointer + half + min(max(s >> scalars[SCALE], -half), half - 1)]
        elif function != _SELECT or o != 0:
            words[destination + place] = _placed(function, s, o, scalars[SCALE])
    if _REDUCES[function] and reached == count:
        m.registers[number] = signed(total)
    return GO


@compiled
def _collected(function: int, total: int, s: int, o: int, scale: int) -> int:
    if function == _SUM:
        return total + s
    if function == _DISTANCE:
        return max(total, abs(s - o))
    return total + ((s * o) >> scale)


@compiled
def _placed(function: int, s: int, o: int, scale: int) -> int:
    """Return the destination word of a function without side effects."""
    if function == _V_ADD:
        value = s + o
    elif function == _V_SUBTRACT:
        value = s - o
    elif function == _V_MINIMUM:
        value = min(s, o)
    elif function == _V_MAXIMUM:
        value = max(s, o)
    elif function == _DAMP:
        value = s + ((o - s) >> scale)
    elif function == _MAGNITUDE:
        value = min(abs(s) >> scale, _STREAM_MAX) + (_STREAM_MAX + 1 if s < 0 else 0)
    elif function == _V_MULTIPLY:
        value = (s * o) >> scale
    elif function == _SQUARES:
        value = (s * s - o * o) >> scale
    elif function == _FILL:
        value = o
    else:
        value = s  # COPY, SELECT
    return _saturated(value)
