"""From a component to a loaded library of its netlist, or of its bitstream."""

from __future__ import annotations

import platform
import shutil
import time
from pathlib import Path
from typing import Any, Literal, TypeAlias

from crossloop.protocol.manifest import Manifest
from crossloop_sim.engine import adapters, build
from crossloop_sim.engine.boundary import Boundary, describe, to_rtlil, without_pins
from crossloop_sim.engine.build import NativeDesign, Progress
from crossloop_sim.engine.cgen import ModelWriter
from crossloop_sim.engine.compiler import Compiler, find_compiler
from crossloop_sim.engine.components import component
from crossloop_sim.engine.errors import EngineError
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

    return build.build_library(
        level, [rtlil, level, *_tools(compiler)], lambda folder: _make(folder, rtlil, level, boundary, compiler, say),
        engine=level, compiler=compiler, boundary=boundary, elaborate_s=elaborate_s,
    )  # fmt: skip


def build_board(manifest: Manifest, built: Path, progress: Progress | None = None) -> NativeDesign:
    """Compile the netlist that a board's bitstream says into a shared library, or take that of an equal earlier one.

    Parameters
    ----------
    manifest : Manifest
        What is known of the bitstream.
    built : Path
        The folder with bitstream and constraints.
    progress : callable, optional
        Told in a few words what is done now.

    Raises
    ------
    EngineError
        When a tool is missing, or the bitstream is not for an iCE40.
    """
    if manifest.family != "iCE40":
        raise EngineError(
            f"the bitstream in {built} is for {manifest.family}; only those for iCE40 can be read back: use rtl: with the same build"
        )
    say = progress or (lambda _: None)
    asked = component(manifest.build, manifest.divisor)
    asked._MustUse__silence = True  # noqa: SLF001 - only its ports are looked at
    whole = describe(asked)
    boundary = without_pins(whole, manifest.ports)
    compiler = find_compiler("C")
    bitstream, constraints = (built / name for name in (manifest.bitstream, manifest.constraints))

    def make(folder: Path) -> None:
        shutil.copy(bitstream, folder / ice40.BITSTREAM)
        pins = [line for line in constraints.read_text().splitlines() if line.startswith("set_io ")]
        (folder / ice40.CONSTRAINTS).write_text("\n".join(pins) + "\n")
        _compile_bitstream(folder, boundary, board_wrapper(boundary, manifest), compiler, say)

    contents = [bitstream.read_bytes().hex(), constraints.read_text(), str(manifest.ports), str(manifest.inverted)]
    return build.build_library(
        "board", [*contents, *_tools(compiler)], make, engine="bitstream", compiler=compiler, boundary=boundary
    )


def _make(folder: Path, rtlil: str, level: Level, boundary: Boundary, compiler: Compiler, say: Progress) -> None:
    say("synthesising the gateware for iCE40")
    ice40.synthesise(rtlil, folder)
    if level == "netlist":
        _compile(folder, ice40.NETLIST, boundary, wrapper(boundary, scalar=False), compiler, say)
        return
    say("placing and routing on an HX8K")
    ice40.place_and_route(folder)
    _compile_bitstream(folder, boundary, wrapper(boundary, scalar=True), compiler, say)


def _compile_bitstream(folder: Path, boundary: Boundary, outside: str, compiler: Compiler, say: Progress) -> None:
    say("reading the bitstream back")
    ice40.read_back(folder)
    _compile(folder, ice40.READBACK, boundary, outside, compiler, say)


def _compile(folder: Path, verilog: str, boundary: Boundary, outside: str, compiler: Compiler, say: Progress) -> None:
    say("translating the gates to C")
    netlist = read_netlist(ice40.flat(folder, verilog, outside))
    source = folder / "model.c"
    source.write_text(adapters.c_source(boundary, ModelWriter(netlist, boundary.watched).source()))
    say(f"compiling with {compiler.name}")
    compiler.build(folder, [source], folder / build.LIBRARY)


def _tools(compiler: Compiler) -> list[str]:
    """Return what of tools and of this program decides what a library holds."""
    engine, here = Path(build.__file__).parent, Path(__file__).parent
    sources = [*(engine / name for name in build.SOURCES), *(here / name for name in SOURCES)]
    return [
        compiler.version, *compiler.flags, *versions(), platform.machine(), *(path.read_text() for path in sources),
    ]  # fmt: skip


def wrapper(boundary: Boundary, *, scalar: bool) -> str:
    """Return Verilog of a module `top` with the ports of a boundary around the module `gates`.

    Parameters
    ----------
    boundary : Boundary
        Ports and widths.
    scalar : bool
        Whether every bit of a port is a port of its own inside, named as in the constraints.
    """
    joined = [".clk(clk)"]
    for name, width in {**boundary.inputs, **boundary.outputs}.items():
        joined += _joined(name, name, width) if scalar else [f".{name}({name})"]
    return _module(boundary, joined, [])


def board_wrapper(boundary: Boundary, manifest: Manifest) -> str:
    """Return Verilog of a module `top` with the ports of a boundary around the module `gates` with those of a board."""
    joined = [f".{manifest.ports['clk']} (clk)"]
    lines = []
    for name, width in {**boundary.inputs, **boundary.outputs}.items():
        inside = name
        if name in manifest.inverted:
            inside = f"{name}_n"
            one, other = (name, inside) if name in boundary.outputs else (inside, name)
            lines += [f"wire [{width - 1}:0] {inside};", f"assign {one} = ~{other};"]
        joined += _joined(manifest.ports[name], inside, width)
    return _module(boundary, joined, lines)


def _joined(port: str, signal: str, width: int) -> list[str]:
    """Return the connections of a port whose bits are ports of their own, named as in the constraints."""
    if width == 1:
        return [f".\\{port} ({signal})"]
    return [f".\\{port}[{index}] ({signal}[{index}])" for index in range(width)]


def _module(boundary: Boundary, joined: list[str], lines: list[str]) -> str:
    ports = ["input clk", *(f"input [{width - 1}:0] {name}" for name, width in boundary.inputs.items())]
    ports += [f"output [{width - 1}:0] {name}" for name, width in boundary.outputs.items()]
    body = "\n".join([*lines, f"gates inner({', '.join(joined)});"])
    return f"module top({', '.join(ports)});\n{body}\nendmodule\n"
