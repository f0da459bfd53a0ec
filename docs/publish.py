"""Put measured figures and pictures where people read them: README.md and docs/images.

./scripts/demo --seeds 0,1,2
./scripts/bench loop train cycles --json bench.json
python docs/publish.py demo-report.html demo-summary.json bench.json

./scripts/bench plant --json plant.json
python docs/publish.py plant.json            # the table of docs/plant.md
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PICTURES = {"figure-1": "learning.svg", "figure-2": "arrays.svg"}
"""Figures of the report that the README shows."""
BLOCK = re.compile(r"(<!-- measured -->\n).*?(<!-- /measured -->)", re.DOTALL)


def extract_pictures(report: Path) -> None:
    """Cut figures out of the report."""
    page = report.read_text()
    for name, file in PICTURES.items():
        found = re.search(rf'<figure id="{name}">.*?(<svg.*?</svg>)', page, re.DOTALL)
        if found is None:
            raise SystemExit(f"{report} has no {name}: write it with ./scripts/demo")
        target = ROOT / "docs" / "images" / file
        target.parent.mkdir(exist_ok=True)
        text = found[1]
        if "xmlns=" not in text.partition(">")[0]:
            text = text.replace(
                "<svg", '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"', 1
            )
        target.write_text(text + "\n")


def demo_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return table rows on the demo."""
    percent = {key: f"{100 * summary[f'{key}_accuracy']:.1f} %" for key in ("test", "float", "linear", "untrained")}
    seeds = ", ".join(str(seed) for seed in summary["seeds"])
    return [
        (
            f"accuracy on the digits' test split, median of seeds {seeds}",
            (
                f"measured: {percent['test']} in the arrays; float network {percent['float']}, logistic regression {percent['linear']}, "
                f"untrained {percent['untrained']}"
            ),
        ),
        (
            "training through `rtl:`",
            f"measured: {summary['samples_per_s']:.0f} images a second, {summary['rtl_cycles'] / 1e6:.0f} million cycles of gateware",
        ),
    ]


def code(text: str) -> str:
    """Set target names as code."""
    return re.sub(r"\b(rtl|model):", r"`\1:`", text)


def bench_rows(bench: dict[str, Any]) -> list[tuple[str, str]]:
    """Return table rows on the benchmarks: every figure with a reference and a bar, the largest tile's cycles left to the JSON."""
    rows = []
    for result in bench["results"]:
        if "ratio" in result and "bar" in result:
            rows.append(
                (
                    f"{code(result['name'])}, against {code(result['reference'])}",
                    f"measured: {result['ratio']:.3g} times ({result['value']:.3g} and {result['reference_value']:.3g} {result['unit']})",
                )
            )
        elif "largest over smallest" in result["name"]:
            name = result["name"].partition(":")[0]
            rows.append(
                (f"{name}: engine cycles at 32×32 over those at 4×4", f"measured on the RTL: {result['value']:g}")
            )
    return rows


PLANT_BLOCK = re.compile(r"(<!-- plant -->\n).*?(<!-- /plant -->)", re.DOTALL)


def publish_plant(path: Path) -> None:
    """Write the table of docs/plant.md."""
    bench = json.loads(path.read_text())
    machine = bench["machine"]
    lines = ["| what | measured | peer | ratio | bar |", "|---|---|---|---|---|"]
    for result in bench["results"]:
        peer = f"{result['reference_value']:.3g} ({result['reference']})" if "reference" in result else ""
        ratio = f"{result['ratio']:.3g}" if "ratio" in result else ""
        bar = f"{result['bar']:g}, {'met' if result['met'] else '**missed**'}" if "bar" in result else ""
        lines.append(f"| {result['name']} | {result['value']:.3g} {result['unit']} | {peer} | {ratio} | {bar} |")
    lines += [
        "",
        f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, commit {bench['commit']}.",
        "",
    ]
    page = ROOT / "docs" / "plant.md"
    page.write_text(PLANT_BLOCK.sub(lambda found: found[1] + "\n".join(lines) + found[2], page.read_text()))


def main() -> None:
    """Read the files named on the command line and write README.md and the pictures, or docs/plant.md."""
    if len(sys.argv) == 2:
        publish_plant(Path(sys.argv[1]))
        return
    report, summary, bench = (Path(argument) for argument in sys.argv[1:4])
    extract_pictures(report)
    benchmarks = json.loads(bench.read_text())
    rows = demo_rows(json.loads(summary.read_text())) + bench_rows(benchmarks)
    machine = benchmarks["machine"]
    rows.append(
        ("the machine of these measurements", f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}")
    )
    table = "".join(f"| {claim} | {text} |\n" for claim, text in rows)
    readme = ROOT / "README.md"
    readme.write_text(BLOCK.sub(lambda found: found[1] + table + found[2], readme.read_text()))


if __name__ == "__main__":
    main()
