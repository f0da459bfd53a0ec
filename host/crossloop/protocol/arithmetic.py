"""Arithmetic in the fabric: what lets a program decide, count and follow a state without visiting the host.

There are 16 registers of 32 bits in two's complement, a pointer into the vector memory and a scale. They are 0 after reset and keep
their values between runs. In the fields of a micro-op, x is the register b bits 3..0 and y the register b bits 7..4; with b bit 8 y is
the constant c instead (BRANCH: c[15:0]). Vector words have 16 bits in two's complement; what does not fit is saturated to -32768 or
32767.

A vector micro-op reads all it needs of place i before it writes place i, and goes from place 0 up. Its words must lie inside the vector
memory, or it is refused as a whole.
"""

from __future__ import annotations

from enum import IntEnum

from crossloop.protocol.microops import MicroOp, Opcode, field_value
from crossloop.protocol.streams import Family

REGISTERS = 16
"""Number of registers."""
REGISTER_BITS = 32
WORD_MIN, WORD_MAX = -32768, 32767
"""Limits of a vector word."""
TABLE_WORDS = 256
"""Words of a table that LOOKUP uses."""
COUNT_MAX = 4095
"""Most words of one VECTOR."""
SCALE_MAX = 15
MULTIPLIER_BITS = 18
"""Width of the multiplier's operands; a multiplication takes as many cycles."""

Y_CONSTANT = 1 << 8
"""Bit of field b of COMPUTE and BRANCH: y is a constant of the micro-op."""
X_NONE = 1 << 9
"""Bit of field b of LOAD and STORE: the address is c alone."""
SCALAR_OPERAND = 1 << 7
"""Bit of field a of VECTOR: the operand is a register."""


class Function(IntEnum):
    """What COMPUTE does with x and y; results wrap at 32 bits."""

    ADD = 0
    """x + y"""
    SUBTRACT = 1
    """x - y"""
    AND = 2
    """Bitwise and."""
    OR = 3
    """Bitwise or."""
    XOR = 4
    """Bitwise exclusive or."""
    MINIMUM = 5
    """The smaller one."""
    MAXIMUM = 6
    """The larger one."""
    MULTIPLY = 7
    """(x * y) >> scale, of the low 16 bits of x and y in two's complement."""


class Condition(IntEnum):
    """When a BRANCH is taken; x and y are compared with their signs."""

    ALWAYS = 0
    """Always."""
    EQUAL = 1
    """x = y"""
    DIFFERENT = 2
    """x is not y"""
    LESS = 3
    """x < y"""
    NOT_LESS = 4
    """x >= y"""
    GREATER = 5
    """x > y"""
    NOT_GREATER = 6
    """x <= y"""


class Elementwise(IntEnum):
    """What VECTOR does in each place: s is the source word, o the operand, d the destination word; >> keeps the sign."""

    COPY = 0
    """d = s"""
    ADD = 1
    """d = s + o"""
    SUBTRACT = 2
    """d = s - o"""
    MINIMUM = 3
    """d = the smaller of s and o"""
    MAXIMUM = 4
    """d = the larger of s and o"""
    DAMP = 5
    """d = s + ((o - s) >> scale): a step from s towards o."""
    SELECT = 6
    """d = s where o is not 0: under a mask. Elsewhere d stays."""
    LOOKUP = 7
    """d = vector word pointer + 128 + (s >> scale, limited to -128 and 127): an activation table of 256 words."""
    MAGNITUDE = 8
    """d = min(|s| >> scale, 127), plus 128 where s is negative: the byte of a stream bank."""
    THRESHOLD = 9
    """d = the sign of s where |s| >= o, else 0; and s = s - d * o: a hidden accumulator that gives up what it has collected.

    An operand of 0 or less gives d = 0.
    """
    MULTIPLY = 10
    """d = (s * o) >> scale"""
    SQUARES = 11
    """d = (s * s - o * o) >> scale: the difference of two squares."""
    SUM = 12
    """Register b[15:12] = the sum of all s. The operand is not used."""
    DISTANCE = 13
    """Register b[15:12] = the largest |s - o|, at most 65535; o is word pointer + i."""
    PRODUCT = 14
    """Register b[15:12] = the sum of all (s * o) >> scale; o is word pointer + i."""
    FILL = 15
    """d = o: with a register, the same word in every place."""


REDUCTIONS = frozenset({Elementwise.SUM, Elementwise.DISTANCE, Elementwise.PRODUCT})
"""What ends in a register; bit 7 of a must be 0 there, or else the micro-op is unknown."""
WITHOUT_OPERAND = frozenset({Elementwise.COPY, Elementwise.LOOKUP, Elementwise.MAGNITUDE, Elementwise.SUM})
"""What takes no operand of its own place."""
MULTIPLYING = frozenset({Elementwise.MULTIPLY, Elementwise.SQUARES, Elementwise.PRODUCT})
"""What takes MULTIPLIER_BITS more cycles per word."""


