"""The byte streams of a simulated core."""

from __future__ import annotations

from typing import Any, Protocol

import cocotb
from cocotb.triggers import Event, FallingEdge, RisingEdge

_DELIMITER = 0


class BytePort(Protocol):
    """Where a transport's bytes enter and leave a simulated device."""

    arrived: Event
    """Set when a frame may have come."""

    def start(self) -> None:
        """Begin to move bytes; called after reset, with the clock running."""

    def send(self, data: bytes) -> None:
        """Queue bytes for the device."""

    def take(self) -> bytes:
        """Return what has come since the last call."""


class Inbox:
    """Bytes that have come from the device; wakes the reader once per frame and not once per byte."""

    def __init__(self) -> None:
        self.arrived = Event()
        self._data = bytearray()

    def append(self, byte: int) -> None:
        """Add a byte."""
        self._data.append(byte)
        if byte == _DELIMITER:
            self.arrived.set()

    def take(self) -> bytes:
        """Return and forget the bytes."""
        data = bytes(self._data)
        self._data.clear()
        self.arrived.clear()
        return data


class ByteLink:
    """Moves bytes through the core's rx and tx streams, one per clock cycle.

    Parameters
    ----------
    dut
        The simulated core.
    """

    def __init__(self, dut: Any) -> None:
        self._dut = dut
        self._outbox: list[bytes] = []
        self._queued = Event()
        self._inbox = Inbox()
        self.arrived = self._inbox.arrived

    def start(self) -> None:
        """Begin to move bytes; call it after reset, with the clock running."""
        self._dut.tx__ready.value = 1
        cocotb.start_soon(self._feed())
        cocotb.start_soon(self._collect())

    def send(self, data: bytes) -> None:
        """Queue bytes for the core."""
        self._outbox.append(data)
        self._queued.set()

    def take(self) -> bytes:
        """Return what has come since the last call."""
        return self._inbox.take()

    async def _feed(self) -> None:
        valid, payload = self._dut.rx__valid, self._dut.rx__payload
        clock_falls = FallingEdge(self._dut.clk)
        while True:
            if not self._outbox:
                self._queued.clear()
                await self._queued.wait()
            await clock_falls
            valid.value = 1
            while self._outbox:
                for byte in self._outbox.pop(0):
                    payload.value = byte
                    await clock_falls
            valid.value = 0

    async def _collect(self) -> None:
        valid, payload = self._dut.tx__valid, self._dut.tx__payload
        valid_rises, clock_falls = RisingEdge(valid), FallingEdge(self._dut.clk)
        while True:
            await valid_rises
            await clock_falls
            while valid.value:
                self._inbox.append(int(payload.value))
                await clock_falls
