"""Measure by name and write the figures as JSON: `./scripts/bench loop --json loop.json`."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from report import Report

BENCHMARKS = {
    "loop": "one program through rtl: and through cocotb: equal transcripts, cycles per second of each and of the raw engine",
    "train": "the demo's training through rtl: and model:, samples per second in turns",
    "plant": "the plant against its peers in turns: circuits (badcrossbar), tiles and training (aihwkit); needs --peers",
    "write-verify": "32x32 random targets in cells with transistors, by one command: cells in their windows, pulses, device time",
    "endurance": "SET and RESET cycles per second of board time on every front end, levels held or changed; dry run against RTL",
    "mutation": "mutants of safety gate and link that the proofs notice",
    "gateware": "the controller on HX8K, UP5K and ECP5 after place and route; cycles and bytes of each operation",
    "coverage": "branch and toggle coverage of the generated Verilog over scenarios, faults and random programs",
    "engines": "the engines and the safety gate of the ULX3S, each alone after place and route",
    "emulated": "the emulated array alone on HX8K, UP5K and ECP5 after place and route; times of its operations on a board",
    "worlds": "the scenario suite on model:, rtl:, netlist: and bitstream:, equal transcripts, and the time of each world",
    "cycles": "engine cycles of product and update over tile sizes, converter serial time apart",
}
"""Name and purpose; each is a module of this folder with `measure(report)`."""


def main() -> int:
    """Run the named benchmarks; exit status 1 if a bar was missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    names = ", ".join(f"{name} ({purpose})" for name, purpose in BENCHMARKS.items())
    parser.add_argument("name", nargs="+", choices=BENCHMARKS, metavar="NAME", help=names)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    report = Report()
    try:
        for name in arguments.name:
            print(f"{name}: {BENCHMARKS[name]}", flush=True)
            importlib.import_module(f"{name.replace('-', '_')}_benchmark").measure(report)
    except KeyboardInterrupt:
        print("interrupted; what was measured so far is kept", file=sys.stderr)
    report.print()
    if arguments.json:
        report.write(arguments.json)
    return 0 if report.bars_met else 1


if __name__ == "__main__":
    sys.exit(main())
