"""Serial interfaces of parts: minima in picoseconds, and the one function that turns them into clock cycles.

A frame is: chip select falls, `bits` times a leading and a trailing clock edge, chip select rises. With CPHA 1 data change at the leading
edge and are taken at the trailing one; with CPHA 0 they are taken at the leading edge and change at the trailing one (the first bit at
the fall of chip select). CPOL is the level of the clock at rest.
"""

from __future__ import annotations

from dataclasses import dataclass

PS_PER_S = 10**12


@dataclass(frozen=True, kw_only=True)
class SpiProfile:
    """What a part demands of its pins; all times are minima at the part, in picoseconds."""

    bits: int
    """Clock pulses of a frame."""
    cpol: int
    """Level of the clock at rest."""
    cpha: int
    """0: data are taken at the leading edge; 1: at the trailing edge."""
    period_ps: int
    """Clock period."""
    high_ps: int
    """Clock high."""
    low_ps: int
    """Clock low."""
    setup_ps: int
    """Data stable before the edge that takes them."""
    hold_ps: int
    """Data stable after it."""
    cs_setup_ps: int
    """Chip select low before the first edge that takes data."""
    cs_hold_ps: int
    """Chip select low after the last one."""
    cs_high_ps: int
    """Chip select high between two frames."""
    answer_ps: int = 0
    """Longest time from an edge that shifts to the part's (or the next part's) valid data; 0 where nobody listens."""


@dataclass(frozen=True)
class SpiCycles:
    """A profile at a clock: lengths of a frame's parts in cycles."""

    before: int
    """Chip select low before the first leading edge, from 1."""
    lead: int
    """From a leading to the trailing edge, from 1."""
    trail: int
    """From a trailing to the next leading edge (after the last: part of the frame), from 1."""
    after: int
    """From the end of the last trailing phase to the rise of chip select."""
    high: int
    """Chip select high, from 1."""
    bits: int
    """Clock pulses of a frame."""

    @property
    def frame(self) -> int:
        """Chip select low."""
        return self.before + self.bits * (self.lead + self.trail) + self.after

    @property
    def pitch(self) -> int:
        """Shortest distance of two frames."""
        return self.frame + self.high


def cycles_of(time_ps: int, clock_hz: int) -> int:
    """Return the least number of clock cycles that last at least `time_ps` picoseconds."""
    return -(-time_ps * clock_hz // PS_PER_S)


def spi_cycles(profile: SpiProfile, clock_hz: int) -> SpiCycles:
    """Return the shortest frame at a clock that keeps every minimum of a profile.

    Parameters
    ----------
    profile : SpiProfile
        What the part demands.
    clock_hz : int
        Clock of the controller in hertz; edges move only with it.
    """

    def cycles(time_ps: int) -> int:
        return max(1, cycles_of(time_ps, clock_hz))

    first, second = (profile.low_ps, profile.high_ps) if profile.cpol else (profile.high_ps, profile.low_ps)
    lead, trail = cycles(first), cycles(second)
    if profile.cpha:
        lead = max(lead, cycles(profile.setup_ps + profile.answer_ps))
        trail = max(trail, cycles(profile.hold_ps))
        trail = max(trail, cycles(profile.period_ps) - lead)
        before = max(1, cycles(profile.cs_setup_ps) - lead)
        after = max(0, cycles(profile.cs_hold_ps) - trail)
    else:
        lead = max(lead, cycles(profile.hold_ps))
        trail = max(trail, cycles(profile.setup_ps + profile.answer_ps))
        trail = max(trail, cycles(profile.period_ps) - lead)
        before = cycles(max(profile.cs_setup_ps, profile.setup_ps + profile.answer_ps))
        after = max(0, cycles(profile.cs_hold_ps) - lead - trail)
    return SpiCycles(before, lead, trail, after, cycles(profile.cs_high_ps), profile.bits)
