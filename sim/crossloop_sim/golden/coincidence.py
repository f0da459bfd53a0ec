"""The random streams of the coincidence update, compiled: bit-exact with crossloop.protocol.streams."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crossloop.protocol.streams import COLUMN_SHIFTS, LANE_BITS, MAGNITUDE_BITS, ROW_SHIFTS
from crossloop_sim.golden.compiled import compiled
from crossloop_sim.golden.machine import Machine, Words

_WORD_BITS = 64
_LOW = np.uint64(0xFFFFFFFF)
_R1, _R2, _R3 = (np.uint64(shift) for shift in ROW_SHIFTS)
_C1, _C2, _C3 = (np.uint64(shift) for shift in COLUMN_SHIFTS)
_HALF = np.uint64(LANE_BITS)


@compiled
def load_streams(data: npt.NDArray[np.uint8], planes: Words) -> None:
    """Fill a stream bank from its bytes (sent highest line first).

    Parameters
    ----------
    data : (count,) uint8
        Bits 6..0 magnitude, bit 7 sign, of lines count - 1 down to 0.
    planes : (8, W) uint64
        The bank's bit planes; lines that were not sent become 0.
    """
    planes[:] = np.uint64(0)
    last = len(data) - 1
    for line in range(last + 1):
        value = np.uint64(data[last - line])
        word = line // _WORD_BITS
        position = np.uint64(line % _WORD_BITS)
        for plane in range(MAGNITUDE_BITS + 1):
            planes[plane, word] |= ((value >> np.uint64(plane)) & np.uint64(1)) << position


@compiled
def _step(state: np.uint64, family: int) -> np.uint64:
    if family == 0:
        state ^= (state << _R1) & _LOW
        state ^= state >> _R2
        return state ^ ((state << _R3) & _LOW)
    state ^= (state << _C1) & _LOW
    state ^= state >> _C2
    return state ^ ((state << _C3) & _LOW)


@compiled
def draw(m: Machine, family: int, sign: int, fired: Words) -> int:
    """Advance a family's lanes by one slot and find the lines that fire; return their number.

    Parameters
    ----------
    sign : int
        Wanted sign bit: lines with the other one stay off.
    fired : (W,) uint64
        Receives one bit per line: a DRIVE line of the wanted sign, set with its stream's probability.
    """
    lanes = m.lanes
    planes = m.streams
    count = 0
    for w in range(fired.size):
        low, high = lanes[family, 2 * w], lanes[family, 2 * w + 1]
        fire = np.uint64(0)
        for plane in range(MAGNITUDE_BITS):
            low, high = _step(low, family), _step(high, family)
            random = low | high << _HALF
            fire = (planes[family, plane, w] & (fire | random)) | (fire & random)
        lanes[family, 2 * w], lanes[family, 2 * w + 1] = low, high
        signs = planes[family, MAGNITUDE_BITS, w]
        fire &= (signs if sign else ~signs) & m.states[family, 1, w] & ~m.states[family, 0, w]
        fired[w] = fire
        count += _ones(fire)
    return count


@compiled
def _ones(word: np.uint64) -> int:
    count = 0
    while word:
        word &= word - np.uint64(1)
        count += 1
    return count
