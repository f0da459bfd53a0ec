"""Coincidence controller: which lines fire in which cycles, what is counted, and whether chance is fair."""

from __future__ import annotations

from math import sqrt
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from benches.stepper import Stepper, generator
from benches.stream_reference import Stream
from crossloop_sim.cosim.simulator import parameters

FIELDS = ("slots", "width", "gap", "row_sign", "column_sign")
INPUTS = (
    "start", *FIELDS, "abort", "row_drive", "column_drive", "bank_select", "bank_clear", "bank_shift", "bank_byte", "seed_select",
    "seed_write", "seed",
)  # fmt: skip
OUTPUTS = (
    "gate",
    "done",
    "drawing",
    "counted",
    "row_total",
    "column_total",
    "row_mask",
    "column_mask",
    "row_signs",
    "column_signs",
)
GIVEN = parameters()
SLOT_MIN = 8
FIRST_GATE = 9
"""Cycles from the start to the first slot's gate: a slot's time in which the first bits are drawn, and one to latch them."""


class Bench:
    """The controller with the reference streams beside it."""

    def __init__(self, dut: Any) -> None:
        self.lines = (GIVEN["rows"], GIVEN["columns"])
        self.stepper = Stepper(dut, INPUTS, OUTPUTS)
        self.random = generator()
        self.streams = [Stream(family, lines) for family, lines in enumerate(self.lines)]
        self.bytes: list[list[int]] = [[0] * lines for lines in self.lines]
        self.driven = [(1 << lines) - 1 for lines in self.lines]

    @classmethod
    async def make(cls, dut: Any) -> Bench:
        bench = cls(dut)
        await bench.stepper.reset()
        return bench

    async def load(self, family: int, data: list[int]) -> None:
        """Write a stream bank: cleared, then highest line first."""
        await self.stepper.step(bank_select=family, bank_clear=1)
        for byte in reversed(data):
            await self.stepper.step(bank_select=family, bank_shift=1, bank_byte=byte)
        self.bytes[family] = data + [0] * (self.lines[family] - len(data))

    async def seed(self, family: int, seed: int) -> None:
        await self.stepper.step(seed_select=family, seed_write=1, seed=seed)
        self.streams[family].seed(seed)

    async def randomise(self) -> None:
        for family, lines in enumerate(self.lines):
            await self.load(family, [self.random.choice((0, 1, 127, self.random.getrandbits(7))) | self.random.getrandbits(1) << 7
                                     for _ in range(lines)])  # fmt: skip
            self.driven[family] = self.random.getrandbits(lines) | self.random.getrandbits(lines)
        self.stepper.hold(row_drive=self.driven[0], column_drive=self.driven[1])

    async def run(self, cycles: int, *, abort_at: int = -1, **fields: int) -> list[dict[str, int]]:
        """Start, and return the outputs of that many cycles."""
        self.stepper.hold(**fields)
        return [await self.stepper.step(start=int(cycle == 0), abort=int(cycle == abort_at)) for cycle in range(cycles)]

    def expected(self, slots: int, row_sign: int, column_sign: int) -> list[tuple[int, int]]:
        """Draw with the reference: (row mask, column mask) of every slot."""
        signs = (row_sign, column_sign)
        rows, columns = (
            [stream.draw(data, sign, driven) for _ in range(slots)]
            for stream, data, sign, driven in zip(self.streams, self.bytes, signs, self.driven, strict=True)
        )
        return list(zip(rows, columns, strict=True))


def masks_per_cycle(drawn: list[tuple[int, int]], width: int, gap: int, cycles: int) -> list[tuple[int, int, int]]:
    """Return (gate, row mask, column mask) of each cycle, masks 0 while the gate is off."""
    wanted = [(0, 0, 0)] * cycles
    length = max(width + gap, SLOT_MIN)
    for slot, (rows, columns) in enumerate(drawn):
        begin = FIRST_GATE + slot * length
        wanted[begin : begin + width] = [(1, rows, columns)] * width
    return wanted


def gated(outs: list[dict[str, int]]) -> list[tuple[int, int, int]]:
    return [(out["gate"], out["row_mask"] * out["gate"], out["column_mask"] * out["gate"]) for out in outs]


@cocotb.test()
async def lines_fire_as_the_contract_draws_them(dut: Any) -> None:
    bench = await Bench.make(dut)
    for family in (0, 1):
        await bench.seed(family, bench.random.getrandbits(32))
    for slots, width, gap in ((1, 1, 1), (3, 4, 4), (5, 1, 2), (4, 3, 9), (2, 20, 1)):
        await bench.randomise()
        signs = {"row_sign": bench.random.getrandbits(1), "column_sign": bench.random.getrandbits(1)}
        length = max(width + gap, SLOT_MIN)
        cycles = FIRST_GATE + slots * length + 12
        outs = await bench.run(cycles, slots=slots, width=width, gap=gap, **signs)
        drawn = bench.expected(slots, **signs)
        assert gated(outs) == masks_per_cycle(drawn, width, gap, cycles)
        assert [cycle for cycle, out in enumerate(outs) if out["done"]] == [FIRST_GATE + slots * length]
        counted = [(out["row_total"], out["column_total"]) for out in outs if out["counted"]]
        assert counted == [(rows.bit_count(), columns.bit_count()) for rows, columns in drawn]


