"""The arrays that hold the whole state of the golden controller, in the form that compiled code works on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crossloop.protocol.arithmetic import REGISTERS
from crossloop.protocol.converters import Levels
from crossloop.protocol.microops import absent_opcodes
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import CROSSING, MAGNITUDE_BITS, Family, lane_start, lanes
from crossloop.protocol.timing import conversion_wait_cycles, level_wait, pulse_gap_min_taps
from crossloop_sim.events import line_words, record_words

Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]

NEVER = 2**60
"""A cycle that does not come: a dead-man timer that is off."""

FAMILIES = len(Family)
_EVENT_ROWS = 1024
"""Records that are collected before the plant is asked to take them."""

# Indices of Machine.scalars. Plain integers: compiled code sees them as constants.
_index: Iterator[int] = iter(range(96))
ROWS = next(_index)
COLUMNS = next(_index)
GATE_LINES = next(_index)
NUDGE_LINES = next(_index)
"""Lines of each family: ROWS + family."""
TILES = next(_index)
BREAK_CYCLES = next(_index)
TAPS = next(_index)
"""Taps per cycle."""
GAP_MIN = next(_index)
"""Shortest gap of a PULSE in taps."""
LOOP_DEPTH = next(_index)
ABSENT = next(_index)
"""A bit for every micro-op that the build has not."""
CODE_MIN = next(_index)
CODE_MAX = next(_index)
LEVEL_MIN = next(_index)
LEVEL_MAX = next(_index)
GATE_LEVEL_MIN = next(_index)
GATE_LEVEL_MAX = next(_index)
WIDTH_CAP = next(_index)
RULES = next(_index)
DUTY_REST = next(_index)
GATE_SOURCES = next(_index)
"""1: gate lines have current sources."""
LEVEL_WAIT = next(_index)
"""Cycles that LEVEL and LEVELS wait."""
COMPLIANCE = next(_index)
"""The compliance input."""
DELIVERED = next(_index)
REST_UNTIL = next(_index)
"""Absolute tap, in sixteenths, before which no gate may go on."""
LIMIT_CAUSE = next(_index)
"""TripCause of the trip in cycle LIMIT."""
PC = next(_index)
"""Address of the micro-op at hand; after a run, of the one that ended it."""
CYCLE = next(_index)
"""Absolute first cycle of the micro-op at hand; after a run, the cycle in which `running` fell."""
LIMIT = next(_index)
"""Absolute cycle in which a trip shows that comes by itself, the dead-man timer's at the latest: no pin moves from then on."""
PROGRESS = next(_index)
"""Pulses or slots of the micro-op at hand that are done; 1 when a CONVERT's conversion strobe has shown."""
SAFE_CYCLE = next(_index)
"""After a run: the absolute cycle from which on no pin moves by itself."""
STROBE_CYCLE = next(_index)
"""Absolute cycle of the last conversion strobe."""
DEPTH = next(_index)
"""Loops that are open."""
RECORDS_FREE = next(_index)
"""Payload bytes that the reply has left."""
EVENT_COUNT = next(_index)
GATES_ON = next(_index)
TILE = next(_index)
STATUS = next(_index)
CAUSE = next(_index)
SLOTS = next(_index)
ROW_PULSES = next(_index)
COLUMN_PULSES = next(_index)
CELL_PULSES = next(_index)
TRAIN_PULSES = next(_index)
POINTER = next(_index)
SCALE = next(_index)
ADDED_B = next(_index)
"""What an INDEX adds to field b of the next micro-op."""
ADDED_C = next(_index)
LEVEL_WRITE = next(_index)
"""Cycles from one level strobe to the next; the level changes in the last of them."""
LEVEL_SETTLE = next(_index)
SWITCH_SETTLE = next(_index)
ROUTE = next(_index)
CONVERSION_WAIT = next(_index)
LINE_CYCLES = next(_index)
SLOT_GAP_MIN = next(_index)
LATE_LEVEL = next(_index)
"""1: the last record is a level that was strobed before the run ended and changes after it."""
SCALARS = next(_index)


