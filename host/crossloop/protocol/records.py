"""Records: what a reply's payload is made of. A 10-byte header, then `count` values."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from crossloop.protocol.errors import ProtocolError

RECORD_HEADER = struct.Struct("<BBHIH")
"""kind u8, flags u8, count u16, cycle u32 (of the run), operation u16 (address of the micro-op, register or vector word).

REGISTER records have count 1; flags and cycle of REGISTER and WORDS records are 0. The operation of a DONE record is
the address of the micro-op that ended the run.
"""

SATURATED = 0x8000
"""Bit of a CODES value that says the converter was at its limit; bits 14..0 are the code in two's complement."""


class RecordKind(IntEnum):
    """First byte of a record."""

    REGISTER = 1
    """One u32: the value of the register `operation`."""
    WORDS = 2
    """`count` u16: vector words from `operation` on."""
    CODES = 3
    """`count` u16: converter codes of one CONVERT; flags repeat the micro-op's field a; cycle is that of the conversion strobe."""
    DONE = 4
    """No values: the program has ended after `cycle` cycles, and every side effect is over. flags: 0, or the Status that ended it."""


@dataclass(frozen=True)
class Record:
    """A decoded record; `data` holds the raw little-endian values."""

    kind: RecordKind
    flags: int
    count: int
    cycle: int
    operation: int
    data: bytes


def value_bytes(kind: RecordKind) -> int:
    """Return the size of one value of a record of this kind in bytes."""
    return {RecordKind.REGISTER: 4, RecordKind.WORDS: 2, RecordKind.CODES: 2, RecordKind.DONE: 0}[kind]


def pack_record(kind: int, flags: int, count: int, cycle: int, operation: int, data: bytes = b"") -> bytes:
    """Return a record's bytes."""
    return RECORD_HEADER.pack(kind, flags, count, cycle & 0xFFFFFFFF, operation) + data


def unpack_records(payload: bytes) -> Iterator[Record]:
    """Yield the records of a reply's payload.

    Raises
    ------
    ProtocolError
        If a record is unknown or runs past the end.
    """
    position = 0
    while position < len(payload):
        if position + RECORD_HEADER.size > len(payload):
            raise ProtocolError(f"record header at byte {position} runs past the payload's {len(payload)} bytes")
        kind, flags, count, cycle, operation = RECORD_HEADER.unpack_from(payload, position)
        if kind not in RecordKind._value2member_map_:
            raise ProtocolError(
                f"unknown record kind {kind} at byte {position}; host and gateware are of different releases"
            )
        start = position + RECORD_HEADER.size
        position = start + count * value_bytes(RecordKind(kind))
        if position > len(payload):
            raise ProtocolError(
                f"record at byte {start - RECORD_HEADER.size} runs past the payload's {len(payload)} bytes"
            )
        yield Record(RecordKind(kind), flags, count, cycle, operation, payload[start:position])
