"""What must be refused, and what trips: nothing is pulsed, and the session goes on."""

from __future__ import annotations

import numpy as np
import pytest

from crossloop.operations import PulseTrain
from crossloop.protocol import commands
from crossloop.protocol import microops as m
from crossloop.protocol.errors import CommandError, SafetyTrip, Status, TripCause
from crossloop.protocol.microops import LineState, MicroOp, Opcode, Selection
from crossloop.protocol.parameters import ALL_LINES
from crossloop.protocol.records import RecordKind, unpack_records
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import pulse_gap_min_taps
from crossloop.session import Session
from scenarios.raw import gap, run_raw, send_raw


def _still_works(session: Session) -> None:
    session.execute(PulseTrain(0, 0, 0, 1, (60, -60), 4, gap(session.parameters, 4)))


def offer_bad_programs(session: Session, rng: np.random.Generator) -> None:
    """Programs with lines, tiles, channels, opcodes, loops that the device does not have."""
    parameters = session.parameters
    least, slot_least = pulse_gap_min_taps(parameters), parameters.gap_min_cycles
    session.arm()
    bad = [
        ((m.tile(parameters.tiles),), Status.LINE_RANGE),
        ((m.level(Family.ROWS, parameters.rows, 1),), Status.LINE_RANGE),
        ((m.levels(Family.COLUMNS, parameters.columns + 1),), Status.LINE_RANGE),
        ((m.connect(Family.ROWS, LineState.DRIVE, selection=Selection.ONE, index=parameters.rows),), Status.LINE_RANGE),
        ((m.convert(Family.ROWS, parameters.rows + 1, settle_cycles=1, integrate_cycles=1),), Status.LINE_RANGE),
        ((m.pulse(1, 4, max(1, least - 1)),), _if_too_short(least)),
        ((m.coincide(1, 4, max(1, slot_least - 1), row_sign=0, column_sign=0),), _if_too_short(slot_least)),
        ((m.next_(),), Status.LOOP_DEPTH),
        (tuple(m.loop(1) for _ in range(parameters.loop_depth + 1)), Status.LOOP_DEPTH),
    ]
    for ops, status in bad:
        reply = run_raw(session, *ops, m.halt())
        assert reply.status is status, (ops, reply.status)
        _still_works(session)
    unknown = bytes([200]) + bytes(7)
    address = parameters.program_ops - 1
    reply = send_raw(session, commands.write_program(unknown, address), commands.run(address))
    assert reply.status is Status.UNKNOWN_MICRO_OP
    _still_works(session)


def _if_too_short(least: int) -> Status:
    """Return what becomes of a gap that is one too short, where there is one."""
    return Status.LINE_RANGE if least > 1 else Status.OK


def trip_and_arm_again(session: Session, rng: np.random.Generator) -> None:
    """Level window, width cap and stop trip the gate; running needs arming; arming needs a fresh token."""
    limits, pause = session.limit_codes, gap(session.parameters, 4)
    reply = run_raw(session, m.halt())
    assert reply.status is Status.NOT_ARMED
    drive = (
        m.connect(Family.ROWS, LineState.DRIVE),
        m.level(Family.ROWS, ALL_LINES, 10),
    )
    session.arm()
    assert limits.level_max < session.levels.code_max + 1
    for op, cause in (
        (m.pulse(1, limits.width_cap + 1, pause), TripCause.PULSE_WIDTH),
        (MicroOp(Opcode.COINCIDE, 0, 1, min(limits.width_cap + 1, 0xFFFF) | pause << 16), TripCause.PULSE_WIDTH),
    ):
        reply = run_raw(session, *drive, op, m.pulse(3, 4, pause), m.halt())
        assert reply.status is Status.TRIPPED
        done = list(unpack_records(reply.payload))[-1]
        assert (done.kind, done.flags) == (RecordKind.DONE, Status.TRIPPED)
        assert session.state().trip_cause is cause
        with pytest.raises(SafetyTrip, match=cause.name):
            _still_works(session)
        session.arm()
        _still_works(session)
    session.stop()
    with pytest.raises(SafetyTrip, match="STOP_FRAME"):
        _still_works(session)
    session.arm()
    _still_works(session)
    session.disarm()
    with pytest.raises(CommandError, match="NOT_ARMED"):
        _still_works(session)
