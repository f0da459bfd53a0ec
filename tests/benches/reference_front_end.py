"""The reference front end alone, with the bus-functional models of all its parts as live peers.

The bench is the controller: it keeps the times of the contract, asks for random levels, connections, pulses and conversions, and compares
what the parts did with what it asked for. The converters' answers come as late as the parts' data allow.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge, Timer
from cocotb.utils import get_sim_time
from parts.front_end import CONNECTIONS, PREFIX, FrontEndParts
from parts.sessions import ROUTES

from benches.stepper import generator
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family
from crossloop_hdl.layouts import ConversionWord, level_layout
from crossloop_sim.cosim.simulator import parameters as bench_parameters

FLOAT, DRIVE = 0, 2
ADC_LSB_V = 10 / 65536


class Peers:
    """Reads the front end's pins after every rising edge, and drives what the converters answer."""

    def __init__(self, dut: Any, parts: FrontEndParts) -> None:
        self.dut, self.parts = dut, parts
        self.outputs = {name: getattr(dut, f"pins__{name}") for name in ("busy", "douta", "doutb")}
        names = [name.removeprefix("pins__") for name in dir(dut) if name.startswith("pins__")]
        self.inputs = {name: getattr(dut, f"pins__{name}") for name in names if name not in self.outputs}
        self.shown = dict.fromkeys(self.inputs, -1)
        self.told = [0] * len(parts.converters)
        self.driven = dict.fromkeys(self.outputs, 0)

    async def watch(self) -> None:
        while True:
            await RisingEdge(self.dut.clk)
            await ReadOnly()
            now = round(get_sim_time("ps"))
            for name, handle in self.inputs.items():
                value, before = int(handle.value), self.shown[name]
                if value == before:
                    continue
                self.shown[name] = value
                for wire in range(len(handle)):
                    level = value >> wire & 1
                    if before < 0 or before >> wire & 1 != level:
                        self.parts.edge(name if len(handle) == 1 else f"{name}[{wire}]", now, level)
            self.answer(now)

    def answer(self, now: int) -> None:
        """Start what the converters are going to do at their outputs."""
        for number, part in enumerate(self.parts.converters):
            if part.busy_until_ps is not None:
                cocotb.start_soon(self.finish(number, part.busy_until_ps - now))
            for change in part.changes[self.told[number] :]:
                if change.what in self.outputs:
                    cocotb.start_soon(self.drive(change.what, number, change.value or 0, change.time_ps - now))
            self.told[number] = len(part.changes)

    async def finish(self, number: int, after_ps: int) -> None:
        await Timer(max(after_ps, 1), "ps")
        part = self.parts.converters[number]
        now = round(get_sim_time("ps"))
        if part.busy_until_ps == now:
            part.advance(now)
            self.answer(now)

    async def drive(self, name: str, number: int, level: int, after_ps: int) -> None:
        await Timer(max(after_ps, 1), "ps")
        self.driven[name] = self.driven[name] & ~(1 << number) | level << number
        self.outputs[name].value = self.driven[name]