def _register(name: str, value: int) -> int:
    return field_value(name, value, 0, REGISTERS - 1, "(register number)")


def set_register(register: int, value: int) -> MicroOp:
    """Return a SET of a 32-bit value, signed or not."""
    field_value("value", value, -(2**31), 2**32 - 1, "")
    return MicroOp(Opcode.SET, _register("register", register), c=value & 0xFFFFFFFF)


def compute(function: Function, result: int, x: int, *, y: int | None = None, constant: int | None = None) -> MicroOp:
    """Return a COMPUTE of registers x and y, or of x and a constant."""
    packed = _register("result", result) | function << 4
    if constant is not None:
        field_value("constant", constant, -(2**31), 2**32 - 1, "")
        return MicroOp(Opcode.COMPUTE, packed, _register("x", x) | Y_CONSTANT, constant & 0xFFFFFFFF)
    return MicroOp(Opcode.COMPUTE, packed, _register("x", x) | _register("y", 0 if y is None else y) << 4)


def load(register: int, address: int, x: int | None = None) -> MicroOp:
    """Return a LOAD of vector word `address`, plus register x if given."""
    return MicroOp(Opcode.LOAD, _register("register", register), _base(x), _offset(address, x))


def store(register: int, address: int, x: int | None = None) -> MicroOp:
    """Return a STORE to vector word `address`, plus register x if given."""
    return MicroOp(Opcode.STORE, 0, _base(x) | _register("register", register) << 4, _offset(address, x))


def branch(
    distance: int,
    condition: Condition = Condition.ALWAYS,
    x: int = 0,
    *,
    y: int | None = None,
    constant: int | None = None,
    leave: bool = False,
) -> MicroOp:
    """Return a BRANCH by `distance` micro-ops from this one; `leave` closes the innermost loop when it is taken."""
    field_value("distance", distance, -32768, 32767, "micro-ops")
    b = _register("x", x) | _register("y", 0 if y is None else y) << 4
    low = 0
    if constant is not None:
        b |= Y_CONSTANT
        low = field_value("constant", constant, WORD_MIN, WORD_MAX, "") & 0xFFFF
    return MicroOp(Opcode.BRANCH, condition | leave << 4, b, low | (distance & 0xFFFF) << 16)


def index(*, b: int | None = None, c: int | None = None) -> MicroOp:
    """Return an INDEX that adds register `b` and register `c` to those fields of the next micro-op."""
    return MicroOp(
        Opcode.INDEX,
        (b is not None) | (c is not None) << 1,
        (0 if b is None else _register("b", b)) | (0 if c is None else _register("c", c)) << 4,
    )


def point(address: int, x: int | None = None, *, scale: int = 0) -> MicroOp:
    """Return a POINT to vector word `address`, plus register x if given, with a scale."""
    field_value("scale", scale, 0, SCALE_MAX, "bits")
    return MicroOp(
        Opcode.POINT,
        (x is not None) | scale << 4,
        0 if x is None else _register("x", x),
        field_value("address", address, -32768, 65535, "words") & 0xFFFF,
    )


def vector(
    function: Elementwise, count: int, source: int, destination: int = 0, *, register: int | None = None
) -> MicroOp:
    """Return a VECTOR; `register` is the operand, or takes the result of a reduction."""
    field_value("count", count, 1, COUNT_MAX, "words")
    scalar = SCALAR_OPERAND if register is not None and function not in REDUCTIONS else 0
    return MicroOp(
        Opcode.VECTOR,
        function | scalar,
        count | (0 if register is None else _register("register", register)) << 12,
        field_value("source", source, 0, 65535, "words")
        | field_value("destination", destination, 0, 65535, "words") << 16,
    )


def streams(family: Family, count: int, address: int) -> MicroOp:
    """Return a STREAMS of `count` lines from vector word `address` on."""
    return MicroOp(
        Opcode.STREAMS,
        family,
        field_value("line count", count, 1, 65535, "lines"),
        field_value("address", address, 0, 65535, "words"),
    )


def sample(converting: MicroOp, *, add: bool = False) -> MicroOp:
    """Return the SAMPLE that a CONVERT becomes; `add` adds the codes to the words at the pointer."""
    return MicroOp(Opcode.SAMPLE, (converting.a & ~(1 << 4)) | add << 4, converting.b, converting.c)


def _base(x: int | None) -> int:
    return X_NONE if x is None else _register("x", x)


def _offset(address: int, x: int | None) -> int:
    low = 0 if x is None else -(2**31)
    return field_value("address", address, low, 2**31 - 1, "words") & 0xFFFFFFFF
