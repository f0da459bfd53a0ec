"""Pulse generator: trains of gate pulses, checked edge by edge."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cocotb
from cocotb.triggers import First, Timer, ValueChange
from cocotb.utils import get_sim_time

from benches.stepper import PERIOD_NS, Stepper, generator

INPUTS = ("start", "count", "width", "gap", "abort")
OUTPUTS = ("gate", "pulse_ended", "done")


class Train(list[tuple[int, int, int, int]]):
    """What a train does in each cycle after its start: (cycle, gate, pulse_ended, done), cycles without any left out."""

    def __init__(self, count: int, width: int, gap: int) -> None:
        super().__init__()
        for pulse in range(count):
            begin = 1 + pulse * (width + gap)
            self += [(begin + at, 1, int(at == width - 1), 0) for at in range(width)]
        self.append((1 + count * (width + gap), 0, 0, 1))


class Bench:
    """The generator and a list of what it does."""

    def __init__(self, dut: Any) -> None:
        self.stepper = Stepper(dut, INPUTS, OUTPUTS)
        self.random = generator()

    @classmethod
    async def make(cls, dut: Any) -> Bench:
        bench = cls(dut)
        await bench.stepper.reset()
        return bench

    async def train(self, count: int, width: int, gap: int, *, cycles: int, abort_at: int = 0) -> list[tuple[int, ...]]:
        self.stepper.hold(count=count, width=width, gap=gap)
        seen = []
        for cycle in range(cycles):
            out = await self.stepper.step(start=int(cycle == 0), abort=int(abort_at > 0 and cycle == abort_at))
            if any(out.values()):
                seen.append((cycle, out["gate"], out["pulse_ended"], out["done"]))
        return seen


@cocotb.test()
async def trains_have_the_asked_edges(dut: Any) -> None:
    bench = await Bench.make(dut)
    shapes = [(1, 1, 1), (2, 1, 1), (1, 7, 1), (3, 1, 9), (5, 4, 4)]
    shapes += [
        (bench.random.randint(1, 8), bench.random.randint(1, 30), bench.random.randint(1, 30)) for _ in range(12)
    ]
    for count, width, gap in shapes:
        seen = await bench.train(count, width, gap, cycles=count * (width + gap) + 5)
        assert seen == Train(count, width, gap), (count, width, gap)


@cocotb.test()
async def an_abort_ends_the_train_at_once_and_counts_no_cut_pulse(dut: Any) -> None:
    bench = await Bench.make(dut)
    count, width, gap = 3, 4, 3
    for abort_at in range(1, count * (width + gap) + 1):
        seen = await bench.train(count, width, gap, cycles=40, abort_at=abort_at)
        wanted = [event for event in Train(count, width, gap) if event[0] <= abort_at]
        # The pulse that is cut in its last cycle has not ended by itself.
        wanted = [(at, gate, 0 if at == abort_at else ended, done) for at, gate, ended, done in wanted]
        assert seen == wanted, abort_at


@cocotb.test()
async def wide_fields_are_used_in_full(dut: Any) -> None:
    """Width beyond 16 bits and gap of 16 bits, measured by edges instead of cycle by cycle."""
    bench = await Bench.make(dut)
    width, gap = (1 << 16) + 5, (1 << 14) + 3
    bench.stepper.hold(count=2, width=width, gap=gap)
    begin = get_sim_time("ns")
    await bench.stepper.step(start=1)
    await bench.stepper.step()
    times = []
    while len(times) < 4:
        if times or not dut.gate.value:
            await First(ValueChange(dut.gate), Timer(4 * width * PERIOD_NS, unit="ns"))
        times.append(get_sim_time("ns") - begin)
    lengths = [round((after - before) / PERIOD_NS) for before, after in pairwise(times[1:])]
    assert lengths == [gap, width]


@cocotb.test()
async def count_of_65535_is_counted_out(dut: Any) -> None:
    """The shortest pulses, as many as the field holds; falling edges are counted by the pulse_ended strobe's registers."""
    bench = await Bench.make(dut)
    count = 0xFFFF
    bench.stepper.hold(count=count, width=1, gap=1)
    await bench.stepper.step(start=1)
    begin = get_sim_time("ns")
    await bench.stepper.step()
    await ValueChange(dut.done)
    cycles = round((get_sim_time("ns") - begin) / PERIOD_NS)
    assert cycles in {2 * count, 2 * count + 1}, cycles
