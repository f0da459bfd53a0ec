"""One sampling convention for all benches of engines and blocks: a cycle lasts from one falling clock edge to the next.

Inputs of a cycle are written at its beginning, outputs (also those that depend on them at once) are read before the rising edge in its
middle, which takes the inputs and makes the registers of the next cycle.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

PERIOD_NS = 20


def generator() -> random.Random:
    """Return a generator with the run's own seed."""
    return random.Random(cocotb.RANDOM_SEED)


class Stepper:
    """Drives a DUT cycle by cycle.

    Parameters
    ----------
    dut
        The simulated component.
    inputs
        Names of its inputs; all are 0 until they are set.
    outputs
        Names of the outputs that `step` reads.
    """

    def __init__(self, dut: Any, inputs: Iterable[str], outputs: Iterable[str]) -> None:
        self.dut = dut
        self.cycle = 0
        """Cycles since the reset."""
        self._inputs = dict.fromkeys(inputs, 0)
        self._shown: dict[str, int] = {}
        self._outputs = {name: getattr(dut, name) for name in outputs}
        self._falls = FallingEdge(dut.clk)

    async def reset(self) -> None:
        """Start the clock and reset the DUT."""
        dut = self.dut
        dut.rst.value = 1
        for name, value in self._inputs.items():
            getattr(dut, name).value = value
        self._shown = dict(self._inputs)
        Clock(dut.clk, PERIOD_NS, unit="ns", impl="gpi").start(start_high=False)
        for _ in range(3):
            await self._falls
        dut.rst.value = 0

    def hold(self, **inputs: int) -> None:
        """Set inputs from the next cycle on; negative values in two's complement."""
        unknown = inputs.keys() - self._inputs.keys()
        assert not unknown, f"no inputs {unknown}"
        self._inputs.update(inputs)

    async def step(self, **strobes: int) -> dict[str, int]:
        """Let one cycle pass with `strobes` in it, and return the outputs of that cycle."""
        if self.cycle:
            await self._falls
        self.cycle += 1
        for name, value in (self._inputs | strobes).items():
            if self._shown[name] != value:
                self._shown[name] = value
                port = getattr(self.dut, name)
                port.value = value & ((1 << len(port)) - 1)
        await ReadOnly()
        return {name: int(port.value) for name, port in self._outputs.items()}

    async def idle(self, cycles: int) -> list[dict[str, int]]:
        """Let cycles pass; return the outputs of each."""
        return [await self.step() for _ in range(cycles)]


def signed(value: int, bits: int) -> int:
    """Read a two's complement number: the converted Verilog has lost its ports' signs."""
    return value - (1 << bits) if value >> (bits - 1) else value
