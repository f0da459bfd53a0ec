"""CRC-32 of the frames (zlib's polynomial), one byte per cycle."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

POLYNOMIAL = 0xEDB88320
"""CRC-32 of IEEE 802.3, least significant bit first. Source: RFC 1952, section 8."""

START = 0xFFFFFFFF
"""State before the first byte; the checksum is the state with all bits inverted."""

RESIDUE = 0xDEBB20E3
"""State after a message and its own checksum, whatever the message. Source: ITU-T V.42, 8.1.1.6.2, bit-reversed."""


def _table(shift: int) -> list[int]:
    """Return what each value of the four message bits from bit `shift` of a byte on adds to the state."""
    words = []
    for nibble in range(16):
        word = nibble << shift
        for _ in range(8):
            word = word >> 1 ^ (POLYNOMIAL if word & 1 else 0)
        words.append(word)
    return words


class Crc32(wiring.Component):
    """The CRC state machine.

    The byte's two halves index two small tables (a CRC is linear, so their sum is the usual 256-word table): four-input
    lookups on an FPGA, and two memory reads instead of hundreds of bit operations in the native simulator.
    """

    clear: In(1)
    """Go back to the start state."""
    valid: In(1)
    """Take `data` into the state; `clear` wins."""
    data: In(8)
    """Next byte of the message."""
    state: Out(32, init=START)
    """State after the bytes taken so far; the checksum is its complement."""
    match: Out(1)
    """The bytes taken so far are a message and its checksum."""

    def elaborate(self, platform: Any) -> Module:
        """Return the two tables and the state register."""
        m = Module()
        index = self.data ^ self.state[:8]
        folded = self.state[8:]
        for name, shift, bits in (("low", 0, index[:4]), ("high", 4, index[4:])):
            m.submodules[name] = table = Memory(shape=32, depth=16, init=_table(shift))
            port = table.read_port(domain="comb")
            m.d.comb += port.addr.eq(bits)
            folded = folded ^ port.data
        with m.If(self.clear):
            m.d.sync += self.state.eq(START)
        with m.Elif(self.valid):
            m.d.sync += self.state.eq(folded)
        m.d.comb += self.match.eq(self.state == RESIDUE)
        return m
