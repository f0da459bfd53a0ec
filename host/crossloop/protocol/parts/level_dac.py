"""What the driver of a multichannel level DAC must know of its part: the frame of a write, and the frames that wake it."""

from __future__ import annotations

from dataclasses import dataclass

from crossloop.protocol.parts.spi import SpiProfile, cycles_of, spi_cycles


@dataclass(frozen=True, kw_only=True)
class LevelDac:
    """A level DAC behind a serial interface. Codes are 16 bits, straight binary."""

    name: str
    """Part number."""
    lines: int
    """Channels of a chip."""
    spi: SpiProfile
    """Its serial interface."""
    update_ps: int
    """Between two updates of the same chip (picoseconds)."""
    broadcast_ps: int
    """After an update of every channel (picoseconds)."""
    settle_ps: int
    """From an update to a settled output (picoseconds)."""
    power_up: tuple[int, ...]
    """Frames to every chip after power-on; the last one takes every level to code 0x8000."""
    write: int
    """Frame that writes and updates channel 0 with code 0."""
    channel_shift: int
    """Place of the channel number in it."""
    write_all: int
    """Frame that writes and updates every channel with code 0."""
    code_shift: int
    """Place of the code in both."""

    def write_cycles(self, clock_hz: int) -> int:
        """Return the shortest distance of two writes in cycles; one cycle more than chip select takes, for the driver's register."""
        return max(spi_cycles(self.spi, clock_hz).pitch + 1, cycles_of(self.update_ps, clock_hz))

    def settle_cycles(self, clock_hz: int) -> int:
        """Return how many cycles after an update, of one channel or of all, the level stands."""
        return cycles_of(max(self.settle_ps, self.broadcast_ps), clock_hz)
