"""Level sequencer: LEVEL in the cycle after its start, LEVELS one vector word every write_cycles from the third one on.

The code of a write is what `next_code` was in the cycle before.
"""

from __future__ import annotations

from typing import Any

import cocotb

from benches.stepper import Stepper, generator, signed
from crossloop_sim.cosim.simulator import parameters

INPUTS = ("start", "vector", "line", "value", "abort", "vector_data", "refused")
OUTPUTS = ("vector_address", "write", "write_line", "next_code", "resting", "done")
WORDS = 256
FIRST = 3
"""Cycles from the start of LEVELS to its first write."""


class Bench:
    """The sequencer with a vector memory of one cycle latency behind its read port."""

    def __init__(self, dut: Any) -> None:
        given = parameters()
        self.every, self.settle = given["write_cycles"], given["settle_cycles"]
        self.stepper = Stepper(dut, INPUTS, OUTPUTS)
        self.random = generator()
        self.memory = [self.random.getrandbits(16) for _ in range(WORDS)]
        self.writes: list[tuple[int, int, int]] = []
        """(cycle, line, code) of every write."""
        self.codes: list[int] = []
        """`next_code` in the cycle of every write, which is not what is written."""
        self.resting: list[int] = []
        """Cycles in which a write was on its way."""
        self.done: list[int] = []
        self._code = 0
        """`next_code` in the cycle before."""

    @classmethod
    async def make(cls, dut: Any) -> Bench:
        bench = cls(dut)
        await bench.stepper.reset()
        return bench

    async def step(self, **strobes: int) -> None:
        out = await self.stepper.step(**strobes)
        self.stepper.hold(vector_data=self.memory[out["vector_address"] % WORDS])
        code, self._code = self._code, signed(out["next_code"], 32)
        if out["write"]:
            self.writes.append((self.stepper.cycle, out["write_line"], code))
            self.codes.append(self._code)
        if out["resting"]:
            self.resting.append(self.stepper.cycle)
        if out["done"]:
            self.done.append(self.stepper.cycle)

    async def execute(self, cycles: int, **fields: int) -> int:
        """Start, watch for that many cycles, and return the number of the start's cycle."""
        self.writes, self.codes, self.resting, self.done = [], [], [], []
        self.stepper.hold(**fields)
        await self.step(start=1)
        begin = self.stepper.cycle
        for _ in range(cycles):
            await self.step()
        return begin

    def expected(self, begin: int, address: int, count: int) -> list[tuple[int, int, int]]:
        """Writes of a LEVELS that starts in the cycle `begin`."""
        first = begin + FIRST
        return [(first + line * self.every, line, signed(self.memory[address + line], 16)) for line in range(count)]

    def lasts(self, count: int) -> int:
        """Return the cycles from the start of a LEVELS to its `done`."""
        return FIRST + count * self.every + self.settle

    def rests(self, writes: list[tuple[int, int, int]]) -> list[int]:
        """Return the cycles in which one of these writes is on its way."""
        return sorted({cycle + rest for cycle, *_ in writes for rest in range(1, self.every + self.settle)})


@cocotb.test()
async def level_is_written_in_the_cycle_after_its_start(dut: Any) -> None:
    bench = await Bench.make(dut)
    for line, code in ((0, 5), (65535, -64), (32, 0), (7, -(1 << 31)), (1000, (1 << 31) - 1)):
        begin = await bench.execute(3 + bench.every + bench.settle, vector=0, line=line, value=code)
        assert bench.writes == [(begin + 1, line, code)]
        assert bench.resting == bench.rests(bench.writes)
        assert bench.done == [begin + 1 + bench.every + bench.settle]


@cocotb.test()
async def levels_writes_one_word_after_the_other(dut: Any) -> None:
    bench = await Bench.make(dut)
    for count in (1, 2, 3, 33, 64, *(bench.random.randint(1, 100) for _ in range(5))):
        address = bench.random.randrange(WORDS - count)
        begin = await bench.execute(bench.lasts(count) + 2, vector=1, line=count, value=address)
        assert bench.writes == bench.expected(begin, address, count)
        assert bench.resting == bench.rests(bench.writes)
        assert bench.done == [begin + bench.lasts(count)]
        # While a word is written, the code is the next one's.
        assert bench.codes[:-1] == [code for _, _, code in bench.writes[1:]]


@cocotb.test()
async def one_may_follow_the_other_at_once(dut: Any) -> None:
    bench = await Bench.make(dut)
    for _ in range(20):
        count, address = bench.random.randint(1, 9), bench.random.randrange(100)
        begin = await bench.execute(bench.lasts(count), vector=1, line=count, value=address)
        assert bench.writes == bench.expected(begin, address, count)
        begin = await bench.execute(1 + bench.every + bench.settle, vector=0, line=3, value=-address)
        assert bench.writes == [(begin + 1, 3, -address)]


@cocotb.test()
async def an_abort_stops_after_its_cycle(dut: Any) -> None:
    bench = await Bench.make(dut)
    count = 6
    for after in range(1, count + 1):
        begin = await bench.execute(FIRST - 1 + (after - 1) * bench.every, vector=1, line=count, value=10)
        await bench.step(abort=1)
        for _ in range(bench.lasts(count)):
            await bench.step()
        assert bench.writes == bench.expected(begin, 10, count)[:after]
        assert bench.resting == bench.rests(bench.writes)
        # It starts afresh afterwards.
        begin = await bench.execute(bench.lasts(count) + 1, vector=1, line=count, value=20)
        assert bench.writes == bench.expected(begin, 20, count)


@cocotb.test()
async def a_refusal_goes_with_the_write_of_the_cycle_before(dut: Any) -> None:
    bench = await Bench.make(dut)
    count = 6
    for after in range(1, count):
        begin = await bench.execute(FIRST - 1, vector=1, line=count, value=10)
        await bench.step(refused=1)  # nothing was asked for before the first write
        for _ in range((after - 1) * bench.every):
            await bench.step()
        await bench.step(refused=1, abort=1)
        end = bench.stepper.cycle
        for _ in range(bench.lasts(count)):
            await bench.step()
        # The gate is not armed any more: what is asked for in the cycle of the refusal is not done, and need not be held back.
        expected = bench.expected(begin, 10, count)
        further = [write for write in expected if write[0] == end]
        assert bench.writes in (expected[:after], expected[:after] + further)
        # Nothing rests from the next cycle on.
        assert set(bench.resting) - {end} == {cycle for cycle in bench.rests(expected[:after]) if cycle < end}
        # It is over, unless that was the last word; nobody waits for it then.
        assert bench.done in ([], [end + 1] if bench.writes == expected and not bench.settle else [])
        # It starts afresh afterwards.
        begin = await bench.execute(bench.lasts(count) + 1, vector=1, line=count, value=20)
        assert bench.writes == bench.expected(begin, 20, count)
