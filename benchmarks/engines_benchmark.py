"""The engines and the safety gate of the ULX3S, each alone between registers: what clock each would bear by itself.

The board's clock is that of the slowest path anywhere, link and arithmetic included (`docs/boards.md`).
"""

from collections.abc import Callable
from typing import Any

from place_and_route import DEVICES, BetweenRegisters, place_and_route_component
from report import Report

from crossloop.protocol.parameters import Parameters
from crossloop_boards import catalogue
from crossloop_hdl.engines.coincidence import coincidence_controller
from crossloop_hdl.engines.engine_bay import EngineBay
from crossloop_hdl.engines.level_sequencer import level_sequencer
from crossloop_hdl.engines.line_switch import LineSwitch
from crossloop_hdl.engines.pulse_generator import PulseGenerator
from crossloop_hdl.engines.sample_sequencer import SampleSequencer
from crossloop_hdl.engines.stream_loader import StreamLoader
from crossloop_hdl.safety import SafetyGate

CLOCK_MHZ = 100
"""Asked of the engines on this board."""

PARTS: dict[str, Callable[[Parameters], Any]] = {
    "pulse generator": lambda build: PulseGenerator(build.gate_taps),
    "coincidence controller": coincidence_controller,
    "sample sequencer": SampleSequencer,
    "level sequencer": level_sequencer,
    "line switch": LineSwitch,
    "stream loader": StreamLoader,
    "safety gate": SafetyGate,
    "engine bay, all of them together": EngineBay,
}
"""What is measured, made from a build."""


def measure(report: Report) -> None:
    """Place and route each part for the ULX3S' FPGA."""
    build = catalogue.board("ulx3s").parameters("emulated")
    for name, make in PARTS.items():
        print(f"  {name}", flush=True)
        placed = place_and_route_component(
            make(build), DEVICES["ECP5-25F"], clock_mhz=CLOCK_MHZ, outside=BetweenRegisters
        )
        report.add(f"{name}, cells", placed.cells, "cells")
        report.add(f"{name}, Fmax", placed.fmax_mhz or 0.0, "MHz", bar=CLOCK_MHZ)
