"""The whole controller from its serial bytes to its pins, and its ports."""

import re
import struct

import pytest
from amaranth.sim import Simulator
from cobs import cobs

from crossloop.protocol import commands
from crossloop.protocol.errors import Status
from crossloop.protocol.frames import FrameKind, pack_request, unpack_reply
from crossloop.protocol.identity import unpack_identity
from crossloop.protocol.microops import LineState, connect, halt, loop, next_, pulse, wait
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RecordKind, unpack_records
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import Family
from crossloop_hdl.core import Core, UartCore
from crossloop_hdl.elaborate import to_rtlil

PARAMETERS = Parameters(rows=2, columns=3, frame_bytes=128, vector_words=16, program_ops=16, break_cycles=2)


class Host:
    """Sends requests and waits for their replies, byte by byte."""

    def __init__(self, ctx, core):
        self.ctx, self.core = ctx, core
        self.sequence = 0
        self.gates: list[int] = []
        """Row gates in every cycle of a run."""
        self._line = bytearray()
        ctx.set(core.tx.ready, 1)

    async def tick(self):
        ctx, core = self.ctx, self.core
        if ctx.get(core.running):
            self.gates.append(ctx.get(core.row_gates))
        if ctx.get(core.tx.valid):
            self._line.append(ctx.get(core.tx.payload))
        await ctx.tick()

    async def send(self, kind, payload=b""):
        for byte in cobs.encode(pack_request(kind, self.sequence, payload)) + b"\0":
            self.ctx.set(self.core.rx.valid, 1)
            self.ctx.set(self.core.rx.payload, byte)
            await self.tick()
        self.ctx.set(self.core.rx.valid, 0)

    async def reply(self):
        for _ in range(2000):
            if 0 in self._line:
                frame, _, rest = bytes(self._line).partition(b"\0")
                self._line[:] = rest
                return unpack_reply(cobs.decode(frame))
            await self.tick()
        pytest.fail("no reply within 2000 cycles")

    async def ask(self, kind, payload=b""):
        await self.send(kind, payload)
        return await self.reply()

    async def request(self, *payload):
        reply = await self.ask(FrameKind.REQUEST, b"".join(payload))
        self.sequence += 1
        return reply.status, reply.detail, list(unpack_records(reply.payload))

    async def open(self):
        self.sequence = 100
        return await self.ask(FrameKind.HELLO)


@pytest.fixture
def run():
    def run_bench(scenario):
        core = Core(PARAMETERS)

        async def testbench(ctx):
            host = Host(ctx, core)
            await host.open()
            await scenario(host)

        simulator = Simulator(core)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()

    return run_bench


def limits():
    values = {Register.LEVEL_MIN: -64, Register.LEVEL_MAX: 63, Register.WIDTH_CAP: 100, Register.DEAD_MAN: 100_000}
    return b"".join(commands.write_register(register, value) for register, value in values.items())


def image(*ops):
    return b"".join(op.encode() for op in ops)


def test_the_identity_is_that_of_the_build(run):
    async def scenario(host):
        assert unpack_identity((await host.open()).payload) == PARAMETERS

    run(scenario)


def test_registers_and_vectors_are_read_back_as_written(run):
    async def scenario(host):
        status, detail, records = await host.request(
            commands.write_register(Register.ROW_SEED, 0xDEADBEEF),
            commands.read_register(Register.ROW_SEED),
            commands.write_bytes(commands.Bank.VECTOR, bytes([1, 0x7F, 0x80, 0xFF]), 2),
            commands.write_words(struct.pack("<2h", -32768, 12345), 14),
            commands.read_words(4, 2),
            commands.read_words(2, 14),
        )
        assert (status, detail) == (Status.OK, 0)
        assert [record.kind for record in records] == [RecordKind.REGISTER, RecordKind.WORDS, RecordKind.WORDS]
        assert [(record.count, record.operation) for record in records] == [(1, Register.ROW_SEED), (4, 2), (2, 14)]
        assert records[0].data == bytes.fromhex("efbeadde")
        assert struct.unpack("<4h", records[1].data) == (1, 127, -128, -1)
        assert struct.unpack("<2h", records[2].data) == (-32768, 12345)

    run(scenario)


REFUSED = [
    (b"\x01\x00\x00", Status.COMMAND_TRUNCATED),
    (bytes(6), Status.UNKNOWN_COMMAND),
    (b"\x0a" + bytes(5), Status.UNKNOWN_COMMAND),
    (commands.write_register(99, 0), Status.ADDRESS_RANGE),
    (commands.write_register(Register.STATE, 0), Status.READ_ONLY),
    (commands.write_register(Register.STATE, 0)[:-1], Status.READ_ONLY),
    (commands.write_register(Register.DEAD_MAN, 1)[:-1], Status.COMMAND_TRUNCATED),
    (
        commands.write_register(Register.LEVEL_MIN, 5) + commands.write_register(Register.LEVEL_MIN, 6),
        Status.LIMIT_LOCKED,
    ),
    (commands.read_register(99), Status.ADDRESS_RANGE),
    (commands.write_bytes(0, bytes(3), 14), Status.ADDRESS_RANGE),
    (commands.write_bytes(3, b""), Status.ADDRESS_RANGE),
    (commands.write_bytes(commands.Bank.ROW_STREAMS, bytes(3)), Status.ADDRESS_RANGE),
    (commands.write_bytes(commands.Bank.COLUMN_STREAMS, bytes(4)), Status.ADDRESS_RANGE),
    (commands.write_bytes(0, bytes(3))[:-1], Status.COMMAND_TRUNCATED),
    (commands.write_words(bytes(4), 15), Status.ADDRESS_RANGE),
    (commands.write_words(bytes(4))[:-1], Status.COMMAND_TRUNCATED),
    (commands.read_words(2, 15), Status.ADDRESS_RANGE),
    (commands.write_program(bytes(16), 15), Status.ADDRESS_RANGE),
    (commands.write_program(bytes(16), 0)[:-1], Status.COMMAND_TRUNCATED),
    (commands.run(16), Status.ADDRESS_RANGE),
    (commands.run(0), Status.NOT_ARMED),
    (commands.arm(0), Status.TOKEN_STALE),
    (commands.arm(1), Status.NOT_ARMED),
    (commands.read_words(16) * 3, Status.REPLY_FULL),
]
"""A command, and why it is refused."""


