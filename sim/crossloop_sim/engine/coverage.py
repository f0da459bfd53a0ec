"""Verilator once more, on the Verilog that Amaranth writes for people, with a counter at every branch and every change of a bit."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

from crossloop_sim.engine import adapters, verilator
from crossloop_sim.engine.boundary import Boundary
from crossloop_sim.engine.compiler import Compiler
from crossloop_sim.engine.errors import EngineError

VERILOG = "top.v"
"""Name of the Verilog in the folder of a build."""

COUNTING = verilator.Flavour(
    # As amaranth.back.verilog does: one module per component, `if` and `case` as they were written. With -sv Yosys writes always_comb,
    # and leaves out the `if` that starts each `always @*` in simulators that would not run it at time zero.
    passes=f"proc -nomux -norom; memory_collect; write_verilog -sv -norename {VERILOG}",
    options=("--coverage-line", "--coverage-toggle"),
    runtime=(*verilator.RUNTIME, "verilated_cov.cpp"),
    life=adapters.COVERAGE_LIFE,
    flags=("-DVM_COVERAGE=1", "-O1"),
)


def identity(rtlil: str) -> str:
    """Return the text that an RTLIL with source lines is known by: two elaborations of one design may differ.

    Of a signal that passes several modules under one name, Amaranth tells the line of one declaration, not always the same.
    """
    lines = rtlil.splitlines()
    sources = {line.strip() for line in lines if line.lstrip().startswith("attribute \\src ")}
    return "\n".join([*(line for line in lines if line.strip() not in sources), *sorted(sources)])


def make(folder: Path, rtlil: str, boundary: Boundary, compiler: Compiler, say: Callable[[str], None]) -> None:
    """Build the library for a design in `folder`."""
    verilator.make(folder, rtlil, boundary, compiler, say, COUNTING)


def write_counts(library: Path, output: Path) -> None:
    """Write what all simulations of a library that ended in this process have reached, as Verilator's coverage data.

    Parameters
    ----------
    library : Path
        A build with engine "coverage".
    output : Path
        The file.

    Raises
    ------
    EngineError
        When the library counts nothing.
    """
    loaded = ctypes.CDLL(str(library))
    if not hasattr(loaded, "cl_coverage_write"):
        raise EngineError(f"{library} counts no coverage: build it with engine='coverage'")
    loaded.cl_coverage_write(str(output).encode())
