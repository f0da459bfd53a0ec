"""From a component to Verilog that every simulator starts from the same state."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from amaranth._toolchain.yosys import YosysError, find_yosys

from crossloop_hdl.elaborate import to_rtlil
from crossloop_sim.engine.errors import YosysFailedError

YOSYS_VERSION_MIN = (0, 40)
"""Oldest Yosys that reads the RTLIL of this Amaranth."""

SCRIPT = "proc; memory_collect; opt_clean; write_verilog -noattr"
"""A full `proc` leaves no `always @*`, whose outputs would be unknown at time zero until one of their inputs changes.
Without `-norename` Yosys gives its own cells plain names, which Icarus does not mistake for system functions."""


def to_verilog(component: Any, name: str = "top", cache: Path | None = None) -> str:
    """Return a component as Verilog; clock `clk`, synchronous reset `rst`, ports named as `crossloop_hdl.elaborate` does.

    Parameters
    ----------
    component : Component
        What is converted.
    name : str
        Name of the top module.
    cache : Path
        Folder in which results are kept by the content of the RTLIL, since Yosys takes longer than elaboration.

    Raises
    ------
    YosysFailedError
        When no Yosys is found or it fails.
    """
    text = to_rtlil(component, name)
    kept = cache / f"{hashlib.sha256((SCRIPT + text).encode()).hexdigest()[:24]}.v" if cache else None
    if kept is not None and kept.exists():
        return kept.read_text()
    try:
        yosys = find_yosys(lambda version: version >= YOSYS_VERSION_MIN)
        verilog = str(yosys.run(["-q", "-"], f"read_rtlil <<rtlil\n{text}\nrtlil\n{SCRIPT}\n", ignore_warnings=True))
    except YosysError as error:
        raise YosysFailedError(SCRIPT, str(error)) from error
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{id(verilog):x}")
        draft.write_text(verilog)
        draft.replace(kept)
    return verilog
