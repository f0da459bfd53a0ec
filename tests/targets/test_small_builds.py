"""Builds without the arithmetic unit, or without random streams: what is left works as ever, what is left out is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import scenarios
from scenarios.raw import run_raw

import crossloop
from crossloop.fabric.endurance import Cycling, Endurance
from crossloop.fabric.reading import Reading
from crossloop.protocol import microops as m
from crossloop.protocol.errors import BuildError, Status
from crossloop.protocol.microops import ARITHMETIC_OPCODES, MicroOp
from crossloop.session import Session
from crossloop_sim import transcript

SMALL = "rows=5&columns=4&tiles=2&vector_words=64&program_ops=128&frame_bytes=256&arithmetic=0"
WITHOUT_ARITHMETIC = (
    "walking device", "pulse trains", "masked pulses", "products", "cell reads", "updates", "training step", "nested loops",
    "refused programs", "trips and arming", "vector memory",
)  # fmt: skip


WITHOUT_STREAMS = f"{SMALL}&coincidence=0"
"""The smallest controller."""
NEEDING_STREAMS = {"updates", "training step", "trips and arming", "refused programs"}


def equal_transcripts(open_session, query: str, act: Callable[[Session], None]) -> transcript.Transcript:
    """Do the same on model and RTL; return the transcript that both leave."""
    left = []
    for target in ("model", "rtl"):
        session = open_session(target, query, first_sequence=1)
        act(session)
        session.close()
        left.append(session.transport.world.transcript)
    assert transcript.difference(*left) is None
    return left[0]


@pytest.mark.parametrize("name", WITHOUT_ARITHMETIC)
def test_a_build_without_arithmetic_leaves_equal_transcripts(open_session, name: str) -> None:
    left = equal_transcripts(open_session, SMALL, partial(scenarios.run, name))
    assert len(left.frames_in) > 2


@pytest.mark.parametrize("name", [name for name in WITHOUT_ARITHMETIC if name not in NEEDING_STREAMS])
def test_a_build_without_random_streams_leaves_equal_transcripts(open_session, name: str) -> None:
    left = equal_transcripts(open_session, WITHOUT_STREAMS, partial(scenarios.run, name))
    assert len(left.frames_in) > 2


def refuse(session: Session, *ops: MicroOp) -> None:
    """See each micro-op refused as unknown, and a program without them run."""
    session.arm()
    for op in ops:
        assert run_raw(session, m.wait(3), op, m.halt()).status is Status.UNKNOWN_MICRO_OP
    assert run_raw(session, m.wait(3), m.halt()).status is Status.OK


def test_the_device_refuses_every_micro_op_that_it_has_not(open_session) -> None:
    ops = [MicroOp(opcode, 0, 1, 1 << 16) for opcode in sorted(ARITHMETIC_OPCODES)]
    equal_transcripts(open_session, SMALL, lambda session: refuse(session, *ops))


def test_the_device_refuses_coincidences_without_random_streams(open_session) -> None:
    op = m.coincide(4, 10, 10, row_sign=0, column_sign=0)
    equal_transcripts(open_session, WITHOUT_STREAMS, lambda session: refuse(session, op))


@pytest.mark.parametrize("target", ["model", "rtl"])
def test_the_host_sends_nothing_that_the_build_cannot_execute(open_session, target: str) -> None:
    session = open_session(target, SMALL)
    session.arm()
    assert session.parameters.arithmetic is False
    frames = session.transport.world.transcript.frames_in
    before = len(frames)
    cycling = Cycling(
        set_levels=(40, -40), reset_levels=(-40, 40), set_taps=48, reset_taps=48, gap_taps=48, reading=Reading(20)
    )
    with pytest.raises(BuildError, match="arithmetic=1"):
        session.execute(Endurance(cycling, 0, (1, 1), (10,)))
    assert len(frames) == before


def test_a_build_with_arithmetic_says_so() -> None:
    with crossloop.connect("model:") as session:
        assert session.parameters.arithmetic is True


@pytest.mark.parametrize("target", ["model", "rtl"])
def test_the_host_sends_no_update_to_a_build_without_random_streams(open_session, target: str) -> None:
    session = open_session(target, WITHOUT_STREAMS)
    session.arm()
    frames = session.transport.world.transcript.frames_in
    before = len(frames)
    with pytest.raises(BuildError, match="coincidence=1"):
        session.tile(0).update([0.5] * 5, [0.5] * 4, slots=4)
    assert len(frames) == before
