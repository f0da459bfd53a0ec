"""ADI AD7606 and AD7606B, and the faster TI ADS8588H that reads the same way: eight converters that sample at one instant.

Marks: [ds] datasheets of AD7606/AD7607 or ADS8588H (SBAS843A), [krn] Linux driver and binding, [drv] public drivers, [der] derived, [?]
unverified: check the datasheet before relying on it. No part was powered.
"""

from __future__ import annotations

from crossloop.protocol.parts.spi import SpiProfile

CHANNELS = 8
CODE_BITS = 16
"""Two's complement [krn]."""

SPI = SpiProfile(
    bits=64,               # [ds] two data lines: V1..V4 on DOUTA, V5..V8 on DOUTB
    cpol=1, cpha=0,        # [krn] idles high; out on the rising edge, in on the falling one
    period_ps=83_333,      # 12 MHz: below the 17 MHz of a VDRIVE of 3.3 V [?]; 23.5 MHz hold only above 4.75 V [krn]
    high_ps=37_500,        # 45 % of the period: the ADS8588H wants 45 to 55 % of its own [ds], of the AD7606 nothing is known [?]
    low_ps=37_500,         # as above
    setup_ps=0,            # the part listens to no data in this mode
    hold_ps=0,
    cs_setup_ps=8_000,     # [ds ADS8588H] CS low to first falling edge
    cs_hold_ps=10_000,     # [ds ADS8588H] last clock edge to CS high
    cs_high_ps=10_000,     # [ds ADS8588H] CS high to CONVST
    answer_ps=30_000,      # [?] rising edge, or CS low, to valid data at a VDRIVE of 3.3 V
)  # fmt: skip

CONVST_LOW_PS = 25_000
"""[drv]"""
CONVST_HIGH_PS = 25_000
"""[ds ADS8588H]"""
BUSY_DELAY_PS = 45_000
"""Longest time from the rise of CONVST to that of BUSY [?]."""
CONVERSION_PS = 4_000_000
"""Longest time for which BUSY stays high, without oversampling [ds AD7607, page 28]."""
RESET_HIGH_PS = 100_000
"""[krn]; user notes and the ADS8588H ask for 50 ns."""
RESET_TO_CONVST_PS = 25_000
"""[ds ADS8588H]"""
BUSY_TO_CS_PS = 0
"""From the fall of BUSY to that of CS [ds ADS8588H]. Reading may not straddle the fall of BUSY [ds]."""
ACQUIRE_PS = 700_000
"""From the fall of BUSY to the next CONVST [ds ADS8588H]."""
FILTER_SETTLE_PS = 120_000_000
"""A step through the input filter (15 kHz at +-5 V [drv]) to 16 bits [der: single pole]; 50 us to 1 %. The settle time of a CONVERT must
hold it: it is not in `conversion_cycles`, since a program may choose to read earlier."""

CODE_MAX = (1 << (CODE_BITS - 1)) - 1
CODE_MIN = -(1 << (CODE_BITS - 1))
