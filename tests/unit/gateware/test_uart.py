"""Serial bits, drawn by hand, against receiver and transmitter."""

import gc
import warnings

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from crossloop_hdl.uart import UartReceiver, UartTransmitter


def serial_bits(byte: int) -> list[int]:
    """8N1, written out: start bit, data from the lowest bit on, stop bit."""
    return [0, *(byte >> position & 1 for position in range(8)), 1]


def receive(levels, divisor):
    """Drive one level per clock cycle; return the bytes and the number of framing errors."""
    receiver = UartReceiver(divisor=divisor)
    received, errors = [], []

    async def bench(ctx):
        for level in [*levels, *[1] * (2 * divisor)]:
            ctx.set(receiver.pin, level)
            await ctx.tick()
            if ctx.get(receiver.o.valid):
                received.append(ctx.get(receiver.o.payload))
            errors.append(ctx.get(receiver.framing_error))

    simulator = Simulator(receiver)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return received, sum(errors)


def held(bits, cycles_per_bit, offset=0.0):
    """Sample a bit sequence whose bits last a possibly fractional number of cycles."""
    total = int(len(bits) * cycles_per_bit - offset)
    return [bits[min(int((cycle + offset) / cycles_per_bit), len(bits) - 1)] for cycle in range(total)]


@pytest.mark.parametrize("divisor", [4, 5, 16])
def test_receiver_reads_bytes_back_to_back(divisor):
    data = [0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80]
    levels = [1] * divisor + held([bit for byte in data for bit in serial_bits(byte)], divisor)
    assert receive(levels, divisor) == (data, 0)


@pytest.mark.parametrize("deviation", [-0.03, 0.03])
def test_receiver_bears_a_sender_whose_clock_is_off(deviation):
    data = [0x00, 0xFF, 0xA5, 0x5A]
    levels = [1] * 40 + held([bit for byte in data for bit in serial_bits(byte)], 16 * (1 + deviation), offset=0.4)
    assert receive(levels, 16) == (data, 0)


def test_receiver_drops_a_byte_without_stop_bit_and_waits_for_the_line_to_rest():
    broken = serial_bits(0x5A)[:-1] + [0] * 7 + [1]
    levels = [1] * 8 + held(broken + serial_bits(0x3C), 8)
    assert receive(levels, 8) == ([0x3C], 1)


def test_receiver_ignores_a_glitch_shorter_than_half_a_bit():
    levels = [1] * 16 + [0] * 3 + [1] * 16 + held(serial_bits(0x42), 16)
    assert receive(levels, 16) == ([0x42], 0)


@pytest.mark.parametrize("divisor", [4, 7])
def test_transmitter_draws_the_bits_of_8n1(divisor):
    transmitter = UartTransmitter(divisor=divisor)
    data = [0x00, 0x41, 0xFF]
    levels = []

    async def watch(ctx):
        await ctx.tick()  # the first start bit is on the pin one cycle after its byte was taken
        for _ in range(10 * divisor * len(data) + divisor):
            levels.append(ctx.get(transmitter.pin))
            await ctx.tick()

    async def feed(ctx):
        ctx.set(transmitter.i.valid, 1)
        for byte in data:
            ctx.set(transmitter.i.payload, byte)
            await ctx.tick().until(transmitter.i.ready)
        ctx.set(transmitter.i.valid, 0)

    simulator = Simulator(transmitter)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.add_testbench(feed)
    simulator.run()
    assert levels == held([bit for byte in data for bit in serial_bits(byte)] + [1], divisor)


def test_what_is_sent_is_received():
    data = list(range(0, 256, 5))
    m = Module()
    m.submodules.transmitter = transmitter = UartTransmitter(divisor=4)
    m.submodules.receiver = receiver = UartReceiver(divisor=4)
    strobe = Signal()
    m.d.comb += [receiver.pin.eq(transmitter.pin), strobe.eq(receiver.o.valid)]
    received = []

    async def feed(ctx):
        ctx.set(transmitter.i.valid, 1)
        for byte in data:
            ctx.set(transmitter.i.payload, byte)
            await ctx.tick().until(transmitter.i.ready)
        ctx.set(transmitter.i.valid, 0)

    async def watch(ctx):
        while len(received) < len(data):
            *_, byte = await ctx.tick().sample(receiver.o.payload).until(strobe)
            received.append(byte)

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed)
    simulator.add_testbench(watch)
    simulator.run()
    assert received == data


@pytest.mark.parametrize("part", [UartReceiver, UartTransmitter])
def test_too_few_cycles_per_bit_are_refused(part):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Amaranth complains of the component that was never finished
        with pytest.raises(ValueError, match="at least 4 cycles per bit, not 3"):
            part(divisor=3)
        gc.collect()
