"""Builds that are kept by content: equal inputs give the same folder, and are built once."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

STAMP = "done"
"""Name of the file that says that a folder is complete; its time is that of the last use."""
KEPT_S = 7 * 24 * 3600
"""How long a build is kept that nobody uses. Whoever works on the gateware makes gigabytes of them in a day."""


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

    A new build is when old ones go: those that nobody has used for `KEPT_S`.
    """
    root = cache_dir() / kind
    final = root / key
    if (final / STAMP).exists():
        with suppress(OSError):  # a cache that may only be read
            (final / STAMP).touch()
        return final, True
    root.mkdir(parents=True, exist_ok=True)
    _remove_unused(root)
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


def _remove_unused(root: Path) -> None:
    """Remove the builds of a kind that nobody has used for long, and what is left of builds that failed long ago."""
    oldest = time.time() - KEPT_S
    for folder in root.iterdir():
        stamp = folder / STAMP
        with suppress(OSError):  # another process was faster
            if (stamp if stamp.exists() else folder).stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
