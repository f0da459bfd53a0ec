"""The engines and the safety gate of the ULX3S, each alone between registers: what clock each would bear by itself.

The board's clock is that of the slowest path anywhere, link and arithmetic included (`docs/boards.md`).
"""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from place_and_route import DEVICES, place_and_route_component
from report import Report

from crossloop.protocol.parameters import Parameters
from crossloop.protocol.timing import level_wait
from crossloop_boards import catalogue
from crossloop_hdl.engines.coincidence import coincidence_controller
from crossloop_hdl.engines.engine_bay import EngineBay
from crossloop_hdl.engines.level_sequencer import LevelSequencer
from crossloop_hdl.engines.line_switch import LineSwitch
from crossloop_hdl.engines.pulse_generator import PulseGenerator
from crossloop_hdl.engines.sample_sequencer import SampleSequencer
from crossloop_hdl.engines.stream_loader import StreamLoader
from crossloop_hdl.safety import SafetyGate

CLOCK_MHZ = 100
"""Asked of the engines on this board."""


def _levels(build: Parameters) -> LevelSequencer:
    return LevelSequencer(
        build.level_write_cycles, build.level_settle_cycles, level_wait(build),
        lines=max(build.rows, build.columns), vector_words=build.vector_words,
    )  # fmt: skip


PARTS: dict[str, Callable[[Parameters], Any]] = {
    "pulse generator": lambda build: PulseGenerator(build.gate_taps),
    "coincidence controller": coincidence_controller,
    "sample sequencer": SampleSequencer,
    "level sequencer": _levels,
    "line switch": LineSwitch,
    "stream loader": StreamLoader,
    "safety gate": SafetyGate,
    "engine bay, all of them together": EngineBay,
}
"""What is measured, made from a build."""


class BetweenRegisters(wiring.Component):
    """A component whose inputs come from a shift register, and whose outputs go to another one: no path is longer than its own."""

    shift_in: In(1)
    take: In(1)
    shift_out: Out(1)

    def __init__(self, component: Any) -> None:
        self._component = component
        super().__init__()

    def elaborate(self, _platform: Any) -> Module:
        """Return the component and the registers around it."""
        m = Module()
        m.submodules.component = component = self._component
        inputs: list[Value] = []
        outputs: list[Value] = []
        for _path, member, value in component.signature.flatten(component):
            if not isinstance(value, Const):
                (outputs if member.flow == wiring.Out else inputs).append(Value.cast(value))
        given, found = Signal(len(Cat(*inputs))), Signal(len(Cat(*outputs)))
        leaving, take = Signal.like(found), Signal()
        m.d.comb += Cat(*inputs).eq(given)
        m.d.sync += [
            given.eq(Cat(self.shift_in, given)), found.eq(Cat(*outputs)), take.eq(self.take),
            leaving.eq(Mux(take, found, leaving >> 1)), self.shift_out.eq(leaving[0]),
        ]  # fmt: skip
        return m


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
