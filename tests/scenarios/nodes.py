"""Voltages of lines: floating ones, held ones, and what the micro-op does with each state."""

from __future__ import annotations

import numpy as np

from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.errors import Status
from crossloop.protocol.microops import LineState, Selection
from crossloop.protocol.parameters import ALL_LINES
from crossloop.protocol.streams import CROSSING, Family
from crossloop.session import Session
from scenarios.raw import RawProgram, run_raw


def read_with_random_lines_floating(session: Session, rng: np.random.Generator) -> None:
    """Random masks of floating lines on every tile; then every state, single lines and pairs, to the host and to the vector memory."""
    parameters = session.parameters
    session.arm()
    for index in range(parameters.tiles):
        for share in (0.0, 0.5, 1.0):
            volts = [
                np.where(rng.random(lines) < share, np.nan, session.levels.step_v * rng.integers(-60, 61, lines))
                for lines in (parameters.rows, parameters.columns)
            ]
            session.tile(index).read_nodes(*volts)
    for state in LineState:
        for sensed in CROSSING:
            lines = parameters.lines(sensed)
            pair = lines > 1 and bool(rng.integers(2))
            count = 1 + int(rng.integers(lines // (2 if pair else 1)))
            converting = m.convert(
                sensed,
                count,
                settle_cycles=4,
                integrate_cycles=5,
                pair=pair,
                range_index=int(rng.integers(4)),
                voltage=True,
            )
            session.execute(
                RawProgram((
                    m.tile(0), m.level(Family.ROWS, ALL_LINES, 40), m.level(Family.COLUMNS, ALL_LINES, -7),
                    m.connect(Family.ROWS, LineState.DRIVE), m.connect(Family.COLUMNS, LineState.DRIVE),
                    m.connect(sensed, state), converting, ar.point(3), ar.sample(converting), ar.sample(converting, add=True), m.halt(),
                ))
            )  # fmt: skip
            session.read_words(3, count)


def walk_nudges_and_break_their_rules(session: Session, rng: np.random.Generator) -> None:
    """Every nudge line in turn, with products, voltages and pulses; then what the device must refuse."""
    parameters = session.parameters
    lines = parameters.lines(Family.NUDGES)
    session.arm()
    session.write_words(0, rng.integers(-60, 61, parameters.columns))
    for line in range(lines):
        nudge = (
            m.level(Family.NUDGES, line, int(rng.integers(-60, 61))),
            m.connect(
                Family.NUDGES,
                LineState.DRIVE,
                selection=Selection.ONE,
                index=line,
                others=LineState(int(rng.integers(3))),
            ),
        )
        drive = (m.tile(0), m.level(Family.ROWS, ALL_LINES, 50), m.connect(Family.ROWS, LineState.DRIVE))
        for state in (LineState.FLOAT, LineState.SENSE):
            converting = m.convert(
                Family.COLUMNS,
                parameters.columns,
                settle_cycles=3,
                integrate_cycles=3,
                voltage=state is LineState.FLOAT,
            )
            reply = run_raw(
                session, *drive, *nudge, m.connect(Family.COLUMNS, state), converting, m.pulse(2, 5, 4), m.halt()
            )
            assert reply.status is Status.OK
    absent = Status.OK if lines else Status.LINE_RANGE
    most = session.limit_codes.level_max
    refused = [
        (m.level(Family.NUDGES, ALL_LINES, most), absent),
        (m.level(Family.NUDGES, 0, most + 1), Status.TRIPPED if lines else Status.LINE_RANGE),
        (m.levels(Family.NUDGES, parameters.columns), absent),
        (m.levels(Family.NUDGES, parameters.columns + 1), Status.LINE_RANGE),
        (m.connect(Family.NUDGES, LineState.GROUND), absent),
        (m.connect(Family.NUDGES, LineState.SENSE), Status.LINE_RANGE),
        (m.connect(Family.NUDGES, LineState.GROUND, others=LineState.SENSE), Status.LINE_RANGE),
        (m.connect(Family.NUDGES, LineState.DRIVE, selection=Selection.SIGNED), absent),
        (
            m.connect(Family.NUDGES, LineState.DRIVE, selection=Selection.ONE, index=parameters.columns),
            Status.LINE_RANGE,
        ),
        (m.level(Family.NUDGES, parameters.columns, 1), Status.LINE_RANGE),
        (m.MicroOp(m.Opcode.STREAMS, Family.NUDGES, 1), Status.LINE_RANGE),
    ]
    for op, status in refused:
        assert run_raw(session, op, m.halt()).status is status, op
        session.arm()
