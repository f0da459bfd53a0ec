"""UART receiver against the UART of cocotbext-uart, and against lines that are out of tune or broken."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, Timer
from cocotbext.uart import UartSource

from benches.stepper import PERIOD_NS, generator
from crossloop_sim.cosim.simulator import parameters

DIVISOR = parameters().get("divisor", 16)
BIT_PS = 1000 * PERIOD_NS * DIVISOR


def baud(ratio: float = 1.0) -> float:
    """Return the rate of a peer that is faster by a ratio; a little low, because cocotbext-uart cuts the bit time to whole ns."""
    return ratio * 1e9 / (PERIOD_NS * DIVISOR + 0.01)


class Bench:
    """The receiver, what it has received, and how often it complained."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.random = generator()
        self.received = bytearray()
        self.errors = 0

    @classmethod
    async def make(cls, dut: Any) -> Bench:
        bench = cls(dut)
        dut.rst.value = 1
        dut.pin.value = 1
        Clock(dut.clk, PERIOD_NS, unit="ns", impl="gpi").start()
        await Timer(10 * PERIOD_NS, unit="ns")
        dut.rst.value = 0
        cocotb.start_soon(bench._collect())
        cocotb.start_soon(bench._complain())
        # A phase of its own against the clock, as a real peer has.
        await Timer(bench.random.randrange(1000 * PERIOD_NS), unit="ps")
        return bench

    async def _collect(self) -> None:
        while True:
            await RisingEdge(self.dut.o__valid)
            await FallingEdge(self.dut.clk)
            self.received.append(int(self.dut.o__payload.value))
            await FallingEdge(self.dut.clk)
            assert not int(self.dut.o__valid.value), "a byte must be offered for one cycle"

    async def _complain(self) -> None:
        while True:
            await RisingEdge(self.dut.framing_error)
            self.errors += 1

    async def bits(self, *levels: int, ratio: float = 1.0) -> None:
        """Send bits of our own, one bit time each."""
        for level in levels:
            self.dut.pin.value = level
            await Timer(round(BIT_PS / ratio), unit="ps")

    async def byte(self, value: int, *, stop: int = 1, ratio: float = 1.0) -> None:
        await self.bits(0, *(value >> bit & 1 for bit in range(8)), stop, ratio=ratio)

    async def rest(self) -> None:
        self.dut.pin.value = 1
        await Timer(3 * BIT_PS, unit="ps")


@cocotb.test()
async def bytes_of_an_independent_uart_arrive(dut: Any) -> None:
    bench = await Bench.make(dut)
    source = UartSource(dut.pin, baud=baud(), bits=8)
    data = bytes([0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80]) + bench.random.randbytes(60)
    await source.write(data)
    await source.wait()
    await bench.rest()
    assert bytes(bench.received) == data
    assert bench.errors == 0


@cocotb.test()
@cocotb.parametrize(ratio=[0.98, 1.02])
async def a_peer_may_be_two_percent_off(dut: Any, ratio: float) -> None:
    bench = await Bench.make(dut)
    data = bytes([0x00, 0xFF, 0x55, 0xAA]) + bench.random.randbytes(40)
    for byte in data:
        await bench.byte(byte, ratio=ratio)
    await bench.rest()
    assert bytes(bench.received) == data
    assert bench.errors == 0


@cocotb.test()
async def a_byte_with_a_low_stop_bit_is_dropped(dut: Any) -> None:
    bench = await Bench.make(dut)
    await bench.byte(0x41)
    await bench.byte(0x42, stop=0)
    await bench.rest()
    await bench.byte(0x43)
    await bench.rest()
    assert bytes(bench.received) == b"AC"
    assert bench.errors == 1


@cocotb.test()
async def a_break_is_one_error_and_no_byte(dut: Any) -> None:
    bench = await Bench.make(dut)
    await bench.bits(*[0] * 40)
    await bench.rest()
    assert not bench.received
    assert bench.errors == 1
    await bench.byte(0x5A)
    await bench.rest()
    assert bytes(bench.received) == b"Z"


@cocotb.test()
async def a_glitch_is_no_start_bit(dut: Any) -> None:
    bench = await Bench.make(dut)
    for length in (0.1, 0.25, 0.35):
        dut.pin.value = 0
        await Timer(round(length * BIT_PS), unit="ps")
        await bench.rest()
    await bench.byte(0x37)
    await bench.rest()
    assert bytes(bench.received) == b"7"
    assert bench.errors == 0
