"""The vector memory over a bare link, without a session's limits and arming."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossloop.link import Link
from crossloop.protocol.errors import CommandError, Status
from crossloop.protocol.parameters import Parameters
from crossloop.vector_memory import words_of, words_to_read, words_to_write


def write(link: Link, words: NDArray[np.int64], parameters: Parameters) -> None:
    """Write words from address 0 on, shape (n,)."""
    exchange(link, words_to_write(0, words, parameters))


def read_back(link: Link, count: int, parameters: Parameters) -> NDArray[np.int64]:
    """Return the first `count` words, shape (count,)."""
    return words_of(exchange(link, words_to_read(0, count, parameters))).astype(np.int64)


def differing_bytes(sent: NDArray[np.int64], found: NDArray[np.int64]) -> int:
    """Return how many bytes differ between words, shapes (n,)."""
    difference = (sent ^ found) & 0xFFFF
    return int(np.count_nonzero(difference & 0xFF) + np.count_nonzero(difference >> 8))


def exchange(link: Link, payloads: list[bytes]) -> list[bytes]:
    """Send requests and return the payloads of their replies; CommandError if the device refuses one."""
    replies = link.exchange(payloads)
    for reply in replies:
        if reply.status is not Status.OK:
            raise CommandError(reply.status, reply.detail)
    return [reply.payload for reply in replies]
