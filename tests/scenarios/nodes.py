"""Voltages of lines: floating ones, held ones, and what the micro-op does with each state."""

from __future__ import annotations

import numpy as np

from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import ALL_LINES
from crossloop.protocol.streams import CROSSING, Family
from crossloop.session import Session
from scenarios.raw import RawProgram


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
