"""Counter-based random numbers: every draw is a function of its key, so it does not depend on when it is made.

A stream's start state is a hash of (seed, purpose, index); draw n of a stream is the n-th output of SplitMix64 started
there. A normal deviate is the number of ones among 64 bits, plus four 16-bit uniform fractions that smooth the steps:
integer arithmetic and one multiplication, so every machine gives the same bits. Its mean is 0, its variance 1, its
kurtosis 2.97, its range +-8.4.

numba caches compiled callers by their own file only: after a change here, touch plant/kernels.py, too
(tests/unit/plant/test_noise.py notices).

Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix64).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt
from numba import njit, uint64

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_ONE = np.uint64(1)
_FIELD = np.uint64(0xFFFF)

_DEVIATE_SCALE = 1.0 / np.sqrt(64 * 0.25 + 4 / 12)
"""One over the standard deviation of a binomial (64, 1/2) plus four uniforms of width 1."""


class Purpose(IntEnum):
    """What a stream is for; streams of different purposes are independent."""

    SPREAD = 1
    """Device-to-device spread."""
    INITIAL = 2
    """Initial states."""
    CYCLE = 3
    """Cycle-to-cycle spread."""
    READ = 4
    """Noise of the converters."""
    CELL_READ = 5
    """Fluctuations of cells that a read meets."""
    CHANNEL = 6
    """Gain and offset of the converter channels."""
    AGEING = 7
    """What time does to cells."""


@njit(cache=True, inline="always")
def mix(z: int) -> int:
    """Return SplitMix64's output function of a 64-bit state."""
    z = uint64(z)
    z = (z ^ (z >> uint64(30))) * _MIX_1
    z = (z ^ (z >> uint64(27))) * _MIX_2
    return z ^ (z >> uint64(31))


@njit(cache=True, inline="always")
def stream(key: int, index: int) -> int:
    """Return the start state of stream `index` under a key."""
    return mix(uint64(key) ^ mix(uint64(index) * _GAMMA + _ONE))


@njit(cache=True, inline="always")
def bits(start: int, n: int) -> int:
    """Return 64 random bits, draw n of a stream."""
    return mix(uint64(start) + (uint64(n) + _ONE) * _GAMMA)


@njit(cache=True, inline="always")
def ones(x: int) -> int:
    """Return the number of ones among 64 bits."""
    x = uint64(x)
    x = x - ((x >> uint64(1)) & uint64(0x5555555555555555))
    x = (x & uint64(0x3333333333333333)) + ((x >> uint64(2)) & uint64(0x3333333333333333))
    x = (x + (x >> uint64(4))) & uint64(0x0F0F0F0F0F0F0F0F)
    return (x * uint64(0x0101010101010101)) >> uint64(56)


@njit(cache=True, inline="always")
def deviate(start: int, n: int) -> float:
    """Return a normal deviate, draw n of a stream (uses its outputs 2n and 2n + 1)."""
    count = ones(bits(start, uint64(2) * uint64(n)))
    fields = bits(start, uint64(2) * uint64(n) + _ONE)
    fraction = (
        (fields & _FIELD)
        + ((fields >> uint64(16)) & _FIELD)
        + ((fields >> uint64(32)) & _FIELD)
        + (fields >> uint64(48))
    )
    # The four fractions have the mean 2 - 2/65536, the ones 32.
    return (np.float64(count) + np.float64(fraction) * (1.0 / 65536.0) - (34.0 - 2.0 / 65536.0)) * _DEVIATE_SCALE


@njit(cache=True, inline="always")
def uniform(start: int, n: int) -> float:
    """Return a number uniform in [0, 1), draw n of a stream."""
    return np.float64(bits(start, n) >> uint64(11)) * (1.0 / 9007199254740992.0)


def key_of(seed: int, purpose: Purpose) -> np.uint64:
    """Return the key under which a plant of this seed keeps its streams of a purpose."""
    z = (seed * 8 + purpose) & 0xFFFFFFFFFFFFFFFF
    return np.uint64(mix(np.uint64(z)))


@njit(cache=True)
def starts(key: int, indices: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the start states of the streams `indices`, shape (n,)."""
    out = np.empty(indices.size, np.uint64)
    for position in range(indices.size):
        out[position] = stream(uint64(key), indices[position])
    return out


@njit(cache=True)
def deviates(start_states: npt.NDArray[np.uint64], n: int) -> npt.NDArray[np.float64]:
    """Return draw n of every stream as a normal deviate, shape (streams,)."""
    out = np.empty(start_states.size)
    for position in range(start_states.size):
        out[position] = deviate(start_states[position], uint64(n))
    return out


@njit(cache=True)
def uniforms(start_states: npt.NDArray[np.uint64], n: int) -> npt.NDArray[np.float64]:
    """Return draw n of every stream, uniform in [0, 1), shape (streams,)."""
    out = np.empty(start_states.size)
    for position in range(start_states.size):
        out[position] = uniform(start_states[position], uint64(n))
    return out
