"""One BLAS thread where numba's threads work too.

The two kinds of threads wait for each other by spinning, which costs up to a hundredfold.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    # Looking for the libraries takes milliseconds, and they stay the same.
    return ThreadpoolController()


def single_threaded() -> AbstractContextManager[Any]:
    """Return a context in which BLAS works with one thread."""
    limit: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit
