"""Bus-functional models and synthesizable part models, written apart, do the same under random traffic, legal and not."""

import random
from collections.abc import Iterator, Mapping

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from crossloop_sim.bfm.ad7606 import AD7606_MINIMA, Ad7606
from crossloop_sim.bfm.adg1414 import MINIMA as ADG1414_MINIMA
from crossloop_sim.bfm.adg1414 import Adg1414Chain
from crossloop_sim.bfm.adg1604 import MINIMA as ADG1604_MINIMA
from crossloop_sim.bfm.adg1604 import Adg1604
from crossloop_sim.bfm.dac8568 import MINIMA as DAC8568_MINIMA
from crossloop_sim.bfm.dac8568 import Dac8568
from crossloop_sim.bfm.dac81416 import MINIMA as DAC81416_MINIMA
from crossloop_sim.bfm.dac81416 import Dac81416
from crossloop_sim.bfm.part import Minimum, Part
from crossloop_sim.parts.ad7606 import Ad7606Model
from crossloop_sim.parts.adg1414 import Adg1414Model
from crossloop_sim.parts.adg1604 import Adg1604Models
from crossloop_sim.parts.dac8568 import Dac8568Model
from crossloop_sim.parts.dac81416 import Dac81416Model

PERIOD_PS = 10_000
CLOCK_HZ = 100_000_000
SEEDS = range(3)


def untimed(minima: Mapping[str, Minimum]) -> dict[str, Minimum]:
    """The same table without times: what is compared here is behaviour."""
    return {name: Minimum(0, one.mark, one.source) for name, one in minima.items()}


class Pair:
    """A model in the simulator and a bus-functional model, whose pins move together.

    `watch`, if set, is called in every cycle before its end, when what depends on the pins at once is to be seen.
    """

    def __init__(self, context, model, part: Part, pins: Mapping[str, str]):
        self.context, self.model, self.part, self.pins = context, model, part, dict(pins)
        self.cycle = 1
        self.watch = None
        self.levels = {pin: part.levels[pin] for pin in pins.values()}

    async def put(self, *, cycles: int = 1, **levels: int) -> None:
        """Set pins of the model by name, and let cycles pass; outputs are those of the last of them."""
        for name, level in levels.items():
            self.context.set(getattr(self.model, name), level)
            self.part.edge(self.pins[name], self.cycle * PERIOD_PS, level)
        for _ in range(cycles):
            if self.watch:
                self.watch()
            await self.context.tick()
            self.cycle += 1

    async def frame(self, value: int, bits: int, chance: random.Random) -> Iterator[None]:
        """Send a frame on falling edges, every phase 1 to 3 cycles long."""
        await self.put(cs_n=0, cycles=chance.randint(1, 3))
        for place in reversed(range(bits)):
            await self.put(sclk=1, sdi=value >> place & 1, cycles=chance.randint(1, 3))
            await self.put(sclk=0, cycles=chance.randint(1, 3))
            yield
        await self.put(cs_n=1)
        yield
        await self.put(cycles=chance.randint(2, 4))
        yield


def simulate(dut, bench) -> None:
    simulator = Simulator(dut)
    simulator.add_clock(PERIOD_PS * 1e-12)
    simulator.add_testbench(bench)
    simulator.run()


SERIAL = {"cs_n": "cs", "sclk": "sclk", "sdi": "sdi"}


