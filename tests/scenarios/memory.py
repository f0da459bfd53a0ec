"""The vector memory keeps what is written to it."""

from __future__ import annotations

import numpy as np

from crossloop.protocol import commands
from crossloop.protocol.commands import Bank
from crossloop.protocol.records import RecordKind, unpack_records
from crossloop.session import Session


def write_and_read_back(session: Session, rng: np.random.Generator) -> None:
    """Words and sign-extended bytes at both ends of the memory."""
    words = rng.integers(0, 1 << 16, 30).astype("<u2")
    data = rng.integers(0, 256, 30).astype(np.uint8)
    last = session.parameters.vector_words - 30
    (reply,) = session.link.exchange(
        [
            commands.write_words(words.tobytes(), 0)
            + commands.write_bytes(Bank.VECTOR, data.tobytes(), last)
            + commands.read_words(30, 0)
            + commands.read_words(30, last)
        ]
    )
    first, second = unpack_records(reply.payload)
    assert first.kind is RecordKind.WORDS
    assert first.data == words.tobytes()
    assert second.data == data.view(np.int8).astype("<i2").tobytes()
