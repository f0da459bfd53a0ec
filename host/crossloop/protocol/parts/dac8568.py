"""TI DAC8568 and ADI AD5668: eight unipolar 16-bit levels behind one serial interface, second-sourced.

Marks: [ds] datasheets, [krn] Linux driver `ad5064.c`, [drv] public drivers, [?] unverified: check the datasheet before relying on it. The
figures are those of the DAC8568, which also cover the AD5668 [?: its own are shorter]. No part was powered.
"""

from __future__ import annotations

from crossloop.protocol.parts.level_dac import LevelDac
from crossloop.protocol.parts.spi import SpiProfile

CHANNELS = 8

SPI = SpiProfile(
    bits=32,               # [ds] x 4, command 4, address 4, data 16, feature 4; MSB first
    cpol=0, cpha=1,        # [ds] data taken on the falling edge
    period_ps=20_000,      # [ds] 50 MHz at AVDD 2.7 to 5.5 V
    high_ps=8_000,         # [ds]
    low_ps=8_000,          # [ds]
    setup_ps=6_000,        # [ds]
    hold_ps=4_000,         # [ds]
    cs_setup_ps=13_000,    # [ds] SYNC low to SCLK fall
    cs_hold_ps=10_000,     # [ds] SCLK fall to SYNC high
    cs_high_ps=80_000,     # [ds]
)  # fmt: skip

SETTLE_PS = 10_000_000
"""Settling of an output [?]: 5 to 10 us."""
LDAC_LOW_PS = 80_000
"""LDAC low [ds]; the driver keeps it low for good and updates by command."""

WRITE_INPUT, UPDATE, WRITE_UPDATE_ALL, WRITE_UPDATE, POWER, CLEAR_CODE, LDAC_MASK, RESET, REFERENCE = range(9)
"""Commands [krn][drv]."""
ALL_CHANNELS = 0xF
"""Address of every channel [krn]."""
REFERENCE_ON = 1
"""Bit 0 of REFERENCE [krn]: the internal reference is off after reset."""


def frame(command: int, address: int, code: int, feature: int = 0) -> int:
    """Return the 32 bits of a command."""
    return command << 24 | address << 20 | code << 4 | feature


DAC8568 = LevelDac(
    name="DAC8568", lines=CHANNELS, spi=SPI, update_ps=0, broadcast_ps=0, settle_ps=SETTLE_PS,
    power_up=(
        frame(RESET, 0, 0),
        frame(REFERENCE, 0, 0, REFERENCE_ON),
        frame(WRITE_UPDATE, ALL_CHANNELS, 0x8000),
    ),
    write=frame(WRITE_UPDATE, 0, 0), channel_shift=20, write_all=frame(WRITE_UPDATE, ALL_CHANNELS, 0), code_shift=4,
)  # fmt: skip
"""As the driver takes it. The part is unipolar: an amplifier on the board must shift code 0x8000 to 0 V."""
