"""The emulated array: cells in block RAM behind the boundary of the `direct` front end, worked on one after the other."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from crossloop.protocol.emulated import STATE_BITS, STATE_MIDDLE, WIDTH_MAX, cells
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop_hdl.emulated.levels import LevelMemory
from crossloop_hdl.emulated.line_walk import LineWalk
from crossloop_hdl.emulated.mover import CellMover, CellWord
from crossloop_hdl.emulated.noise import NoiseSource
from crossloop_hdl.emulated.summer import Summer
from crossloop_hdl.frontend.direct import DirectSignature


class EmulatedArray(wiring.Component):
    """Front end and cells of every tile.

    When a pulse has ended, the pairs of a row and a column whose gates were on are walked over, row by row; where the levels differ by
    more than the threshold, the cell moves. A conversion adds up one channel after the other, one cell and one bit of its level per
    cycle, and hands each to the controller. Times are at most those of `emulated_parameters`.

    A block RAM takes half of a fast cycle to answer, so what it says passes a register before anything is decided or summed up with it.

    Parameters
    ----------
    parameters : Parameters
        The build, as `emulated_parameters` returns it.

    Members
    -------
    core : In(DirectSignature)
        The controller.
    busy : Out(1)
        Something is going on: no program may start. Within a run the controller's own times see to it.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__({"core": In(DirectSignature(parameters)), "busy": Out(1)})

    def elaborate(self, _platform: Any) -> Module:
        """Return memories, walks and the state machine."""
        m = Module()
        core, parameters = self.core, self._parameters
        m.submodules.levels = levels = LevelMemory(parameters)
        m.submodules.noise = noise = NoiseSource(parameters.array_seed)
        m.submodules.mover = self._mover = mover = CellMover()
        m.submodules.summer = self._summer = summer = Summer(parameters)
        m.submodules.rows = self._rows = rows = LineWalk(parameters.rows)
        m.submodules.columns = self._columns = columns = LineWalk(parameters.columns)
        connect(m, flipped(core.level), levels.level)
        wanted = core.conversion.payload
        by_rows = Signal()
        """A conversion takes row after row; otherwise column after column. What is wanted shows long before the conversion."""
        m.d.sync += by_rows.eq(wanted.family == Family.ROWS)
        self._add_memories(m, by_rows & core.conversion.payload.pair)
        row_level = Signal.like(levels.data)
        difference = Signal(signed(parameters.level_bits + 1))
        """Of the levels of row and column; it and the words of the memories stay while the column does."""
        pulse_ended, width = self._add_pulse(m, by_rows)
        half = self._half
        left = Signal(range(max(parameters.rows, parameters.columns) + 1))
        """Channels that are still to be taken."""
        m.d.comb += [
            levels.family.eq(Family.COLUMNS), levels.line.eq(Mux(levels.family, columns.line, rows.line)),
            mover.width.eq(width), mover.draw.eq(noise.draw), mover.up.eq(difference >= 0),
            summer.level.eq(levels.data), summer.draw.eq(noise.draw), summer.range.eq(wanted.range), summer.negative.eq(half),
            noise.step.eq(mover.start | summer.draws),
            core.samples.valid.eq(summer.done), core.samples.payload.eq(summer.sample),
        ]  # fmt: skip
        m.d.sync += difference.eq(row_level - levels.data)

        def next_row() -> None:
            m.d.comb += rows.step.eq(1)
            m.next = "ROW"
            with m.If(rows.last):
                m.next = "REST"

        def next_cell() -> None:
            m.d.comb += columns.step.eq(1)
            m.next = "CELL"
            with m.If(columns.last):
                next_row()

        with m.FSM() as machine:
            with m.State("REST"):
                m.d.comb += [summer.begin.eq(1), rows.restart.eq(1), columns.restart.eq(1)]
                m.d.sync += [left.eq(wanted.count), half.eq(0)]
                with m.If(core.conversion.valid):
                    m.next = "SUM"
                with m.Elif(pulse_ended):
                    m.next = "ROW"
            with m.State("ROW"):
                m.d.comb += levels.family.eq(Family.ROWS)
                m.next = "LEVEL"
                with m.If(~rows.bit):
                    next_row()
            with m.State("LEVEL"):
                m.d.sync += row_level.eq(levels.data)
                m.next = "CELL"
            with m.State("CELL"):
                m.next = "COMPARE"
                with m.If(~columns.bit):
                    next_cell()
            with m.State("COMPARE"):
                m.next = "FIRE"
            with m.State("FIRE"):
                m.next = "MOVE"
                with m.If(beyond_threshold(difference)):
                    m.d.comb += mover.start.eq(1)
                with m.Else():
                    next_cell()
            with m.State("MOVE"):
                with m.If(mover.done):
                    next_cell()
            with m.State("SUM"):
                m.d.comb += [levels.family.eq(by_rows), summer.add.eq(1)]
                with m.If(wanted.pair & ~half):
                    m.d.sync += half.eq(1)
                with m.Else():
                    m.d.sync += half.eq(0)
                    for walk, outer in ((columns, by_rows), (rows, ~by_rows)):
                        with m.If(outer):
                            m.d.comb += [walk.step.eq(1), summer.next_bit.eq(walk.last)]
                    with m.If(summer.next_bit & summer.last_bit):
                        m.next = "SAMPLE"
            with m.State("SAMPLE"):
                with m.If(summer.done & core.samples.ready):
                    m.d.sync += left.eq(left - 1)
                    m.d.comb += [summer.begin.eq(1), rows.step.eq(by_rows), columns.step.eq(~by_rows)]
                    m.next = "SUM"
                    with m.If(left == 1):
                        m.next = "REST"
                    with m.Elif(wanted.pair):
                        m.next = "PAIR"
            with m.State("PAIR"):
                m.d.comb += [rows.step.eq(by_rows), columns.step.eq(~by_rows)]
                m.next = "SUM"
        outer, inner = Mux(by_rows, rows.next_bit, columns.next_bit), Mux(by_rows, columns.bit, rows.bit)
        m.d.comb += [
            summer.counts.eq(Mux(half, outer, Mux(by_rows, rows.bit, columns.bit)) & inner),
            summer.first.eq((Mux(by_rows, columns.line, rows.line) == 0) & ~half),
            self.busy.eq(~machine.ongoing("REST") | levels.busy | self._pulsing),
        ]  # fmt: skip
        return m

    def _add_memories(self, m: Module, by_row_pairs: Value) -> None:
        """Add states and cell table, both addressed by tile, row and column; the second line of a pair is beside the first."""
        rows, columns, mover = self._rows, self._columns, self._mover
        self._half = half = Signal()
        tile_bits = (self._parameters.tiles - 1).bit_length()
        address = Cat(
            columns.line | (half & ~by_row_pairs), rows.line | (half & by_row_pairs), self.core.tile[:tile_bits]
        )
        starts, words = self._contents()
        m.submodules.states = states = Memory(shape=STATE_BITS, depth=len(starts), init=starts)
        m.submodules.table = table = Memory(shape=CellWord.as_shape().size, depth=len(words), init=words)
        write, read, look_up = states.write_port(), states.read_port(), table.read_port()
        m.d.comb += [
            read.addr.eq(address), look_up.addr.eq(address), write.addr.eq(address),
            # No port reads while one writes: synthesis would add registers that keep what the word was.
            read.en.eq(~write.en), write.en.eq(mover.done), write.data.eq(mover.moved),
            mover.state.eq(read.data), mover.cell.eq(look_up.data), self._summer.cell.eq(read.data),
        ]  # fmt: skip

    def _contents(self) -> tuple[list[int], list[int]]:
        """Return what the two memories hold after configuration; the places of lines that do not exist stay empty."""
        build = self._parameters
        column_bits, row_bits = len(self._columns.line), len(self._rows.line)
        size = 1 << (build.tiles - 1).bit_length() + row_bits + column_bits
        starts, words = [STATE_MIDDLE] * size, [0] * size
        for number, cell in enumerate(cells(build)):
            line, column = divmod(number, build.columns)
            tile, row = divmod(line, build.rows)
            place = (tile << row_bits | row) << column_bits | column
            starts[place], words[place] = cell.start, cell.word
        return starts, words

    def _add_pulse(self, m: Module, by_rows: Value) -> tuple[Value, Signal]:
        """Add what follows the gates; return a strobe after the end of a pulse in which no conversion fell, and its width.

        Asking all gates whether one is on takes long, so little follows from it at once.
        """
        core = self.core
        pulsing, ended, width = Signal(), Signal(), Signal(range(WIDTH_MAX + 1))
        gates_on, load, resting = Signal(), Signal(), self._rows.restart
        self._pulsing = pulsing | ended
        m.d.comb += [
            gates_on.eq(core.row_gates.any() | core.column_gates.any()),
            # The gates of the pulse's first cycle, which are those of all its cycles, or what a conversion connects.
            load.eq(resting & (core.conversion.valid | ~self._pulsing)), self._rows.load.eq(load), self._columns.load.eq(load),
            self._rows.bits.eq(core.row_gates), self._columns.bits.eq(core.column_gates),
        ]  # fmt: skip
        with m.If(core.conversion.valid & by_rows):
            m.d.comb += self._rows.bits.eq(core.row_states_low & core.row_states_high)
        with m.If(core.conversion.valid & ~by_rows):
            m.d.comb += self._columns.bits.eq(core.column_states_low & core.column_states_high)
        with m.If(resting):
            m.d.sync += [pulsing.eq(gates_on & ~core.conversion.valid), ended.eq(pulsing & ~gates_on)]
            with m.If(pulsing & (width != WIDTH_MAX)):
                m.d.sync += width.eq(width + 1)
            with m.Elif(~pulsing & ~ended):
                m.d.sync += width.eq(0)
        return ended, width


def beyond_threshold(difference: Value) -> Value:
    """Return whether two levels are farther apart than half of a level's range, see `threshold_code`."""
    negative, half, rest = difference[-1], difference[-2], difference[:-2]
    return Mux(negative, ~half, half & rest.any())
