"""The compiled gateware as a target, beside the golden model: same program, same plant, same transcript."""

import random
from collections import Counter

import pytest

from crossloop.protocol import commands
from crossloop.protocol import microops as ops
from crossloop.protocol.errors import LinkError
from crossloop.protocol.frames import FrameKind
from crossloop.protocol.microops import LineState, Opcode, Selection
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import CROSSING, Family
from crossloop_sim.engine import target
from crossloop_sim.targets import open_model, open_rtl
from crossloop_sim.transcript import difference

ROWS, COLUMNS, TILES = 5, 6, 2
QUERY = f"?rows={ROWS}&columns={COLUMNS}&tiles={TILES}&transcript=1&seed=3"


@pytest.fixture
def rtl():
    transport = open_rtl(f"rtl:{QUERY}")
    yield transport
    transport.close()


@pytest.mark.parametrize("link", ["", "&link=uart&divisor=4"])
def test_scenario_gives_the_same_transcript(host_of, link):
    gateware = open_rtl(f"rtl:{QUERY}{link}")
    expected = host_of(open_model(f"model:{QUERY}")).scenario()
    measured = host_of(gateware).scenario()
    assert difference(expected, measured) is None
    assert [entry.what for entry in measured.pins].count("CODES") == 1
    assert len(measured.frames_out) == 5


def test_identity_comes_from_the_gateware(rtl, host_of):
    reply = host_of(rtl).open()
    assert reply.kind is FrameKind.IDENTITY
    assert rtl.simulated


def test_silence_ends_after_the_asked_device_time(rtl):
    assert rtl.read(1e-4) == b""
    assert rtl.world.statistics()["cycles"] == 5_000


def test_figures_tell_the_engine(rtl):
    rtl.world.advance(1_000)
    figures = rtl.world.statistics()
    assert figures["engine"] == "native"
    assert figures["compile_s"] > 0
    assert figures["cycles_per_s"] == pytest.approx(1_000 / figures["run_s"])


def test_slow_steps_of_the_build_are_told(monkeypatch):
    monkeypatch.setattr(target, "_designs", {})  # as in a process that has not opened this build yet
    said = []
    open_rtl(f"rtl:{QUERY}", progress=said.append).close()
    assert said


def test_closed_link_refuses(rtl):
    rtl.close()
    with pytest.raises(LinkError, match="is closed"):
        rtl.read(0.1)


class Programs:
    """Random programs: mostly sensible, some wrong in one place."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def bits(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def program(self) -> bytes:
        pick = self._random.randrange
        made: list[ops.MicroOp] = []
        wrong = self.chance(0.25)
        if self.chance(0.5):
            code = self._random.choice([60, -60])
            made += [ops.connect(family, LineState.DRIVE) for family in CROSSING]
            made += [ops.level(Family.ROWS, 65535, code), ops.level(Family.COLUMNS, 65535, -code)]
        for _ in range(pick(1, 14)):
            if self.chance(0.12):
                body = [self._sensible() for _ in range(pick(4))]
                made += [ops.loop(pick(1, 4)), *body, ops.next_()]
            elif wrong and self.chance(0.2):
                made.append(self._wild())
            else:
                made.append(self._sensible())
        return b"".join(op.encode() for op in (*made, ops.halt()))

    def _sensible(self) -> ops.MicroOp:
        pick, choose = self._random.randrange, self._random.choice
        family = Family(pick(2))
        lines = (ROWS, COLUMNS)[family]
        pair = self.chance(0.4)
        return choose([
            lambda: ops.wait(pick(20)),
            lambda: ops.tile(pick(TILES)),
            lambda: ops.level(family, choose([65535, pick(lines)]), choose([60, -60, pick(-64, 64)])),
            lambda: ops.levels(family, pick(1, lines + 1), pick(64)),
            lambda: ops.connect(family, LineState.DRIVE),
            lambda: ops.connect(
                family, LineState(pick(4)), others=LineState(pick(4)), selection=Selection(pick(4)), index=pick(lines)
            ),
            lambda: ops.pulse(pick(1, 5), pick(1, 12), pick(1, 12)),
            lambda: ops.coincide(pick(1, 12), pick(1, 9), pick(1, 9), row_sign=pick(2), column_sign=pick(2)),
            lambda: ops.convert(
                family, pick(1, (lines // 2 if pair else lines) + 1), settle_cycles=pick(1, 6),
                integrate_cycles=pick(1, 6), pair=pair, range_index=pick(4),
            ),
        ])()  # fmt: skip

    def _wild(self) -> ops.MicroOp:
        pick = self._random.randrange
        opcode = self._random.choice(list(Opcode))
        a, b = pick(256), self._random.choice([0, 1, 2, ROWS, COLUMNS + 1, pick(65536)])
        if opcode in {Opcode.LOOP, Opcode.PULSE, Opcode.COINCIDE}:
            a, b = a & 1, pick(20)  # long programs only cost time
        return ops.MicroOp(opcode, a, b, pick(1, 300) | pick(3) << 16)


LIMITS = {Register.LEVEL_MIN: -62, Register.LEVEL_MAX: 62, Register.WIDTH_CAP: 40, Register.DEAD_MAN: 50_000_000}
WATCHED = (
    Register.STATE, Register.TRIP_CAUSE, Register.SLOTS, Register.ROW_PULSES, Register.COLUMN_PULSES, Register.CELL_PULSES,
    Register.TRAIN_PULSES,
)  # fmt: skip


def test_random_programs_give_the_same_transcript(rtl, host_of, seed):
    programs = Programs(seed)
    model = open_model(f"model:{QUERY}")
    hosts = [host_of(model), host_of(rtl)]
    for host in hosts:
        host.open()
        host.request(*(commands.write_register(*item) for item in LIMITS.items()))
    outcomes: Counter[str] = Counter()
    for token in range(1, 151):
        parts = [
            commands.arm(token),
            commands.write_bytes(commands.Bank.ROW_STREAMS, programs.bits(ROWS)),
            commands.write_bytes(commands.Bank.COLUMN_STREAMS, programs.bits(COLUMNS)),
            commands.write_bytes(commands.Bank.VECTOR, bytes((byte & 127) - 64 & 255 for byte in programs.bits(128))),
            commands.write_register(Register.ROW_SEED, int.from_bytes(programs.bits(4), "little")),
            commands.write_program(programs.program(), 0),
            commands.run(0),
            *(commands.read_register(register) for register in WATCHED),
        ]
        if programs.chance(0.2):
            parts.append(commands.disarm())
        expected, measured = (host.request(*parts) for host in hosts)
        outcomes[expected.status.name] += 1
        assert measured == expected, difference(model.world.transcript, rtl.world.transcript)
    for transport in (model, rtl):
        transport.world.advance(1000)
    assert difference(model.world.transcript, rtl.world.transcript) is None
    # The programs are worth something: most run to their end, some trip, cells have moved.
    assert outcomes["OK"] > 75
    assert outcomes["TRIPPED"] > 5
    assert rtl.world.plant.ledger().pulses.sum() > 1000
