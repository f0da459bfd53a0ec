"""Arithmetic unit: results, cycles and refusals against a reference in Python's own integers, written from the contract."""

from __future__ import annotations

from typing import Any

import cocotb

from benches.stepper import Stepper, generator, signed
from crossloop_sim.cosim.simulator import parameters

INPUTS = ("coming", "decode", "op", "start", "abort", "vector_data")
OUTPUTS = (
    "done", "fault", "x", "y", "holds", "known", "pointer", "vector_address", "vector_write", "vector_write_address",
    "vector_write_data",
)  # fmt: skip
SET, COMPUTE, LOAD, STORE, BRANCH, POINT, VECTOR = 13, 14, 15, 16, 17, 19, 20
WORDS = parameters()["vector_words"]


def limited(value: int) -> int:
    return max(-32768, min(32767, value))


def fires(s: int, o: int) -> int:
    return (s > 0) - (s < 0) if o > 0 and abs(s) >= o else 0


PLACES = {
    0: lambda s, o, d, k: s, 1: lambda s, o, d, k: limited(s + o), 2: lambda s, o, d, k: limited(s - o),
    3: lambda s, o, d, k: min(s, o), 4: lambda s, o, d, k: max(s, o), 5: lambda s, o, d, k: limited(s + ((o - s) >> k)),
    6: lambda s, o, d, k: s if o else d, 8: lambda s, o, d, k: min(abs(s) >> k, 127) + 128 * (s < 0),
    9: lambda s, o, d, k: fires(s, o), 10: lambda s, o, d, k: limited((s * o) >> k),
    11: lambda s, o, d, k: limited((s * s - o * o) >> k), 15: lambda s, o, d, k: o,
}  # fmt: skip
"""VECTOR functions by number: source, operand, destination and scale to the new destination word."""
FUNCTIONS = (
    lambda x, y, k: x + y, lambda x, y, k: x - y, lambda x, y, k: x & y, lambda x, y, k: x | y, lambda x, y, k: x ^ y,
    lambda x, y, k: min(x, y), lambda x, y, k: max(x, y), lambda x, y, k: (signed(x & 0xFFFF, 16) * signed(y & 0xFFFF, 16)) >> k,
)  # fmt: skip
SLOW = {10, 11, 14}


class Bench:
    """The unit with a vector memory behind its ports."""

    def __init__(self, dut: Any) -> None:
        self.stepper = Stepper(dut, INPUTS, OUTPUTS)
        self.random = generator()
        self.memory = [0] * WORDS
        self.out: dict[str, int] = {}

    @classmethod
    async def make(cls, dut: Any) -> Bench:
        bench = cls(dut)
        bench.stepper.hold(decode=1)  # what the registers' port shows before it has read anything is not defined
        await bench.stepper.reset()
        bench.stepper.hold(decode=0)
        return bench

    async def step(self, **strobes: int) -> dict[str, int]:
        out = self.out = await self.stepper.step(**strobes)
        self.stepper.hold(vector_data=self.memory[out["vector_address"] % WORDS] & 0xFFFF)
        if out["vector_write"]:
            self.memory[out["vector_write_address"]] = signed(out["vector_write_data"], 16)
        return out

    async def execute(self, opcode: int, a: int = 0, b: int = 0, c: int = 0, *, limit: int = 3000) -> tuple[int, int]:
        """Decode and execute; return the cycles from EXECUTE to the end, and the fault."""
        word = opcode | a << 8 | b << 16 | (c & 0xFFFFFFFF) << 32
        self.stepper.hold(coming=word)
        await self.step()  # FETCH
        await self.step(decode=1)
        self.stepper.hold(op=word)
        await self.step()  # CHECK
        await self.step()  # PREPARE
        out = await self.step(start=1)
        for cycles in range(1, limit):
            if out["done"]:
                return cycles, out["fault"]
            out = await self.step()
        raise AssertionError("the micro-op does not end")

    async def register(self, number: int) -> int:
        """Read a register through a BRANCH that is not taken: its y is in the open."""
        self.stepper.hold(coming=BRANCH | number << 20)
        await self.step()  # FETCH
        await self.step(decode=1)
        return signed((await self.step())["y"], 32)

    def number(self, bits: int) -> int:
        size = self.random.choice((3, 9, bits - 1))
        return self.random.choice(
            (-(1 << bits - 1), (1 << bits - 1) - 1, 0, -1, self.random.randrange(-(1 << size), 1 << size))
        )


@cocotb.test()
async def compute_matches_python(dut: Any) -> None:
    bench = await Bench.make(dut)
    for index in range(240):
        function, scale = index % 8, bench.random.randrange(16)
        x, y = bench.number(32), bench.number(32)
        constant = bench.random.getrandbits(1)
        await bench.execute(POINT, scale << 4)
        assert await bench.execute(SET, 3, 0, x) == (1, 0)
        assert await bench.execute(SET, 9, 0, y) == (1, 0)
        took = await bench.execute(
            COMPUTE, function << 4 | 5, 3 | (1 << 8 if constant else 9 << 4), y if constant else 0
        )
        assert took == (20 if function == 7 else 1, 0)
        expected = FUNCTIONS[function](x, y, scale)
        assert await bench.register(5) == signed(expected & 0xFFFFFFFF, 32), (function, x, y, scale)


