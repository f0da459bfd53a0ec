"""Looking into an emulated array: the exact states of its cells over the link, for checks and self-tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossloop.protocol.emulated import READ_BACK_RANGE
from crossloop.protocol.errors import RangeError
from crossloop.reads import read_plan
from crossloop.session import Session

_BYTE = 256
_SHORT_CYCLES = 1


def read_states(session: Session, tile: int = 0) -> NDArray[np.int64]:
    """Return the exact states of an emulated array's cells, shape (rows, columns), 0 to 65535; the outputs must be armed.

    Range 3 of an emulated array has no noise and answers bytes of the sum of level code times state: driven with the code 1 the low one,
    with -1 the high one, rounded up and negated. Reading changes neither cells nor noise.

    Raises
    ------
    RangeError
        If the device has no emulated array, or its limits leave no level on both sides of 0 V; nothing was sent.
    """
    parameters = session.parameters
    if parameters.frontend != "emulated":
        raise RangeError(
            f"cell states are read from an emulated array, and this device has the front end {parameters.frontend!r}; "
            "use tile.read_all for conductances; nothing was sent"
        )
    low, high = (_read(session, tile, code) for code in (1, -1))
    states: NDArray[np.int64] = low + _BYTE * (-high - (low != 0))
    return states


def _read(session: Session, tile: int, code: int) -> NDArray[np.int64]:
    """Return the codes of every cell, its row driven with a level code, shape (rows, columns)."""
    session.limit_codes.check_level(code, session.levels, "read-back level")
    plan = read_plan(
        tile, range(session.parameters.rows), session.parameters, code=code, averages=1, range_index=READ_BACK_RANGE,
        settle_cycles=_SHORT_CYCLES, integrate_cycles=_SHORT_CYCLES,
    )  # fmt: skip
    return np.array([found.codes for batch in session.execute(*plan) for found in batch], np.int64)
