"""Bytes to checked frames: delimiters, COBS, CRC-32, length, kind."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from cobs import cobs

from crossloop.protocol.errors import Status
from crossloop.protocol.frames import CRC, DELIMITER, REQUEST_HEADER, FrameKind

_DELIMITER = bytes([DELIMITER])
_OVERHEAD = REQUEST_HEADER.size + CRC.size
_BLOCK = 0xFF
_KINDS = frozenset(int(kind) for kind in FrameKind if kind < FrameKind.IDENTITY)
_RESIDUE = 0x2144DF1C
"""CRC-32 of anything followed by its own CRC-32, little endian."""


@dataclass(frozen=True)
class Frame:
    """A frame of the host that passed every check."""

    kind: int
    sequence: int
    payload: bytes


def encode(body: bytes) -> bytes:
    """Return a frame as it goes over the line, delimiter included."""
    encoded: bytes = cobs.encode(body)
    return encoded + _DELIMITER


class Deframer:
    """Splits a byte stream at its zero bytes, whatever else it holds and wherever it was cut.

    Parameters
    ----------
    frame_bytes : int
        Longest frame that is accepted, decoded.
    """

    def __init__(self, frame_bytes: int) -> None:
        self._frame_bytes = frame_bytes
        # One code byte per started block of 254; anything longer cannot be a frame and need not be kept.
        self._encoded_bytes = frame_bytes + frame_bytes // (_BLOCK - 1) + 1
        self._partial = b""

    def feed(self, data: bytes) -> list[Frame | Status]:
        """Return the frames that end in these bytes, or why they are refused."""
        *chunks, rest = data.split(_DELIMITER)
        frames: list[Frame | Status] = []
        for chunk in chunks:
            encoded = self._partial + chunk
            self._partial = b""
            if encoded:
                frames.append(self._check(encoded))
        self._partial = (self._partial + rest)[: self._encoded_bytes + 1]
        return frames

    def _check(self, encoded: bytes) -> Frame | Status:
        if len(encoded) > self._encoded_bytes:
            return Status.LENGTH_MISMATCH
        try:
            body = cobs.decode(encoded)
        except cobs.DecodeError:
            size = decoded_bytes(encoded)
            return Status.CRC_MISMATCH if _OVERHEAD <= size <= self._frame_bytes else Status.LENGTH_MISMATCH
        if not _OVERHEAD <= len(body) <= self._frame_bytes:
            return Status.LENGTH_MISMATCH
        if zlib.crc32(body) != _RESIDUE:
            return Status.CRC_MISMATCH
        kind, _reserved, length, sequence = REQUEST_HEADER.unpack_from(body)
        if length != len(body) - _OVERHEAD:
            return Status.LENGTH_MISMATCH
        if kind not in _KINDS:
            return Status.UNKNOWN_KIND
        return Frame(kind, sequence, body[REQUEST_HEADER.size : -CRC.size])


def decoded_bytes(encoded: bytes) -> int:
    """Return how many bytes a decoder has found when a block is cut short.

    That is all that came, but for the code bytes, and the zeros between blocks.
    """
    size = position = 0
    zero = False
    while position < len(encoded):
        code = encoded[position]
        block = encoded[position + 1 : position + code]
        size += len(block) + int(zero)
        zero = code != _BLOCK
        position += code
    return size
