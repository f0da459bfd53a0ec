"""How many cycles every micro-op takes, and when inside it the pins change.

Cycle 0 of a run is the first cycle in which the `running` pin is high. A micro-op's first cycle is the one in which it is fetched; the next
micro-op's first cycle comes `duration_cycles` later. The offsets say in which cycle, counted from the micro-op's first, a pin shows its new
value. These numbers are the contract: the RTL is tested against them, the golden model and the dry run compute with them.
"""

from __future__ import annotations

from crossloop.protocol.arithmetic import MULTIPLIER_BITS, MULTIPLYING, Elementwise, Function
from crossloop.protocol.microops import ENGINE_OPCODES, MicroOp, Opcode, pulse_fields
from crossloop.protocol.parameters import Parameters

BASE_CYCLES = 5
"""Fetch, decode, check, prepare, execute: what every micro-op takes at least."""

RUN_CYCLES = 0
"""Cycles of a run beside its micro-ops: the duration in the DONE record is the sum over the micro-ops plus this."""

DEAD_BETWEEN = 7
"""Cycles that lie between the end of any pulse and the next micro-op's level strobe anyhow; what `dead_cycles` asks for beyond them is
waited for by LEVEL and LEVELS: see `level_wait`."""
LEVEL_OFFSET = 6
"""LEVEL: the level strobe, after the wait; the level itself changes level_write_cycles - 1 after it."""
LEVELS_OFFSET = 8
"""LEVELS: the first strobe, after the wait; the others follow every level_write_cycles."""
LEVEL_EXTRA = 2
"""LEVEL takes BASE_CYCLES + LEVEL_EXTRA + the wait + level_write_cycles - 1 + level_settle_cycles."""
LEVELS_EXTRA = 3
"""LEVELS takes BASE_CYCLES + LEVELS_EXTRA + the wait + count * level_write_cycles + level_settle_cycles."""

CONNECT_OFFSET = 6
"""CONNECT and TILE: the cycle in which changing lines show FLOAT; the new state (or tile) follows break_cycles later."""
CONNECT_EXTRA = 2
"""CONNECT and TILE take BASE_CYCLES + CONNECT_EXTRA + break_cycles + switch_settle_cycles."""

PULSE_OFFSET = 6
"""PULSE: the first gate edge, at the beginning of the cycle; pulse n starts n * (width + gap) taps later and lasts width taps."""
PULSE_EXTRA = 1
"""PULSE takes BASE_CYCLES + PULSE_EXTRA + count * (width + gap) / gate_taps, rounded up."""
SUB_CLOCK_GAP_TAPS = 3
"""Shortest gap of a PULSE in a build with more than one tap per cycle: wherever in a cycle the pulses begin and end, all gates are off for
a whole cycle between two of them."""

SLOT_MIN_CYCLES = 8
"""Shortest slot: the next slot's firing bits are drawn, and the last slot's pulses counted, meanwhile."""
COINCIDE_OFFSET = 14
"""COINCIDE: the first slot's gate edge (if any line fires); slot n starts n * slot_cycles later."""
COINCIDE_EXTRA = 9
"""COINCIDE takes BASE_CYCLES + COINCIDE_EXTRA + slots * slot_cycles."""

CONVERT_OFFSET = 6
"""CONVERT: the gates go on, after further route_cycles; settle + integrate cycles later the conversion strobe shows, and one cycle after
that the gates are off."""
CONVERT_EXTRA = 11
"""CONVERT and SAMPLE take BASE_CYCLES + CONVERT_EXTRA + route_cycles + settle + integrate + conversion wait + READOUT_CYCLES * channels
+ line_cycles * lines, where a pair has two lines, and SAMPLE STORE_CYCLES more per channel."""
HEADER_CYCLES = 10
"""Of a conversion's time: cycles in which the header of its record is written. The conversion wait is what conversion_cycles is longer."""
READOUT_CYCLES = 2
"""Cycles per channel to read the converter and write the record (converter serial time)."""
STORE_CYCLES = 1
"""Cycles per channel by which SAMPLE takes longer: its sum is written after it was made."""

LOAD_EXTRA = 1
"""LOAD takes BASE_CYCLES + LOAD_EXTRA: the vector memory answers a cycle after it was asked."""
STREAMS_EXTRA = 1
"""STREAMS takes BASE_CYCLES + STREAMS_EXTRA + count; the bank moves in the last `count` cycles."""
WORD_CYCLES = 6
"""VECTOR takes BASE_CYCLES + WORD_CYCLES per word (three to read, two to compute, one to write), and MULTIPLIER_BITS more per word for
what multiplies."""
LOOKUP_CYCLES = 2
"""Of a LOOKUP, per word: the place in the table is found, and its word is read."""
MULTIPLY_EXTRA = MULTIPLIER_BITS + 1
"""COMPUTE takes BASE_CYCLES, and MULTIPLY_EXTRA more for a MULTIPLY."""

FAULT_OFFSET = 5
"""A micro-op that ends the run: the cycle in which `running` falls, which is that of the DONE record; if it was a trip, the cycle in which
`tripped` rises and gates are off. LEVEL and LEVELS trip in place of the strobe that is refused; a CONNECT that breaks a rule, and pulses
that are too wide, one cycle later than the others."""
TRIP_EXTRA = 1
"""Cycles from the rise of `tripped` to the fall of `running`."""
SAFE_OFFSET = 1
"""Safe state: cycles from the rise of `tripped`, or from a disarming, to the FLOAT phase of the lines that are not at GROUND; break_cycles
later they are."""
FAULT_SAFE_OFFSET = 2
"""Safe state after another fault: cycles from the fall of `running` to the FLOAT phase."""


