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
import sys
import zlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from numba import float64, int64, njit, types, uint64
from numba.core import cgutils
from numba.extending import intrinsic

from crossloop_sim import noise

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


class Kernel:
    """A kernel, compiled when it is first needed; the result is cached on disk.

    Parameters
    ----------
    signature : numba signature
        PULSE or OBSERVE.
    function : callable
        The Python function.
    """

    def __init__(self, signature: Any, function: Callable[..., float]) -> None:
        self._signature = signature
        self._function = function

    @cached_property
    def address(self) -> int:
        """Address of the compiled function, as drivers take it: `pulse_at` and `observe_at` make a function of it again."""
        # numba's cache watches the file of the compiled function only, but stores what it calls, too: so its stamp here also covers the
        # random numbers and the files of this folder.
        # What is cached is found again by its module: code that was run without one (a notebook's page, a test) is compiled anew.
        importable = self._function.__module__ in sys.modules
        dispatcher = njit(cache=importable, error_model="numpy")(self._function)
        # numba has no public hook for the stamp. Should it move, numba's own one stays in force, wrong only while sources are edited.
        with contextlib.suppress(AttributeError):
            cache_file = dispatcher._cache._cache_file  # noqa: SLF001
            cache_file._source_stamp = (cache_file._source_stamp, _FINGERPRINT)  # noqa: SLF001
        dispatcher.compile(self._signature.args)
        self._keep = dispatcher
        compiled = dispatcher.overloads[self._signature.args]
        return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def _function_at(function_type: Any) -> Any:
    """Return an intrinsic that makes a function of this type of an address.

    numba can pass functions as arguments itself, but looks their address up anew at every call, which costs some 30 us.
    """

    @intrinsic
    def at(typing_context: Any, address: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            function = cgutils.create_struct_proxy(function_type)(context, builder)
            function.jit_addr = builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))
            function.c_addr = function.jit_addr
            return function._getvalue()  # noqa: SLF001

        return function_type(types.int64), lower

    return at


pulse_at = _function_at(types.FunctionType(PULSE))
"""Makes a pulse kernel of an address, in compiled code."""
observe_at = _function_at(types.FunctionType(OBSERVE))
"""Makes an observe kernel of an address, in compiled code."""


def pulse_kernel(function: Callable[..., float]) -> Kernel:
    """Make a pulse kernel of a function."""
    return Kernel(PULSE, function)


def observe_kernel(function: Callable[..., float]) -> Kernel:
    """Make an observe kernel of a function."""
    return Kernel(OBSERVE, function)


def helper(function: Callable[..., Any]) -> Any:
    """Compile a function that kernels call; it becomes part of them.

    Inlined by numba, not only by LLVM: a call that remains makes the caller count references to its arrays, which costs more than the
    pulse.
    """
    return njit(function, cache=True, error_model="numpy", inline="always")


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
