"""Mutants of the safety gate and of the session's rules: how many of them the proofs notice."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from report import ROOT, Report

COUNT = 100
SUBJECTS = ("safety gate", "session rules")


def measure(report: Report) -> None:
    """Make the mutants, examine each, and list what survived."""
    sys.path.insert(0, str(ROOT / "tests"))
    from formal import mutants
    from formal.proofs import PROOFS

    for name in SUBJECTS:
        print(f"  {name}: {COUNT} mutants, seed {mutants.SEED}", flush=True)
        begin = time.perf_counter()

        def progress(done: int, total: int, begin: float = begin) -> None:
            if done % 10 == 0 or done == total:
                rate = done / (time.perf_counter() - begin)
                print(f"  {done} of {total}, {rate:.2f} per second, {(total - done) / rate:.0f} s left", flush=True)

        with tempfile.TemporaryDirectory() as folder:
            found = mutants.examine_all(PROOFS[name], Path(folder), COUNT, progress)
        fates = {
            fate: [mutant for mutant in found if mutant.fate == fate] for fate in ("killed", "equivalent", "survived")
        }
        for mutant in fates["survived"]:
            print(f"  survived: {mutant.command}")
        counted = len(fates["killed"]) + len(fates["survived"])
        report.add(f"{name}: mutants killed, of those not equivalent", len(fates["killed"]) / counted, "", bar=0.95)
        report.add(f"{name}: mutants not to be told from the original", len(fates["equivalent"]), "")
