"""Watch the direct front end's pins in a cocotb simulation and serve its conversions from a plant.

One sampling convention for everything here: outputs change after a rising clock edge and are read at the falling edge of the same cycle;
inputs are written at a falling edge and taken by the next rising edge. Between changes nothing of this runs.
"""

from __future__ import annotations

from typing import Any, Protocol

import cocotb
import numpy as np
import numpy.typing as npt
from cocotb.triggers import FallingEdge, First, RisingEdge

from crossloop.protocol.parameters import Parameters
from crossloop_sim.events import Events, Kind, bits_to_words, record

_STATE_PINS = ("row_states_low", "row_states_high", "column_states_low", "column_states_high")
_GATE_PINS = ("row_gates", "column_gates")
_LEVEL_LINE_BITS = 16


class PlantSeam(Protocol):
    """What the pins are connected to."""

    def apply(self, events: Events) -> None:
        """Take pin changes, shape (n, record words)."""

    def convert(self, event: Events) -> npt.NDArray[np.int64]:
        """Answer a conversion strobe with one sample word per channel."""


class PinMonitor:
    """Turns pin changes of a simulated core into event records and hands them to a plant.

    Parameters
    ----------
    dut
        The simulated core (or a top around it) with the direct front end's pins.
    parameters
        Build parameters of the core.
    plant
        Takes the records and answers conversions.
    """

    def __init__(self, dut: Any, parameters: Parameters, plant: PlantSeam) -> None:
        self._dut = dut
        self._parameters = parameters
        self._plant = plant
        self._cycle = 0
        self._last: dict[str, int] = {}
        self._pending: list[Events] = []

    def start(self) -> None:
        """Begin to watch; call it after reset, with the clock running."""
        self._last = self._read()
        cocotb.start_soon(self._count())
        cocotb.start_soon(self._watch())

    def flush(self) -> None:
        """Hand the records gathered so far to the plant."""
        if self._pending:
            self._plant.apply(np.array(self._pending, np.uint64))
            self._pending = []

    async def _count(self) -> None:
        while True:
            await RisingEdge(self._dut.clk)
            self._cycle += 1

    def _read(self) -> dict[str, int]:
        names = ("running", "tripped", "tile", *_STATE_PINS, *_GATE_PINS)
        return {name: getattr(self._dut, name).value.to_unsigned() for name in names}

    async def _watch(self) -> None:
        dut = self._dut
        watched = [getattr(dut, name).value_change for name in (*self._last, "level__valid", "conversion__valid")]
        clock_falls = FallingEdge(dut.clk)
        while True:
            await First(*watched)
            await clock_falls
            self._sample()
            while dut.level__valid.value or dut.conversion__valid.value:
                if dut.conversion__valid.value:
                    await self._convert()
                await clock_falls
                self._sample()

    def _append(self, kind: Kind, a: int = 0, b: int = 0, words: tuple[int, ...] = ()) -> None:
        self._pending.append(record(self._parameters, self._cycle, kind, a, b, words))

    def _words(self, now: dict[str, int], names: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(word for name in names for word in bits_to_words(now[name], self._parameters))

    def _sample(self) -> None:
        now = self._read()
        changed = {name for name, value in now.items() if value != self._last[name]}
        self._last = now
        for kind, name in ((Kind.RUN, "running"), (Kind.TRIP, "tripped"), (Kind.TILE, "tile")):
            if name in changed:
                self._append(kind, now[name])
        if changed & set(_STATE_PINS):
            self._append(Kind.STATES, words=self._words(now, _STATE_PINS))
        if self._dut.level__valid.value:
            self._append_level(self._dut.level__payload.value.to_unsigned())
        if changed & set(_GATE_PINS):
            self._append(Kind.GATES, words=self._words(now, _GATE_PINS))

    def _append_level(self, payload: int) -> None:
        bits = self._parameters.level_bits
        code = payload >> (1 + _LEVEL_LINE_BITS)
        signed = code - (1 << bits) if code >> (bits - 1) else code
        self._append(Kind.LEVEL, payload & 1, payload >> 1 & 0xFFFF, (signed,))

    async def _convert(self) -> None:
        dut = self._dut
        payload = dut.conversion__payload.value.to_unsigned()
        # Fields, first lowest: family 1 bit, pair 1 bit, range 2 bits, count 16 bits.
        words = (payload >> 2 & 3, payload >> 1 & 1)
        self._append(Kind.CONVERSION, payload & 1, payload >> 4, words)
        strobe = self._pending.pop()
        self.flush()
        samples = self._plant.convert(strobe)
        dut.samples__valid.value = 1
        for sample in samples:
            dut.samples__payload.value = int(sample)
            taken = False
            while not taken:
                taken = bool(dut.samples__ready.value)
                await FallingEdge(dut.clk)
                self._sample()
        dut.samples__valid.value = 0
