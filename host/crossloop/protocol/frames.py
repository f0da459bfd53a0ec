"""Frames: what travels between two zero bytes of the serial line.

A frame is COBS-encoded and ends in one zero byte. Decoded it is a header, a payload and the CRC-32 (zlib's polynomial, little endian)
of both. Requests carry consecutive sequence numbers; the device executes each number once, keeps its reply, and answers a repetition with
the stored reply. Up to `credit` requests may be under way: a reply with sequence number s lets the host send up to s + credit.

What the device does with a frame, in this order:

1. Nothing between two zero bytes is not a frame. Decoded it must have 12 to frame_bytes bytes (else LENGTH_MISMATCH), a
   whole last COBS block and a right CRC (else CRC_MISMATCH), the payload its length field says (else LENGTH_MISMATCH),
   a kind below 0x80 of this list (else UNKNOWN_KIND). These four count in BAD_FRAMES. Reserved fields, and payloads of
   HELLO, KICK and STOP, are ignored.
2. A frame that passed restarts the dead-man timer, also when its sequence number is refused.
3. IDENTITY and REPLY carry the sequence number of their frame, REFUSAL and STOPPED the next number that is expected (0
   before the first session). Status and detail of IDENTITY and STOPPED are 0, so is the detail of a REFUSAL and of a
   REPLY with status OK; the detail of any other REPLY is the index of the command that was refused or ended.
4. Sequence numbers are compared modulo 2**32: one that is ahead of the expected one by 1 to 2**31 is SEQUENCE_GAP.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

from crossloop.protocol.errors import ProtocolError, Status

DELIMITER = 0
"""The byte that ends every encoded frame."""

REQUEST_HEADER = struct.Struct("<BBHI")
"""kind u8, reserved u8 (0), payload length u16, sequence u32."""
REPLY_HEADER = struct.Struct("<BBHIHH")
"""kind u8, status u8, payload length u16, sequence u32, credit u16, detail u16."""
CRC = struct.Struct("<I")

SEQUENCE_MODULUS = 1 << 32


class FrameKind(IntEnum):
    """First byte of every frame. Kinds below 0x80 come from the host, the others from the device."""

    HELLO = 0x01
    """Opens a session: the sequence field is its first number. Disarms the outputs; answered with IDENTITY.

    A repetition of the session's own HELLO is only answered, it changes nothing.
    """
    REQUEST = 0x02
    """A list of commands, executed in order, exactly once; answered with REPLY."""
    KICK = 0x03
    """Keeps the dead-man timer alive; has no effect on the sequence and is not answered."""
    STOP = 0x04
    """Trips the safety gate at once, whatever is running; answered with STOPPED."""
    IDENTITY = 0x81
    """Answer to HELLO with the identity payload."""
    REPLY = 0x82
    """Answer to REQUEST with the records of its commands."""
    REFUSAL = 0x83
    """The link refused a frame; the sequence field is the next number it expects. Never kept for repetition."""
    STOPPED = 0x84
    """Answer to STOP, sent once the pulse gates are off."""


@dataclass(frozen=True)
class Reply:
    """A decoded frame of the device."""

    kind: FrameKind
    status: Status
    sequence: int
    credit: int
    detail: int
    payload: bytes = b""


def pack_request(kind: int, sequence: int, payload: bytes = b"") -> bytes:
    """Return the decoded form of a host frame, CRC included (not yet COBS-encoded)."""
    body = REQUEST_HEADER.pack(kind, 0, len(payload), sequence) + payload
    return body + CRC.pack(zlib.crc32(body))


def pack_reply(kind: int, status: int, sequence: int, credit: int, detail: int, payload: bytes = b"") -> bytes:
    """Return the decoded form of a device frame, CRC included (not yet COBS-encoded)."""
    body = REPLY_HEADER.pack(kind, status, len(payload), sequence, credit, detail) + payload
    return body + CRC.pack(zlib.crc32(body))


def unpack_reply(frame: bytes) -> Reply:
    """Check and split a decoded frame of the device.

    Raises
    ------
    ProtocolError
        If the frame is truncated, its CRC or length is wrong, or its kind or status is unknown.
    """
    if len(frame) < REPLY_HEADER.size + CRC.size:
        raise ProtocolError(
            f"reply frame of {len(frame)} bytes is shorter than the smallest of {REPLY_HEADER.size + CRC.size}"
        )
    if zlib.crc32(frame[: -CRC.size]) != CRC.unpack(frame[-CRC.size :])[0]:
        raise ProtocolError(f"reply frame of {len(frame)} bytes has a wrong CRC-32")
    kind, status, length, sequence, credit, detail = REPLY_HEADER.unpack_from(frame)
    if length != len(frame) - REPLY_HEADER.size - CRC.size:
        raise ProtocolError(
            f"reply frame carries {len(frame) - REPLY_HEADER.size - CRC.size} payload bytes, its length field says {length}"
        )
    try:
        return Reply(FrameKind(kind), Status(status), sequence, credit, detail, frame[REPLY_HEADER.size : -CRC.size])
    except ValueError as error:
        raise ProtocolError(
            f"reply frame with unknown kind or status: {error}; host and gateware are of different releases"
        ) from None
