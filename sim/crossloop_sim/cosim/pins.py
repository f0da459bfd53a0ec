"""Watches the direct front end's pins in a cocotb simulation and answers its conversions from a plant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Event, FallingEdge, RisingEdge
from cocotb.utils import get_sim_time

from crossloop.protocol.parameters import Parameters
from crossloop_sim.events import Events, Kind, PlantSeam, bits_to_words, record

_FAMILIES = ("row", "column", "gate_line")
_STATES = tuple(f"{family}_states_{bit}" for family in _FAMILIES for bit in ("low", "high"))
_GATES = tuple(f"{family}_gates" for family in _FAMILIES)
_HALVES = ("gates_late", "gates_early")
_SINGLE = {"running": Kind.RUN, "tripped": Kind.TRIP, "tile": Kind.TILE}
_STROBES = ("level__valid", "conversion__valid")
_LINE_BITS = 16
_BATCH = 256
"""Records after which the plant is told without being asked: a bound on memory."""


class PinMonitor:
    """Turns pin changes of a simulated core into event records and hands them to a plant.

    Parameters
    ----------
    dut
        The simulated core (or a top around it) with the direct front end's pins.
    parameters : Parameters
        Its build.
    plant : PlantSeam
        Takes the records and answers conversions.
    period_ps : int
        Length of a clock cycle in picoseconds.
    """

    def __init__(self, dut: Any, parameters: Parameters, plant: PlantSeam, period_ps: int) -> None:
        self._dut = dut
        self._parameters = parameters
        self._plant = plant
        self._period_ps = period_ps
        names = (*_SINGLE, *_STATES, *_GATES, *_STROBES, *(_HALVES if parameters.gate_taps > 1 else ()))
        # A build without gate lines has no pins for them.
        self._pins = {name: getattr(dut, name) for name in names if parameters.gate_lines or "gate_line" not in name}
        self._values = dict.fromkeys(self._pins, 0)  # all pins are 0 after reset
        self._gates = [0] * len(_GATES)
        self._touched: set[str] = set()
        self._wake = Event()
        self._pending: list[Events] = []
        self._begin_ps = 0.0

    @property
    def cycle(self) -> int:
        """Clock cycles since `start`."""
        return int((get_sim_time("ps") - self._begin_ps) // self._period_ps)

    def start(self) -> None:
        """Begin to watch; call it during reset, with the clock running."""
        self._begin_ps = get_sim_time("ps")
        for name in self._pins:
            cocotb.start_soon(self._watch(name))
        cocotb.start_soon(self._serve())

    def flush(self) -> None:
        """Hand the records gathered so far to the plant."""
        if self._pending:
            self._plant.apply(np.array(self._pending, np.uint64))
            self._pending = []

    async def _watch(self, name: str) -> None:
        change = self._pins[name].value_change
        while True:
            await change
            self._touched.add(name)
            self._wake.set()

    async def _serve(self) -> None:
        clock_falls = FallingEdge(self._dut.clk)
        while True:
            if not self._touched:
                self._wake.clear()
                await self._wake.wait()
            await clock_falls
            self._sample()
            while any(self._values[name] for name in _STROBES):
                # Strobes of neighbouring cycles have no edge between them.
                await clock_falls
                self._sample()

    def _sample(self) -> None:
        changed = set()
        for name in self._touched:
            value = int(self._pins[name].value)
            if value != self._values[name]:
                self._values[name] = value
                changed.add(name)
        self._touched.clear()
        for name, kind in _SINGLE.items():
            if name in changed:
                self._append(kind, self._values[name])
        if not changed.isdisjoint(_STATES):
            self._append(Kind.STATES, words=self._words(_STATES))
        if self._values["level__valid"]:
            self._append_level(int(self._dut.level__payload.value))
        if not changed.isdisjoint(_GATES + _HALVES):
            for tap, off in zip(range(self._parameters.gate_taps), _HALVES, strict=False):
                self._append_gates(tap, off=bool(self._values.get(off)))
        if self._values["conversion__valid"]:
            self._convert(int(self._dut.conversion__payload.value))
        if len(self._pending) >= _BATCH:
            self.flush()

    def _append(self, kind: Kind, a: int = 0, b: int = 0, words: Iterable[int] = ()) -> None:
        self._pending.append(record(self._parameters, self.cycle, kind, a, b, words))

    def _words(self, names: tuple[str, ...]) -> list[int]:
        return [word for name in names for word in bits_to_words(self._values.get(name, 0), self._parameters)]

    def _append_gates(self, tap: int, *, off: bool) -> None:
        gates = [0 if off else self._values.get(name, 0) for name in _GATES]
        if gates != self._gates:
            self._gates = gates
            words = [word for bits in gates for word in bits_to_words(bits, self._parameters)]
            self._append(Kind.GATES, tap, words=words)

    def _append_level(self, payload: int) -> None:
        # Fields, first lowest: family 2 bits, line 16 bits, code in two's complement.
        bits = self._parameters.level_bits
        code = payload >> (2 + _LINE_BITS)
        signed = code - (1 << bits) if code >> (bits - 1) else code
        self._append(Kind.LEVEL, payload & 3, payload >> 2 & 0xFFFF, (signed,))

    def _convert(self, payload: int) -> None:
        # Fields, first lowest: family 1 bit, pair 1 bit, range 2 bits, count 16 bits.
        self.flush()
        words = (payload >> 2 & 3, payload >> 1 & 1)
        strobe = record(self._parameters, self.cycle, Kind.CONVERSION, payload & 1, payload >> 4, words)
        cocotb.start_soon(self._supply([int(word) for word in self._plant.convert(strobe)]))

    async def _supply(self, samples: list[int]) -> None:
        dut = self._dut
        ready_rises, clock_falls = RisingEdge(dut.samples__ready), FallingEdge(dut.clk)
        dut.samples__valid.value = 1
        for sample in samples:
            dut.samples__payload.value = sample
            while not dut.samples__ready.value:
                await ready_rises
                await clock_falls
            await clock_falls  # taken by the rising edge between
        dut.samples__valid.value = 0
