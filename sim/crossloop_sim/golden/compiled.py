"""Compilation with a cache that notices every change of the contract.

numba's cache watches only the file of a compiled function, but what it stores also contains the functions it calls and the constants it
uses from other files: after a change of a promised cycle number it would go on with the old one. So here the stamp of the cache covers the
contract and the compiled part of the golden model together.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import numpy as np
from numba import njit

import crossloop.protocol
from crossloop_sim import events

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _fingerprint() -> int:
    crc = 0
    for folder in (Path(crossloop.protocol.__file__).parent, Path(__file__).parent):
        for path in sorted(folder.glob("*.py")):
            crc = zlib.crc32(path.read_bytes(), crc)
    return zlib.crc32(Path(events.__file__).read_bytes(), crc)


SOURCE_STAMP = ("crossloop golden", _fingerprint())
"""What a cache entry must have been made with to be used."""


def compiled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return the function compiled by numba, cached on disk, without the interpreter lock."""
    dispatcher = njit(function, cache=True, nogil=True)
    # numba has no public hook for the stamp. Should it move, its own one (this file's time) stays in force, which is right for every
    # installed package and wrong only while the sources are edited.
    with contextlib.suppress(AttributeError):
        assert dispatcher._cache._cache_file._source_stamp  # noqa: SLF001
        dispatcher._cache._cache_file._source_stamp = SOURCE_STAMP  # noqa: SLF001
    return cast("Callable[_P, _R]", dispatcher)


def constant(value: int) -> int:
    """Return a number as compiled functions should take it from their module.

    A Python integer would do, too, but numba compiles a function again for every Python constant that it is called with.
    """
    return cast("int", np.int64(value))
