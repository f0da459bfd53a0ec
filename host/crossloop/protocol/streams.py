"""The random streams of the coincidence update, as constants that gateware and golden model share.

Each family has one generator lane per 32 lines: Marsaglia's xorshift (J. Stat. Softw. 8(14), 2003), period 2**32 - 1. Rows and columns use
different shift triplets, so their sequences have different characteristic polynomials and are not shifts of one another.
"""

from __future__ import annotations

from enum import IntEnum

LANE_BITS = 32
"""Lines served by one generator lane."""

MAGNITUDE_BITS = 7
"""Bits of a firing probability: m stands for m / 2**7."""

ROW_SHIFTS = (13, 17, 5)
"""x ^= x << 13; x ^= x >> 17; x ^= x << 5 of the row lanes. Source: Marsaglia 2003, page 4."""
COLUMN_SHIFTS = (5, 9, 7)
"""Shift triplet of the column lanes, of full period. Source: Marsaglia 2003, table of triplets."""

_GOLDEN = 0x9E3779B9


class Family(IntEnum):
    """The line families: two that cross, and, in builds that have them, the cells' gate lines and the columns' nudge lines."""

    ROWS = 0
    COLUMNS = 1
    GATES = 2
    """Word lines of 1T1R cells, gates of three-terminal ones."""
    NUDGES = 3
    """One line per column, which reaches it through a known conductance: a target level that pulls at an output."""


CROSSING = (Family.ROWS, Family.COLUMNS)
"""The families that cross: they have stream banks and converters."""


def lanes(lines: int) -> int:
    """Return the number of generator lanes for a family of `lines` lines."""
    return -(-lines // LANE_BITS)


def lane_constant(family: Family, lane: int) -> int:
    """Return what a lane XORs into the seed register to make its start state."""
    return ((2 * lane + 1 + family) * _GOLDEN) & 0xFFFFFFFF


def lane_start(family: Family, lane: int, seed: int) -> int:
    """Return a lane's state after its seed register was written (the lane's constant stands in for the forbidden zero)."""
    constant = lane_constant(family, lane)
    return (seed ^ constant) or constant


def step(family: Family, state: int) -> int:
    """Return the next state of a lane; bit i of it belongs to line 32*lane + i.

    A firing bit takes MAGNITUDE_BITS steps, lowest magnitude bit first, and starts from 0: after each step, with r the
    line's bit of the state that the step gave, fire = (fire | r) where the magnitude bit is 1, (fire & r) where it is 0.
    It is 1 with probability m / 2**MAGNITUDE_BITS. Lanes step for drawn slots of COINCIDE only; after reset they stand
    as if the seed 0 had been written.
    """
    first, second, third = ROW_SHIFTS if family is Family.ROWS else COLUMN_SHIFTS
    state ^= (state << first) & 0xFFFFFFFF
    state ^= state >> second
    return state ^ ((state << third) & 0xFFFFFFFF)
