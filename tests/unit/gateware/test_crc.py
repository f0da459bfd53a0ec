"""The checksum against zlib."""

import random
import zlib

from amaranth.sim import Simulator

from crossloop_hdl.crc import Crc32


def run(steps):
    """Apply (clear, valid, byte) per cycle; return the checksum and the match flag after each."""
    crc = Crc32()
    seen = []

    async def bench(ctx):
        for clear, valid, byte in steps:
            ctx.set(crc.clear, clear)
            ctx.set(crc.valid, valid)
            ctx.set(crc.data, byte)
            await ctx.tick()
            seen.append((ctx.get(crc.state) ^ 0xFFFFFFFF, ctx.get(crc.match)))

    simulator = Simulator(crc)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def test_checksum_equals_zlib_after_every_byte():
    message = random.Random(1).randbytes(300)
    seen = run([(0, 1, byte) for byte in message])
    assert [checksum for checksum, _ in seen] == [zlib.crc32(message[: end + 1]) for end in range(len(message))]


def test_check_value_of_the_polynomial():
    # Source: the "check" entry of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
    assert run([(0, 1, byte) for byte in b"123456789"])[-1][0] == 0xCBF43926


def test_a_message_with_its_checksum_matches_and_a_changed_one_does_not():
    message = b"crossbar"
    whole = message + zlib.crc32(message).to_bytes(4, "little")
    broken = bytes([whole[0] ^ 1]) + whole[1:]
    assert run([(0, 1, byte) for byte in whole])[-1][1] == 1
    assert run([(0, 1, byte) for byte in broken])[-1][1] == 0


def test_clear_starts_over_and_idle_cycles_change_nothing():
    steps = [(0, 1, 0x33), (1, 1, 0x44), (0, 0, 0x55), (0, 1, 0x61), (0, 0, 0x66)]
    assert run(steps)[-1][0] == zlib.crc32(b"a")
