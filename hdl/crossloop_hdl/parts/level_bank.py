"""The level DACs of every line: wakes them, then turns level strobes into frames."""

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.parts.level_dac import LevelDac
from crossloop.protocol.parts.spi import cycles_of
from crossloop.protocol.streams import Family
from crossloop_hdl.frontend.direct import StrobeSignature
from crossloop_hdl.layouts import family_lines, level_layout
from crossloop_hdl.parts.spi import SpiShifter


def chip_numbers(parameters: Parameters, lines_per_chip: int) -> dict[Family, range]:
    """Return the numbers of each family's chips: as many as its lines need, family after family."""
    numbers, first = {}, 0
    for family, lines in family_lines(parameters).items():
        chips = -(-lines // lines_per_chip)
        numbers[family] = range(first, first + chips)
        first += chips
    return numbers


class LevelBank(wiring.Component):
    """As many chips as the families need, on one clock and one data line, each with its own chip select.

    A strobe waits so long that its frame ends exactly `level_write_cycles` - 1 + `delay` cycles after it. So the distance of two updates is
    that of their strobes, and never shorter than the part wants.

    Parameters
    ----------
    parameters : Parameters
        The build.
    part : LevelDac
        The chip.
    delay : int
        Cycles by which an update comes later than `level_write_cycles - 1` after its strobe.

    Members
    -------
    level : In(StrobeSignature(level_layout))
        A line, or every line of a family, takes a new code.
    configured : Out(1)
        Every chip is awake, and every level is 0 V; no strobe may come earlier.
    cs_n, sclk, sdi : Out(chips), Out(1), Out(1)
        Pins.
    """

    def __init__(self, parameters: Parameters, part: LevelDac, delay: int) -> None:
        self._parameters, self._part = parameters, part
        self._chips = chip_numbers(parameters, part.lines)
        self._shifter = SpiShifter(part.spi, parameters.clock_hz)
        self._wait = parameters.level_write_cycles - 1 + delay - self._shifter.cycles.frame - 2
        count = sum(len(chips) for chips in self._chips.values())
        assert self._wait >= 1, "level_write_cycles are those of this part"
        super().__init__({
            "level": In(StrobeSignature(level_layout(parameters))), "configured": Out(1),
            "cs_n": Out(count, init=(1 << count) - 1), "sclk": Out(1, init=part.spi.cpol), "sdi": Out(1),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return shifter, start-up sequence and frame composer."""
        m = Module()
        m.submodules.shifter = shifter = self._shifter
        word = Signal(self._part.spi.bits)
        selected = Signal(len(self.cs_n), init=(1 << len(self.cs_n)) - 1)
        start = Signal()
        m.d.comb += [
            shifter.start.eq(start), shifter.data.eq(word), self.sclk.eq(shifter.sclk), self.sdi.eq(shifter.sdi),
            # `selected` changes only while the shifter's chip select is high, so no pin glitches.
            self.cs_n.eq(~selected | shifter.cs_n.replicate(len(selected))),
        ]  # fmt: skip
        with m.If(self.configured):
            self._add_strobes(m, start, word, selected)
        with m.Else():
            self._add_power_up(m, shifter, start, word)
        return m

    def _add_power_up(self, m: Module, shifter: SpiShifter, start: Signal, word: Signal) -> None:
        """Add the frames that wake all chips at once, each as far from the last as two updates; so is the first strobe."""
        part, clock_hz = self._part, self._parameters.clock_hz
        frames = Array(Const(frame, part.spi.bits) for frame in part.power_up)
        pitch = max(shifter.cycles.pitch, cycles_of(max(part.update_ps, part.broadcast_ps), clock_hz)) + 1
        index = Signal(range(len(part.power_up) + 1))
        left = Signal(range(pitch), init=pitch - 1)
        due, over = Signal(), Signal()
        m.d.comb += [due.eq(left == 0), over.eq(index == len(part.power_up)), start.eq(due & ~over)]
        m.d.sync += [left.eq(left - 1), word.eq(frames[index])]
        # The next word is ready long before this frame ends, however short the pause between frames is.
        with m.If(start):
            m.d.sync += [left.eq(pitch - 1), index.eq(index + 1)]
        with m.If(due & over):
            m.d.sync += self.configured.eq(1)

    def _add_strobes(self, m: Module, start: Signal, word: Signal, selected: Signal) -> None:
        """Add what turns a strobe into a frame."""
        part, level = self._part, self.level.payload
        bits = self._parameters.level_bits
        wait = Signal(range(self._wait + 2))
        # Two's complement to straight binary: the sign turns over, and the code fills the DAC's width from the top.
        code = Cat(Const(0, 16 - bits), level.code[: bits - 1], ~level.code[bits - 1])
        every = level.line == ALL_LINES
        channel_bits = (part.lines - 1).bit_length()
        chosen = Signal.like(selected)
        m.d.comb += start.eq(wait == 1)
        with m.If(wait == self._wait + 1):
            # A cycle after the last frame's chip select has risen, and before that of the next falls.
            m.d.sync += selected.eq(chosen)
        with m.If(self.level.valid):
            m.d.sync += [
                wait.eq(self._wait + 1),
                word.eq(Mux(
                    every, part.write_all, part.write | level.line[:channel_bits] << part.channel_shift
                ) | code << part.code_shift),
            ]  # fmt: skip
            for family, chips in self._chips.items():
                for place, chip in enumerate(chips):
                    mine = every | (level.line[channel_bits:] == place)
                    m.d.sync += chosen[chip].eq((level.family == family) & mine)
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)
