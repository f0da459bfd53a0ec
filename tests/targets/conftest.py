"""Sessions with every target, on equal plants."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import crossloop
from crossloop.session import Session

Opener = Callable[..., Session]

TARGETS = ("model", "rtl")


@pytest.fixture
def open_session() -> Opener:
    """Open `TARGET:?QUERY`; all sessions are closed at the end of the test."""
    opened: list[Session] = []

    def open_one(target: str, query: str = "rows=5&columns=4&tiles=2", **options: object) -> Session:
        session = crossloop.connect(f"{target}:?{query}&transcript=1", **options)  # type: ignore[arg-type]
        opened.append(session)
        return session

    yield open_one
    for session in opened:
        session.link.close()
