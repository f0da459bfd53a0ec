"""The emulated array alone on three FPGAs, and the times of its operations on a board."""

from __future__ import annotations

import numpy as np
from place_and_route import DEVICES, place_and_route_component
from report import Report

from crossloop.operations import Product, PulseTrain
from crossloop.protocol.emulated import emulated_parameters
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop_hdl.emulated.array import EmulatedArray

ARRAYS = {"HX8K": (16, 48), "UP5K": (32, 24), "ECP5-25F": (64, 48)}
"""Lines of both families, and the clock that is asked, in MHz."""
BARS = {"HX8K": (2000, 4)}
"""Most logic cells and block RAMs beside a controller."""


def measure(report: Report) -> None:
    """Place and route the array for each device, and tell what a pulse and a product take there."""
    for name, (lines, clock_mhz) in ARRAYS.items():
        print(f"  {lines}x{lines} on {name}", flush=True)
        build = emulated_parameters(Parameters(rows=lines, columns=lines, clock_hz=clock_mhz * 1_000_000))
        placed = place_and_route_component(EmulatedArray(build), DEVICES[name], clock_mhz=clock_mhz)
        title, (cells, memories) = f"array {lines}x{lines} on {name}", BARS.get(name, (None, None))
        report.add(f"{title}, logic cells", placed.cells, "cells", bar=cells, at_most=True)
        report.add(f"{title}, registers", placed.registers, "registers")
        report.add(f"{title}, block RAM", placed.memories, "blocks", bar=memories, at_most=True)
        report.add(f"{title}, Fmax (0: does not fit)", placed.fmax_mhz or 0.0, "MHz", bar=clock_mhz)
        levels = np.full(lines, 40, np.int8)
        for what, operation in (
            ("product", Product(0, Family.COLUMNS, levels, lines, settle_cycles=1, integrate_cycles=1)),
            ("pulse", PulseTrain(0, 0, 0, 1, (60, -60), 48, build.gap_min_cycles)),
        ):
            report.add(f"{title}, {what}", 1e6 * operation.dry_run(build).time_s, "us")
