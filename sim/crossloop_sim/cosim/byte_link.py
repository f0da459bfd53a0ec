"""The byte stream of a simulated core as a transport, for blocking host code that runs beside a cocotb simulation.

The host program runs in a thread (`cocotb.task.bridge`); its writes and reads are resumed inside the simulation (`cocotb.task.resume`).
"""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.task import resume
from cocotb.triggers import Event, FallingEdge, First, RisingEdge, Timer

from crossloop.protocol.parameters import Parameters


class ByteLink:
    """Transport over the core's rx and tx byte streams.

    Parameters
    ----------
    dut
        The simulated core.
    parameters
        Its build parameters.
    name
        What error messages call this target.
    """

    simulated = True

    def __init__(self, dut: Any, parameters: Parameters, name: str = "cocotb:") -> None:
        self.name = name
        self._dut = dut
        self._period_ps = round(1e12 / parameters.clock_hz)
        self._to_device: list[int] = []
        self._from_device = bytearray()
        self._queued = Event()
        self._arrived = Event()

    def start(self) -> None:
        """Begin to move bytes; call it after reset, with the clock running."""
        self._dut.tx__ready.value = 1
        cocotb.start_soon(self._feed())
        cocotb.start_soon(self._collect())

    async def _feed(self) -> None:
        dut = self._dut
        while True:
            if not self._to_device:
                dut.rx__valid.value = 0
                self._queued.clear()
                await self._queued.wait()
                await FallingEdge(dut.clk)
            data, self._to_device = self._to_device, []
            dut.rx__valid.value = 1
            for byte in data:
                dut.rx__payload.value = byte
                await FallingEdge(dut.clk)

    async def _collect(self) -> None:
        dut = self._dut
        valid_rises, clock_falls = RisingEdge(dut.tx__valid), FallingEdge(dut.clk)
        while True:
            await valid_rises
            await clock_falls
            while dut.tx__valid.value:
                self._from_device.append(dut.tx__payload.value.to_unsigned())
                if self._from_device[-1] == 0:
                    self._arrived.set()
                await clock_falls

    def write(self, data: bytes) -> None:
        """Queue bytes for the core, one per cycle."""
        self._write(data)

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived once a whole frame is there, or what there is after `timeout_s` seconds of device time."""
        return bytes(self._read(timeout_s))

    def close(self) -> None:
        """Do nothing: the simulation ends with its bench."""

    @resume
    async def _write(self, data: bytes) -> None:
        self._to_device.extend(data)
        self._queued.set()

    @resume
    async def _read(self, timeout_s: float) -> bytes:
        if 0 not in self._from_device:
            self._arrived.clear()
            await First(self._arrived.wait(), Timer(max(round(timeout_s * 1e12), self._period_ps), unit="ps"))
        data = bytes(self._from_device)
        self._from_device.clear()
        return data