@cocotb.test()
async def every_slot_is_counted_before_done(dut: Any) -> None:
    bench = await Bench.make(dut)
    await bench.randomise()
    outs = await bench.run(FIRST_GATE + 5 * SLOT_MIN + 1, slots=5, width=1, gap=1)
    assert sum(out["counted"] for out in outs) == 5
    assert outs[-1]["done"]


@cocotb.test()
async def banks_keep_signs_and_restart_from_the_seed(dut: Any) -> None:
    bench = await Bench.make(dut)
    await bench.randomise()
    out = await bench.stepper.step()
    for family, name in enumerate(("row_signs", "column_signs")):
        assert out[name] == sum((byte >> 7) << line for line, byte in enumerate(bench.bytes[family]))
    # A shorter write leaves the upper lines at zero: they never fire.
    await bench.load(0, bench.bytes[0][:1])
    # The seed that equals a lane's constant must not stop the lane.
    for seed in (0, 0x9E3779B9, 2 * 0x9E3779B9 & 0xFFFFFFFF, 0xFFFFFFFF):
        for family in (0, 1):
            await bench.seed(family, seed)
        for _ in range(2):
            outs = await bench.run(FIRST_GATE + 4 * SLOT_MIN + 4, slots=4, width=4, gap=4)
            drawn = bench.expected(4, 0, 0)
            assert gated(outs) == masks_per_cycle(drawn, 4, 4, len(outs))


@cocotb.test()
async def an_abort_stops_firing_and_keeps_the_banks(dut: Any) -> None:
    bench = await Bench.make(dut)
    await bench.randomise()
    for abort_at in range(1, FIRST_GATE + 2 * SLOT_MIN):
        outs = await bench.run(FIRST_GATE + 3 * SLOT_MIN, slots=2, width=4, gap=4, abort_at=abort_at)
        assert not any(out["gate"] for out in outs[abort_at + 1 :]), abort_at
        assert not any(out["done"] for out in outs[abort_at + 1 :]), abort_at
        assert not any(out["drawing"] for out in outs[abort_at + 8 :]), abort_at
        for family in (0, 1):
            await bench.seed(family, abort_at)
        outs = await bench.run(FIRST_GATE + 2 * SLOT_MIN + 12, slots=2, width=4, gap=4)
        assert gated(outs) == masks_per_cycle(bench.expected(2, 0, 0), 4, 4, len(outs)), abort_at


async def _slots(bench: Bench, slots: int) -> list[tuple[int, int]]:
    """Run a pass and read the masks once per slot, at the gate's edge."""
    dut = bench.stepper.dut
    bench.stepper.hold(slots=slots, width=1, gap=1)
    await bench.stepper.step(start=1)
    await bench.stepper.step()
    seen = []
    rises, falls = RisingEdge(dut.gate), FallingEdge(dut.clk)
    for _ in range(slots):
        await rises
        await falls
        seen.append((int(dut.row_mask.value), int(dut.column_mask.value)))
    return seen


@cocotb.test(skip=GIVEN["rows"] * GIVEN["columns"] < 15)  # one cell would need 20,000 slots
async def coincidences_are_fair_and_rows_know_nothing_of_columns(dut: Any) -> None:
    """Counts within 3 sigma of slots * p * q, correlation of the two streams below 0.02; no reference stream is used."""
    bench = await Bench.make(dut)
    p, q, slots = 64 / 128, 40 / 128, 2500
    rows, columns = bench.lines
    bench.stepper.hold(row_drive=bench.driven[0], column_drive=bench.driven[1])
    await bench.load(0, [64] * rows)
    await bench.load(1, [40] * columns)
    for family in (0, 1):
        await bench.seed(family, 0x1234567 * (family + 1))
    seen = await _slots(bench, slots)
    row_counts = [sum(mask >> line & 1 for mask, _ in seen) for line in range(rows)]
    column_counts = [sum(mask >> line & 1 for _, mask in seen) for line in range(columns)]
    total, covariance = 0, 0.0
    for row in range(rows):
        for column in range(columns):
            both = sum(row_mask >> row & 1 and column_mask >> column & 1 for row_mask, column_mask in seen)
            # One of many cells may be unlucky: the 3 sigma hold for the array, 5 sigma for each cell.
            assert abs(both - slots * p * q) < 5 * sqrt(slots * p * q * (1 - p * q)), (row, column, both)
            total += both
            covariance += both / slots - row_counts[row] / slots * column_counts[column] / slots
    # Cells of a line share its pulses, so their counts are not independent: variance of the sum of R*C over slots.
    second = (rows * p * (1 - p) + (rows * p) ** 2) * (columns * q * (1 - q) + (columns * q) ** 2)
    sigma = sqrt(slots * (second - (rows * p * columns * q) ** 2))
    assert abs(total - slots * p * q * rows * columns) < 3 * sigma, (total, sigma)
    correlation = covariance / (rows * columns) / sqrt(p * (1 - p) * q * (1 - q))
    assert abs(correlation) < 0.02, correlation
