"""Bitstreams that tests share: built once per process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from crossloop.protocol.manifest import Manifest
from crossloop_boards.build import build
from crossloop_boards.catalogue import board as find_board


@dataclass(frozen=True)
class Built:
    """A bitstream and what is known of it."""

    folder: Path
    manifest: Manifest


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Built]:
    """Build the first front end of a board, at a baud rate; what was built once is there."""
    known: dict[tuple[str, int | None], Built] = {}

    def make(name: str, baud: int | None = None) -> Built:
        if (name, baud) not in known:
            board = find_board(name)
            front_end = next(iter(board.front_ends))
            folder = tmp_path_factory.mktemp(name)
            manifest = build(board, front_end, board.parameters(front_end), folder, baud=baud, progress=print)
            known[name, baud] = Built(folder, manifest)
        return known[name, baud]

    return make