def test_a_refused_command_ends_its_request_and_tells_its_index(run):
    async def scenario(host):
        for command, status in REFUSED:
            index = {Status.LIMIT_LOCKED: 2, Status.REPLY_FULL: 3}.get(status, 1)
            # Behind a command that lacks data, there is nothing; behind the others is one that must not be executed.
            behind = b"" if status is Status.COMMAND_TRUNCATED else commands.read_register(Register.STATE)
            answer = await host.request(commands.disarm(), command, behind)
            assert answer[:2] == (status, index), command.hex()
            assert RecordKind.REGISTER not in [record.kind for record in answer[2]], command.hex()
        status, _, records = await host.request(commands.read_words(16))
        assert (status, records[0].data) == (Status.OK, bytes(32)), "a refused command has changed nothing"

    run(scenario)


def test_a_program_runs_when_armed_and_its_pulses_come_out(run):
    program = image(connect(Family.ROWS, LineState.DRIVE), loop(2), pulse(1, 3, 2), next_(), wait(4), halt())

    async def scenario(host):
        assert (await host.request(limits(), commands.arm(1), commands.write_program(program, 5)))[0] is Status.OK
        status, _, (done,) = await host.request(commands.run(5))
        assert (status, done.kind, done.flags, done.operation) == (Status.OK, RecordKind.DONE, 0, 10)
        assert len(host.gates) == done.cycle
        rises = [now for before, now in zip(host.gates, host.gates[1:], strict=False) if now != before and now]
        assert rises == [0b11, 0b11]
        assert host.gates.count(0b11) == 2 * 3
        _, _, (pulses, state) = await host.request(
            commands.read_register(Register.TRAIN_PULSES), commands.read_register(Register.STATE)
        )
        assert (pulses.data, state.data) == (bytes([2, 0, 0, 0]), bytes([1, 0, 0, 0]))
        assert (await host.request(commands.arm(1)))[0] is Status.TOKEN_STALE

    run(scenario)


def test_a_stop_during_a_program_is_answered_first_and_ends_it_tripped(run):
    async def scenario(host):
        await host.request(limits(), commands.arm(1), commands.write_program(image(wait(2**31), halt()), 0))
        await host.send(FrameKind.REQUEST, commands.run(0))
        await host.ctx.tick().until(host.core.running)
        assert (await host.ask(FrameKind.STOP)).kind is FrameKind.STOPPED
        assert (host.ctx.get(host.core.tripped), host.ctx.get(host.core.running)) == (1, 0)
        reply = await host.reply()
        (done,) = unpack_records(reply.payload)
        assert (reply.status, done.flags) == (Status.TRIPPED, Status.TRIPPED)

    run(scenario)


def ports(rtlil):
    """Return name and width of every port of the first module, which is the top."""
    top = rtlil[: rtlil.index("\nend\n")]
    found = re.findall(r"^\s*wire width (\d+) (?:input|output) \d+\s+(?:signed\s+)?\\(\S+)", top, re.MULTILINE)
    return {name: int(width) for width, name in found}


def test_ports_of_the_core():
    assert ports(to_rtlil(Core(PARAMETERS))) == {
        "clk": 1, "rst": 1, "rx__valid": 1, "rx__payload": 8, "tx__valid": 1, "tx__ready": 1, "tx__payload": 8,
        "emergency_stop": 1, "compliance": 1, "running": 1, "tripped": 1, "tile": 8, "row_gates": 2, "column_gates": 3,
        "row_states_low": 2, "row_states_high": 2, "column_states_low": 3, "column_states_high": 3,
        "level__valid": 1, "level__payload": 2 + 16 + 7, "conversion__valid": 1, "conversion__payload": 1 + 1 + 2 + 16 + 1,
        "samples__valid": 1, "samples__ready": 1, "samples__payload": 9 + 1,
    }  # fmt: skip


def test_the_core_answers_on_its_serial_pins():
    divisor = 4
    core = UartCore(PARAMETERS, divisor)
    bits = [
        bit
        for byte in cobs.encode(pack_request(FrameKind.KICK, 0)) + b"\0" + cobs.encode(pack_request(FrameKind.REQUEST, 0)) + b"\0"
        for bit in (0, *(byte >> position & 1 for position in range(8)), 1)
    ]  # fmt: skip
    levels: list[int] = []

    async def testbench(ctx):
        for bit in bits + [1] * 300:
            ctx.set(core.uart_rx, bit)
            for _ in range(divisor):
                levels.append(ctx.get(core.uart_tx))
                await ctx.tick()

    simulator = Simulator(core)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    received, cycle = bytearray(), 0
    while cycle < len(levels) - 10 * divisor:
        if levels[cycle] == 0:
            middles = [levels[cycle + divisor * position + divisor // 2] for position in range(1, 9)]
            received.append(sum(bit << position for position, bit in enumerate(middles)))
            cycle += 10 * divisor - 1
        cycle += 1
    assert unpack_reply(cobs.decode(bytes(received[:-1]))).status is Status.NO_SESSION
