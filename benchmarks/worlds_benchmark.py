"""The scenario suite on every simulated world: equal transcripts, and what each world costs.

The worlds are the golden model, the RTL, the netlist after synthesis for iCE40, and the HX8K bitstream read back. The last three are
compiled by the same engine, and the host reaches all but the model through the pins of the UART.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from report import Report

import crossloop
from crossloop_sim import transcript

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import scenarios  # noqa: E402 - the suite lives among the tests

BUILD = (
    "rows=4&columns=3&tiles=2&gate_lines=1&vector_words=64&program_ops=128&frame_bytes=256&request_slots=1&loop_depth=2"
)
"""Small enough for the pins of an HX8K."""
DIVISOR = 4
WORLDS = {
    "model": "",
    "rtl": f"&link=uart&divisor={DIVISOR}",
    "netlist": f"&divisor={DIVISOR}",
    "bitstream": f"&divisor={DIVISOR}",
}
"""Worlds and what their URLs need."""


def measure(report: Report) -> None:
    """Run every scenario on every world; the builds are made anew."""
    with tempfile.TemporaryDirectory() as cache, patch.dict("os.environ", {"CROSSLOOP_CACHE_DIR": cache}):
        _measure(report)


def _measure(report: Report) -> None:
    kept: dict[str, dict[str, transcript.Transcript]] = {}
    rates: dict[str, float] = {}
    for world, options in WORLDS.items():
        url = f"{world}:?{BUILD}{options}"
        cold_s, warm_s = _opening(url)
        begin = time.perf_counter()
        cycles, run_s = 0, 0.0
        kept[world] = {}
        for name in scenarios.SCENARIOS:
            kept[world][name], figures = _run(f"{url}&transcript=1", name)
            cycles += int(figures.get("cycles", 0))
            run_s += float(figures.get("run_s", 0.0))
        suite_s = time.perf_counter() - begin
        equal = sum(
            transcript.difference(kept["model"][name], kept[world][name]) is None for name in scenarios.SCENARIOS
        )
        print(f"  {world}: {equal} of {len(scenarios.SCENARIOS)} transcripts equal, {suite_s:.1f} s", flush=True)
        report.add(f"{world}: transcripts equal to the model's", equal, "scenarios", bar=len(scenarios.SCENARIOS))
        report.add(f"{world}: first opening, everything built", cold_s, "s")
        report.add(f"{world}: further openings", warm_s, "s")
        report.add(f"{world}: the suite", suite_s, "s")
        if world == "model" or not run_s:
            continue
        rates[world] = cycles / run_s
        report.add(
            f"{world}: engine",
            rates[world],
            "cycles/s",
            reference="rtl: in the same run",
            reference_values=rates["rtl"],
        )


def _opening(url: str) -> tuple[float, float]:
    """Return the seconds of a first opening and of one more."""
    times = []
    for _ in range(2):
        begin = time.perf_counter()
        with crossloop.connect(url):
            times.append(time.perf_counter() - begin)
    return times[0], times[1]


def _run(url: str, name: str) -> tuple[transcript.Transcript, dict[str, Any]]:
    with crossloop.connect(url, first_sequence=1) as session:
        scenarios.run(name, session)
        world = session.transport.world  # type: ignore[attr-defined]
        return world.transcript, world.statistics()
