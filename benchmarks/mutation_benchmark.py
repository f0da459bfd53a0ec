"""Mutants of the safety gate and of the link: how many of them the proofs notice."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from report import ROOT, Report

COUNT = 60
SEEDS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "untouched": 7}
"""Properties were added until few mutants of the first seeds were left; those of the last one were drawn after that."""
BAR = 0.95


def measure(report: Report) -> None:
    """Make the mutants, examine each, and list what survived."""
    sys.path.insert(0, str(ROOT / "tests"))
    from formal import mutants

    for which, seed in SEEDS.items():
        for name in mutants.SUBJECTS:
            found: list[mutants.Mutant] = []
            print(f"  {name}: about {COUNT} mutants, seed {seed}", flush=True)
            try:
                with tempfile.TemporaryDirectory() as folder:
                    begin = time.perf_counter()
                    for mutant, total in mutants.examine_all(name, Path(folder), COUNT, seed):
                        found.append(mutant)
                        if mutant.fate == "survived":
                            print(f"  survived: {mutant.proof}: {mutant.command} ({mutant.places})", flush=True)
                        if len(found) % 10 == 0:
                            left_s = (total - len(found)) * (time.perf_counter() - begin) / len(found)
                            print(f"  {len(found)} of {total}, about {left_s:.0f} s left", flush=True)
            finally:
                # What an interrupted run has found is reported too.
                _add(report, f"{name}, {which} seed ({seed})", found, mutants.FATES)


def _add(report: Report, name: str, found: list[Any], fate_names: tuple[str, ...]) -> None:
    """Add the figures of one subject and seed."""
    fates = Counter(mutant.fate for mutant in found)
    killed = sum(count for fate, count in fates.items() if fate.startswith("killed"))
    counted = killed + fates["survived"]
    if not counted:
        return
    survivors = [f"{mutant.proof}: {mutant.command}" for mutant in found if mutant.fate == "survived"]
    report.add(f"{name}: killed, of those that count", killed / counted, "", bar=BAR, more={"survivors": survivors})
    for fate in fate_names:
        report.add(f"{name}: {fate}", fates[fate], "mutants")
