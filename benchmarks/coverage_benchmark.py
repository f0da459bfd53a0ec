"""Branch and toggle coverage of the Verilog that Amaranth writes for the controller, over scenarios, faults and random programs."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from report import ROOT, Report

BAR = 0.9


def measure(report: Report) -> None:
    """Do everything to each design, then count per module and in total what was reached, less what is waived."""
    sys.path.insert(0, str(ROOT / "tests"))
    from verilog_coverage.points import KINDS, describe, read_points
    from verilog_coverage.waivers import Waived, read_waivers, refuse_unused
    from verilog_coverage.workload import DESIGNS, exercise

    from crossloop_sim.engine.coverage import VERILOG, write_counts

    waivers = read_waivers()
    uses = []
    for title, design in DESIGNS.items():
        print(f"  {title}: building takes minutes the first time", flush=True)
        library = exercise(design, lambda what, title=title: print(f"  {title}: {what}", flush=True)).design.library
        with tempfile.TemporaryDirectory() as folder:
            counts = Path(folder) / "counts.dat"
            write_counts(library, counts)
            points = read_points(counts, library.parent / VERILOG)
        ours = [
            point
            for point in points
            if not any(point.module == model or point.module.startswith(f"{model}.parts") for model in design.models)
        ]
        found = Waived(ours, waivers)
        uses.append(found.uses)
        for module in [None, *found.modules]:
            for kind in KINDS:
                tally = found.tally(kind, module)
                missed = [p for p in found.missed if p.kind == kind and p.module == module]
                report.add(
                    f"{title}: {module or 'all modules'}, {kind} coverage", tally.ratio, "", bar=BAR if module is None else None,
                    more={"reached": tally.reached, "missed": tally.missed, "waived": tally.waived, "uncovered": describe(missed)},
                )  # fmt: skip
    refuse_unused(uses)
    for waiver in waivers:
        report.add(f"waived, {waiver}", sum(use[waiver] for use in uses), "points", more={"reason": waiver.reason})
