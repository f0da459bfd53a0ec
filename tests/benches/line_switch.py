"""Line-state switch: which lines CONNECT selects, and how request and done follow the start."""

from __future__ import annotations

from typing import Any

import cocotb

from benches.stepper import Stepper, generator
from crossloop_sim.cosim.simulator import parameters

INPUTS = ("start", "change_tile", "a", "b", "abort", "row_signs", "column_signs", "settled")
OUTPUTS = ("request", "mask", "done")
ALL, ONE, FIRST, SIGNED = range(4)


class Bench:
    """The switch with line states behind it that float for some cycles after a request."""

    def __init__(self, dut: Any) -> None:
        given = parameters()
        self.lines = (given["rows"], given["columns"])
        self.break_cycles = given["break_cycles"]
        self.stepper = Stepper(dut, INPUTS, OUTPUTS)
        self.random = generator()
        self.settles_at = 0
        self.requests: list[tuple[int, int]] = []
        """(cycle after the start, mask)."""
        self.done: list[int] = []

    @classmethod
    async def make(cls, dut: Any) -> Bench:
        bench = cls(dut)
        await bench.stepper.reset()
        bench.stepper.hold(settled=1)
        return bench

    async def execute(self, family: int, selection: int, index: int, *, abort_at: int = -1, tile: bool = False) -> None:
        """Run one micro-op; its other fields are random, since they must not matter here."""
        self.requests, self.done = [], []
        states = self.random.getrandbits(4) << 1
        self.stepper.hold(
            a=family | states | selection << 5 | self.random.getrandbits(1) << 7, b=index, change_tile=int(tile)
        )
        for cycle in range(self.break_cycles + 8):
            settled = int(self.stepper.cycle + 1 >= self.settles_at)
            out = await self.stepper.step(start=int(cycle == 0), abort=int(cycle == abort_at), settled=settled)
            if out["request"]:
                self.requests.append((cycle, out["mask"]))
                self.settles_at = self.stepper.cycle + 1 + self.break_cycles
            if out["done"]:
                self.done.append(cycle)

    def check(self, family: int, mask: int) -> None:
        """One request in the cycle after the start with this mask, done in the first settled cycle after it."""
        lines = self.lines[family]
        assert [(cycle, seen & ((1 << lines) - 1)) for cycle, seen in self.requests] == [(1, mask)]
        assert self.done == [2 + self.break_cycles]


@cocotb.test()
async def every_line_can_be_selected_alone(dut: Any) -> None:
    bench = await Bench.make(dut)
    for family, lines in enumerate(bench.lines):
        for line in range(lines):
            await bench.execute(family, ONE, line)
            bench.check(family, 1 << line)


@cocotb.test()
async def first_selects_none_some_or_all(dut: Any) -> None:
    bench = await Bench.make(dut)
    for family, lines in enumerate(bench.lines):
        for count in range(lines + 1):
            await bench.execute(family, FIRST, count)
            bench.check(family, sum(1 << line for line in range(count)))


@cocotb.test()
async def all_and_signed_select_by_family(dut: Any) -> None:
    bench = await Bench.make(dut)
    for _ in range(8):
        signs = [bench.random.getrandbits(lines) for lines in bench.lines]
        bench.stepper.hold(row_signs=signs[0], column_signs=signs[1])
        for family, lines in enumerate(bench.lines):
            await bench.execute(family, ALL, bench.random.getrandbits(16))
            bench.check(family, (1 << lines) - 1)
            await bench.execute(family, SIGNED, bench.random.getrandbits(16))
            bench.check(family, signs[family])


@cocotb.test()
async def a_tile_change_takes_the_same_path(dut: Any) -> None:
    bench = await Bench.make(dut)
    await bench.execute(0, ALL, 0, tile=True)
    assert [cycle for cycle, _mask in bench.requests] == [1]
    assert bench.done == [2 + bench.break_cycles]


@cocotb.test()
async def an_abort_is_never_followed_by_done(dut: Any) -> None:
    bench = await Bench.make(dut)
    for abort_at in range(2 + bench.break_cycles):
        await bench.execute(0, ALL, 0, abort_at=abort_at)
        assert not [cycle for cycle, _mask in bench.requests if cycle > abort_at + 1]
        assert not bench.done, abort_at
        await bench.execute(1, ALL, 0)
        bench.check(1, (1 << bench.lines[1]) - 1)
