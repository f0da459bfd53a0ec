"""How cell models are compiled: two kernels of fixed signatures, called through pointers by everything that drives cells.

A kernel works on one cell. The drivers (the plant behind the pins, `Population`) are compiled once and take the kernels of any model as
arguments, so a model written outside this package is as fast as one inside. A call through the pointer costs about 4 ns.

    pulse(cells, cell, constants, v_v, t_s, now_s, limit_a, stream, number) -> seconds
        Apply one pulse that ends at `now_s`, of voltage `v_v` and duration `t_s`, behind a current limit of `limit_a` (infinite: none).
        Return how long the pulse lasted: less than `t_s` if the model itself ended it.
    observe(cells, cell, constants, now_s, stream, number) -> w
        Return the normalised conductance that a conversion at `now_s` meets: what time and reading noise have made of the cell.

`cells` has shape (planes, cells); plane 0 is the normalised conductance w that circuits see, the others are the model's own. `constants`
are the model's numbers, shape (n,). `stream` is a random stream of this cell (`crossloop_sim.noise`), `number` counts the pulses, or the
observations, that the cell had before; so every draw is keyed by seed, cell and event.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from numba import float64, int64, njit, types, uint64

from crossloop_sim import noise

Kernel: TypeAlias = Any
"""A compiled kernel; numba's types are opaque to the type checker."""

W = 0
"""The plane of the normalised conductance, in every model."""

PULSE = float64(
    float64[:, ::1], int64, float64[::1], float64, float64, float64, float64, uint64, int64
)  # cells, cell, constants, v_v, t_s, now_s, limit_a, stream, number
"""Signature of a pulse kernel."""

OBSERVE = float64(
    float64[:, ::1], int64, float64[::1], float64, uint64, int64
)  # cells, cell, constants, now_s, stream, number
"""Signature of an observe kernel."""

PULSE_TYPE = types.FunctionType(PULSE)
"""Type of a pulse kernel as an argument."""
OBSERVE_TYPE = types.FunctionType(OBSERVE)
"""Type of an observe kernel as an argument."""


def pulse_kernel(function: Callable[..., float]) -> Kernel:
    """Compile a pulse kernel; the result is cached on disk."""
    return _compiled(function)


def observe_kernel(function: Callable[..., float]) -> Kernel:
    """Compile an observe kernel; the result is cached on disk."""
    return _compiled(function)


def helper(function: Callable[..., Any]) -> Kernel:
    """Compile a function that kernels call; it becomes part of them."""
    return njit(function, cache=True, error_model="numpy")


def _compiled(function: Callable[..., float]) -> Kernel:
    """Mark a function for compilation, which happens when it is first needed.

    numba's cache watches the file of the compiled function only, but stores what it calls, too: so its stamp here also covers the random
    numbers and the files of this folder.
    """
    dispatcher = njit(cache=True, error_model="numpy")(function)
    # numba has no public hook for the stamp. Should it move, numba's own one stays in force, wrong only while sources are edited.
    with contextlib.suppress(AttributeError):
        cache_file = dispatcher._cache._cache_file  # noqa: SLF001
        cache_file._source_stamp = (cache_file._source_stamp, _FINGERPRINT)  # noqa: SLF001
    return dispatcher


def _fingerprint() -> int:
    crc = zlib.crc32(Path(noise.__file__).read_bytes())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        crc = zlib.crc32(path.read_bytes(), crc)
    return crc


_FINGERPRINT = _fingerprint()


@observe_kernel
def observe_state(cells: Any, cell: int, constants: Any, now_s: float, stream: int, number: int) -> float:
    """Return plane 0: cells that neither change with time nor fluctuate."""
    w: float = cells[W, cell]
    return w