@cocotb.test()
async def words_are_loaded_and_stored(dut: Any) -> None:
    bench = await Bench.make(dut)
    for _ in range(40):
        address, value = bench.random.randrange(WORDS), bench.number(16)
        base = bench.random.randrange(-1000, 1000)
        await bench.execute(SET, 2, 0, base)
        await bench.execute(SET, 7, 0, value)
        assert await bench.execute(STORE, 0, 2 | 7 << 4, address - base) == (1, 0)
        assert bench.memory[address] == value
        bench.memory[address] = -value if value > -32768 else 1
        assert await bench.execute(LOAD, 4, 1 << 9, address) == (2, 0)
        assert await bench.register(4) == bench.memory[address]
    for opcode in (LOAD, STORE):
        for address in (WORDS, -1, -(1 << 31), (1 << 31) - 1):
            before = list(bench.memory)
            cycles, fault = await bench.execute(opcode, 4, 1 << 9, address)
            assert cycles == 1
            assert fault
            assert bench.memory == before


@cocotb.test()
async def vectors_match_python(dut: Any) -> None:
    bench = await Bench.make(dut)
    for index in range(90):
        function = list(PLACES)[index % len(PLACES)]
        count, scale = bench.random.randint(1, 7), bench.random.randrange(16)
        source, pointer, destination = 16, 32, 48
        bench.memory[:64] = [bench.number(16) for _ in range(64)]
        memory = list(bench.memory)
        scalar = bench.random.getrandbits(1)
        constant = bench.number(16)
        await bench.execute(SET, 11, 0, constant)
        await bench.execute(POINT, scale << 4, 0, pointer)
        took = await bench.execute(VECTOR, function | scalar << 7, count | 11 << 12, source | destination << 16)
        assert took == (1 + count * (24 if function in SLOW else 6), 0)
        for place in range(count):
            s, o = memory[source + place], constant if scalar else memory[pointer + place]
            memory[destination + place] = PLACES[function](s, o, memory[destination + place], scale)
            if function == 9:
                memory[source + place] = limited(s - fires(s, o) * o)
        assert bench.memory == memory, (function, scale, scalar)


@cocotb.test()
async def reductions_match_python(dut: Any) -> None:
    bench = await Bench.make(dut)
    for index in range(45):
        function, count, scale = 12 + index % 3, bench.random.randint(1, 9), bench.random.randrange(16)
        bench.memory[:64] = [bench.number(16) for _ in range(64)]
        before = list(bench.memory)
        s, o = bench.memory[8 : 8 + count], bench.memory[40 : 40 + count]
        await bench.execute(POINT, scale << 4, 0, 40)
        took = await bench.execute(VECTOR, function, count | 6 << 12, 8)
        assert took == (1 + count * (24 if function in SLOW else 6), 0)
        pairs = list(zip(s, o, strict=True))
        expected = {12: sum(s), 13: max(abs(a - b) for a, b in pairs), 14: sum((a * b) >> scale for a, b in pairs)}[
            function
        ]
        assert await bench.register(6) == expected
        assert bench.memory == before


@cocotb.test()
async def a_table_holds_its_ends(dut: Any) -> None:
    bench = await Bench.make(dut)
    bench.memory[256:512] = [bench.number(16) for _ in range(256)]
    for scale in (0, 4, 8):
        s = [-32768, -(128 << scale), -1, 0, (127 << scale) - 1, min(32767, 128 << scale), 32767]
        bench.memory[: len(s)] = s
        await bench.execute(POINT, scale << 4, 0, 256)
        assert await bench.execute(VECTOR, 7, len(s), 64 << 16) == (1 + 8 * len(s), 0)
        expected = [bench.memory[256 + 128 + max(-128, min(127, value >> scale))] for value in s]
        assert bench.memory[64 : 64 + len(s)] == expected


@cocotb.test()
async def an_abort_stops_a_vector_and_the_next_is_whole(dut: Any) -> None:
    bench = await Bench.make(dut)
    bench.memory[:8] = range(1, 9)
    word = VECTOR | 8 << 16 | 100 << 48
    bench.stepper.hold(coming=word, op=word)
    await bench.step()  # CHECK
    await bench.step()  # PREPARE
    await bench.step(start=1)
    for _ in range(13):
        await bench.step()
    await bench.step(abort=1)
    for _ in range(40):
        assert not (await bench.step())["vector_write"]
    assert bench.memory[100:108] == [1, 2, 0, 0, 0, 0, 0, 0]
    await bench.execute(VECTOR, 0, 8, 100 << 16)
    assert bench.memory[100:108] == list(range(1, 9))
