"""Ohmic arrays with wire resistance: the ladder solver against badcrossbar, in turns. One BLAS thread there, numba's threads here."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import numpy as np
from peer_process import Peer
from peers.serve import timed
from report import Report

from crossloop_sim.array.effective import EffectiveMatrix
from crossloop_sim.array.ladder import Ladder, LadderSolver, Terminals

SIZES = (32, 64, 128, 256, 512)
WIRES_OHM = (1.0, 10.0)
MANY = 100

_MEMORY = """
import resource, sys
sys.path.insert(0, {folder!r})
from plant_circuits import problem
from crossloop_sim.array.ladder import LadderSolver
for cases in (1, {many}):
    ladder, terminals = problem(512, 10.0, cases)
    LadderSolver(ladder).solve(terminals)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def problem(size: int, r_ohm: float, cases: int) -> tuple[Ladder, Terminals]:
    """Return an array driven at the left ends of its rows, read at the bottom ends of its columns, as badcrossbar has it."""
    rng = np.random.default_rng(0)
    cells = rng.uniform(1e-6, 1e-4, (size, size))
    volts = rng.uniform(0, 0.2, (size, cases))
    row, column = np.full((size, size + 1), 1 / r_ohm), np.full((size + 1, size), 1 / r_ohm)
    row[:, -1], column[0] = 0, 0
    zeros = np.zeros((size, cases))
    return Ladder(cells, row, column), Terminals(volts, zeros, zeros, zeros)


def measure(report: Report) -> None:
    """Compare every size; the peer solves few times, because it takes seconds."""
    print(f"  numba threads {numba.get_num_threads()}, BLAS threads of badcrossbar 1", flush=True)
    LadderSolver(problem(256, 10.0, 4)[0]).solve(problem(256, 10.0, 4)[1])  # compiles
    peer = Peer("badcrossbar")
    peer.ask("solve", size=8, r_ohm=1.0, cases=1, repeats=1, out=_file("warm"))
    for size in SIZES:
        for r_ohm in WIRES_OHM:
            for cases, bar in ((1, 80.0), (MANY, 5.0)):
                _compare(report, peer, size, r_ohm, cases, bar)
    for r_ohm in WIRES_OHM:
        _again(report, peer, r_ohm)
    peer.close()
    code = _MEMORY.format(folder=str(Path(__file__).parent), many=MANY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    report.add("peak memory, 512x512, 1 and 100 vectors", float(done.stdout), "MB", bar=400.0, at_most=True)


def _compare(report: Report, peer: Peer, size: int, r_ohm: float, cases: int, bar: float) -> None:
    ladder, terminals = problem(size, r_ohm, cases)
    turns = 3 if size <= 128 else 2 if size == 256 else 1
    ours, theirs = [], []
    found = []

    def solve() -> None:
        found[:] = [LadderSolver(ladder).solve(terminals).bottom_a]

    out = _file("currents.npy")
    solve()
    for _ in range(turns):
        theirs += peer.ask("solve", size=size, r_ohm=r_ohm, cases=cases, repeats=1, out=out)["seconds"]
        ours += timed(solve, 5)
    name = f"array {size}x{size}, {r_ohm:g} ohm, {cases} vector{'s' if cases > 1 else ''}"
    report.add(name, _rates(ours), "solves/s", reference="badcrossbar", reference_values=_rates(theirs), bar=bar)
    reference = np.load(out).T
    error = float((np.abs(found[0] - reference) / np.abs(reference)).max())
    report.add(f"{name}: largest relative difference", error, "", bar=1e-8, at_most=True)


def _again(report: Report, peer: Peer, r_ohm: float) -> None:
    """Solve the same array again, with other inputs, and after single updates."""
    size = 128
    ladder, terminals = problem(size, r_ohm, 1)
    matrix = EffectiveMatrix(LadderSolver(ladder))
    volts = terminals.left_v[:, 0]
    rng = np.random.default_rng(5)
    theirs = peer.ask("solve", size=size, r_ohm=r_ohm, cases=1, repeats=5, out=_file("again.npy"))["seconds"]
    again = timed(lambda: matrix.currents_a(volts), 200)

    def changed() -> None:
        i, j = (int(k) for k in rng.integers(size, size=2))
        matrix.change(i, j, float(rng.uniform(1e-6, 1e-4)))
        matrix.currents_a(volts)

    changed()
    after = timed(changed, 20)
    for name, ours in (("with other inputs", again), ("after one update", after)):
        report.add(
            f"array {size}x{size}, {r_ohm:g} ohm, again {name}", _rates(ours), "solves/s",
            reference="badcrossbar", reference_values=_rates(theirs), bar=200.0,
        )  # fmt: skip
    fresh = LadderSolver(matrix.solver.ladder).solve(terminals).bottom_a[:, 0]
    error = float((np.abs(matrix.currents_a(volts) - fresh) / np.abs(fresh)).max())
    report.add(
        f"the same after 21 updates: difference from a fresh solution, {r_ohm:g} ohm", error, "", bar=1e-8, at_most=True
    )


def _rates(seconds: list[float]) -> list[float]:
    return [1 / value for value in seconds]


def _file(name: str) -> str:
    return str(Path(tempfile.gettempdir()) / f"crossloop-bench-{name}")
