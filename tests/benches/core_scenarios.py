"""The whole controller in the simulator: real host programs over its byte stream, the real plant at its pins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
import scenarios

from benches.uart_host import UartPort
from crossloop.operations import PulseTrain
from crossloop.session import Session
from crossloop_sim.cosim.simulator import parameters
from crossloop_sim.cosim.target import CosimTransport, run_host, start
from crossloop_sim.transcript import Transcript
from crossloop_sim.url import parse_url
from crossloop_sim.world import World

GIVEN = parameters()
REST_CYCLES = 1000
"""After the last reply, until the lines are at rest."""


def write_transcript(transcript: Transcript, path: Path) -> None:
    """Write a transcript as JSON, for the launcher to compare."""
    kept = {name: [frame.hex() for frame in getattr(transcript, name)] for name in ("frames_in", "frames_out")}
    path.write_text(json.dumps({**kept, "pins": transcript.pins}))


def run_scenario(transport: CosimTransport, name: str) -> None:
    """Run one scenario, its session included, and let the lines come to rest."""
    with Session(transport) as session:
        scenarios.run(name, session)
        transport.world.advance(REST_CYCLES)


@cocotb.test()
@cocotb.parametrize(name=GIVEN.get("scenarios", []))
async def scenario(dut: Any, name: str) -> None:
    world = World(parse_url(GIVEN["url"], "model"))
    bit_cycles = GIVEN.get("divisor")
    port = UartPort(dut, bit_cycles * 1_000_000_000 // world.parameters.clock_hz) if bit_cycles else None
    transport = await start(dut, world, port)
    await run_host(lambda: run_scenario(transport, name))
    write_transcript(world.transcript, Path(GIVEN["folder"]) / f"{name}.json")
    figures = world.statistics()
    dut._log.info("%s: %d cycles, %.0f per second", name, figures["cycles"], figures["cycles_per_s"])


@cocotb.test()
async def a_walking_device_moves_alone(dut: Any) -> None:
    """One pulse on each (tile, row, column, polarity): that cell moves by one step, every other stays, by the bit."""
    world = World(parse_url(GIVEN["url"] + "&preset=ideal&dw_min=0.125", "model"))
    transport = await start(dut, world)
    build, plant = world.parameters, world.plant
    # The preset's cells all start in the middle; a step of 1/8 of half the conductance range.
    step_s = 0.125 * plant.configuration.device.g_half_s

    def states() -> np.ndarray:
        return np.array([plant.conductance_s(tile) for tile in range(build.tiles)])

    def walk() -> None:
        with Session(transport) as session:
            session.arm()
            for sign in (1, -1):
                for tile, row, column in np.ndindex(build.tiles, build.rows, build.columns):
                    before = states()
                    session.execute(PulseTrain(tile, row, column, 1, (60 * sign, -60 * sign), 4, 1))
                    moved = states() - before
                    assert abs(moved[tile, row, column] - sign * step_s) < 1e-6 * step_s, (tile, row, column, sign)
                    moved[tile, row, column] = 0.0
                    assert not moved.any(), (tile, row, column, sign)
            for tile in range(build.tiles):
                ledger = plant.ledger(tile)
                assert (ledger.up == 1).all()
                assert (ledger.down == 1).all()

    await run_host(walk)
