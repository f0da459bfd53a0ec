"""The host program of the loop benchmark, the same on every target."""

from __future__ import annotations

import numpy as np

from crossloop.operations import Product, Update
from crossloop.protocol.streams import Family
from crossloop.session import Session

ROWS, COLUMNS = 65, 32
QUERY = f"rows={ROWS}&columns={COLUMNS}&seed=1"
"""The target's settings."""
COUNT = 64
"""How many of each."""
BATCH = 4
"""Forward product, transposed product and update, so many of each per call of the session."""


def run(session: Session) -> None:
    """64 forward products, 64 transposed ones and 64 updates with seeded random vectors."""
    rng = np.random.default_rng(1)
    session.arm()
    for _ in range(COUNT // BATCH):
        operations = []
        for _ in range(BATCH):
            forward, backward = (rng.integers(-63, 64, lines).astype(np.int8) for lines in (ROWS, COLUMNS))
            rows, columns = (rng.integers(0, 256, lines).astype(np.uint8) for lines in (ROWS, COLUMNS))
            operations += [
                Product(0, Family.COLUMNS, forward, COLUMNS, settle_cycles=5, integrate_cycles=4),
                Product(0, Family.ROWS, backward, ROWS, settle_cycles=5, integrate_cycles=4),
                Update(0, rows, columns, 10, 4, 4, (60, -60), (-60, 60)),
            ]
        session.execute(*operations)
