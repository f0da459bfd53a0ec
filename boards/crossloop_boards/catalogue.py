"""The boards that crossloop knows, and board files of one's own."""

from __future__ import annotations

import importlib.util
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

from crossloop.protocol.errors import RangeError
from crossloop_boards.board import Board, FrontEndWiring

NAMES = ("hx8k", "icebreaker", "ulx3s", "tang_nano_9k")
"""Modules of this package with a `BOARD` each."""


def boards() -> list[Board]:
    """Return every board of this package."""
    return [board(name) for name in NAMES]


def board(name: str) -> Board:
    """Return a board by its name, or from a file of one's own.

    Parameters
    ----------
    name : str
        One of `NAMES` (a hyphen counts as an underscore), or the path of a `.toml` or `.py` file.

    Raises
    ------
    RangeError
        If there is no such board, or the file does not describe one.
    """
    path = Path(name)
    if path.suffix == ".toml":
        return _from_toml(path)
    if path.suffix == ".py":
        return _from_python(path)
    module = name.replace("-", "_")
    if module not in NAMES:
        raise RangeError(
            f"unknown board {name!r}; known are {', '.join(NAMES)}, or give the path of a board file (.toml or .py, see docs/boards.md)"
        )
    found: Board = import_module(f"crossloop_boards.{module}").BOARD
    return found


def _from_toml(path: Path) -> Board:
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text())
        front_ends = {name: FrontEndWiring(**wiring) for name, wiring in values.pop("front_ends").items()}
        return Board(**values, front_ends=front_ends)
    except FileNotFoundError:
        raise RangeError(f"there is no board file {path}") from None
    except tomllib.TOMLDecodeError as error:
        raise RangeError(f"board file {path} is no TOML: {error}") from None
    except KeyError as error:
        raise RangeError(f"board file {path} lacks {error}; see docs/boards.md") from None
    except TypeError as error:
        raise RangeError(f"board file {path}: {error}; see docs/boards.md for the fields") from None


def _from_python(path: Path) -> Board:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.exists():
        raise RangeError(f"there is no board file {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, "BOARD", None)
    if not isinstance(found, Board):
        raise RangeError(f"board file {path} defines no BOARD of type crossloop_boards.board.Board")
    return found
