"""Builds components as Verilog and runs cocotb benches on them."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from crossloop.protocol.errors import ToolError
from crossloop.protocol.parameters import Parameters
from crossloop_sim.cosim.simulator import Simulator, build, find_simulator, run
from crossloop_sim.engine.verilog import to_verilog

Simulate = Callable[..., dict[str, float]]


@pytest.fixture(scope="session")
def simulator() -> Simulator:
    """The simulator named by CROSSLOOP_SIMULATOR (icarus, verilator), else Icarus Verilog."""
    name = os.environ.get("CROSSLOOP_SIMULATOR", "icarus")
    try:
        return find_simulator(name)
    except ToolError as error:
        if "CROSSLOOP_SIMULATOR" in os.environ:
            raise
        pytest.skip(f"no HDL simulator: {error}")


@cache
def core_verilog(parameters: Parameters, divisor: int | None = None) -> str:
    """Return the whole controller as Verilog, with a UART of `divisor` cycles per bit if one is given."""
    from crossloop_hdl.core import Core, UartCore

    component = Core(parameters) if divisor is None else UartCore(parameters, divisor)
    return to_verilog(component)


@pytest.fixture
def simulate(simulator: Simulator, tmp_path: Path, seed: int) -> Simulate:
    """Run the benches of a module of tests/benches on a component (or on Verilog text); failed benches fail the test."""

    def launch(dut: Any, bench: str, *, tests: str | None = None, **parameters: Any) -> dict[str, float]:
        verilog = dut if isinstance(dut, str) else to_verilog(dut)
        folder = build(verilog, simulator)
        work = tmp_path / bench
        return run(folder, simulator, f"benches.{bench}", work=work, parameters=parameters, tests=tests, seed=seed)

    return launch
