"""Frames of the wire, written out by hand: struct, zlib and the cobs package; nothing of the host library or the golden model."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from cobs import cobs

HELLO, REQUEST, KICK, STOP = 1, 2, 3, 4
IDENTITY, REPLY, REFUSAL, STOPPED = 0x81, 0x82, 0x83, 0x84
OK, GAP, STALE, OVERFLOW, CRC_MISMATCH, LENGTH_MISMATCH, UNKNOWN_KIND, NO_SESSION, BUSY = range(9)
MODULUS = 1 << 32


class Answer(NamedTuple):
    """A frame of the device, taken apart."""

    kind: int
    status: int
    sequence: int
    credit: int
    detail: int
    payload: bytes


def checked(body: bytes) -> bytes:
    """Return a body with its checksum, encoded and ended."""
    return cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


def frame(kind: int, sequence: int, payload: bytes = b"", *, length: int | None = None) -> bytes:
    """Return a frame of the host as it goes over the line; `length` is a lie about the payload's length."""
    said = len(payload) if length is None else length
    return checked(struct.pack("<BBHI", kind, 0, said, sequence % MODULUS) + payload)


def answers(data: bytes) -> list[Answer]:
    """Take the device's bytes apart; every frame must be whole and right."""
    *frames, rest = data.split(b"\0")
    assert not rest, f"an unfinished frame: {rest.hex()}"
    found = []
    for encoded in frames:
        decoded = cobs.decode(encoded)
        body, (checksum,) = decoded[:-4], struct.unpack("<I", decoded[-4:])
        assert zlib.crc32(body) == checksum, decoded.hex()
        kind, status, length, sequence, credit, detail = struct.unpack_from("<BBHIHH", body)
        assert length == len(body) - 12
        found.append(Answer(kind, status, sequence, credit, detail, body[12:]))
    return found
