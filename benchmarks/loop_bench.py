"""Inside cocotb: the loop benchmark's program over the core's byte stream, the plant at its pins."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import cocotb
import loop_program

from crossloop.session import Session
from crossloop_sim.cosim.simulator import parameters
from crossloop_sim.cosim.target import CosimTransport, run_host, start
from crossloop_sim.url import parse_url
from crossloop_sim.world import World

GIVEN = parameters()


def _program(transport: CosimTransport) -> None:
    with Session(transport, first_sequence=1) as session:
        loop_program.run(session)


def _keep(world: World, elapsed_s: float) -> None:
    transcript = world.transcript
    kept = {
        "cycles": world.statistics()["cycles"],
        "elapsed_s": elapsed_s,
        "frames_in": [frame.hex() for frame in transcript.frames_in],
        "frames_out": [frame.hex() for frame in transcript.frames_out],
        "pins": transcript.pins,
    }
    Path(GIVEN["result"]).write_text(json.dumps(kept))


@cocotb.test()
async def the_loop_program(dut: Any) -> None:
    """Run the program and keep its transcript for the launcher."""
    world = World(parse_url(f"model:?{loop_program.QUERY}&transcript=1", "model"))
    transport = await start(dut, world)
    begin = time.perf_counter()
    await run_host(lambda: _program(transport))
    _keep(world, time.perf_counter() - begin)
