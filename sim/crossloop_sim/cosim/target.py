"""A simulated core as a target for blocking host code that runs beside a cocotb simulation.

The host program runs in a thread (`cocotb.task.bridge`); what its transport does is resumed inside the simulation (`cocotb.task.resume`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import FallingEdge, First, Timer

from crossloop.protocol.timing import SAFE_OFFSET
from crossloop_sim.cosim.byte_link import ByteLink, BytePort
from crossloop_sim.cosim.pins import PinMonitor
from crossloop_sim.world import SimulatedTransport, World

_RESET_CYCLES = 3
_PS = 10**12

Result = TypeVar("Result")


class CosimTransport(SimulatedTransport):
    """Transport to a simulated core; made by `start`.

    Parameters
    ----------
    url : str
        What error messages call this target.
    world : World
        Plant, and transcript if one is wanted.
    dut
        The simulated core.
    port : BytePort
        How bytes get in and out.
    monitor : PinMonitor
        The pins' side of the world.
    period_ps : int
        Length of a clock cycle in picoseconds.
    """

    def __init__(self, url: str, world: World, dut: Any, port: BytePort, monitor: PinMonitor, period_ps: int) -> None:
        super().__init__(url, world)
        self._dut = dut
        self._port = port
        self._monitor = monitor
        self._period_ps = period_ps
        self._began = time.perf_counter()
        world.attach(self._figures, self._advance, self._set_compliance)

    def flush(self) -> None:
        """Tell the plant what the pins have done so far; reading does it too."""
        self._monitor.flush()

    def _figures(self) -> dict[str, Any]:
        return {"engine": "cocotb", "cycles": self._monitor.cycle, "run_s": time.perf_counter() - self._began}

    def _send(self, data: bytes) -> None:
        self._put(data)

    def _receive(self, cycles: int) -> bytes:
        data: bytes = self._get(cycles)
        return data

    def _advance(self, cycles: int) -> None:
        self._sleep(cycles)

    def _set_compliance(self, active: bool) -> None:  # noqa: FBT001
        self._put_compliance(int(active))

    @resume
    async def _put_compliance(self, value: int) -> None:
        self._dut.compliance.value = value
        await Timer(4 * self._period_ps, unit="ps")

    @resume
    async def _put(self, data: bytes) -> None:
        self._port.send(data)

    @resume
    async def _get(self, cycles: int) -> bytes:
        if not self._port.arrived.is_set():
            await First(self._port.arrived.wait(), Timer(max(1, cycles) * self._period_ps, unit="ps"))
        self.flush()  # who reads may look at the plant next
        return self._port.take()

    @resume
    async def _sleep(self, cycles: int) -> None:
        await Timer(max(1, cycles) * self._period_ps, unit="ps")
        self.flush()


async def start(dut: Any, world: World, port: BytePort | None = None, url: str = "cocotb:") -> CosimTransport:
    """Start the clock, reset the core, and join it to a world.

    Parameters
    ----------
    dut
        The simulated core with the direct front end's pins.
    world : World
        What stands behind the pins; its parameters must be those of the build.
    port : BytePort
        How bytes get in and out; the core's byte streams by default.
    url : str
        What error messages call this target.

    Returns
    -------
    CosimTransport
        For a host program that is run by `run_host`.
    """
    period_ps = _PS // world.parameters.clock_hz
    if period_ps * world.parameters.clock_hz != _PS or period_ps % 2:
        raise ValueError(
            f"clock_hz must give an even number of picoseconds per cycle, not {world.parameters.clock_hz} Hz; choose a rounder one"
        )
    own = port is None
    port = port or ByteLink(dut)
    dut.rst.value = 1
    for name in (
        "emergency_stop",
        "compliance",
        "samples__valid",
        "samples__payload",
        *(("rx__valid", "rx__payload") if own else ()),
    ):
        getattr(dut, name).value = 0
    # Driven by the simulator interface, not by Python: nothing of Python runs per clock.
    Clock(dut.clk, period_ps, unit="ps", impl="gpi").start(start_high=False)
    await FallingEdge(dut.clk)
    monitor = PinMonitor(dut, world.parameters, world.seam, period_ps)
    monitor.start()
    for _ in range(_RESET_CYCLES):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    for _ in range(SAFE_OFFSET + world.parameters.break_cycles + 1):  # until every line is at ground
        await FallingEdge(dut.clk)
    port.start()
    return CosimTransport(url, world, dut, port, monitor, period_ps)


async def run_host(program: Callable[[], Result]) -> Result:
    """Run blocking host code beside the simulation and return its result."""
    result: Result = await bridge(program)()
    return result
