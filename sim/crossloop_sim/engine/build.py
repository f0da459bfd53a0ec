"""From a component to a loaded shared library."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

from crossloop_hdl import elaborate
from crossloop_sim.engine import adapters, coverage, verilator
from crossloop_sim.engine.boundary import Boundary, describe, to_rtlil
from crossloop_sim.engine.cache import build_once, digest
from crossloop_sim.engine.cgen import ModelWriter
from crossloop_sim.engine.compiler import ZIG_CXX, Compiler, find_compiler
from crossloop_sim.engine.errors import EngineError
from crossloop_sim.engine.netlist import read_netlist
from crossloop_sim.engine.simulation import NativeSimulation
from crossloop_sim.engine.yosys import cxxrtl_include, flat_json, run_yosys, yosys_version

EngineName: TypeAlias = Literal["native", "cxxrtl", "verilator", "coverage"]
Progress: TypeAlias = Callable[[str], None]

NATIVE_PASSES = "proc; flatten; opt; memory_collect; opt_clean"
"""For the generator of our own: it resolves aliases bit by bit, so every optimisation is welcome."""
CXXRTL_PASSES = "proc; flatten; clean -purge; write_cxxrtl -O6 -g0 top.cc"
"""No `opt`: it cuts vectors into pieces whose aliases CXXRTL takes for feedback, and then lags behind or iterates."""
LIBRARY = "model.so"
SOURCES = (
    "adapters.py", "boundary.py", "build.py", "cgen.py", "compiler.py", "coverage.py", "expressions.py", "harness.c", "netlist.py",
    "stepping.py", "verilator.py", "yosys.py",
)  # fmt: skip
"""Files of this package that decide what a library holds; part of the cache key."""


@dataclass(frozen=True)
class NativeDesign:
    """A compiled design; `instantiate` makes simulations of it.

    Attributes
    ----------
    engine : str
        "native", "cxxrtl", "verilator" or "coverage".
    compiler : str
        Name and version of the compiler.
    cached : bool
        Whether an earlier build was taken.
    elaborate_s, compile_s : float
        Time from component to RTLIL, and from there to the library (also of a build that was taken), in seconds.
    library : Path
        The shared library; its folder holds all generated sources.
    boundary : Boundary
        Ports and widths.
    """

    engine: str
    compiler: str
    cached: bool
    elaborate_s: float
    compile_s: float
    library: Path
    boundary: Boundary

    def instantiate(self, *, divisor: int | None = None) -> NativeSimulation:
        """Return a new simulation, just after power-on.

        Parameters
        ----------
        divisor : int, optional
            Clock cycles per bit; needed by a design with a UART (uart_rx, uart_tx), refused by others.
        """
        if self.boundary.uart != (divisor is not None):
            raise EngineError(
                "this design has a UART: say how many clock cycles a bit takes, instantiate(divisor=...)"
                if self.boundary.uart
                else f"this design takes whole bytes, so a divisor of {divisor} cycles per bit has no meaning: leave it out"
            )
        probe_words = self.boundary.macros.get("CL_PROBE", 0)
        return NativeSimulation(self.library, divisor=divisor or 0, probe_words=probe_words)


def build_native(
    component: Any,
    *,
    engine: EngineName = "native",
    garbage: bool = False,
    compiler: Compiler | None = None,
    progress: Progress | None = None,
) -> NativeDesign:
    """Compile a component into a shared library, or take the one of an equal earlier build.

    Parameters
    ----------
    component : amaranth.lib.wiring.Component
        The core with the boundary of the direct front end, and a byte stream (rx, tx) or a UART (uart_rx, uart_tx).
        All its flip-flops are in the domain `sync`.
    engine : {"native", "cxxrtl", "verilator", "coverage"}
        "native" writes C of its own from the netlist; "cxxrtl" and "verilator" are independent second opinions; "coverage" is Verilator
        that counts which branches and bits were used.
    garbage : bool
        Whether a memory with one port each way answers wrong bits when the word that is read is written in that cycle: block RAMs of some
        FPGAs do, and what counts on the old word shows. Only of the engine "native".
    compiler : Compiler, optional
        Instead of the one that `find_compiler` finds.
    progress : callable, optional
        Told in a few words what is done now.

    Raises
    ------
    EngineError
        When the design does not fit the engine or a tool is missing.
    CompileError
        When the compiler fails.
    """
    if engine not in MAKERS:
        raise EngineError(f"engine must be one of {', '.join(MAKERS)}, not {engine!r}; leave it out for the default")
    say = progress or (lambda _: None)
    started = time.perf_counter()
    say("elaborating the gateware")
    boundary = describe(component)
    rtlil = elaborate.to_rtlil(component, sources=True) if engine == "coverage" else to_rtlil(component)
    elaborate_s = time.perf_counter() - started
    tool = compiler or find_compiler("C" if engine == "native" else "C++")
    tools = [engine, str(garbage), tool.version, *tool.flags, yosys_version(), platform.machine()]
    if engine in {"verilator", "coverage"}:
        tools.append(verilator.find_verilator().version)
    sources = [(Path(__file__).parent / name).read_text() for name in SOURCES]

    make = partial(_make_native, garbage=garbage) if engine == "native" else MAKERS[engine]
    text = coverage.identity(rtlil) if engine == "coverage" else rtlil
    return build_library(
        "rtl", [text, *tools, *sources], lambda folder: make(folder, rtlil, boundary, tool, say),
        engine=engine, compiler=tool, boundary=boundary, elaborate_s=elaborate_s,
    )  # fmt: skip


def build_library(
    kind: str,
    key: Iterable[str],
    make: Callable[[Path], object],
    *,
    engine: str,
    compiler: Compiler,
    boundary: Boundary,
    elaborate_s: float = 0.0,
) -> NativeDesign:
    """Make a library, or take that of an equal earlier build, and say how it came about.

    Parameters
    ----------
    kind : str
        Subfolder of the cache.
    key : iterable of str
        Everything that the library depends on.
    make : callable
        Puts the library into an empty folder.
    engine, compiler, boundary, elaborate_s
        What is known of the design.
    """

    def timed(folder: Path) -> None:
        begin = time.perf_counter()
        make(folder)
        (folder / "build.json").write_text(json.dumps({"compile_s": time.perf_counter() - begin}))

    folder, cached = build_once(kind, digest(key), timed)
    compile_s = json.loads((folder / "build.json").read_text())["compile_s"]
    named = f"{compiler.name}: {compiler.version}"
    return NativeDesign(engine, named, cached, elaborate_s, compile_s, folder / LIBRARY, boundary)


def _make_native(
    folder: Path, rtlil: str, boundary: Boundary, compiler: Compiler, say: Progress, *, garbage: bool = False
) -> None:
    say("translating the netlist to C")
    netlist = read_netlist(flat_json(folder, rtlil, NATIVE_PASSES))
    if garbage:
        for memory in netlist.memories:
            if memory.integer("RD_PORTS") == memory.integer("WR_PORTS") == 1:
                memory.parameters["RD_COLLISION_X_MASK"] = "1"
    model = ModelWriter(netlist, boundary.watched).source()
    source = folder / "model.c"
    source.write_text(adapters.c_source(boundary, model))
    say(f"compiling with {compiler.name}")
    compiler.build(folder, [source], folder / LIBRARY)


def _make_cxxrtl(folder: Path, rtlil: str, boundary: Boundary, compiler: Compiler, say: Progress) -> None:
    say("translating the gateware to C++ with CXXRTL")
    said = run_yosys(folder, rtlil, CXXRTL_PASSES)
    if "require delta cycles" in said:
        raise EngineError(
            "CXXRTL found vectors that feed themselves bit by bit, which one evaluation per clock cannot settle; "
            "use engine='native', which handles them"
        )
    source = folder / "model.cc"
    text = adapters.cxxrtl_source(boundary, (folder / "top.cc").read_text())
    source.write_text(text + (ZIG_CXX if compiler.zig else ""))
    say(f"compiling with {compiler.name}")
    compiler.build(folder, [source], folder / LIBRARY, [f"-I{cxxrtl_include()}"])


MAKERS = {"native": _make_native, "cxxrtl": _make_cxxrtl, "verilator": verilator.make, "coverage": coverage.make}
"""What fills the folder of a build, by the name of the engine."""
