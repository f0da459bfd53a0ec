"""Sample sequencer: gate times, the conversion strobe, and the bytes of the record."""

from __future__ import annotations

import struct
from typing import Any

import cocotb

from benches.stepper import Stepper, generator
from crossloop_sim.cosim.simulator import parameters

INPUTS = (
    "start", "to_vector", "pointer", "a", "b", "c", "cycle", "operation", "abort", "samples__valid", "samples__payload",
    "records__ready", "vector_data",
)  # fmt: skip
OUTPUTS = (
    "gate", "reading", "conversion__valid", "conversion__payload", "samples__ready", "records__valid", "records__payload", "done",
)  # fmt: skip
CODES = 3
"""Kind of a record with converter codes."""


class Bench:
    """The sequencer between converters and a record reader, each of which can be slow."""

    def __init__(self, dut: Any) -> None:
        self.sample_bits = parameters()["sample_bits"]
        self.stepper = Stepper(dut, INPUTS, OUTPUTS)
        self.random = generator()
        self.record = b""
        self.gates: list[int] = []
        self.strobes: list[tuple[int, int]] = []
        self.done: list[int] = []

    @classmethod
    async def make(cls, dut: Any) -> Bench:
        bench = cls(dut)
        await bench.stepper.reset()
        return bench

    def samples(self, count: int) -> list[tuple[int, int]]:
        """Random (code, saturated), the extreme codes among them."""
        half = 1 << (self.sample_bits - 1)
        return [(self.random.choice((-half, half - 1, 0, -1, self.random.randrange(-half, half))), self.random.getrandbits(1))
                for _ in range(count)]  # fmt: skip

    async def convert(
        self, samples: list[tuple[int, int]], settle: int, integrate: int, *, a: int, operation: int = 0, cycle: int = 0,
        delay: float = 0.0, stall: float = 0.0, abort_from: int = 1 << 30, lost: bool = False, cycles: int | None = None,
    ) -> None:  # fmt: skip
        """Execute one CONVERT.

        Parameters
        ----------
        samples
            What the converters say.
        a, operation, cycle
            Field a of the micro-op; address and cycle of its start, for the record.
        delay, stall
            Probability that a sample is not there, that the record reader is not ready, in a cycle.
        abort_from
            From this cycle on abort is held.
        lost
            No sample ever comes.
        """
        self.record, self.gates, self.strobes, self.done = b"", [], [], []
        mask = (1 << self.sample_bits) - 1
        words = [code & mask | saturated << self.sample_bits for code, saturated in samples]
        waiting: list[int] = []
        offered = False
        self.stepper.hold(a=a, b=len(samples), c=settle | integrate << 16, operation=operation)
        for at in range(cycles or settle + integrate + 40 + 12 * len(samples)):
            offered = bool(waiting) and (offered or self.random.random() >= delay)
            out = await self.stepper.step(
                start=int(at == 0), abort=int(at >= abort_from), cycle=cycle + at, samples__valid=int(offered),
                samples__payload=waiting[0] if offered else self.random.getrandbits(self.sample_bits + 1),
                records__ready=int(self.random.random() >= stall),
            )  # fmt: skip
            ready = int(self.stepper.dut.records__ready.value)
            if out["gate"]:
                self.gates.append(at)
            if out["conversion__valid"]:
                self.strobes.append((at, out["conversion__payload"]))
                waiting = [] if lost else words
            if offered and out["samples__ready"]:
                waiting, offered = waiting[1:], False
            if out["records__valid"] and ready:
                self.record += bytes([out["records__payload"]])
            if out["done"]:
                self.done.append(at)

    def expected(self, samples: list[tuple[int, int]], a: int, cycle: int, operation: int) -> bytes:
        """The record that the contract promises."""
        header = struct.pack("<BBHIH", CODES, a, len(samples), cycle & 0xFFFFFFFF, operation)
        return header + b"".join(struct.pack("<H", code & 0x7FFF | saturated << 15) for code, saturated in samples)


@cocotb.test()
async def a_conversion_takes_the_promised_cycles(dut: Any) -> None:
    """Gate from the cycle after the start for settle + integrate + 1 cycles, then strobe, ten header bytes, two bytes per sample."""
    bench = await Bench.make(dut)
    for settle, integrate, count in ((1, 1, 1), (3, 4, 2), (10, 1, 33), (1, 20, 5)):
        samples = bench.samples(count)
        await bench.convert(samples, settle, integrate, a=0, cycle=100, operation=7)
        length = settle + integrate + 1
        assert bench.gates == list(range(1, 1 + length))
        assert [at for at, _payload in bench.strobes] == [1 + length]
        assert bench.done == [1 + length + 10 + 2 * count - 1]
        assert bench.record == bench.expected(samples, 0, 100 + 1 + length, 7)


@cocotb.test()
async def fields_reach_strobe_and_record(dut: Any) -> None:
    bench = await Bench.make(dut)
    for a in (*range(16), 0x20, 0x2F, 0xFF, 0x5A):
        samples = bench.samples(1 + a % 3)
        cycle, operation = bench.random.getrandbits(31), bench.random.getrandbits(16)
        await bench.convert(samples, 1, 2, a=a, cycle=cycle, operation=operation)
        family, pair, voltage = a & 1, a >> 1 & 1, a >> 5 & 1
        range_index = 0 if voltage else a >> 2 & 3
        assert bench.strobes == [(5, family | pair << 1 | range_index << 2 | len(samples) << 4 | voltage << 20)]
        assert bench.record == bench.expected(samples, a, cycle + 5, operation)


@cocotb.test()
async def slow_converters_and_readers_lose_nothing(dut: Any) -> None:
    bench = await Bench.make(dut)
    for delay, stall in ((0.7, 0.0), (0.0, 0.7), (0.5, 0.5)):
        samples = bench.samples(12)
        await bench.convert(samples, 2, 2, a=1, delay=delay, stall=stall, cycles=400)
        assert bench.record == bench.expected(samples, 1, 6, 0), (delay, stall)
        assert len(bench.done) == 1


@cocotb.test()
async def an_abort_before_the_strobe_leaves_no_record(dut: Any) -> None:
    bench = await Bench.make(dut)
    for abort_from in range(1, 6):
        await bench.convert(bench.samples(3), 2, 2, a=0, abort_from=abort_from)
        assert bench.gates == list(range(1, abort_from + 1))
        assert not bench.strobes
        assert not bench.record
    await bench.convert(samples := bench.samples(3), 2, 2, a=0)
    assert bench.record == bench.expected(samples, 0, 6, 0)


@cocotb.test()
async def a_record_that_has_begun_is_completed(dut: Any) -> None:
    """With what the converters say, and with saturated zeros if they have gone silent."""
    bench = await Bench.make(dut)
    samples = bench.samples(3)
    for abort_from in range(6, 22):
        await bench.convert(samples, 2, 2, a=0, abort_from=abort_from)
        assert bench.record == bench.expected(samples, 0, 6, 0), abort_from
        await bench.convert(samples, 2, 2, a=0, abort_from=abort_from, lost=True)
        assert bench.record == bench.expected([(0, 1)] * 3, 0, 6, 0), abort_from
