"""Stochastic outer-product updates."""

from __future__ import annotations

import numpy as np

from crossloop.operations import Product, Update
from crossloop.protocol.streams import Family
from crossloop.session import Session
from scenarios.raw import gap

UP, DOWN = (60, -60), (-60, 60)


def _update(
    session: Session, rng: np.random.Generator, slots: int, width: int = 4, pause: int = 4, tile: int = 0
) -> Update:
    parameters = session.parameters
    rows = rng.integers(0, 256, int(rng.integers(1, parameters.rows + 1))).astype(np.uint8)
    columns = rng.integers(0, 256, int(rng.integers(1, parameters.columns + 1))).astype(np.uint8)
    return Update(tile, rows, columns, slots, width, gap(parameters, pause), UP, DOWN)


def update_with_random_signs(session: Session, rng: np.random.Generator) -> None:
    """Random probabilities and signs, slots shorter and longer than the drawing time."""
    session.arm()
    for slots, width, pause in ((1, 1, 1), (15, 4, 4), (31, 5, 3), (7, 20, 13)):
        session.execute(_update(session, rng, slots, width, pause, int(rng.integers(session.parameters.tiles))))
    session.counters(clear=True)
    session.execute(_update(session, rng, 15))
    session.counters()


def repeat_from_the_same_seed(session: Session, rng: np.random.Generator) -> None:
    """The streams start again where their seed says."""
    session.arm()
    update = _update(session, rng, 10)
    for row_seed, column_seed in ((0, 0), (123, 456), (0, 0), (0xFFFFFFFF, 0x9E3779B9)):
        session.seed(row_seed, column_seed)
        session.execute(update)


def multiply_and_update_in_one_frame(session: Session, rng: np.random.Generator) -> None:
    """What a training loop does: updates and products mixed in one frame."""
    parameters = session.parameters
    session.arm()
    for _ in range(5):
        forward = rng.integers(-63, 64, parameters.rows).astype(np.int8)
        backward = rng.integers(-63, 64, parameters.columns).astype(np.int8)
        session.execute(
            _update(session, rng, 5),
            Product(0, Family.COLUMNS, forward, parameters.columns, settle_cycles=5, integrate_cycles=4),
            _update(session, rng, 3, tile=parameters.tiles - 1),
            Product(parameters.tiles - 1, Family.ROWS, backward, parameters.rows, settle_cycles=5, integrate_cycles=4),
        )
