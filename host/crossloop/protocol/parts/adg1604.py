"""ADI ADG1604: a 4:1 analog multiplexer per line; its enable, straight from a flip-flop, makes the pulse.

Marks: [ds] datasheet, [?] unverified: check the datasheet before relying on it; the switching times are open point 6 of the project's
collection of facts. No part was powered.
"""

from __future__ import annotations

from enum import IntEnum


class Source(IntEnum):
    """Inputs by their address A1 A0, as the `reference` front end wires them; an address is the `LineState` that uses it."""

    PARK = 0
    """S1: nothing is connected. The address of a floating line, whose enable is 0."""
    GROUND = 1
    """S2: ground."""
    LEVEL = 2
    """S3: the line's level DAC."""
    SENSE = 3
    """S4: the virtual ground of the line's amplifier."""


ADDRESS_SETUP_PS = 2_000
"""Address stable before the enable rises: a choice, no demand of the part. So no contact closes that was not meant."""
ADDRESS_HOLD_PS = 2_000
"""Address stable after the enable falls: as above."""
ENABLE_LOW_PS = 145_000
"""Break before make: the enable is low between two addresses [?]: longest tOFF of the older ADG41x family [ds]. The sibling ADG804 breaks
before it makes by itself [ds]; nothing here counts on it."""
SWITCH_PS = 300_000
"""From the enable or the address to a settled contact [?]: at most 175 ns of the older ADG41x family [ds], rounded up."""
