"""Pulse generator and safety gate at two taps per cycle, measured in time at the pin of a DDR output."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge, ValueChange
from cocotb.utils import get_sim_time

from benches.stepper import PERIOD_NS, Stepper, generator

INPUTS = ("arm", "connect", "start", "abort", "count", "width", "gap", "width_cap", "duty_rest")
OUTPUTS = ("done", "pulse_ended", "tripped", "delivered", "pin")
TAP_PS = PERIOD_NS * 1000 // 2


class Bench:
    """The path with a stopwatch on its pin."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.stepper = Stepper(dut, INPUTS, OUTPUTS)
        self.random = generator()
        self._edges: list[int] = []

    @classmethod
    async def make(cls, dut: Any, **limits: int) -> Bench:
        bench = cls(dut)
        await bench.stepper.reset()
        bench.stepper.hold(**({"width_cap": (1 << 24) - 1} | limits))
        await bench.ready()
        cocotb.start_soon(bench._watch())
        return bench

    async def ready(self) -> None:
        """Arm, and drive the lines."""
        await self.stepper.step(arm=1)
        await self.stepper.idle(4)
        await self.stepper.step(connect=1)
        await self.stepper.idle(4)

    async def _watch(self) -> None:
        """Note the time of every edge that lasts."""
        level = 0
        while True:
            await ValueChange(self.dut.pin)
            await ReadOnly()
            value = int(self.dut.pin.value)
            if value != level:
                level = value
                self._edges.append(round(get_sim_time("ps")))

    async def train(self, count: int, width: int, gap: int) -> list[int]:
        """Play a train; return the times of its edges in taps, from the first on."""
        self._edges.clear()
        self.stepper.hold(count=count, width=width, gap=gap)
        await self.stepper.step(start=1)
        await self.stepper.step()
        begin = get_sim_time("ps")
        await RisingEdge(self.dut.done)
        # The generator took the strobe at the rising edge half a cycle before `begin`.
        took_taps = (get_sim_time("ps") - begin) / TAP_PS + 1
        assert took_taps == 2 * -(-count * (width + gap) // 2), "duration"
        await self.stepper.idle(2)
        assert all((edge - self._edges[0]) % TAP_PS == 0 for edge in self._edges)
        return [(edge - self._edges[0]) // TAP_PS for edge in self._edges]


def wanted(count: int, width: int, gap: int) -> list[int]:
    """Return the edges that a train must have."""
    return [pulse * (width + gap) + part for pulse in range(count) for part in (0, width)]


@cocotb.test()
async def every_width_is_exact_to_the_tap(dut: Any) -> None:
    """Odd and even sums of width and gap: pulses begin in either half of a cycle, and end in either."""
    bench = await Bench.make(dut)
    for width in range(1, 301):
        for gap in (3, 4, bench.random.randint(5, 40)):
            assert await bench.train(3, width, gap) == wanted(3, width, gap), (width, gap)


@cocotb.test()
async def random_trains_have_no_jitter(dut: Any) -> None:
    bench = await Bench.make(dut)
    for _ in range(60):
        shape = bench.random.randint(1, 12), bench.random.randint(1, 3000), bench.random.randint(3, 1000)
        edges = await bench.train(*shape)
        assert edges == wanted(*shape), shape
        assert len({after - before for before, after in pairwise(edges[::2])}) <= 1
    for shape in ((2, 1, 0xFFFF), (1, (1 << 17) + 1, 3)):
        assert await bench.train(*shape) == wanted(*shape), shape


@cocotb.test()
async def a_rest_is_counted_in_taps(dut: Any) -> None:
    bench = await Bench.make(dut, duty_rest=16)
    for width in (3, 4, 9, 10):
        assert await bench.train(4, width, width) == wanted(4, width, width)
        edges = await bench.train(4, width + 1, width)
        # The second pulse is the first that is refused.
        assert edges == [0, width + 1]
        out = await bench.stepper.step(abort=1)
        assert (out["tripped"], out["delivered"]) == (1, width + 1)
        await bench.ready()


@cocotb.test()
async def an_abort_ends_the_train(dut: Any) -> None:
    bench = await Bench.make(dut)
    bench.stepper.hold(count=5, width=7, gap=4)
    for after in range(1, 40):
        await bench.stepper.step(start=1)
        await bench.stepper.idle(after - 1)
        await bench.stepper.step(abort=1)
        await bench.stepper.idle(2)
        assert not any(out["pin"] for out in await bench.stepper.idle(12))
        assert await bench.train(2, 3, 4) == wanted(2, 3, 4)
