"""From a component to a loaded library of its netlist, or of its bitstream."""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Any, Literal, TypeAlias

from crossloop_sim.engine import adapters, build
from crossloop_sim.engine.boundary import Boundary, describe, to_rtlil
from crossloop_sim.engine.build import NativeDesign, Progress
from crossloop_sim.engine.cache import build_once, digest
from crossloop_sim.engine.cgen import ModelWriter
from crossloop_sim.engine.compiler import Compiler, find_compiler
from crossloop_sim.engine.gates import ice40
from crossloop_sim.engine.gates.tools import versions
from crossloop_sim.engine.netlist import read_netlist

Level: TypeAlias = Literal["netlist", "bitstream"]
"""What is simulated: the netlist after synthesis, or the one that the bitstream says."""

SOURCES = ("build.py", "ice40.py", "tools.py")
"""Files of this package that decide what a library holds; part of the cache key."""


def build_gates(component: Any, level: Level, progress: Progress | None = None) -> NativeDesign:
    """Synthesise a component for the HX8K, and compile the gates into a shared library, or take that of an equal earlier build.

    Parameters
    ----------
    component : amaranth.lib.wiring.Component
        A core as `build_native` takes it.
    level : {"netlist", "bitstream"}
        Stop after synthesis, or place, route, pack, and read the bitstream back.
    progress : callable, optional
        Told in a few words what is done now.

    Raises
    ------
    EngineError
        When a tool is missing, or the design fits neither engine nor device.
    """
    say = progress or (lambda _: None)
    started = time.perf_counter()
    say("elaborating the gateware")
    boundary, rtlil = describe(component), to_rtlil(component)
    elaborate_s = time.perf_counter() - started
    compiler = find_compiler("C")

    def make(folder: Path) -> None:
        begin = time.perf_counter()
        _make(folder, rtlil, level, boundary, compiler, say)
        (folder / "build.json").write_text(json.dumps({"compile_s": time.perf_counter() - begin}))

    key = digest([rtlil, level, compiler.version, *compiler.flags, *versions(), platform.machine(), *_sources()])
    folder, cached = build_once(level, key, make)
    compile_s = json.loads((folder / "build.json").read_text())["compile_s"]
    return NativeDesign(
        level, f"{compiler.name}: {compiler.version}", cached, elaborate_s, compile_s, folder / build.LIBRARY, boundary
    )


def _make(folder: Path, rtlil: str, level: Level, boundary: Boundary, compiler: Compiler, say: Progress) -> None:
    say("synthesising the gateware for iCE40")
    ice40.synthesise(rtlil, folder)
    verilog = ice40.NETLIST
    if level == "bitstream":
        say("placing and routing on an HX8K")
        ice40.place_and_route(folder)
        say("reading the bitstream back")
        ice40.read_back(folder)
        verilog = ice40.READBACK
    say("translating the gates to C")
    netlist = read_netlist(ice40.flat(folder, verilog, wrapper(boundary, scalar=level == "bitstream")))
    source = folder / "model.c"
    source.write_text(adapters.c_source(boundary, ModelWriter(netlist, boundary.watched).source()))
    say(f"compiling with {compiler.name}")
    compiler.build(folder, [source], folder / build.LIBRARY)


def _sources() -> list[str]:
    engine = Path(build.__file__).parent
    here = Path(__file__).parent
    return [path.read_text() for path in [*(engine / name for name in build.SOURCES), *(here / name for name in SOURCES)]]


def wrapper(boundary: Boundary, *, scalar: bool) -> str:
    """Return Verilog of a module `top` with the ports of a boundary around the module `gates`.

    Parameters
    ----------
    boundary : Boundary
        Ports and widths.
    scalar : bool
        Whether every bit of a port is a port of its own inside, named as in the constraints.
    """
    directions = {name: "input" for name in boundary.inputs} | {name: "output" for name in boundary.outputs}
    widths = {**boundary.inputs, **boundary.outputs}
    ports = ["input clk", *(f"{directions[name]} [{width - 1}:0] {name}" for name, width in widths.items())]
    joined = [".clk(clk)"]
    for name, width in widths.items():
        if not scalar or width == 1:
            joined.append(f".{name}({name})")
        else:
            joined += [f".\\{name}[{index}] ({name}[{index}])" for index in range(width)]
    return f"module top({', '.join(ports)});\ngates inner({', '.join(joined)});\nendmodule\n"
