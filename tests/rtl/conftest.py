"""Builds components as Verilog and runs cocotb benches on them."""

import os
from collections.abc import Callable
from functools import cache
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
    try:
        return find_simulator(os.environ.get("CROSSLOOP_SIMULATOR", "icarus"))
    except ToolError as error:
        if "CROSSLOOP_SIMULATOR" in os.environ:
            raise
        pytest.skip(f"no HDL simulator: {error}")


@cache
def _core(parameters: Parameters, divisor: int | None) -> str:
    from crossloop_hdl.core import linked_core

    return to_verilog(linked_core(parameters, divisor))


@pytest.fixture(scope="session")
def core_verilog() -> Callable[..., str]:
    """Returns the whole controller as Verilog, with a UART of `divisor` cycles per bit if one is given."""
    return lambda parameters, divisor=None: _core(parameters, divisor)


@pytest.fixture(scope="session")
def simulate(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory, seed: int) -> Simulate:
    """Run the benches of a module of tests/benches on a component (or on Verilog text); failed benches fail the test."""

    def launch(dut: Any, bench: str, *, tests: str | None = None, **parameters: Any) -> dict[str, float]:
        verilog = dut if isinstance(dut, str) else to_verilog(dut)
        folder = build(verilog, simulator)
        work = tmp_path_factory.mktemp(bench)
        return run(folder, simulator, f"benches.{bench}", work=work, parameters=parameters, tests=tests, seed=seed)

    return launch
