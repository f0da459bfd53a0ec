"""Gate lines, and pulses that the safety gate ends or refuses at the pins."""

from __future__ import annotations

import numpy as np
import pytest

from crossloop.protocol import microops as m
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.microops import LineState, Selection
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.records import RecordKind, unpack_records
from crossloop.protocol.streams import Family
from crossloop.session import Session
from scenarios.raw import gap, run_raw

HALF = 60
"""Level code of half the programming voltage."""


def walk_gates_and_break_their_rules(session: Session, rng: np.random.Generator) -> None:
    """Every gate line in turn, with pulses, products and random states; then what the device must refuse."""
    parameters = session.parameters
    lines = parameters.lines(Family.GATES)
    session.arm()
    drive = (m.level(Family.ROWS, ALL_LINES, HALF), m.connect(Family.ROWS, LineState.DRIVE))
    for line in range(lines):
        gate = m.connect(
            Family.GATES, LineState.DRIVE, selection=Selection.ONE, index=line, others=LineState(int(rng.integers(3)))
        )
        level = m.level(Family.GATES, line, int(rng.integers(0, 64)))
        sense = (
            m.connect(Family.COLUMNS, LineState.SENSE),
            m.convert(Family.COLUMNS, 1, settle_cycles=9, integrate_cycles=9),
        )
        reply = run_raw(session, m.tile(0), *drive, level, gate, m.pulse(2, 5, gap(parameters, 4)), *sense, m.halt())
        assert reply.status is Status.OK
    absent = Status.OK if lines else Status.LINE_RANGE
    refused = [
        (m.level(Family.GATES, ALL_LINES, 1), absent),
        (m.connect(Family.GATES, LineState.GROUND), absent),
        (m.connect(Family.GATES, LineState.CURRENT), _with_sources(parameters)),
        (m.connect(Family.GATES, LineState.GROUND, others=LineState.CURRENT), _with_sources(parameters)),
        (m.connect(Family.GATES, LineState.DRIVE, selection=Selection.SIGNED), Status.LINE_RANGE),
        (m.level(Family.GATES, lines, 1), Status.LINE_RANGE),
        (m.level(Family.GATES, 0, session.limit_codes.gate_min - 1), Status.TRIPPED if lines else Status.LINE_RANGE),
    ]
    for op, status in refused:
        assert run_raw(session, op, m.halt()).status is status, op
        session.arm()


def _with_sources(parameters: Parameters) -> Status:
    return Status.OK if parameters.gate_full_scale_pa else Status.LINE_RANGE


def pulse_gates_by_voltage_and_by_charge(session: Session, rng: np.random.Generator) -> None:
    """Every gate line by either source and with either sign, states and sources mixed, and reads between; without sources nothing runs."""
    parameters = session.parameters
    status = _with_sources(parameters)
    session.arm()
    for line in range(parameters.lines(Family.GATES)):
        for state in (LineState.CURRENT, LineState.DRIVE):
            code = int(rng.integers(0, 64)) if session.limit_codes.gate_min == 0 else int(rng.integers(-63, 64))
            others = LineState.CURRENT if line % 2 else LineState.FLOAT
            ops = (
                m.tile(0),
                m.connect(Family.ROWS, LineState.GROUND),
                m.connect(Family.COLUMNS, LineState.SENSE),
                m.level(Family.GATES, line, code),
                m.connect(Family.GATES, state, selection=Selection.ONE, index=line, others=others),
                m.pulse(3, 4, 4),
                m.connect(Family.GATES, LineState.FLOAT),
                m.level(Family.ROWS, ALL_LINES, 30),
                m.connect(Family.ROWS, LineState.DRIVE),
                m.convert(Family.COLUMNS, parameters.columns, settle_cycles=5, integrate_cycles=5),
                m.halt(),
            )
            reply = run_raw(session, *ops)
            plain = state is LineState.DRIVE and others is LineState.FLOAT
            assert reply.status is (Status.OK if plain else status)
            session.arm()


def end_pulses_early(session: Session, rng: np.random.Generator) -> None:
    """A current that is too high ends a pulse of whatever micro-op in its first cycle, and the device tells its width."""
    drive = (m.tile(0), m.level(Family.ROWS, ALL_LINES, HALF), m.connect(Family.ROWS, LineState.DRIVE))
    converting = (
        m.connect(Family.COLUMNS, LineState.SENSE),
        m.convert(Family.COLUMNS, 1, settle_cycles=9, integrate_cycles=9),
    )
    taps = session.parameters.gate_taps
    short, long = (gap(session.parameters, least) for least in (1, 9))
    coincide = m.coincide(4, 9, long, row_sign=0, column_sign=0)
    shortest = m.pulse(3, 1, short)
    for pulses, delivered in (
        ((m.pulse(3, 20, long),), taps), ((shortest,), 1), (converting, taps), ((coincide, coincide), taps),
    ):  # fmt: skip
        session.transport.world.set_compliance(active=True)
        session.arm()
        reply = run_raw(session, *drive, *pulses, m.halt())
        assert reply.status is Status.TRIPPED
        assert session.state().trip_cause is TripCause.COMPLIANCE
        assert session.delivered_s() == pytest.approx(session.clock.tap_seconds(delivered))
        session.transport.world.set_compliance(active=False)
        session.arm()
        reply = run_raw(session, *drive, *pulses, m.halt())
        assert (reply.status, list(unpack_records(reply.payload))[-1].kind) == (Status.OK, RecordKind.DONE)
