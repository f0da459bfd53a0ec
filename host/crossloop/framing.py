"""Frames in a stream of bytes: COBS encoding, splitting at delimiters, dropping what does not check."""

from __future__ import annotations

from cobs import cobs

from crossloop.protocol.errors import ProtocolError
from crossloop.protocol.frames import FrameKind, Reply, pack_request, unpack_reply

DELIMITER_BYTE = b"\0"
"""Ends every frame; sent alone it ends whatever garbage the device may have in hand."""


def encode(kind: int, sequence: int, payload: bytes = b"") -> bytes:
    """Return a host frame as it goes over the line, delimiter included."""
    encoded: bytes = cobs.encode(pack_request(kind, sequence, payload))
    return encoded + DELIMITER_BYTE


KICK_FRAME = encode(FrameKind.KICK, 0)
"""Keeps the dead-man timer alive; always the same bytes."""
STOP_FRAME = encode(FrameKind.STOP, 0)
"""Trips the safety gate; always the same bytes."""


class ReplyReader:
    """Collects received bytes and hands out the device's frames that check.

    Attributes
    ----------
    bad_frames : int
        Frames dropped because their stuffing, length, CRC or kind was wrong.
    """

    def __init__(self, frame_bytes: int) -> None:
        self.bad_frames = 0
        self._rest = b""
        self._limit = _encoded_bytes(frame_bytes)

    def resize(self, frame_bytes: int) -> None:
        """Take over the frame size of the identity frame."""
        self._limit = _encoded_bytes(frame_bytes)

    def clear(self) -> None:
        """Forget a frame that has only begun."""
        self._rest = b""

    def feed(self, data: bytes) -> list[Reply]:
        """Return the complete, correct frames that `data` ends, in order."""
        *whole, rest = (self._rest + data).split(DELIMITER_BYTE)
        if len(rest) > self._limit:  # no frame is that long: noise without a delimiter must not fill the memory
            self.bad_frames += 1
            rest = b""
        self._rest = rest
        replies = []
        for encoded in whole:
            if encoded:
                try:
                    replies.append(unpack_reply(cobs.decode(encoded)))
                except (cobs.DecodeError, ProtocolError):
                    self.bad_frames += 1
        return replies


def _encoded_bytes(frame_bytes: int) -> int:
    return frame_bytes + frame_bytes // 254 + 2
