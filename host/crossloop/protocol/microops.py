"""Micro-ops: what the sequencer executes from program memory, 8 bytes each, and how long each takes.

Fields on the wire: opcode u8, a u8, b u16, c u32, little endian. The duration of every micro-op is documented here, used by the host's dry
run and by the golden model, and equals what the RTL takes.

A micro-op that cannot be executed ends the run in its EXECUTE cycle, before any of its side effects; the first check
that fails decides: UNKNOWN_MICRO_OP; LOOP_DEPTH; LINE_RANGE for a line, tile, selection or channel outside the
geometry, for a count of 0 (b of LOOP, LEVELS, PULSE, COINCIDE, CONVERT) and for a width, gap, settle or integration
time of 0, for a gap of PULSE below 3 in a build with two taps per cycle, for a gap of PULSE or COINCIDE below
gap_min_cycles of the build, for a family that the build has not, for nudge lines that are to be sensed, and for gate
lines that are to be chosen by a stream bank, or to be in state CURRENT in a build without current sources;
ADDRESS_RANGE for vector words (LEVELS) outside the vector memory and for a program that runs past the end of
the program memory; REPLY_FULL when a CODES record and the DONE record after it do not fit; then the safety gate's trips
(GATE_RULE, LEVEL_WINDOW, PULSE_WIDTH). DUTY and COMPLIANCE trip when gates go on, wherever the micro-op then is. An
undefined function or condition is an UNKNOWN_MICRO_OP, and so is what a build without arithmetic has not; vector words
outside the vector memory and a branch out of the program memory are ADDRESS_RANGE. LEVELS trips at the first code
outside the window, after the strobes of those before it.
Bits of a, b and c that have no meaning are ignored. The gates of a CONVERT are on for settle + integrate + 1 cycles,
and that must not be above WIDTH_CAP either.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from crossloop.protocol.errors import RangeError
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family

MICRO_OP = struct.Struct("<BBHI")
"""Wire form of a micro-op."""

VOLTAGE_BIT = 5
"""Bit of a CONVERT's or SAMPLE's field a that asks for voltages."""


class Opcode(IntEnum):
    """First byte of a micro-op. Fields a, b and c are described with each; fields not named are 0."""

    HALT = 0
    """End the program."""
    WAIT = 1
    """Do nothing for c cycles."""
    LOOP = 2
    """Execute the micro-ops up to the matching NEXT b times (b from 1)."""
    NEXT = 3
    """End of the innermost loop's body."""
    TILE = 4
    """Float every line, then select tile a; lines stay FLOAT."""
    LEVEL = 5
    """Write level code c (two's complement) to line b of family a; b = 65535 writes every line of the family at once."""
    LEVELS = 6
    """Write b level codes, vector words from c on, to lines 0, 1, ... of family a, one per cycle (converter serial time)."""
    CONNECT = 7
    """Set every line of a family: a packs family, selected state, other state and selection; b is the selection's index or count.

    a: family bit 0 and, as bit 7, bit 1; selected state bits 2..1; other state bits 4..3; selection bits 6..5.
    """
    PULSE = 8
    """Turn the gates of all DRIVE lines on b times: packed width and gap in taps (gap in a and c[31:24], width in c[23:0]).

    A tap is a cycle, or half a cycle in a build with two taps per cycle: its pulses begin and end in the middle of a cycle, too.
    """
    COINCIDE = 9
    """b slots: in each, every DRIVE line whose stream has the wanted sign fires with its probability; width c[15:0], gap c[31:16].

    a: bit 0 wanted row sign, bit 1 wanted column sign.
    """
    CONVERT = 10
    """Drive the DRIVE lines for settle c[15:0] plus integration c[31:16] cycles, convert b channels of the sensed lines, append CODES.

    a packs the sensed family (bit 0), pair (bit 1: channel k is line 2k minus line 2k+1) and range (bits 3..2). With bit 5 the channels
    are the voltages of the family's lines, whatever their states, and the range has no meaning.
    """
    SAMPLE = 11
    """CONVERT, but the codes go to the vector words from the pointer on instead of a record; fields as CONVERT.

    a bit 4: add each code to its word (saturating at 16 bits) instead of replacing it: an average over several conversions.
    """
    STREAMS = 12
    """Fill the stream bank of family a from the low bytes of b vector words from c on; lines from b on become 0."""
    SET = 13
    """Register a bits 3..0 = c."""
    COMPUTE = 14
    """Register a bits 3..0 = x `Function` y; the function is a bits 7..4; see `crossloop.protocol.arithmetic` for x and y."""
    LOAD = 15
    """Register a bits 3..0 = vector word x + c, sign-extended (b bit 9: word c)."""
    STORE = 16
    """Vector word x + c (b bit 9: word c) = the low 16 bits of y."""
    BRANCH = 17
    """Go on c[31:16] (two's complement) micro-ops from here if x `Condition` y; the condition is a bits 3..0.

    a bit 4: also close the innermost loop. y is register b bits 7..4, or c[15:0] in two's complement with b bit 8.
    """
    INDEX = 18
    """Add registers to the fields of the next micro-op: x to b (a bit 0), y to c (a bit 1), modulo the fields' sizes.

    The next micro-op's own register numbers stay those of its b as written.
    """
    POINT = 19
    """Set the pointer to c[15:0], or to x + c[15:0] with a bit 0 (modulo 2**16), and the scale to a bits 7..4."""
    VECTOR = 20
    """b[11:0] times: vector word c[31:16] + i = `Elementwise` a bits 4..0 of word c[15:0] + i and the operand.

    The operand is word pointer + i, or with a bit 7 the register b[15:12]. Sums and distances go to the register b[15:12] instead.
    """


