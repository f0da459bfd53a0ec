"""The level DACs of the emulated array: a memory with a word per line."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop_hdl.frontend.direct import StrobeSignature
from crossloop_hdl.layouts import level_layout


class LevelMemory(wiring.Component):
    """Levels of rows and columns. One that goes to every line is written line by line while the controller waits.

    Parameters
    ----------
    parameters : Parameters
        The build, as `emulated_parameters` returns it.

    Members
    -------
    level : In(StrobeSignature(level_layout))
        From the controller.
    busy : Out(1)
        A level is going to every line.
    family, line : In(1), In
        Which level is wanted.
    data : Out(signed(level_bits))
        That level, a cycle later.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._line_bits = ceil_log2(max(parameters.rows, parameters.columns, 2))
        self._level_bits = parameters.level_bits
        super().__init__({
            "level": In(StrobeSignature(level_layout(parameters))), "busy": Out(1), "family": In(1), "line": In(self._line_bits),
            "data": Out(signed(self._level_bits)),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return memory and counter."""
        m = Module()
        m.submodules.memory = memory = Memory(shape=self._level_bits, depth=2 << self._line_bits, init=[])
        write, read = memory.write_port(), memory.read_port()
        place = Signal(self._line_bits)
        left = Signal(self._line_bits + 1)
        """Lines that still get the level of the last strobe; its payload stays."""
        payload = self.level.payload
        m.d.comb += [
            self.busy.eq(left != 0),
            write.en.eq(self.level.valid & (payload.line != ALL_LINES) | self.busy),
            write.addr.eq(Cat(payload.line[: self._line_bits], payload.family[0])),
            write.data.eq(payload.code),
            read.addr.eq(Cat(self.line, self.family)),
            read.en.eq(~write.en),
            self.data.eq(read.data),
        ]
        with m.If(self.busy):
            m.d.comb += write.addr.eq(Cat(place, payload.family[0]))
            m.d.sync += [place.eq(place + 1), left.eq(left - 1)]
        with m.Elif(self.level.valid & (payload.line == ALL_LINES)):
            m.d.sync += left.eq(1 << self._line_bits)
        return m