COMPLIANCE_CYCLES = 3
"""Cycles, at most, from a rise of the compliance input to the end of the pulse: two to take it into the clock domain, one to act."""


def level_wait(parameters: Parameters) -> int:
    """Return the cycles that LEVEL and LEVELS wait for the dead time to be over."""
    return max(0, parameters.dead_cycles - DEAD_BETWEEN)


def gap_min_taps(gate_taps: int) -> int:
    """Return the shortest gap of a PULSE in taps, of which a cycle has `gate_taps`."""
    return 1 if gate_taps == 1 else SUB_CLOCK_GAP_TAPS


def pulse_gap_min_taps(parameters: Parameters) -> int:
    """Return the shortest gap of a PULSE in taps: what sub-clock edges need, and what the front end needs after a pulse."""
    return max(gap_min_taps(parameters.gate_taps), parameters.gap_min_cycles * parameters.gate_taps)


def slot_cycles(width_cycles: int, gap_cycles: int) -> int:
    """Return the length of a coincidence slot in cycles."""
    return max(width_cycles + gap_cycles, SLOT_MIN_CYCLES)


def conversion_wait_cycles(parameters: Parameters) -> int:
    """Return for how many cycles a conversion is waited for after the header of its record."""
    return max(0, parameters.conversion_cycles - HEADER_CYCLES)


def whole_cycles(taps: int, parameters: Parameters) -> int:
    """Return the cycles that a number of taps from the beginning of a cycle reaches into."""
    return -(-taps // parameters.gate_taps)


def channel_cycles(op: MicroOp, parameters: Parameters) -> int:
    """Return the cycles per channel of a CONVERT or SAMPLE: one line, or the two of a pair, the read-out, and the storing."""
    stored = STORE_CYCLES if op.opcode == Opcode.SAMPLE else 0
    return READOUT_CYCLES + stored + parameters.line_cycles * (2 if op.a & 2 else 1)


def duration_cycles(op: MicroOp, parameters: Parameters) -> int:
    """Return how many cycles one execution of a micro-op takes."""
    extra = _extra_cycles(op, parameters) if op.opcode in ENGINE_OPCODES else _arithmetic_cycles(op)
    return BASE_CYCLES + extra


def _extra_cycles(op: MicroOp, parameters: Parameters) -> int:
    """Return what an engine takes beside BASE_CYCLES."""
    match op.opcode:
        case Opcode.LEVEL:
            writing = parameters.level_write_cycles - 1 + parameters.level_settle_cycles
            return level_wait(parameters) + LEVEL_EXTRA + writing
        case Opcode.LEVELS:
            writing = op.b * parameters.level_write_cycles + parameters.level_settle_cycles
            return level_wait(parameters) + LEVELS_EXTRA + writing
        case Opcode.CONNECT | Opcode.TILE:
            return CONNECT_EXTRA + parameters.break_cycles + parameters.switch_settle_cycles
        case Opcode.PULSE:
            count, width_taps, gap_taps = pulse_fields(op)
            return PULSE_EXTRA + whole_cycles(count * (width_taps + gap_taps), parameters)
        case Opcode.COINCIDE:
            return COINCIDE_EXTRA + op.b * slot_cycles(op.c & 0xFFFF, op.c >> 16)
        case Opcode.CONVERT | Opcode.SAMPLE:
            on_cycles = (op.c & 0xFFFF) + (op.c >> 16)
            waits = parameters.route_cycles + conversion_wait_cycles(parameters)
            return CONVERT_EXTRA + on_cycles + waits + op.b * channel_cycles(op, parameters)
        case Opcode.STREAMS:
            return STREAMS_EXTRA + op.b
        case _:
            return 0


def _arithmetic_cycles(op: MicroOp) -> int:
    """Return what a micro-op that moves no pin takes beside BASE_CYCLES."""
    match op.opcode:
        case Opcode.WAIT:
            return op.c
        case Opcode.LOAD:
            return LOAD_EXTRA
        case Opcode.COMPUTE:
            return MULTIPLY_EXTRA if op.a >> 4 == Function.MULTIPLY else 0
        case Opcode.VECTOR:
            return word_cycles(op.a & 0x1F) * (op.b & 0xFFF)
        case _:
            return 0


def word_cycles(function: int) -> int:
    """Return the cycles per word of an `Elementwise` function."""
    multiplies = function in Elementwise._value2member_map_ and Elementwise(function) in MULTIPLYING
    return (
        WORD_CYCLES + (MULTIPLIER_BITS if multiplies else 0) + (LOOKUP_CYCLES if function == Elementwise.LOOKUP else 0)
    )


def serial_cycles(op: MicroOp, parameters: Parameters | None = None) -> int:
    """Return the part of a micro-op's duration that is converter serial time: it grows with the number of lines or channels."""
    match op.opcode:
        case Opcode.LEVELS:
            return op.b * (parameters.level_write_cycles if parameters else 1)
        case Opcode.CONVERT | Opcode.SAMPLE:
            return op.b * (channel_cycles(op, parameters) if parameters else READOUT_CYCLES)
        case Opcode.STREAMS:
            return op.b
        case _:
            return 0