ENGINE_OPCODES = frozenset({
    Opcode.TILE, Opcode.LEVEL, Opcode.LEVELS, Opcode.CONNECT, Opcode.PULSE, Opcode.COINCIDE, Opcode.CONVERT, Opcode.SAMPLE,
    Opcode.STREAMS,
})  # fmt: skip
"""Micro-ops that touch lines, gates, converters or stream banks; the others only move data and decide."""


GAP_MAX = 0xFFFF
"""Longest gap of a PULSE in taps."""

ARITHMETIC_OPCODES = frozenset({
    Opcode.SAMPLE, Opcode.STREAMS, Opcode.SET, Opcode.COMPUTE, Opcode.LOAD, Opcode.STORE, Opcode.BRANCH, Opcode.INDEX, Opcode.POINT,
    Opcode.VECTOR,
})  # fmt: skip
"""Micro-ops that a build without arithmetic has not: there they are UNKNOWN_MICRO_OP."""


def absent_opcodes(parameters: Parameters) -> frozenset[Opcode]:
    """Return the micro-ops that a build has not: there they are UNKNOWN_MICRO_OP."""
    absent = frozenset() if parameters.arithmetic else ARITHMETIC_OPCODES
    return absent if parameters.coincidence else absent | {Opcode.COINCIDE}


class LineState(IntEnum):
    """What a line is tied to. A DRIVE line is tied to its level only while its pulse gate is on, and rests at ground otherwise.

    Gate lines are not sensed; their state 3 is CURRENT: tied to a current source, whose current is the level, while the pulse gate is on,
    and floating otherwise. It takes part in pulses, and counts for the rule ONE_GATE, as DRIVE does.
    """

    FLOAT = 0
    GROUND = 1
    DRIVE = 2
    SENSE = 3
    CURRENT = 3


class Selection(IntEnum):
    """Which lines of the family CONNECT puts into the selected state."""

    ALL = 0
    """Every line."""
    ONE = 1
    """Line b."""
    FIRST = 2
    """Lines 0 to b - 1."""
    SIGNED = 3
    """The lines whose sign bit is set in the family's stream bank: an arbitrary mask. Nudge lines go by the columns' bank."""


@dataclass(frozen=True)
class MicroOp:
    """One micro-op with its raw fields."""

    opcode: Opcode
    a: int = 0
    b: int = 0
    c: int = 0

    def encode(self) -> bytes:
        """Return the 8 bytes of the wire form."""
        return MICRO_OP.pack(self.opcode, self.a, self.b, self.c)

    @classmethod
    def decode(cls, data: bytes) -> MicroOp:
        """Read one micro-op from its 8 bytes; raises ValueError for an unknown opcode."""
        opcode, a, b, c = MICRO_OP.unpack(data)
        return cls(Opcode(opcode), a, b, c)


def field_value(name: str, value: int, low: int, high: int, unit: str) -> int:
    """Return a micro-op's field; raises RangeError outside its limits."""
    given: object = value  # callers are not type-checked
    if not isinstance(given, int) or isinstance(given, bool) or not low <= value <= high:
        raise RangeError(f"{name} must be an integer from {low} to {high} {unit}, not {value!r}; nothing was sent")
    return value


