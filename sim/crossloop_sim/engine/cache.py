"""Builds that are kept by content: equal inputs give the same folder, and are built once."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

STAMP = "done"
"""Name of the file that says that a folder is complete."""


def cache_dir() -> Path:
    """Return where builds are kept: `$CROSSLOOP_CACHE_DIR`, else `$XDG_CACHE_HOME/crossloop`, else `~/.cache/crossloop`."""
    own = os.environ.get("CROSSLOOP_CACHE_DIR")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crossloop"


def digest(parts: Iterable[str]) -> str:
    """Return a hash of texts; where one ends and the next begins counts."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part.encode()).digest())
    return total.hexdigest()[:32]


def build_once(kind: str, key: str, build: Callable[[Path], object]) -> tuple[Path, bool]:
    """Return the folder of a build, and whether it was there already.

    Parameters
    ----------
    kind : str
        Subfolder of the cache.
    key : str
        Hash of everything that the result depends on.
    build : callable
        Fills an empty folder. When it raises, the folder is kept for inspection under the name in the exception's
        message, and the next call builds again.

    Notes
    -----
    Two processes may build the same at once: each works in a folder of its own, the first rename wins, and the other
    takes the winner's result.
    """
    root = cache_dir() / kind
    final = root / key
    if (final / STAMP).exists():
        return final, True
    root.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=root))
    build(work)
    (work / STAMP).touch()
    try:
        work.rename(final)
    except OSError:
        if not (final / STAMP).exists():
            raise
        shutil.rmtree(work)
    return final, False
