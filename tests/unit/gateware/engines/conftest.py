"""A bench that plays the sequencer, the vector memory and the converters around one engine bay."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pytest
from amaranth.sim import Simulator

from crossloop.protocol.errors import Status
from crossloop.protocol.microops import MicroOp
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.timing import BASE_CYCLES
from crossloop_hdl.engines.counters import COUNTERS
from crossloop_hdl.engines.engine_bay import EngineBay
from crossloop_hdl.frontend.direct import line_members

EXECUTE = BASE_CYCLES - 1


@dataclass
class Run:
    """What was seen: one value per cycle and pin from the first micro-op's first cycle on, and what each micro-op did."""

    trace: dict[str, list[int]]
    starts: list[int]
    """First cycle of each micro-op, and the one after the last."""
    faults: list[Status]
    records: bytes
    counters: dict[str, int]
    levels: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(cycle, family, line, code) of every level strobe."""
    conversions: list[tuple[int, dict[str, int]]] = field(default_factory=list)

    def changes(self, name: str) -> list[tuple[int, int]]:
        """Return (cycle, value) of the first cycle and of every later change of a pin."""
        values = self.trace[name]
        return [(cycle, value) for cycle, value in enumerate(values) if cycle == 0 or values[cycle - 1] != value]

    def durations(self) -> list[int]:
        return [after - before for before, after in zip(self.starts, self.starts[1:], strict=False)]


@lru_cache(maxsize=8)
def simulation(parameters: Parameters) -> tuple[EngineBay, Simulator, list[Callable[[Any], Awaitable[None]]]]:
    """Return a bay, its simulator and the list whose jobs a run executes; compiling one takes longer than most runs."""
    bay = EngineBay(parameters)
    jobs: list[Callable[[Any], Awaitable[None]]] = []

    async def testbench(ctx: Any) -> None:
        for job in jobs:
            await job(ctx)

    simulator = Simulator(bay)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    return bay, simulator, jobs


class Bench:
    """One bay with generous limits; keyword arguments of `run` change what happens around it."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.limits = {
            "level_min": -(1 << parameters.level_bits - 1), "level_max": (1 << parameters.level_bits - 1) - 1,
            "width_cap": 1000, "dead_man": 100_000,
        }  # fmt: skip
        self.vector: dict[int, int] = {}
        self.banks: list[bytes] = [b"", b""]
        self.seeds: dict[int, int] = {}
        self.samples: Sequence[tuple[int, int]] = ()
        self.records_free = 1000
        self.arm = True
        self.strobes: dict[int, list[str]] = {}
        """Inputs of the bay that are 1 in a cycle of the run."""
        self.tail = 0
        """Cycles to watch after the last micro-op."""

    def run(self, *ops: MicroOp) -> Run:
        bay, simulator, jobs = simulation(self.parameters)
        seen: list[Run] = []

        async def job(ctx: Any) -> None:
            await self._prepare(ctx, bay)
            seen.append(await self._execute(ctx, bay, ops))

        if jobs:  # It has run before.
            simulator.reset()
        jobs[:] = [job]
        simulator.run()
        return seen[0]

    async def _prepare(self, ctx: Any, bay: EngineBay) -> None:
        for name, value in self.limits.items():
            ctx.set(getattr(bay, name), value)
        ctx.set(bay.records_free, self.records_free)
        ctx.set(bay.records.ready, 1)
        await ctx.tick().repeat(self.parameters.break_cycles + 2)  # from power-on, lines go to GROUND
        for select, data in enumerate(self.banks):
            ctx.set(bay.bank_select, select)
            ctx.set(bay.bank_shift, 1)
            for byte in reversed(data):
                ctx.set(bay.bank_byte, byte)
                await ctx.tick()
            ctx.set(bay.bank_shift, 0)
        for select, seed in self.seeds.items():
            ctx.set(bay.seed_select, select)
            ctx.set(bay.seed, seed)
            ctx.set(bay.seed_write, 1)
            await ctx.tick()
            ctx.set(bay.seed_write, 0)
        ctx.set(bay.arm, int(self.arm))
        await ctx.tick()
        ctx.set(bay.arm, 0)

    async def _execute(self, ctx: Any, bay: EngineBay, ops: Sequence[MicroOp]) -> Run:
        pins = bay.pins
        watched = {name: getattr(pins, name) for name in ("tile", *line_members(self.parameters))}
        watched |= {name: getattr(bay, name) for name in ("armed", "tripped", "trip_cause", "gates_off")}
        run = Run({name: [] for name in watched}, [0], [], b"", dict.fromkeys(COUNTERS, 0))
        queue, phase, cycle, tail = list(ops), 0, 0, self.tail
        samples = iter(())
        waiting = None
        raised: list[str] = []
        while queue or tail:
            tail -= not queue
            for name in raised:
                ctx.set(getattr(bay, name), 0)
            raised = self.strobes.get(cycle, [])
            for name in raised:
                ctx.set(getattr(bay, name), 1)
            if queue:
                op = queue[0]
                ctx.set(bay.op, {"opcode": op.opcode, "a": op.a, "b": op.b, "c": op.c})
            ctx.set(bay.operation, len(run.starts) - 1)
            ctx.set(bay.cycle, cycle)
            ctx.set(bay.start, int(bool(queue) and phase == EXECUTE))
            for name, signal in watched.items():
                run.trace[name].append(ctx.get(signal))
            if ctx.get(pins.level.valid):
                word = ctx.get(pins.level.payload)
                run.levels.append((cycle, word["family"], word["line"], word["code"]))
            if ctx.get(pins.conversion.valid):
                word = ctx.get(pins.conversion.payload)
                run.conversions.append((cycle, {name: word[name] for name in ("family", "pair", "range", "count")}))
                samples = iter(self.samples)
                waiting = None
            if ctx.get(bay.records.valid):
                run.records += bytes([ctx.get(bay.records.payload)])
            done, fault = ctx.get(bay.done), Status(ctx.get(bay.fault))
            address, taken = ctx.get(bay.vector_address), ctx.get(pins.samples.ready)
            self._count(ctx, bay, run)
            await ctx.tick()
            ctx.set(bay.vector_data, self.vector.get(address, 0) & 0xFFFF)
            if waiting is None or taken:
                waiting = next(samples, None)
                ctx.set(pins.samples.valid, int(waiting is not None))
                if waiting is not None:
                    ctx.set(pins.samples.payload, {"code": waiting[0], "saturated": waiting[1]})
            phase += 1
            cycle += 1
            if queue and phase > EXECUTE and done:
                queue = [] if fault else queue[1:]
                phase = 0
                run.faults.append(fault)
                run.starts.append(cycle)
            assert cycle < 5000, "the micro-op does not end"
        for _ in range(2 * len(COUNTERS)):
            self._count(ctx, bay, run)
            await ctx.tick()
        return run

    def _count(self, ctx: Any, bay: EngineBay, run: Run) -> None:
        """Add to the counters what the bay asks for in this cycle."""
        if ctx.get(bay.count):
            half = 0xFFFF << 16 * ctx.get(bay.count_high)
            run.counters[COUNTERS[ctx.get(bay.counter)]] += ctx.get(bay.count_amount) & half


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Make a bench of a geometry; further keyword arguments are build parameters."""

    def make(rows: int = 4, columns: int = 4, **others: int) -> Bench:
        return Bench(Parameters(rows=rows, columns=columns, **others))

    return make