def halt() -> MicroOp:
    """Return a HALT."""
    return MicroOp(Opcode.HALT)


def wait(cycles: int) -> MicroOp:
    """Return a WAIT of that many cycles on top of the micro-op's own."""
    return MicroOp(Opcode.WAIT, c=field_value("wait", cycles, 0, 2**32 - 1, "cycles"))


def loop(count: int) -> MicroOp:
    """Return a LOOP whose body is executed `count` times."""
    return MicroOp(Opcode.LOOP, b=field_value("loop count", count, 1, 65535, "times"))


def next_() -> MicroOp:
    """Return a NEXT."""
    return MicroOp(Opcode.NEXT)


def tile(index: int) -> MicroOp:
    """Return a TILE."""
    return MicroOp(Opcode.TILE, a=field_value("tile", index, 0, 255, "(tile number)"))


def level(family: Family, line: int, code: int) -> MicroOp:
    """Return a LEVEL for one line, or for the whole family with line = ALL_LINES."""
    field_value("line", line, 0, ALL_LINES, "(line number)")
    return MicroOp(Opcode.LEVEL, family, line, field_value("level code", code, -32768, 32767, "(code)") & 0xFFFFFFFF)


def levels(family: Family, count: int, address: int = 0) -> MicroOp:
    """Return a LEVELS of `count` vector words from `address` on."""
    return MicroOp(
        Opcode.LEVELS,
        family,
        field_value("line count", count, 1, 65535, "lines"),
        field_value("address", address, 0, 65535, "words"),
    )


def connect(
    family: Family,
    state: LineState,
    *,
    others: LineState = LineState.GROUND,
    selection: Selection = Selection.ALL,
    index: int = 0,
) -> MicroOp:
    """Return a CONNECT: the selection's lines go to `state`, the rest of the family to `others`."""
    packed = family & 1 | state << 1 | others << 3 | selection << 5 | family >> 1 << 7
    return MicroOp(Opcode.CONNECT, packed, field_value("line index or count", index, 0, 65535, "(line number)"))


def connected_family(a: int) -> int:
    """Return the family number of a CONNECT's field a."""
    return a & 1 | a >> 7 << 1


def pulse(count: int, width_taps: int, gap_taps: int) -> MicroOp:
    """Return a PULSE train."""
    field_value("pulse count", count, 1, 65535, "pulses")
    field_value("pulse width", width_taps, 1, 2**24 - 1, "taps")
    field_value("pulse gap", gap_taps, 1, GAP_MAX, "taps")
    return MicroOp(Opcode.PULSE, gap_taps >> 8, count, width_taps | (gap_taps & 0xFF) << 24)


def coincide(slots: int, width_cycles: int, gap_cycles: int, *, row_sign: int, column_sign: int) -> MicroOp:
    """Return a COINCIDE pass; signs are 0 (positive) or 1 (negative)."""
    field_value("slots", slots, 1, 65535, "slots")
    field_value("pulse width", width_cycles, 1, 65535, "cycles")
    field_value("pulse gap", gap_cycles, 1, GAP_MAX, "cycles")
    packed = (
        field_value("row sign", row_sign, 0, 1, "(sign bit)")
        | field_value("column sign", column_sign, 0, 1, "(sign bit)") << 1
    )
    return MicroOp(Opcode.COINCIDE, packed, slots, width_cycles | gap_cycles << 16)


def convert(
    sensed: Family,
    channels: int,
    *,
    settle_cycles: int,
    integrate_cycles: int,
    pair: bool = False,
    range_index: int = 0,
    voltage: bool = False,
) -> MicroOp:
    """Return a CONVERT of `channels` channels of the sensed family: currents, or with `voltage` the voltages of its lines."""
    field_value("channels", channels, 1, 65535, "channels")
    field_value("settle time", settle_cycles, 1, 65535, "cycles")
    field_value("integration time", integrate_cycles, 1, 65535, "cycles")
    field_value("converter range", range_index, 0, 3, "(range number)")
    packed = sensed | int(pair) << 1 | range_index << 2 | int(voltage) << VOLTAGE_BIT
    return MicroOp(Opcode.CONVERT, packed, channels, settle_cycles | integrate_cycles << 16)


def pulse_fields(op: MicroOp) -> tuple[int, int, int]:
    """Return (count, width_taps, gap_taps) of a PULSE."""
    return op.b, op.c & 0xFFFFFF, op.a << 8 | op.c >> 24
