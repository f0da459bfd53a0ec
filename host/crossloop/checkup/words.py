"""The vector memory over a bare link, without a session's limits and arming."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossloop.link import Link
from crossloop.protocol.errors import CommandError, Status
from crossloop.protocol.frames import Reply
from crossloop.protocol.parameters import Parameters
from crossloop.vector_memory import words_of, words_to_read, words_to_write


def write(link: Link, words: NDArray[np.int64], parameters: Parameters) -> None:
    """Write words from address 0 on, shape (n,)."""
    _checked(link.exchange(words_to_write(0, words, parameters)))


def read_back(link: Link, count: int, parameters: Parameters) -> NDArray[np.int64]:
    """Return the first `count` words, shape (count,)."""
    replies = _checked(link.exchange(words_to_read(0, count, parameters)))
    return words_of([reply.payload for reply in replies]).astype(np.int64)


def differing_bytes(sent: NDArray[np.int64], found: NDArray[np.int64]) -> int:
    """Return how many bytes differ between words, shapes (n,)."""
    difference = (sent ^ found) & 0xFFFF
    return int(np.count_nonzero(difference & 0xFF) + np.count_nonzero(difference >> 8))


def _checked(replies: list[Reply]) -> list[Reply]:
    for reply in replies:
        if reply.status is not Status.OK:
            raise CommandError(reply.status, reply.detail)
    return replies
