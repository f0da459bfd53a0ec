"""The level sequencer: writes level codes to the DACs, one per cycle."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class LevelSequencer(wiring.Component):
    """Executes LEVEL, in the cycle of its start, and LEVELS, one vector word per cycle from the next cycle on; both after a wait.

    Parameters
    ----------
    wait_cycles : int
        Cycles from `start` to what follows: the rest of the dead time, see `crossloop.protocol.timing.level_wait`.
    """

    start: In(1)
    """Strobe; the next four members stay until `done`."""
    vector: In(1)
    """LEVELS instead of LEVEL."""
    line: In(16)
    """LEVEL: the line, or 65535. LEVELS: the number of lines, from 1."""
    value: In(32)
    """LEVEL: the code. LEVELS: the address of the first vector word."""
    abort: In(1)
    """Stop after this cycle."""
    vector_address: Out(16)
    """Vector word wanted in the next cycle; 0 at rest."""
    vector_data: In(16)
    """The vector word, a two's complement code."""
    write: Out(1)
    """Strobe: ask the safety gate to write `write_code` to `write_line`."""
    write_line: Out(16)
    write_code: Out(signed(32))
    done: Out(1)
    """Strobe in the cycle of the last write."""

    def __init__(self, wait_cycles: int = 0) -> None:
        self._wait_cycles = wait_cycles
        super().__init__()

    def elaborate(self, _platform: Any) -> Module:
        """Return the address counter and its multiplexers."""
        m = Module()
        begin = self._add_wait(m)
        busy = Signal()
        index = Signal(16)
        address = Signal(16)
        with m.If(busy):
            m.d.comb += [
                self.vector_address.eq(address),
                self.write.eq(1),
                self.write_line.eq(index),
                self.write_code.eq(self.vector_data.as_signed()),
                self.done.eq(index + 1 == self.line),
            ]
            m.d.sync += [index.eq(index + 1), address.eq(address + 1)]
            with m.If(self.done | self.abort):
                m.d.sync += busy.eq(0)
        with m.Else():
            m.d.comb += [
                self.vector_address.eq(Mux(begin & self.vector, self.value, 0)),
                self.write.eq(begin & ~self.vector),
                self.write_line.eq(self.line),
                self.write_code.eq(self.value.as_signed()),
                self.done.eq(begin & ~self.vector),
            ]
            m.d.sync += [index.eq(0), address.eq(self.value + 1)]
            with m.If(begin & self.vector):
                m.d.sync += busy.eq(1)
        return m

    def _add_wait(self, m: Module) -> Signal:
        """Add the wait; return the strobe at its end."""
        if not self._wait_cycles:
            return self.start
        begin = Signal()
        left = Signal(range(self._wait_cycles + 1))
        m.d.comb += begin.eq(left == 1)
        with m.If(self.abort):
            m.d.sync += left.eq(0)
        with m.Elif(self.start):
            m.d.sync += left.eq(self._wait_cycles)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        return begin
