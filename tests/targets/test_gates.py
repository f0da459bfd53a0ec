"""The gates that are made of the gateware do what the gateware does: after synthesis, and as the bitstream says them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest
import scenarios

import crossloop
from crossloop_sim import transcript

BUILD = (
    "rows=4&columns=3&tiles=2&gate_lines=1&vector_words=64&program_ops=128&frame_bytes=256&request_slots=1&loop_depth=2"
)
"""Small enough for the pins of an HX8K, with everything that a controller may have but wide lines."""


@lru_cache
def of_model(name: str) -> transcript.Transcript:
    """Return what a scenario leaves on the model."""
    return left(f"model:?{BUILD}", name)


def left(url: str, name: str) -> transcript.Transcript:
    """Run a scenario and return its transcript."""
    with crossloop.connect(f"{url}&transcript=1", first_sequence=1) as session:
        scenarios.run(name, session)
    found: transcript.Transcript = session.transport.world.transcript  # type: ignore[attr-defined]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("world", ["netlist", "bitstream"])
@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_gates_leave_the_transcript_of_the_model(gates: Callable[[str], str], world: str, name: str) -> None:
    assert transcript.difference(of_model(name), left(gates(world), name)) is None


@pytest.fixture
def gates() -> Callable[[str], str]:
    """Return the URL of a world with the build; skip where its tools are missing."""

    def url(world: str) -> str:
        from crossloop_sim.engine.errors import EngineError
        from crossloop_sim.engine.gates.tools import icebox

        if world == "bitstream":
            try:
                icebox()
            except EngineError as error:
                pytest.skip(str(error))
        return f"{world}:?{BUILD}"

    return url
