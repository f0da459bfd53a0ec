"""Frames as edges, with every interval of a frame named and set by the test."""

from __future__ import annotations

from dataclasses import dataclass, field

from crossloop_sim.bfm.part import Part

Edge = tuple[str, int, int]


@dataclass
class Waveform:
    """Edges in the making; times in picoseconds, all intervals generous unless set."""

    cs_setup: int = 700_000
    sclk_high: int = 300_000
    sclk_low: int = 300_000
    data_setup: int = 100_000
    data_hold: int = 100_000
    cs_hold: int = 400_000
    noisy: bool = True
    """Whether the data line is wrong outside of set-up and hold time."""
    now: int = 1_000_000
    edges: list[Edge] = field(default_factory=list)

    def put(self, pin: str, level: int, after: int = 0) -> int:
        """Let time pass and make an edge; return when."""
        self.now += after
        self.edges.append((pin, self.now, level))
        return self.now

    def wait(self, interval: int) -> None:
        """Let time pass."""
        self.now += interval

    def frame(self, value: int, bits: int) -> None:
        """Send a frame to a part that takes data on falling edges, most significant bit first."""
        edges = [("cs", self.now, 0)]
        fall = self.now + self.cs_setup
        for place in reversed(range(bits)):
            bit = value >> place & 1
            edges += [
                ("sclk", fall - self.sclk_high, 1),
                ("sdi", fall - self.data_setup, bit),
                ("sclk", fall, 0),
            ]
            if self.noisy:
                edges.append(("sdi", fall + self.data_hold, 1 - bit))
            last, fall = fall, fall + self.sclk_low + self.sclk_high
        self.now = last + self.cs_hold
        edges.append(("cs", self.now, 1))
        if self.noisy:
            self.now = max(self.now, last + self.data_hold)
        self.edges += edges

    def strobe(self, pin: str, width: int, *, active: int = 0) -> None:
        """Pulse a pin."""
        self.put(pin, active)
        self.put(pin, 1 - active, width)

    def read(self, clocks: int, *, cs_setup: int = 200_000, cs_hold: int = 200_000) -> None:
        """Clock words out of a part that waits with sclk high."""
        self.put("cs", 0)
        self.put("sclk", 0, cs_setup)
        for clock in range(clocks):
            self.put("sclk", 1, self.sclk_low)
            if clock < clocks - 1:
                self.put("sclk", 0, self.sclk_high)
        self.put("cs", 1, cs_hold)

    def feed(self, part: Part) -> None:
        """Give everything to a part, in order of time, and forget it."""
        self.edges.sort(key=lambda edge: edge[1])
        part.follow(self.edges)
        self.edges = []
