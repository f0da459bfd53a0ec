"""Event records: what passes the plant's seam, one row of unsigned 64-bit words per pin change.

A record of a W-word geometry has RECORD_HEADER + 8*W words: cycle, kind, a, b, then up to 8*W words of bits or values. W is the number of
64-bit words that hold one bit per line of the longest family; line 64*w + i is bit i of word w. Cycles are absolute device cycles and never
go back. Pins that change in the same cycle give records in the order of `Kind`. In a build with two taps per cycle pulse gates change in
the middle of a cycle, too, and may change twice in one: field a of a GATES record is the tap.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family

Events: TypeAlias = npt.NDArray[np.uint64]
"""Shape (n, record_words(parameters))."""

RECORD_HEADER = 4
"""Words of a record before its `words`."""

_WORD_BITS = 64
_MASK = (1 << _WORD_BITS) - 1


class Kind(IntEnum):
    """Second word of a record; the order is that of records of one cycle."""

    RUN = 0
    """The `running` pin changed to a."""
    TRIP = 1
    """The `tripped` pin changed to a."""
    TILE = 2
    """Tile a is connected."""
    STATES = 3
    """Line states changed. words: row states bit 0 (W words), row states bit 1, the same of columns, of gate lines, of nudge lines."""
    LEVEL = 4
    """A level strobe: family a, line b (65535 = every line of the family); words[0]: the code in two's complement."""
    GATES = 5
    """Pulse gates changed a taps after the beginning of the cycle. words: those of rows (W words), of columns, of gate lines, of nudge
    lines.
    """
    CONVERSION = 6
    """A conversion strobe: family a is sensed, b channels; words[0]: converter range, words[1]: 1 for pairs,
    words[2]: 1 for voltages of lines instead of currents."""
    SAMPLE = 7
    """A sample passed to the controller, from an array that lies behind the pins; words[0]: the sample word."""


class PlantSeam(Protocol):
    """What a controller's pins are connected to."""

    def apply(self, events: Events) -> object:
        """Take records, shape (n, record_words), in the order of their cycles. The array is reused after the call."""

    def convert(self, event: Events) -> npt.NDArray[np.int64]:
        """Return the sample words of a CONVERSION record, one per channel: code & mask | saturated << sample_bits.

        The record, shape (record_words,), has not been and will not be applied; all records before it have been.
        """


def line_words(parameters: Parameters) -> int:
    """Return W, the number of 64-bit words per family."""
    return -(-max(parameters.rows, parameters.columns) // _WORD_BITS)


def record_words(parameters: Parameters) -> int:
    """Return the length of a record in words."""
    return RECORD_HEADER + 2 * len(Family) * line_words(parameters)


def record(parameters: Parameters, cycle: int, kind: Kind, a: int = 0, b: int = 0, words: Iterable[int] = ()) -> Events:
    """Return one record, shape (record_words,); `words` may be negative (two's complement) and shorter than the record."""
    row = np.zeros(record_words(parameters), np.uint64)
    values = (cycle, kind, a, b, *words)
    row[: len(values)] = [value & _MASK for value in values]
    return row


def bits_to_words(bits: int, parameters: Parameters) -> list[int]:
    """Split an integer with one bit per line into W words, lowest lines first."""
    return [bits >> (_WORD_BITS * index) & _MASK for index in range(line_words(parameters))]


def words_to_bits(words: Iterable[int]) -> int:
    """Join words, lowest lines first, into one integer with one bit per line."""
    return sum(int(word) << (_WORD_BITS * index) for index, word in enumerate(words))


def states_record(
    parameters: Parameters,
    cycle: int,
    row_states: Iterable[int],
    column_states: Iterable[int],
    gate_line_states: Iterable[int] = (),
    nudge_line_states: Iterable[int] = (),
) -> Events:
    """Return a STATES record from one LineState per line."""
    words: list[int] = []
    for states in (list(row_states), list(column_states), list(gate_line_states), list(nudge_line_states)):
        for bit in (0, 1):
            words += bits_to_words(sum((state >> bit & 1) << line for line, state in enumerate(states)), parameters)
    return record(parameters, cycle, Kind.STATES, words=words)


def gates_record(
    parameters: Parameters,
    cycle: int,
    row_gates: int,
    column_gates: int,
    gate_line_gates: int = 0,
    nudge_line_gates: int = 0,
    *,
    tap: int = 0,
) -> Events:
    """Return a GATES record from integers with one bit per line."""
    gates = (row_gates, column_gates, gate_line_gates, nudge_line_gates)
    words = [word for bits in gates for word in bits_to_words(bits, parameters)]
    return record(parameters, cycle, Kind.GATES, tap, words=words)


def record_tap(event: Events, gate_taps: int) -> int:
    """Return when a record, shape (record_words,), happened, in taps; a cycle has `gate_taps`."""
    return int(event[0]) * gate_taps + (int(event[2]) if event[1] == Kind.GATES else 0)


def level_record(parameters: Parameters, cycle: int, family: int, line: int, code: int) -> Events:
    """Return a LEVEL record."""
    return record(parameters, cycle, Kind.LEVEL, family, line, (code,))


def conversion_record(
    parameters: Parameters,
    cycle: int,
    family: int,
    channels: int,
    *,
    range_index: int = 0,
    pair: bool = False,
    voltage: bool = False,
) -> Events:
    """Return a CONVERSION record."""
    return record(parameters, cycle, Kind.CONVERSION, family, channels, (range_index, int(pair), int(voltage)))
