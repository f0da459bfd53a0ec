"""From a component to Verilog that every simulator starts from the same state."""

from __future__ import annotations

from typing import Any

from crossloop_hdl.elaborate import to_rtlil
from crossloop_sim.engine.cache import build_once, digest
from crossloop_sim.engine.yosys import run_yosys, yosys_version

PASSES = "proc; memory_collect; opt_clean; write_verilog -noattr top.v"
"""A full `proc` leaves no `always @*`, whose outputs would be unknown at time zero until one of their inputs changes.
Without `-norename` Yosys gives its own cells plain names, which Icarus does not mistake for system functions."""


def to_verilog(component: Any) -> str:
    """Return a component as Verilog: module `top`, clock `clk`, synchronous reset `rst`, ports as in its signature.

    Results are kept by the content of the RTLIL, since Yosys takes longer than elaboration.

    Raises
    ------
    EngineError
        When Yosys is not installed or fails.
    """
    text = to_rtlil(component)
    key = digest([PASSES, yosys_version(), text])
    folder, _ = build_once("verilog", key, lambda folder: run_yosys(folder, text, PASSES))
    return (folder / "top.v").read_text()
