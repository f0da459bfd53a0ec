"""The whole controller when something goes wrong: stop input, stop frame, repeated frames. Seen at the pins and in the plant's ledger."""

from __future__ import annotations

import struct
from typing import Any

import cocotb
import pytest
from cocotb.task import resume
from cocotb.triggers import FallingEdge, RisingEdge, Timer
from cocotb.utils import get_sim_time

from benches import wire
from benches.stepper import generator
from benches.wire import answers, frame
from crossloop.operations import PulseTrain
from crossloop.protocol.errors import SafetyTrip
from crossloop.session import Session
from crossloop_sim.cosim.byte_link import ByteLink
from crossloop_sim.cosim.simulator import parameters
from crossloop_sim.cosim.target import CosimTransport, run_host, start
from crossloop_sim.url import parse_url
from crossloop_sim.world import World

GIVEN = parameters()
UP = (60, -60)
PERIOD_NS = 20
STOP_INPUT_CYCLES = 3
"""From the stop input to the end of the gates: two of the synchroniser, one of the gate register."""
STOP_FRAME_CYCLES = 4
"""From the last byte of a stop frame to the end of the gates."""
OK, TRIPPED = 0, 18
REGISTER_WRITE, PROGRAM_WRITE, RUN, ARM = 1, 6, 7, 8
LEVEL_MIN, LEVEL_MAX, WIDTH_CAP, DEAD_MAN = 2, 3, 4, 5


def world_of() -> World:
    return World(parse_url(GIVEN["url"], "model"))


def cycles_since(begin_ns: float) -> float:
    return (get_sim_time("ns") - begin_ns) / PERIOD_NS


@cocotb.test()
async def the_stop_input_ends_a_pulse_and_holds_until_released(dut: Any) -> None:
    transport = await start(dut, world_of())
    delays = []

    async def press() -> None:
        for _ in range(2):
            await RisingEdge(dut.running)
        await dut.row_gates.value_change
        await Timer(50 * PERIOD_NS + 7, unit="ns")  # in no phase with the clock
        dut.emergency_stop.value = 1
        begin = get_sim_time("ns")
        while int(dut.row_gates.value) or int(dut.column_gates.value):
            await FallingEdge(dut.clk)
        delays.append(cycles_since(begin))

    @resume
    async def release() -> None:
        dut.emergency_stop.value = 0

    cocotb.start_soon(press())

    def program() -> None:
        with Session(transport) as session:
            session.arm()
            session.execute(PulseTrain(0, 0, 0, 1, UP, 4, 4))
            for attempt in (lambda: session.execute(PulseTrain(0, 0, 0, 3, UP, 2000, 4)), session.arm):
                with pytest.raises(SafetyTrip, match="STOP_INPUT"):
                    attempt()
            assert session.state().stop_input
            release()
            transport.world.advance(10)
            session.arm()
            session.execute(PulseTrain(0, 0, 0, 1, UP, 4, 4))

    await run_host(program)
    assert delays[0] <= STOP_INPUT_CYCLES + 1  # seen at a falling edge up to one cycle later
    # One pulse before, a cut one, one after.
    assert transport.world.plant.ledger(0).up[0, 0] == 3


class RawHost:
    """Sends frames written by hand."""

    def __init__(self, transport: CosimTransport, line: ByteLink) -> None:
        self.transport = transport
        self.line = line
        self.sequence = 1

    async def ask(self, data: bytes, cycles: int) -> list[wire.Answer]:
        self.line.send(data)
        await Timer((len(data) + cycles) * PERIOD_NS, unit="ns")
        return answers(self.line.take())

    def request(self, *commands: bytes) -> bytes:
        self.sequence += 1
        return frame(wire.REQUEST, self.sequence - 1, b"".join(commands))

    async def open(self) -> None:
        await self.ask(frame(wire.HELLO, 1), 300)
        writes = [struct.pack("<BBHHi", REGISTER_WRITE, register, 0, 0, value)
                  for register, value in ((LEVEL_MIN, -64), (LEVEL_MAX, 63), (WIDTH_CAP, 5000), (DEAD_MAN, 1 << 30))]  # fmt: skip
        (reply,) = await self.ask(self.request(*writes, struct.pack("<BBHH", ARM, 0, 1, 0)), 600)
        assert reply.status == OK


