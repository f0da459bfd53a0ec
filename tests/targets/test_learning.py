"""Learning engines as programs: equal on every target to the last bit and cycle, and right by sums of our own in numpy."""

from __future__ import annotations

import numpy as np
import pytest

from crossloop.counting import counted_pulses
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.session import Session

SEED = 20261125


def _ledger(session: Session, tile: int = 0) -> np.ndarray:
    """Return the pulses that each cell has had, up less down, as the plant saw them."""
    ledger = session.transport.world.plant.ledger(tile)
    return ledger.up - ledger.down


def _counts(shape: tuple[int, int], largest: int) -> np.ndarray:
    return np.random.default_rng(SEED).integers(-largest, largest + 1, shape)


BLOCKS = {
    "single pulses": (_counts((5, 4), 1), 0, False),
    "many": (_counts((5, 4), 127), 0, False),
    "one sign, from row 2": (np.abs(_counts((3, 4), 20)), 2, False),
    "a few columns": (_counts((2, 3), 9), 1, False),
    "pairs": (_counts((5, 2), 12), 0, True),
    "a row of nothing": (np.array([[3, -1, 0, 4], [0, 0, 0, 0], [0, 0, -8, 0]]), 0, False),
    "nothing": (np.zeros((2, 4), int), 0, False),
}


@pytest.mark.parametrize(("counts", "first_row", "pair"), BLOCKS.values(), ids=BLOCKS.keys())
def test_every_cell_gets_its_count_in_exactly_the_predicted_time(open_session, counts, first_row, pair) -> None:
    wanted = np.zeros((5, 4), int)
    block = np.stack([counts, -counts], axis=2).reshape(len(counts), -1) if pair else counts
    wanted[first_row : first_row + len(block), : block.shape[1]] = block
    for target in ("model", "rtl"):
        session = open_session(target, "rows=5&columns=4&tiles=1&preset=ideal")
        session.arm()
        tile = session.tile(0)
        tile.pulse_block(counts, first_row=first_row, pair=pair)
        ledger = session.transport.world.plant.ledger()
        # Up and down pulses of one cell never cancel in these sums: a cell's digits have all the same sign.
        assert np.array_equal(_ledger(session), wanted)
        assert np.array_equal(ledger.pulses, np.abs(wanted))
        predicted = session.dry_run(counted_pulses(tile, counts, first_row=first_row, pair=pair))
        assert predicted.exact
        if counts.any():
            assert session.cycles == predicted.cycles
            assert session.counters().train_pulses == predicted.row_pulses
            assert ledger.pulses.sum() == predicted.column_pulses


@pytest.mark.parametrize(
    ("counts", "kind", "text"),
    [
        (np.full((2, 4), 0.5), RangeError, "counts must be integers"),
        (np.zeros(4, int), ShapeError, "counts must have shape"),
        (np.full((1, 4), 40000), RangeError, "counts must be from -32767 to 32767 pulses, not 40000"),
        (np.ones((6, 4), int), RangeError, "last line must be an integer from 0 to 4"),
        (np.ones((1, 5), int), RangeError, "cells of a line must be from 1 to 4, not 5"),
        (np.ones((4, 4), int), RangeError, "this device has 16; give at most 0 lines"),
    ],
)
def test_counts_that_cannot_be_given_are_refused(open_session, counts, kind, text) -> None:
    small = "&vector_words=16" if text.startswith("this") else ""
    session = open_session("model", f"rows=5&columns=4{small}")
    session.arm()
    with pytest.raises(kind, match=text):
        session.tile(0).pulse_block(counts)
    assert session.counters().train_pulses == 0
