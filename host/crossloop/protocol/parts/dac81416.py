"""TI DAC81416: sixteen bipolar 16-bit levels behind one serial interface. The level DAC of the `reference` front end.

Marks: [ds] datasheet SLASEO0B or SLASER3A (DAC81408, same interface), [drv] public drivers, [?] unverified: check the datasheet before
relying on it. All of them were carried over from the project's collection of facts; no part was powered.
"""

from __future__ import annotations

from crossloop.protocol.parts.level_dac import LevelDac
from crossloop.protocol.parts.spi import SpiProfile

CHANNELS = 16

SPI = SpiProfile(
    bits=24,               # [ds] R/W, x, address 6, data 16; MSB first
    cpol=0, cpha=1,        # [ds] data taken on the falling edge
    period_ps=20_000,      # [ds] 50 MHz at VIO 2.7 to 5.5 V
    high_ps=10_000,        # [ds]
    low_ps=10_000,         # [ds]
    setup_ps=5_000,        # [ds]
    hold_ps=5_000,         # [ds]
    cs_setup_ps=15_000,    # [ds] CS low to first falling edge
    cs_hold_ps=5_000,      # [ds] last falling edge to CS high
    cs_high_ps=25_000,     # [ds]
)  # fmt: skip

UPDATE_PS = 2_400_000
"""tDACWAIT between sequential updates [ds]; applied to every write of a DAC register [? whether it binds on buffered ones]."""
BROADCAST_PS = 4_000_000
"""tBCASTWAIT after a broadcast [ds]."""
SETTLE_PS = 12_000_000
"""Settling of an output [?]: not read in the datasheet, a placeholder."""
RESET_LOW_PS = 20_000
"""RESET low [ds of the sibling DAC81404; ?]."""

NOP, DEVICEID, STATUS, SPICONFIG, GENCONFIG, BRDCONFIG, SYNCCONFIG = range(7)
"""Register addresses [ds]."""
TOGGCONFIG0, TOGGCONFIG1, DACPWDWN = 7, 8, 9
"""Register addresses [ds]: toggling of channels 15..8 and 7..0, power-down."""
DACRANGE = (0x0A, 0x0B, 0x0C, 0x0D)
"""Register addresses [ds]: ranges of channels 15..12, 11..8, 7..4, 3..0, in this order."""
TRIGGER, BRDCAST, DAC = 0x0E, 0x0F, 0x10
"""Register addresses [ds]: trigger, broadcast, channel 0."""

TRIGGER_RESET = 0xA
"""Low nibble of TRIGGER that resets the chip [?]: one driver writes 0x1010, which looks like a slip."""
SPICONFIG_RESET = 0x0AA4
"""Powered down [ds; the page title of the DAC81408 says 0x0A24]."""
SPICONFIG_AWAKE = 0x0A84
"""DEV-PWDWN cleared [drv]."""
DEV_PWDWN = 1 << 5
"""Bit of SPICONFIG [ds]."""
GENCONFIG_REFERENCE_ON = 0x3F00
"""Bit 14 (reference power-down) cleared [drv]; bits 13..8 read as ones [?]."""
BRDCONFIG_ALL = 0xFFFF
"""Every channel takes broadcasts [?: bit per channel, its name]."""
SYNCCONFIG_AT_CS = 0x0000
"""Every channel updates at the rise of CS [?: convention of the family; one public library reads the bit the other way round]."""
RANGES_V = {0x0: (0.0, 5.0), 0x1: (0.0, 10.0), 0x2: (0.0, 20.0), 0x4: (0.0, 40.0), 0x9: (-5.0, 5.0), 0xA: (-10.0, 10.0),
            0xC: (-20.0, 20.0), 0xE: (-2.5, 2.5)}  # fmt: skip
"""Range nibbles [drv: two independent drivers agree]; lowest and highest output in volts.
V = low + span * code / 65536 [? exact endpoint]."""
RANGE = 0xE
"""The range of the `reference` front end, the narrowest bipolar one; a divider on the board makes the full scale of the build from it."""


def frame(address: int, data: int) -> int:
    """Return the 24 bits of a register write."""
    return address << 16 | data


DAC81416 = LevelDac(
    name="DAC81416", lines=CHANNELS, spi=SPI, update_ps=UPDATE_PS, broadcast_ps=BROADCAST_PS, settle_ps=SETTLE_PS,
    power_up=(
        frame(SPICONFIG, SPICONFIG_AWAKE),
        frame(GENCONFIG, GENCONFIG_REFERENCE_ON),
        *(frame(address, RANGE * 0x1111) for address in DACRANGE),
        frame(SYNCCONFIG, SYNCCONFIG_AT_CS),
        frame(BRDCONFIG, BRDCONFIG_ALL),
        frame(DACPWDWN, 0x0000),
        frame(BRDCAST, 0x8000),
    ),
    write=frame(DAC, 0), channel_shift=16, write_all=frame(BRDCAST, 0), code_shift=0,
)  # fmt: skip
"""As the driver takes it."""