def program(pulses: int, width: int, gap: int) -> bytes:
    """Commands that load and run: every row and column to its level, then pulses on all cells."""
    drive_rows, drive_columns = 0 | 2 << 1 | 1 << 3, 1 | 2 << 1 | 1 << 3
    ops = [
        struct.pack("<BBHi", 5, 0, 0xFFFF, 60),  # LEVEL of all rows
        struct.pack("<BBHi", 5, 1, 0xFFFF, -60),  # LEVEL of all columns
        struct.pack("<BBHI", 7, drive_rows, 0, 0),  # CONNECT
        struct.pack("<BBHI", 7, drive_columns, 0, 0),
        struct.pack("<BBHI", 8, gap >> 8, pulses, width | (gap & 0xFF) << 24),  # PULSE
        bytes(8),  # HALT
    ]
    image = b"".join(ops)
    return struct.pack("<BBHH", PROGRAM_WRITE, 0, len(ops), 0) + image + struct.pack("<BBHH", RUN, 0, 0, 0)


async def raw(dut: Any) -> tuple[RawHost, World]:
    world = world_of()
    line = ByteLink(dut)
    host = RawHost(await start(dut, world, line), line)
    await host.open()
    return host, world


@cocotb.test()
async def a_stop_frame_ends_a_pulse_in_the_midst_of_a_run(dut: Any) -> None:
    host, world = await raw(dut)
    host.line.send(host.request(program(2, 3000, 10)))
    await RisingEdge(dut.running)
    await Timer(300 * PERIOD_NS, unit="ns")
    assert int(dut.row_gates.value)
    stop = frame(wire.STOP, 0)
    host.line.send(stop)
    await RisingEdge(dut.rx__valid)
    await Timer(len(stop) * PERIOD_NS, unit="ns")
    begin = get_sim_time("ns")
    while int(dut.row_gates.value) or int(dut.column_gates.value):
        await FallingEdge(dut.clk)
    assert cycles_since(begin) <= STOP_FRAME_CYCLES
    got = await host.ask(b"", 600)
    assert {answer.kind for answer in got} == {wire.STOPPED, wire.REPLY}
    (reply,) = (answer for answer in got if answer.kind == wire.REPLY)
    assert reply.status == TRIPPED
    # What was delivered is in the ledger: one pulse, cut short.
    states = [int(getattr(dut, f"{name}_states_{bit}").value) for bit in ("low", "high") for name in ("row", "column")]
    build = world.parameters
    assert states == [(1 << build.rows) - 1, (1 << build.columns) - 1, 0, 0], "lines must be grounded"


@cocotb.test()
async def a_frame_repeated_by_the_host_never_pulses_twice(dut: Any) -> None:
    """Copies of the frame that pulses, among other frames, while it runs and long after."""
    host, world = await raw(dut)
    random = generator()
    pulses = 0
    for _ in range(6):
        count = random.randint(1, 5)
        pulses += count
        pulsing = host.request(program(count, 4, 4))
        copies = [pulsing] * random.randint(2, 6)
        copies.insert(random.randrange(1, len(copies)), frame(wire.KICK, 0))
        got = await host.ask(b"".join(copies), 800)
        assert got
        assert {(answer.status, answer.sequence) for answer in got} == {(OK, host.sequence - 1)}
        if random.random() < 0.5:  # one more request, and the older one again: it is still in the cache
            got = await host.ask(host.request() + pulsing * 2, 600)
            assert {answer.sequence for answer in got} == {host.sequence - 2, host.sequence - 1}
    host.transport.flush()
    assert (world.plant.ledger(0).up == pulses).all()
