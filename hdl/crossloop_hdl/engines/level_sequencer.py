"""The level sequencer: writes level codes to the DACs, as fast as they can take them."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from crossloop.protocol.parameters import Parameters
from crossloop.protocol.timing import level_wait


class Phase(enum.Enum, shape=3):
    """What the sequencer is doing."""

    IDLE = 0
    WRITE = 1
    """Words are left; LEVEL has one."""
    SETTLE = 2
    """The last level changes and settles."""
    READ = 3
    """LEVELS: the first word comes."""
    COMPARE = 4
    """LEVELS: it is compared with its window; the second comes."""


class LevelSequencer(wiring.Component):
    """Executes LEVEL, whose write comes in the cycle after the start, and LEVELS, whose first write comes two cycles later.

    Parameters
    ----------
    write_cycles : int
        From one write to the next, from 1.
    settle_cycles : int
        Cycles by which a level needs longer after the last write.
    wait_cycles : int
        Cycles by which both come later: the rest of the dead time, see `crossloop.protocol.timing.level_wait`.
    lines : int
        Lines that LEVELS may name.
    vector_words : int
        Depth of the vector memory.

    Members
    -------
    start : In(1)
        Strobe; the next four members stay until `done`.
    vector : In(1)
        LEVELS instead of LEVEL.
    line : In(16)
        LEVEL: the line, or 65535. LEVELS: the number of lines, from 1.
    value : In(32)
        LEVEL: the code. LEVELS: the address of the first vector word.
    abort : In(1)
        Stop after this cycle.
    vector_address : Out(log2(vector_words))
        Vector word wanted in the next cycle; 0 at rest.
    vector_data : In(16)
        The vector word, a two's complement code.
    write : Out(1)
        Strobe: ask the safety gate to write `next_code` of the cycle before to `write_line`.
    refused : In(1)
        The safety gate has not done what was asked for in the cycle before, so there is nothing to settle.
    write_line, next_code : Out(16), Out(signed(32))
    resting : Out(1)
        The last write is still on its way, also after an abort: nothing may be started.
    done : Out(1)
        Strobe in the cycle after the last one of the settling; with nothing to settle, after the last write.
    """

    def __init__(
        self, write_cycles: int = 1, settle_cycles: int = 0, wait_cycles: int = 0, *, lines: int, vector_words: int
    ) -> None:
        self._lines = lines
        self._address_bits = exact_log2(vector_words)
        self._wait_cycles = wait_cycles
        self._settle_cycles = settle_cycles
        self._rest_cycles = write_cycles - 1 + settle_cycles
        super().__init__({
            "start": In(1), "vector": In(1), "line": In(16), "value": In(32), "abort": In(1), "vector_address": Out(self._address_bits),
            "vector_data": In(16), "write": Out(1), "refused": In(1), "write_line": Out(16), "next_code": Out(signed(32)),
            "resting": Out(1), "done": Out(1),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the address counter, its multiplexers and the rest timer."""
        m = Module()
        begin = self._add_wait(m)
        phase = Signal(Phase)
        index, following = Signal(range(self._lines)), Signal(range(self._lines + 1))
        address = Signal(self._address_bits)
        """Of the word that is asked for."""
        word, next_word, later = Signal(signed(16)), Signal(signed(16)), Signal(signed(16))
        """The one to be written; what that is in the next cycle; the one after it."""
        moves = Signal()
        """The words move up by one."""
        rest = Signal(range(self._rest_cycles + 1))
        turn, last = Signal(), Signal()
        """It is the word's turn, in phase WRITE only; it is the last one's."""
        asked, refused = Signal(), Signal()
        """A word was written in the cycle before; the safety gate did not."""
        m.d.comb += [self.resting.eq(rest != 0), following.eq(index + 1), refused.eq(asked & self.refused)]
        m.d.sync += asked.eq(self.write)
        with m.If(refused):
            m.d.sync += rest.eq(0)
        with m.Elif(self.write):
            m.d.sync += rest.eq(self._rest_cycles)
        with m.Elif(self.resting):
            m.d.sync += rest.eq(rest - 1)

        m.d.comb += [
            self.write_line.eq(Mux(self.vector, index, self.line)),
            self.next_code.eq(Mux(self.vector, next_word, self.value.as_signed())),
            next_word.eq(Mux(moves, later, word)),
            self.write.eq(turn),  # what follows a refusal is refused, too: the gate is not armed any more
        ]
        m.d.sync += word.eq(next_word)
        with m.If(moves):
            m.d.sync += [later.eq(self.vector_data), address.eq(address + 1)]
        # The memory answers a cycle later, and a word is compared with its window before it is written: while one is written the next two
        # are there, and the one after them is asked for.
        with m.Switch(phase):
            with m.Case(Phase.READ):
                m.d.comb += [self.vector_address.eq(address + 1), moves.eq(1)]
                m.d.sync += phase.eq(Phase.COMPARE)
            with m.Case(Phase.COMPARE):
                m.d.comb += [self.vector_address.eq(address + 1), moves.eq(1)]
                m.d.sync += [phase.eq(Phase.WRITE), turn.eq(1)]
            with m.Case(Phase.WRITE):
                m.d.comb += [
                    self.vector_address.eq(address + turn),
                    last.eq(self.write & (~self.vector | (following == self.line[: len(following)]))),
                    moves.eq(turn),
                ]
                # A word waits until only the settling is left of the rest after the one before it.
                with m.If(turn):
                    m.d.sync += [index.eq(following), turn.eq(self._rest_cycles == self._settle_cycles)]
                with m.Else():
                    m.d.sync += turn.eq(rest == self._settle_cycles + 1)
            with m.Default():
                m.d.comb += self.vector_address.eq(Mux(begin & self.vector, self.value, 0))
                m.d.sync += [index.eq(0), address.eq(self.value)]
                with m.If(begin):
                    m.d.sync += turn.eq(~self.vector)
                    m.d.sync += phase.eq(Mux(self.vector, Phase.READ, Phase.WRITE))
        over = Signal()
        if self._rest_cycles:
            m.d.comb += over.eq((phase == Phase.SETTLE) & (rest == 1))
            with m.If(last):
                m.d.sync += [phase.eq(Phase.SETTLE), turn.eq(0)]
        else:
            m.d.comb += over.eq(last)
        m.d.sync += self.done.eq(over)
        with m.If(over | self.abort):
            m.d.sync += [phase.eq(Phase.IDLE), turn.eq(0)]
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


def level_sequencer(parameters: Parameters) -> LevelSequencer:
    """Return that of a build."""
    return LevelSequencer(
        parameters.level_write_cycles, parameters.level_settle_cycles, level_wait(parameters),
        lines=max(parameters.rows, parameters.columns), vector_words=parameters.vector_words,
    )  # fmt: skip
