"""How the programming of a cell ended, in one word of its record: attempts, turns and the reason.

Registers `tries` and `turns` count while a program reads and pulses a cell; `pack_reason` and `pack_turns` make the word of them.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from crossloop.fabric.assembly import Assembly, Label
from crossloop.protocol.arithmetic import Function

ATTEMPTS_MAX = 255
"""Most pulses per cell that a record holds."""
TURNS_MAX = 15
"""Most changes of direction."""
_TURNS_SHIFT, _REASON_SHIFT, _REASON_MASK = 8, 12, 7


class Reason(IntEnum):
    """Why the controller left a cell."""

    IN_WINDOW = 0
    """Its reading is inside the window."""
    ATTEMPTS = 1
    """The limit of pulses was reached."""
    TURNS = 2
    """The direction turned too often."""
    LADDER = 3
    """The ladder ended: the strongest pulse was not enough."""
    SATURATED = 4
    """The converter was at its limit: nobody knows what the cell holds, and it was left as it is."""
    RELAXED = 5
    """It was in its window, and was read outside after the last pass: known to the host only."""


DEVICE_REASONS = (Reason.IN_WINDOW, Reason.ATTEMPTS, Reason.TURNS, Reason.LADDER)
"""Those in which reading and pulsing can end."""


def pack_reason(code: Assembly, done: list[Label], finish: Label) -> None:
    """Append what puts the reason for the end of a cell beside its attempts in register `tries`; in the window it falls in."""
    code.here(done[Reason.IN_WINDOW])
    code.branch(finish)
    for reason in (Reason.ATTEMPTS, Reason.TURNS, Reason.LADDER):
        code.here(done[reason])
        code.compute("tries", Function.OR, "tries", word_of(reason))
        if reason is not Reason.LADDER:
            code.branch(finish)
    code.branch(finish)


def pack_turns(code: Assembly) -> None:
    """Append what puts the turns there, too."""
    code.compute("turns", Function.MULTIPLY, "turns", 1 << _TURNS_SHIFT)
    code.compute("tries", Function.OR, "tries", "turns")


def word_of(reason: Reason) -> int:
    """Return the word of a cell that ended for a reason without attempts and turns."""
    return reason << _REASON_SHIFT


def unpack_end(words: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return attempts, turns and reasons of such words."""
    packed = words & 0xFFFF
    return packed & ATTEMPTS_MAX, packed >> _TURNS_SHIFT & TURNS_MAX, packed >> _REASON_SHIFT & _REASON_MASK
