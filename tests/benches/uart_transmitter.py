"""UART transmitter: cocotbext-uart reads what it sends, and the pin's edges are in time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer, ValueChange
from cocotb.utils import get_sim_time
from cocotbext.uart import UartSink

from benches.stepper import PERIOD_NS, generator
from crossloop_sim.cosim.simulator import parameters

DIVISOR = parameters().get("divisor", 16)
BIT_NS = PERIOD_NS * DIVISOR
FRAME_BITS = 10


async def make(dut: Any) -> None:
    """Reset."""
    dut.rst.value = 1
    dut.i__valid.value = 0
    dut.i__payload.value = 0
    Clock(dut.clk, PERIOD_NS, unit="ns", impl="gpi").start(start_high=False)
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    await FallingEdge(dut.clk)


async def send(dut: Any, byte: int) -> None:
    """Offer a byte until it is taken, and wait until the transmitter asks for the next."""
    dut.i__payload.value = byte
    dut.i__valid.value = 1
    while int(dut.i__ready.value):  # taken by the next rising edge
        await FallingEdge(dut.clk)
    dut.i__valid.value = 0
    while not int(dut.i__ready.value):
        await FallingEdge(dut.clk)


@cocotb.test()
async def an_independent_uart_reads_every_byte(dut: Any) -> None:
    await make(dut)
    sink = UartSink(dut.pin, baud=1e9 / (BIT_NS + 0.01), bits=8)
    data = bytes([0x00, 0xFF, 0x55, 0xAA]) + generator().randbytes(40)
    for byte in data:
        await send(dut, byte)
    await Timer(BIT_NS, unit="ns")
    assert bytes(sink.read_nowait()) == data


@cocotb.test()
async def bytes_follow_one_another_without_a_gap(dut: Any) -> None:
    """A byte takes ten bit times; edges lie on bit borders."""
    await make(dut)
    assert int(dut.pin.value) == 1, "the line rests high"
    edges: list[float] = []

    async def watch() -> None:
        while True:
            await ValueChange(dut.pin)
            edges.append(get_sim_time("ns"))

    cocotb.start_soon(watch())
    count = 6
    dut.i__valid.value = 1
    dut.i__payload.value = 0x00  # one falling edge at the start bit, one rising edge at the stop bit
    await Timer(count * FRAME_BITS * BIT_NS - BIT_NS, unit="ns")
    dut.i__valid.value = 0
    await Timer(3 * FRAME_BITS * BIT_NS, unit="ns")
    starts, stops = edges[::2], edges[1::2]
    assert len(starts) == len(stops) == count
    assert [after - before for before, after in zip(starts, stops, strict=True)] == [9 * BIT_NS] * count
    spacing = {after - before for before, after in pairwise(starts)}
    # The stop bit may last a cycle longer while the next byte is fetched.
    assert spacing <= {FRAME_BITS * BIT_NS, FRAME_BITS * BIT_NS + PERIOD_NS}, spacing
    assert int(dut.pin.value) == 1
