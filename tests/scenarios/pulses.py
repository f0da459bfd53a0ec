"""Counted pulses."""

from __future__ import annotations

import numpy as np

from crossloop.operations import PulseTrain
from crossloop.programming import MaskedPulses
from crossloop.session import Session
from scenarios.raw import gap

HALF = 60
"""Level code of half the programming voltage."""


def walk_every_cell_and_polarity(session: Session, rng: np.random.Generator) -> None:
    """One pulse on each (tile, row, column, polarity)."""
    parameters = session.parameters
    session.arm()
    session.execute(
        *(
            PulseTrain(tile, row, column, 1, (sign * HALF, -sign * HALF), 4, gap(parameters, 1))
            for tile in range(parameters.tiles)
            for row in range(parameters.rows)
            for column in range(parameters.columns)
            for sign in (1, -1)
        )
    )


def count_on_random_cells(session: Session, rng: np.random.Generator) -> None:
    """Trains of random length, width and gap on random cells."""
    parameters = session.parameters
    session.arm()
    for _ in range(20):
        row, column = int(rng.integers(parameters.rows)), int(rng.integers(parameters.columns))
        sign = int(rng.choice([-1, 1]))
        count, width, pause = (int(rng.integers(1, limit)) for limit in (12, 40, 300))
        pause = gap(parameters, pause)
        session.execute(
            PulseTrain(
                int(rng.integers(parameters.tiles)), row, column, count, (sign * HALF, -sign * HALF), width, pause
            )
        )


def fire_random_masks(session: Session, rng: np.random.Generator) -> None:
    """Pulses on random sets of rows and columns."""
    parameters = session.parameters
    session.arm()
    for probability in (0.0, 0.3, 0.7, 1.0):
        rows = rng.random(parameters.rows) < probability
        columns = rng.random(parameters.columns) < probability
        session.execute(MaskedPulses(0, rows, columns, 3, (HALF, -HALF), 4, gap(parameters, 2)))
