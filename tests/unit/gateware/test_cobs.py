"""Byte stuffing against the `cobs` package."""

import random

import pytest
from amaranth.sim import Simulator
from cobs import cobs

from crossloop_hdl.cobs import CobsDecoder, CobsEncoder


def frames() -> list[bytes]:
    """Short ones, zeros in every place, blocks around the 254-byte limit, and random ones."""
    generator = random.Random(3)
    lengths = [1, 253, 254, 255, 509]
    special = [b"\0", b"\1", b"\0\0", b"\1\0", b"\0\1", b"\1\0\0\2", bytes(20)]
    full = [bytes([7]) * length for length in lengths]
    ending = [bytes([7]) * length + b"\0" for length in lengths[2:4]]
    mixed = [bytes(generator.choice([0, 0, 1, 200, 255]) for _ in range(generator.randrange(1, 60))) for _ in range(20)]
    return special + full + ending + mixed


def encode(data: list[bytes], stall: float = 0.0) -> tuple[bytes, int]:
    """Return what the encoder sends, and in how many cycles it took the frames."""
    encoder = CobsEncoder()
    generator = random.Random(5)
    output = bytearray()
    cycles = [0]
    wanted = len(data)

    async def feed(ctx):
        for frame in data:
            for position, byte in enumerate(frame):
                ctx.set(encoder.i.payload, {"data": byte, "last": position == len(frame) - 1})
                ctx.set(encoder.i.valid, 1)
                cycles[0] += 1
                while not ctx.get(encoder.i.ready):
                    await ctx.tick()
                    cycles[0] += 1
                await ctx.tick()
            ctx.set(encoder.i.valid, 0)

    async def take(ctx):
        while output.count(0) < wanted:
            ctx.set(encoder.o.ready, generator.random() >= stall)
            if ctx.get(encoder.o.valid) and ctx.get(encoder.o.ready):
                output.append(ctx.get(encoder.o.payload))
            await ctx.tick()

    simulator = Simulator(encoder)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed)
    simulator.add_testbench(take)
    simulator.run()
    return bytes(output), cycles[0]


def decode(line: bytes) -> list[tuple[bytes, bool]]:
    """Return the frames the decoder finds and whether each was whole; one byte of the line per cycle."""
    decoder = CobsDecoder()
    found, frame = [], bytearray()

    async def bench(ctx):
        ctx.set(decoder.i_valid, 1)
        for byte in line:
            ctx.set(decoder.i_data, byte)
            if ctx.get(decoder.o_valid):
                frame.append(ctx.get(decoder.o_data))
            if ctx.get(decoder.end):
                found.append((bytes(frame), bool(ctx.get(decoder.whole))))
                frame.clear()
            await ctx.tick()

    simulator = Simulator(decoder)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_encoder_agrees_with_the_cobs_package(stall):
    expected = b"".join(cobs.encode(frame) + b"\0" for frame in frames())
    assert encode(frames(), stall)[0] == expected


def test_encoder_takes_one_byte_per_cycle():
    # Two cycles more per frame for the last code and the delimiter; the first frame does not wait for them.
    data = [bytes([1, 0, 2, 3]) * 20, bytes(range(1, 101))]
    assert encode(data)[1] == 80 + 2 + 100


def test_decoder_agrees_with_the_cobs_package():
    line = b"".join(cobs.encode(frame) + b"\0" for frame in frames())
    assert decode(line) == [(frame, True) for frame in frames()]


def test_decoder_tells_a_block_that_is_cut_short():
    assert decode(b"\x05abc\0" + cobs.encode(b"whole") + b"\0") == [(b"abc", False), (b"whole", True)]


def test_delimiters_in_a_row_are_no_frames():
    assert decode(b"\0\0" + cobs.encode(b"a") + b"\0\0\0") == [(b"a", True)]