class Bench:
    """The controller's side."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.parameters = Parameters(**bench_parameters())
        self.random = generator()
        self.codes: list[list[int]] = []
        self.parts = FrontEndParts(
            self.parameters, lambda conversion, channel: self.codes[conversion][channel] * ADC_LSB_V
        )
        self.families = [family for family in Family if self.parameters.lines(family)]
        self.states = {family: [FLOAT] * self.parameters.lines(family) for family in self.families}
        self.levels: list[tuple[Family, int, int]] = []
        self.connections: list[tuple[Family, int, str | None]] = []
        self.widths: list[int] = []
        self.wanted: list[tuple[tuple[int, ...], list[int]]] = []
        self.period_ps = 10**12 // self.parameters.clock_hz & ~1

    @classmethod
    async def make(cls, dut: Any) -> Bench:
        bench = cls(dut)
        # What comes from the controller; samples go to it.
        inputs = [name for name in dir(dut) if name.startswith("core__") and not name.startswith("core__samples")]
        for name in ("rst", *inputs):
            getattr(dut, name).value = 0
        for name in ("busy", "douta", "doutb"):
            getattr(dut, f"pins__{name}").value = 0
        dut.core__samples__ready.value = 1
        Clock(dut.clk, bench.period_ps, unit="ps").start(start_high=False)
        cocotb.start_soon(Peers(dut, bench.parts).watch())
        while True:
            await bench.idle(1)
            if int(dut.configured.value):
                return bench

    async def idle(self, cycles: int) -> None:
        for _ in range(cycles):
            await FallingEdge(self.dut.clk)

    async def level(self, family: Family, line: int, code: int) -> None:
        layout = level_layout(self.parameters)
        self.dut.core__level__payload.value = (
            layout.const({"family": int(family), "line": line, "code": code}).as_value().value
        )
        self.dut.core__level__valid.value = 1
        await self.idle(1)
        self.dut.core__level__valid.value = 0
        # As LEVEL does; LEVELS, which never writes all lines at once, may follow a write with another at once.
        settles = line == ALL_LINES or self.random.random() < 0.5
        await self.idle(self.parameters.level_write_cycles - 1 + settles * self.parameters.level_settle_cycles)
        self.levels += [(family, one, code) for one in self._lines(family, line)]

    def _lines(self, family: Family, line: int) -> list[int]:
        return list(range(self.parameters.lines(family))) if line == ALL_LINES else [line]

    def show(self, gates: dict[Family, int]) -> None:
        for family in self.families:
            states = self.states[family]
            for bit, name in enumerate(("low", "high")):
                bits = sum((state >> bit & 1) << line for line, state in enumerate(states))
                getattr(self.dut, f"core__{PREFIX[family]}_states_{name}").value = bits
            getattr(self.dut, f"core__{PREFIX[family]}_gates").value = gates.get(family, 0)

    async def connect(self) -> None:
        """Let random lines float for the break, then give them random states."""
        new = {}
        for family in self.families:
            for line, state in enumerate(self.states[family]):
                if self.random.random() < 0.7:
                    new[family, line] = self.random.randrange(4)
                    if state not in {FLOAT, DRIVE}:
                        self.connections.append((family, line, None))
                    self.states[family][line] = FLOAT
        self.show({})
        await self.idle(self.parameters.break_cycles)
        for (family, line), state in sorted(new.items()):
            self.states[family][line] = state
            if state not in {FLOAT, DRIVE}:
                self.connections.append((family, line, CONNECTIONS[state]))
        self.show({})
        await self.idle(4)

    async def pulse(self, width: int) -> None:
        gates = {
            family: sum((state == DRIVE and self.random.random() < 0.6) << line for line, state in enumerate(states))
            for family, states in self.states.items()
        }
        fired = [
            (family, line)
            for family in self.families
            for line in range(len(self.states[family]))
            if gates[family] >> line & 1
        ]
        self.connections += [(family, line, "level") for family, line in fired]
        self.show(gates)
        await self.idle(width)
        self.connections += [(family, line, None) for family, line in fired]
        self.widths += [width] * len(fired)
        self.show({})
        await self.idle(self.random.randint(1, 8))

    async def convert(self) -> list[tuple[int, int]]:
        channels = 8 * len(self.parts.converters)
        self.codes.append(
            [self.random.choice([0, 32767, -32768, self.random.randrange(-32768, 32768)]) for _ in range(channels)]
        )
        family, pair, scale = self.random.randrange(2), self.random.randrange(2), self.random.randrange(4)
        word = ConversionWord.const({"family": family, "pair": pair, "range": scale, "count": channels})
        self.dut.core__conversion__payload.value = word.as_value().value
        await self.idle(self.parameters.route_cycles)
        self.dut.core__conversion__valid.value = 1
        await self.idle(1)
        self.dut.core__conversion__valid.value = 0
        self.wanted.append(((ROUTES[family, pair] | 0x10 << scale,) * self.parts.routing.devices, self.codes[-1]))
        samples = []
        bits = self.parameters.sample_bits
        for _ in range(self.parameters.conversion_cycles + channels + 4):
            if int(self.dut.core__samples__valid.value):
                word = int(self.dut.core__samples__payload.value)
                code = (word & (1 << bits) - 1 ^ 1 << bits - 1) - (1 << bits - 1)
                samples.append((code, word >> bits))
            await self.idle(1)
        return samples

    def check(self) -> None:
        parts = self.parts
        assert not parts.violations, "\n".join(str(violation) for violation in parts.violations[:10])
        known: dict[tuple[Family, int], int] = {}
        real = []
        for family, line, code in self.levels:
            if known.get((family, line), 0) != code:
                known[family, line] = code
                real.append((family, line, code))
        assert [change[1:] for change in parts.levels()] == real
        made = [change[1:] for change in parts.connections()]
        assert sorted(made, key=str) == sorted(self.connections, key=str)
        for key in {change[:2] for change in made}:
            assert [one[2] for one in made if one[:2] == key] == [one[2] for one in self.connections if one[:2] == key]
        lengths = []
        for multiplexer in parts.multiplexers.values():
            lengths += [
                after.time_ps - before.time_ps
                for before, after in pairwise(multiplexer.changes)
                if before.value == DRIVE
            ]
        assert sorted(lengths) == sorted(width * self.period_ps for width in self.widths)
        assert [switches for _time, switches in parts.conversions] == [switches for switches, _codes in self.wanted]


@cocotb.test()
async def parts_do_what_the_controller_asks_for(dut: Any) -> None:
    bench = await Bench.make(dut)
    full = 1 << bench.parameters.level_bits - 1
    for _step in range(15):
        await bench.connect()
        for _level in range(bench.random.randint(0, 2)):
            family = bench.random.choice(bench.families)
            line = bench.random.choice([ALL_LINES, *range(bench.parameters.lines(family))])
            await bench.level(family, line, bench.random.choice([-full, full - 1, bench.random.randrange(-full, full)]))
        for _pulse in range(bench.random.randint(0, 3)):
            await bench.pulse(bench.random.randint(1, 20))
        if bench.random.random() < 0.3:
            samples = await bench.convert()
            steps = 16 - bench.parameters.sample_bits
            assert samples == [(code >> steps, int(code in {32767, -32768})) for code in bench.codes[-1]]
    await bench.idle(20)
    bench.check()
    assert bench.wanted
    assert bench.widths
    assert bench.levels
