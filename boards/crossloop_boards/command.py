"""`crossloop build`, `crossloop flash` and `crossloop boards`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from crossloop.protocol.errors import RangeError
from crossloop.protocol.manifest import Manifest
from crossloop.protocol.parameters import Parameters
from crossloop_boards.board import Board
from crossloop_boards.catalogue import board as find_board
from crossloop_boards.catalogue import boards as all_boards

BoardName = Annotated[
    str, typer.Argument(metavar="BOARD", help="A name of `crossloop boards`, or a board file (.toml, .py).")
]
Folder = Annotated[Path | None, typer.Option(help="Folder of the build; build/BOARD-FRONT_END when not given.")]
FrontEnd = Annotated[str | None, typer.Option(help="Front end; the board's first when not given.")]


def list_boards() -> None:
    """List the boards, their clocks and their front ends."""
    for board in all_boards():
        names = ", ".join(board.front_ends)
        typer.echo(
            f"{board.name:<14}{board.title}; {board.clock_hz / 1e6:g} MHz, {board.baud} baud; front ends: {names}"
        )


def build(
    board: BoardName,
    front_end: FrontEnd = None,
    baud: Annotated[int | None, typer.Option(help="Of the serial line; the board's own when not given.")] = None,
    folder: Folder = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Another value of a build parameter; may be repeated."),
    ] = None,
) -> None:
    """Build a board's bitstream with tools from the package index; missed timing is an error."""
    from crossloop_boards.build import build as build_board

    found = find_board(board)
    name = front_end or next(iter(found.front_ends))
    parameters = found.parameters(name, **_changes(change or []))
    target = folder or default_folder(found, name)
    typer.echo(f"{found.title}, front end {name}, build {parameters.build_hash:016x}, in {target}")
    built = build_board(found, name, parameters, target, baud=baud, progress=lambda stage: typer.echo(f"  {stage}"))
    _show(built, target)


def flash(
    board: BoardName,
    front_end: FrontEnd = None,
    folder: Folder = None,
    permanent: Annotated[bool, typer.Option(help="Into the flash, to stay after power-off.")] = False,
) -> None:
    """Load the last build onto a board."""
    from crossloop_boards.flash import flash as flash_board

    found = find_board(board)
    built = flash_board(
        found, folder or default_folder(found, front_end or next(iter(found.front_ends))), permanent=permanent
    )
    typer.echo(f"{found.title} runs build {built.build_hash} at {built.baud} baud")


def default_folder(board: Board, front_end: str) -> Path:
    """Return where a build goes when nothing else is said."""
    return Path("build") / f"{board.name}-{front_end}"


def _changes(texts: list[str]) -> dict[str, Any]:
    known = {field.name: str(field.type) for field in fields(Parameters)}
    changes: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or known.get(name) not in {"int", "bool"}:
            choices = ", ".join(name for name, kind in known.items() if kind in {"int", "bool"})
            raise RangeError(f"--set {text!r} is not NAME=INTEGER with one of {choices}")
        try:
            changes[name] = int(value, 0)
        except ValueError:
            raise RangeError(f"--set {text!r}: {value!r} is no integer") from None
    return changes


def _show(built: Manifest, folder: Path) -> None:
    typer.echo(
        f"{built.cells} of {built.cells_available} logic cells, {built.memories} of {built.memories_available} block RAMs, "
        f"{built.fmax_mhz:.1f} MHz reached, {built.clock_hz / 1e6:g} MHz asked; {built.seconds:.0f} s"
    )
    typer.echo(f"wrote {folder / built.bitstream}")
