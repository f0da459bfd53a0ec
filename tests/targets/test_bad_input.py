"""Bad input ends in a named error that says what to do; nothing is pulsed, and the session still works afterwards."""

from __future__ import annotations

import math
import os
import pty
import random

import numpy as np
import pytest
from cobs import cobs

import crossloop
from crossloop.limits import Limits
from crossloop.operations import PulseTrain
from crossloop.protocol import errors, frames
from crossloop.protocol.frames import FrameKind
from crossloop.session import Session

LIMITS = Limits(v_level_max_v=0.375, width_cap_s=10e-6, dead_man_s=0.2)
"""Narrower than the build's own: 0.375 V is level code 48."""


@pytest.fixture(params=["model", "rtl"])
def session(request: pytest.FixtureRequest, open_session) -> Session:
    session = open_session(request.param, limits=LIMITS)
    session.arm()
    return session


def _pulses(session: Session) -> int:
    plant = session.transport.world.plant
    return sum(int(plant.ledger(tile).pulses.sum() + plant.ledger(tile).half_selected.sum()) for tile in range(2))


def _still_works(session: Session) -> None:
    before = _pulses(session)
    session.tile(0).pulse(0, 0, 2, v_write_v=0.75)
    assert _pulses(session) > before


BAD_CALLS = {
    "level outside the window": (
        lambda s: s.tile(0).pulse(0, 0, 1, v_write_v=0.9375), errors.RangeError, r"0\.46875 V .*0\.375 V",
    ),
    "width over the cap": (
        lambda s: s.tile(0).pulse(0, 0, 1, v_write_v=0.75, width_s=20e-6), errors.RangeError, r"2e-05 s .*1e-05 s",
    ),
    "width between cycles": (
        lambda s: s.tile(0).pulse(0, 0, 1, v_write_v=0.75, width_s=90e-9), errors.RangeError, "not a multiple of 2e-08 s",
    ),
    "row outside the array": (lambda s: s.tile(0).pulse(5, 0, 1, v_write_v=0.75), errors.RangeError, r"row .* 0 to 4, not 5"),
    "tile that is not there": (lambda s: s.tile(2), errors.RangeError, "tile .* 0 to 1, not 2"),
    "vector of the wrong shape": (lambda s: s.tile(0).multiply(np.zeros(4)), errors.ShapeError, r"\(5,\), not \(4,\)"),
    "vector with a NaN": (
        lambda s: s.tile(0).multiply(np.array([0, 0, math.nan, 0, 0])), errors.RangeError, r"(?i)finite",
    ),
    "level between codes": (lambda s: s.tile(0).multiply(np.full(5, 0.1)), errors.RangeError, "not a multiple of 0.0078125 V"),
    "too many pulses": (
        lambda s: s.execute(PulseTrain(0, 0, 0, 70_000, (40, -40), 4, 4)), errors.RangeError, "1 to 65535 pulses, not 70000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_argument_is_refused_before_anything_is_sent(session: Session, name: str) -> None:
    call, error, message = BAD_CALLS[name]
    sent = len(session.transport.world.transcript.frames_in)
    with pytest.raises(error, match=message):
        call(session)
    assert len(session.transport.world.transcript.frames_in) == sent
    assert _pulses(session) == 0
    _still_works(session)


def _request(session: Session, payload: bytes) -> bytes:
    return frames.pack_request(FrameKind.REQUEST, 0x7FFFFFFF, payload)


BAD_FRAMES = {
    "corrupt": lambda good, frame_bytes: cobs.encode(good[:-1] + bytes([good[-1] ^ 1])),
    "truncated": lambda good, frame_bytes: cobs.encode(good)[:-3],
    "too short": lambda good, frame_bytes: cobs.encode(good[:6]),
    "oversized": lambda good, frame_bytes: cobs.encode(frames.pack_request(FrameKind.REQUEST, 9, bytes(frame_bytes))),
    "wrong length field": lambda good, frame_bytes: cobs.encode(
        frames.pack_request(FrameKind.REQUEST, 9, b"ab")[:-5] + b"c"
    ),
    "unknown kind": lambda good, frame_bytes: cobs.encode(frames.pack_request(0x55, 9)),
    "noise": lambda good, frame_bytes: random.Random(3).randbytes(300).replace(b"\0", b"\1"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_frame_is_counted_and_changes_nothing(session: Session, name: str) -> None:
    before = session.counters().bad_frames
    spoiled = BAD_FRAMES[name](_request(session, b"\x07" + bytes(5)), session.parameters.frame_bytes)
    session.transport.write(spoiled + b"\0")
    assert session.counters().bad_frames == before + 1
    assert _pulses(session) == 0
    assert session.state().armed
    _still_works(session)


def test_level_outside_the_window_trips_the_device_too(session: Session) -> None:
    """The host is not the only guard: the same program, sent past the host's checks, trips the safety gate."""
    from scenarios.raw import run_raw

    from crossloop.protocol import microops as m
    from crossloop.protocol.parameters import ALL_LINES
    from crossloop.protocol.streams import Family

    reply = run_raw(session, m.level(Family.ROWS, ALL_LINES, 49), m.pulse(1, 4, 4), m.halt())
    assert reply.status is errors.Status.TRIPPED
    assert session.state().trip_cause is errors.TripCause.LEVEL_WINDOW
    assert _pulses(session) == 0
    session.arm()
    _still_works(session)


def test_a_run_longer_than_the_dead_man_time_is_kept_alive(open_session) -> None:
    for target in ("model", "rtl"):
        session = open_session(target, limits=Limits(v_level_max_v=0.375, width_cap_s=10e-6, dead_man_s=0.002))
        session.arm()
        program = session.program()
        program.wait(0.005)
        session.execute(program)
        assert session.state().armed


@pytest.mark.parametrize("target", ["model", "rtl"])
def test_another_build_is_refused_with_both_hashes(target: str) -> None:
    with pytest.raises(errors.IdentityError, match=r"(?s)[0-9a-f]{16}.*[0-9a-f]{16}"):
        crossloop.connect(f"{target}:?rows=5&columns=4&tiles=2", expected_build=1)


def test_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(errors.TargetError, match=r"model.*rtl.*serial"):
        crossloop.connect("modle:")


def test_missing_port_is_named() -> None:
    with pytest.raises(errors.LinkError, match="/dev/ttyNOTHERE"):
        crossloop.connect("serial:///dev/ttyNOTHERE")


def test_silent_port_says_what_to_check() -> None:
    master, slave = pty.openpty()
    try:
        with pytest.raises(errors.LinkError, match=r"(?i)power, cable"):
            crossloop.connect(f"serial://{os.ttyname(slave)}")
    finally:
        os.close(master)
        os.close(slave)
