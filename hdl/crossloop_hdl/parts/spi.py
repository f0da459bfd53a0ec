"""One shifter for every serial part: its profile, in cycles, decides what a frame looks like."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parts.spi import SpiProfile, spi_cycles


class Phase(enum.Enum, shape=3):
    """Where in a frame the shifter is."""

    IDLE = 0
    BEFORE = 1
    """Chip select is low, no edge yet."""
    LEAD = 2
    """After a leading edge."""
    TRAIL = 3
    """After a trailing edge."""
    AFTER = 4
    """The last edge is over, chip select still low."""
    HIGH = 5
    """Chip select is high, and must stay so."""


class SpiShifter(wiring.Component):
    """Sends a frame, and takes what the parts answer on any number of data lines.

    Every pin is a flip-flop. Times are those of `SpiCycles`: chip select falls in the cycle after the start and stays low for `frame`.

    Parameters
    ----------
    profile : SpiProfile
        What the part demands.
    clock_hz : int
        Clock of the controller.
    lanes : int
        Data lines from parts to here; 0 for parts that only listen.

    Members
    -------
    start, data : In(1), In(bits)
        Strobe while `ready`: send this, highest bit first.
    ready : Out(1)
        The next frame may start.
    done : Out(1)
        Strobe in the first cycle in which chip select is high again; `answers` are complete.
    answers : Out(bits * max(lanes, 1))
        What came on each lane, lane 0 lowest, the first bit of each highest.
    cs_n, sclk, sdi : Out(1)
        Pins to the parts.
    sdo : In(max(lanes, 1))
        Pins from the parts.
    """

    def __init__(self, profile: SpiProfile, clock_hz: int, lanes: int = 0) -> None:
        self._profile = profile
        self._lanes = lanes
        self.cycles = spi_cycles(profile, clock_hz)
        """The frame in cycles."""
        super().__init__({
            "start": In(1), "data": In(profile.bits), "ready": Out(1), "done": Out(1), "answers": Out(profile.bits * max(lanes, 1)),
            "cs_n": Out(1, init=1), "sclk": Out(1, init=profile.cpol), "sdi": Out(1), "sdo": In(max(lanes, 1)),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return phase counter and shift registers."""
        m = Module()
        cycles, cpol = self.cycles, self._profile.cpol
        phase = Signal(Phase)
        longest = max(cycles.before, cycles.lead, cycles.trail, cycles.after, cycles.high)
        left = Signal(range(longest))
        bits_left = Signal(range(cycles.bits))
        send = Signal(cycles.bits)
        step, lead, trail, end = Signal(), Signal(), Signal(), Signal()
        """Strobes: the phase ends; a leading edge, a trailing edge, the rise of chip select comes with the next cycle."""

        def go(to: Any, length: int) -> None:
            m.d.sync += [phase.eq(to), left.eq(length - 1)]

        m.d.comb += [self.ready.eq(phase == Phase.IDLE), step.eq(left == 0)]
        m.d.sync += [left.eq(left - 1), self.done.eq(end)]
        with m.Switch(phase):
            with m.Case(Phase.IDLE):
                m.d.sync += [send.eq(self.data), left.eq(0)]
                with m.If(self.start):
                    m.d.sync += [self.cs_n.eq(0), bits_left.eq(cycles.bits - 1)]
                    go(Phase.BEFORE, cycles.before)
            with m.Case(Phase.BEFORE):
                m.d.comb += lead.eq(step)
            with m.Case(Phase.LEAD):
                m.d.comb += trail.eq(step)
            with m.Case(Phase.TRAIL):
                m.d.comb += lead.eq(step & (bits_left != 0))
                with m.If(step & (bits_left == 0)):
                    if cycles.after:
                        go(Phase.AFTER, cycles.after)
                    else:
                        m.d.comb += end.eq(1)
                with m.If(lead):
                    m.d.sync += bits_left.eq(bits_left - 1)
            with m.Case(Phase.AFTER):
                m.d.comb += end.eq(step)
            with m.Case(Phase.HIGH):
                with m.If(step):
                    m.d.sync += phase.eq(Phase.IDLE)
        with m.If(lead):
            m.d.sync += self.sclk.eq(1 - cpol)
            go(Phase.LEAD, cycles.lead)
        with m.If(trail):
            m.d.sync += self.sclk.eq(cpol)
            go(Phase.TRAIL, cycles.trail)
        with m.If(end):
            m.d.sync += self.cs_n.eq(1)
            # The cycle in which the next frame starts belongs to the time for which chip select is high.
            if cycles.high > 1:
                go(Phase.HIGH, cycles.high - 1)
            else:
                m.d.sync += phase.eq(Phase.IDLE)
        self._add_data(m, send, lead, trail, phase)
        return m

    def _add_data(self, m: Module, send: Signal, lead: Signal, trail: Signal, phase: Signal) -> None:
        """Add the data pins: out at one edge, in at the other."""
        change, take = (lead, trail) if self._profile.cpha else (trail, lead)
        with m.If(change):
            m.d.sync += [self.sdi.eq(send[-1]), send.eq(send << 1)]
        if not self._profile.cpha:
            # The first bit shows from the fall of chip select on.
            with m.If((phase == Phase.IDLE) & self.start):
                m.d.sync += [self.sdi.eq(self.data[-1]), send.eq(self.data << 1)]
        if self._lanes:
            bits = self.cycles.bits
            with m.If(take):
                for lane in range(self._lanes):
                    answer = self.answers[lane * bits : (lane + 1) * bits]
                    m.d.sync += answer.eq(Cat(self.sdo[lane], answer))
