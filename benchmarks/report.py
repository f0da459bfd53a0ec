"""What a benchmark reports: figures with their reference, measured in the same run, and the machine they were measured on."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


class Report:
    """Collects results and writes them as JSON."""

    def __init__(self) -> None:
        self.results: list[dict[str, Any]] = []

    def add(
        self,
        name: str,
        values: float | Sequence[float],
        unit: str,
        *,
        reference: str = "",
        reference_values: float | Sequence[float] | None = None,
        bar: float | None = None,
        at_most: bool = False,
        more: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Add one figure; the median of several values, with their spread.

        Parameters
        ----------
        name, values, unit
            What was measured.
        reference, reference_values
            What it is compared with, measured in the same run; the ratio is value over reference.
        bar
            Least ratio (or least value, without a reference) that was asked for; the largest with `at_most`.
        more
            What else the JSON says about it.
        """
        values, references = _listed(values), _listed(reference_values)
        value = statistics.median(values)
        result: dict[str, Any] = {"name": name, "value": value, "unit": unit, "spread": [min(values), max(values)]}
        judged = value
        if references:
            reference_value = statistics.median(references)
            judged = value / reference_value
            result |= {
                "reference": reference,
                "reference_value": reference_value,
                "reference_spread": [min(references), max(references)],
                "ratio": judged,
            }
        if bar is not None:
            result |= {"bar": bar, "met": judged <= bar if at_most else judged >= bar}
        result |= more or {}
        self.results.append(result)
        return result

    @property
    def bars_met(self) -> bool:
        """Whether no result missed its bar."""
        return all(result.get("met", True) for result in self.results)

    def print(self) -> None:
        """Print one line per result."""
        for result in self.results:
            line = f"  {result['name']:<44} {result['value']:>14,.4g} {result['unit']}"
            if "ratio" in result:
                line += f"   {result['ratio']:.3g} x {result['reference']} ({result['reference_value']:,.4g})"
            if "bar" in result:
                line += f"   bar {result['bar']:g}: {'met' if result['met'] else 'MISSED'}"
            print(line)

    def write(self, path: Path) -> None:
        """Write everything, with the machine and the commit, to a JSON file."""
        machine = {
            "cpu": _cpu(),
            "cores": len(os.sched_getaffinity(0)),
            "system": platform.platform(),
            "python": platform.python_version(),
        }
        text = json.dumps({"machine": machine, "commit": _commit(), "results": self.results}, indent=2)
        path.write_text(text + "\n")


def _listed(values: float | Sequence[float] | None) -> list[float]:
    if values is None:
        return []
    return [float(values)] if isinstance(values, int | float) else [float(value) for value in values]
