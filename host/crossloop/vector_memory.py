"""The device's vector memory as the host sees it: 16-bit words in two's complement, in as many frames as they take."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.protocol import commands
from crossloop.protocol.arithmetic import WORD_MAX, WORD_MIN
from crossloop.protocol.commands import COMMAND_HEADER
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.frames import CRC, REPLY_HEADER, REQUEST_HEADER
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RECORD_HEADER

_WORD_BYTES = 2


def words_to_write(first: int, values: ArrayLike, parameters: Parameters) -> list[bytes]:
    """Return the commands that write words from address `first` on, one for each frame they need.

    Raises
    ------
    ShapeError, RangeError
        If the values are not a vector of integers that fit, or lie outside the memory; nothing was sent.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise ShapeError(f"vector words must have shape (n,), not {array.shape}; nothing was sent")
    if array.dtype.kind not in "iu" or (array.size and (array.min() < WORD_MIN or array.max() > WORD_MAX)):
        raise RangeError(f"vector words must be integers from {WORD_MIN} to {WORD_MAX}; nothing was sent")
    _check_place(first, array.size, parameters)
    room = (parameters.frame_bytes - REQUEST_HEADER.size - CRC.size - COMMAND_HEADER.size) // _WORD_BYTES
    return [
        commands.write_words(array[start : start + room].astype("<i2").tobytes(), first + start)
        for start in range(0, array.size, room)
    ]


def words_to_read(first: int, count: int, parameters: Parameters) -> list[bytes]:
    """Return the commands that read words from address `first` on, one for each reply they need; RangeError outside the memory."""
    _check_place(first, count, parameters)
    room = (parameters.frame_bytes - REPLY_HEADER.size - CRC.size - RECORD_HEADER.size) // _WORD_BYTES
    return [commands.read_words(min(room, count - start), first + start) for start in range(0, count, room)]


def words_of(payloads: list[bytes]) -> NDArray[np.int16]:
    """Return the words of the replies to `words_to_read`, shape (count,)."""
    return np.concatenate(
        [np.zeros(0, np.int16), *(np.frombuffer(payload[RECORD_HEADER.size :], "<i2") for payload in payloads)]
    )


def _check_place(first: int, count: int, parameters: Parameters) -> None:
    if not (first >= 0 and count >= 0 and first + count <= parameters.vector_words):
        raise RangeError(
            f"vector words {first} to {first + count - 1} are outside the device's 0 to {parameters.vector_words - 1}; nothing was sent"
        )