def length(chance: random.Random, right: int) -> int:
    """A frame's length: mostly right, sometimes short, sometimes long."""
    return right if chance.random() < 0.8 else chance.choice([0, 1, right // 2, right - 1, right + 1, right + 9])


def dac81416_word(chance: random.Random) -> int:
    address, data = chance.choice([
        (0x03, chance.choice([0x0A84, 0x0A84, 0x0A84, 0x0AA4, 0x0A80])),
        (0x04, chance.choice([0x3F00, 0x3F00, 0x3F00, 0x7F00])),
        (0x05, chance.choice([0xFFFF, chance.getrandbits(16)])),
        (0x06, chance.choice([0, 0, chance.getrandbits(16)])),
        (0x09, chance.choice([0, 0, chance.getrandbits(16)])),
        (chance.randint(0x0A, 0x0D), chance.choice([0xEEEE, 0xEEEE, 0xA9E0])),
        (0x0E, chance.choice([0x10, 0x10, 0x10, 0, 0x0A, 0x100])),
        (0x0F, chance.getrandbits(16)),
        *[(0x10 + chance.randrange(16), chance.getrandbits(16))] * 6,
        (chance.randrange(0x20, 0x40), chance.getrandbits(16)),
        (chance.choice([0x00, 0x01, 0x02]), chance.getrandbits(16)),
    ])  # fmt: skip
    return (chance.random() < 0.05) << 23 | chance.getrandbits(1) << 22 | address << 16 | data


def dac8568_word(chance: random.Random) -> int:
    command = chance.choice([0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9, 15])
    if command == 7 and chance.random() < 0.7:
        command = 3
    address = chance.choice([*range(9), 15, 15])
    low = {4: chance.getrandbits(10), 8: chance.choice([1, 1, 1, 0])}.get(command, chance.getrandbits(20))
    top = chance.choice([0, 0, 0, 0x10, 0x70, 0x80])
    return top << 24 | command << 24 | address << 20 | low


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("model", "part", "bits", "word"),
    [
        (Dac81416Model, lambda: Dac81416(untimed(DAC81416_MINIMA), record=True), 24, dac81416_word),
        (Dac8568Model, lambda: Dac8568(minima=untimed(DAC8568_MINIMA), record=True), 32, dac8568_word),
    ],
    ids=["DAC81416", "DAC8568"],
)
def test_level_dacs_agree_in_every_output_and_tell_every_update(model, part, bits, word, seed):
    chance = random.Random(seed)
    dut, peer = model(), part()
    if bits == 32:
        peer.levels["ldac"] = 0
    told = changed = powered = 0

    async def bench(context):
        nonlocal told, changed, powered
        pair = Pair(context, dut, peer, SERIAL)
        strobes = []

        def note_strobe():
            if context.get(dut.update):
                strobes.append((context.get(dut.every), context.get(dut.channel), context.get(dut.code)))

        pair.watch = note_strobe
        for step in range(150):
            # Awake again and again, so that traffic is not in vain; the rest is chance.
            start = (
                [0x030A84, 0x043F00, 0x090000, *[0x0AEEEE + (at << 16) for at in range(4)]]
                if bits == 24
                else [0x08000001, 0x040000FF]
            )
            wakes = step % 30 < len(start)
            value = start[step % 30] if wakes else word(chance)
            before = peer.outputs
            strobes.clear()
            async for _ in pair.frame(value, bits if wakes else length(chance, bits), chance):
                pass
            on = context.get(dut.on)
            codes = [context.get(dut.codes[channel]) for channel in range(len(peer.outputs))]
            shown = tuple(code if on >> channel & 1 else None for channel, code in enumerate(codes))
            assert shown == peer.outputs, f"step {step}, frame {value:x}"
            assert codes == peer.codes
            powered += any(output is not None for output in shown)
            for every, channel, code in strobes:
                told += 1
                named = peer.outputs if every else peer.outputs[channel : channel + 1]
                assert set(named) <= {code, None} if every else named == (code,)
            # An output that moves because its own register was written is told, if the front end can use it.
            if bits == 24:
                single, usable = 0x10 <= value >> 16 & 0x3F < 0x20, peer.range_of(value >> 16 & 0xF) == 0xE
            else:
                single, usable = value >> 24 & 0xF in {0, 3} and value >> 20 & 0xF < 8, True
            if single and before != peer.outputs:
                changed += 1
                assert bool(strobes) == usable

    simulate(dut, bench)
    assert told > 10
    assert powered > 50
    assert changed > 10


@pytest.mark.parametrize("devices", [1, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_routing_chains_agree_in_every_switch_and_bit(devices, seed):
    class Chain(wiring.Component):
        cs_n: In(1, init=1)
        sclk: In(1)
        sdi: In(1)
        sdo: Out(1)

        def elaborate(self, platform):
            m = Module()
            data = self.sdi
            for place, device in enumerate(chain):
                m.submodules[f"device_{place}"] = device
                m.d.comb += [device.cs_n.eq(self.cs_n), device.sclk.eq(self.sclk), device.sdi.eq(data)]
                data = device.sdo
            m.d.comb += self.sdo.eq(data)
            return m

    chance = random.Random(seed)
    chain = [Adg1414Model() for _ in range(devices)]
    dut, peer = Chain(), Adg1414Chain(devices, untimed(ADG1414_MINIMA), record=True)

    async def bench(context):
        pair = Pair(context, dut, peer, SERIAL)
        for _step in range(60):
            bits = length(chance, 8 * devices)
            async for _ in pair.frame(chance.getrandbits(64), bits, chance):
                out = [change.value for change in peer.changes if change.what == "sdo"]
                if out and not context.get(dut.cs_n):
                    assert context.get(dut.sdo) == out[-1]
            assert [context.get(device.switches) for device in chain] == peer.switches

    simulate(dut, bench)
    assert len({change.value for change in peer.changes if change.what == "switches"}) > 30


@pytest.mark.parametrize("seed", SEEDS)
def test_converters_agree_in_busy_and_in_every_bit(seed):
    chance = random.Random(seed)
    codes = [0] * 8
    lsb_v = 10 / 65536
    minima = untimed(AD7606_MINIMA)
    peer = Ad7606(
        lambda channel, _time_ps: (codes[channel] - (codes[channel] >> 15 << 16)) * lsb_v, minima, dout_ps=0, busy_ps=PERIOD_PS, record=True
    )  # fmt: skip
    dut = Ad7606Model(CLOCK_HZ)
    pins = {name: name.removesuffix("_n") for name in ("convst", "reset", "cs_n", "sclk")}
    checked = 0

    async def bench(context):
        nonlocal checked
        pair = Pair(context, dut, peer, pins)

        def answer(line):
            return [change.value for change in peer.changes if change.what == line][-1]

        async def convert():
            codes[:] = [chance.choice([0, 0x7FFF, 0x8000, chance.getrandbits(16)]) for _ in codes]
            await pair.put(convst=1)
            for channel, code in enumerate(codes):
                context.set(dut.load, 1)
                context.set(dut.channel, channel)
                context.set(dut.code, code)
                await pair.put()
            context.set(dut.load, 0)
            # Edges of CONVST while busy count for nothing; BUSY itself is compared in every cycle.
            nudges = {chance.randrange(20, 380) for _ in range(3)}
            for cycle in range(400):
                level = {cycle - 5 in nudges: 0, cycle in nudges: 1}.get(True)
                await pair.put(**({} if level is None else {"convst": level}))
                peer.advance(pair.cycle * PERIOD_PS)
                assert context.get(dut.busy) == peer.busy
            await pair.put(convst=0)

        async def read():
            nonlocal checked
            await pair.put(cs_n=0, cycles=chance.randint(1, 3))
            for _clock in range(16 * chance.choice([1, 1, 2, 4, 8, 9])):
                await pair.put(sclk=0, cycles=chance.randint(1, 3))
                assert (context.get(dut.douta), context.get(dut.doutb)) == (answer("douta"), answer("doutb"))
                checked += 1
                await pair.put(sclk=1, cycles=chance.randint(1, 3))
            await pair.put(cs_n=1, cycles=chance.randint(1, 3))

        context.set(dut.cs_n, 1)
        context.set(dut.sclk, 1)
        await pair.put(reset=1, cycles=12)
        await pair.put(reset=0, cycles=12)
        for _step in range(4):
            await convert()
            for _reading in range(chance.randint(1, 4)):
                await read()
        await pair.put(reset=1, cycles=12)
        await pair.put(reset=0, cycles=12)
        await read()

    simulate(dut, bench)
    assert checked > 200
    assert peer.conversions == 4


@pytest.mark.parametrize("seed", SEEDS)
def test_multiplexers_agree_in_what_is_closed(seed):
    """An address that moves while enabled is included; the model needs two cycles to see one."""
    chance = random.Random(seed)
    dut, peer = Adg1604Models(1), Adg1604(untimed(ADG1604_MINIMA), record=True)
    pins = {"address_low": "a0", "address_high": "a1", "enable": "en"}
    states = {0: None, 1: 1, 2: None, 3: 3}
    seen = set()

    async def bench(context):
        pair = Pair(context, dut, peer, pins)
        for _step in range(150):
            await pair.put(**{chance.choice(list(pins)): chance.getrandbits(1)}, cycles=2)
            state = context.get(dut.states_high) << 1 | context.get(dut.states_low)
            closed = 2 if context.get(dut.gates) else states[state]
            # Switch 0 leads nowhere: the model does not tell it from an open one.
            assert closed == (peer.closed or None)
            seen.add(closed)

    simulate(dut, bench)
    assert seen == {None, 1, 2, 3}
