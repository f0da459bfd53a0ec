"""ADI ADG1414: eight analog switches on a serial chain; the static routing of the `reference` front end.

Marks: [ds] datasheet, page 8, [krn] Linux driver and binding, [?] unverified: check the datasheet before relying on it.
No part was powered.
"""

from __future__ import annotations

from enum import IntFlag

from crossloop.protocol.parts.spi import SpiProfile

SWITCHES = 8
"""Per device; bit 7 is S8, bit 0 is S1, 1 closes [? order]. The byte of the last device of a chain goes first [krn]."""

HIGH_PS = 9_000
LOW_PS = 9_000
SDO_VALID_PS = 40_000
"""SDO is valid after this at 20 pF and 1 kOhm [ds]: with the next device's setup it sets the clock of a chain."""
RESET_LOW_PS = 15_000
"""RESET/VL low [ds]: opens every switch, a hardware emergency stop [krn]."""
SWITCH_PS = 300_000
"""From SYNC high to settled switches [?]: rounded up from the ADG41x family."""


def chain_profile(devices: int) -> SpiProfile:
    """Return the interface of a chain of `devices`."""
    return SpiProfile(
        bits=SWITCHES * devices,
        cpol=0, cpha=1,                                  # [krn] taken on the falling edge
        period_ps=20_000,                                # [ds] 50 MHz
        high_ps=HIGH_PS, low_ps=LOW_PS,                  # [ds]
        setup_ps=5_000, hold_ps=5_000,                   # [ds]
        cs_setup_ps=5_000,                               # [ds] SYNC low to SCLK; the driver counts it to the first falling edge
        cs_hold_ps=5_000,                                # [ds] SCLK to SYNC high
        cs_high_ps=15_000,                               # [ds]
        answer_ps=SDO_VALID_PS if devices > 1 else 0,    # [ds] from the rising edge [?]
    )  # fmt: skip


class Route(IntFlag):
    """Switches of the routing octal of a converter channel: which amplifier it listens to, and the amplifier's range.

    Without any range the channel reads a voltage: it then listens to the follower at the line itself (behind the line's multiplexer, so
    whatever the line is tied to), or to the difference of two of them. A choice of this front end.
    """

    ROWS = 1 << 0
    """S1: channel k listens to row k."""
    COLUMNS = 1 << 1
    """S2: channel k listens to column k."""
    ROW_PAIRS = 1 << 2
    """S3: channel k listens to row 2k minus row 2k + 1 (a difference amplifier)."""
    COLUMN_PAIRS = 1 << 3
    """S4: channel k listens to column 2k minus column 2k + 1."""
    RANGE_0 = 1 << 4
    """S5 to S8: the feedback resistor of range 0 to 3."""
    RANGE_1 = 1 << 5
    RANGE_2 = 1 << 6
    RANGE_3 = 1 << 7