class Machine(NamedTuple):
    """State of the controller behind its link. W is the number of 64-bit words per line family; indices of families are those of `Family`.

    Attributes
    ----------
    scalars : (SCALARS,) int64
        Everything that is one number; the module's constants are its indices.
    program : (program_ops,) uint64
        Micro-ops as on the wire.
    vector : (vector_words,) int16
        The vector memory.
    lanes : (2, 2 W) uint64
        Generator lanes, 32 bits each.
    streams : (2, 8, W) uint64
        Bit planes of the stream banks: seven of the magnitude, lowest first, then the signs.
    states : (4, 2, W) uint64
        Line states of each family: bit 0 and bit 1 of each line's LineState.
    selection : (4, W) uint64
        Room for lines chosen by the micro-op at hand.
    loops : (loop_depth, 2) int64
        Open loops: address of the body, passes left.
    registers : (16,) int64
        Registers of the arithmetic, each a 32-bit number with its sign.
    events : (n, record_words) uint64
        Records that the plant has not seen yet; scalars[EVENT_COUNT] of them count.
    """

    scalars: Integers
    program: Words
    vector: npt.NDArray[np.int16]
    lanes: Words
    streams: Words
    states: Words
    selection: Words
    loops: Integers
    registers: Integers
    events: Words


def reset_machine(parameters: Parameters) -> Machine:
    """Return the state after reset: memories and registers 0, all lines FLOAT, streams started from seed 0."""
    words = line_words(parameters)
    levels = Levels.of(parameters)
    # LEVELS gives one record per line in one go; the margin takes the records around it.
    rows = max(_EVENT_ROWS, max(parameters.rows, parameters.columns) + 64)
    machine = Machine(
        scalars=np.zeros(SCALARS, np.int64),
        program=np.zeros(parameters.program_ops, np.uint64),
        vector=np.zeros(parameters.vector_words, np.int16),
        lanes=np.zeros((len(CROSSING), 2 * words), np.uint64),
        streams=np.zeros((len(CROSSING), MAGNITUDE_BITS + 1, words), np.uint64),
        states=np.zeros((FAMILIES, 2, words), np.uint64),
        selection=np.zeros((4, words), np.uint64),
        loops=np.zeros((parameters.loop_depth, 2), np.int64),
        registers=np.zeros(REGISTERS, np.int64),
        events=np.zeros((rows, record_words(parameters)), np.uint64),
    )
    constants = {
        LIMIT: NEVER,
        ROWS: parameters.rows,
        COLUMNS: parameters.columns,
        GATE_LINES: parameters.lines(Family.GATES),
        NUDGE_LINES: parameters.lines(Family.NUDGES),
        GATE_SOURCES: int(parameters.gate_full_scale_pa > 0),
        LEVEL_WAIT: level_wait(parameters),
        TILES: parameters.tiles,
        BREAK_CYCLES: parameters.break_cycles,
        TAPS: parameters.gate_taps,
        GAP_MIN: pulse_gap_min_taps(parameters),
        LOOP_DEPTH: parameters.loop_depth,
        ABSENT: sum(1 << opcode for opcode in absent_opcodes(parameters)),
        CODE_MIN: levels.code_min,
        CODE_MAX: levels.code_max,
        LEVEL_WRITE: parameters.level_write_cycles,
        LEVEL_SETTLE: parameters.level_settle_cycles,
        SWITCH_SETTLE: parameters.switch_settle_cycles,
        ROUTE: parameters.route_cycles,
        CONVERSION_WAIT: conversion_wait_cycles(parameters),
        LINE_CYCLES: parameters.line_cycles,
        SLOT_GAP_MIN: parameters.gap_min_cycles,
    }
    for index, value in constants.items():
        machine.scalars[index] = value
    for family, lines in ((Family.ROWS, parameters.rows), (Family.COLUMNS, parameters.columns)):
        seed_lanes(machine, family, lines, 0)
    return machine


def seed_lanes(machine: Machine, family: Family, lines: int, seed: int) -> None:
    """Restart the generator lanes of a family from a seed register's value."""
    for lane in range(lanes(lines)):
        machine.lanes[family, lane] = lane_start(family, lane, seed)
