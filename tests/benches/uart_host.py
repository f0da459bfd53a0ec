"""cocotbext-uart as the host's serial port."""

from __future__ import annotations

import logging
from typing import Any

import cocotb
from cocotbext.uart import UartSink, UartSource

from crossloop_sim.cosim.byte_link import Inbox


class UartPort:
    """Moves bytes over the serial pins of a top with a UART.

    Parameters
    ----------
    dut
        The simulated top, with pins `uart_rx` and `uart_tx`.
    bit_ns
        Length of a bit in nanoseconds.
    """

    def __init__(self, dut: Any, bit_ns: int) -> None:
        self._dut = dut
        # cocotbext-uart cuts the bit time to whole nanoseconds: a rate a little low keeps it from falling one short.
        self._baud = 1e9 / (bit_ns + 0.01)
        self._inbox = Inbox()
        self.arrived = self._inbox.arrived
        dut.uart_rx.value = 1

    def start(self) -> None:
        """Begin to move bytes."""
        self._source = UartSource(self._dut.uart_rx, baud=self._baud, bits=8)
        self._sink = UartSink(self._dut.uart_tx, baud=self._baud, bits=8)
        for end in (self._source, self._sink):
            end.log.setLevel(logging.WARNING)  # it reports every byte
        cocotb.start_soon(self._collect())

    def send(self, data: bytes) -> None:
        """Queue bytes for the device."""
        self._source.write_nowait(data)

    def take(self) -> bytes:
        """Return what has come since the last call."""
        return self._inbox.take()

    async def _collect(self) -> None:
        while True:
            for byte in await self._sink.read():
                self._inbox.append(byte)
