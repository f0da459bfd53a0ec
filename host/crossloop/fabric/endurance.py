"""The endurance cycler: SET and RESET pulses on one cell, a great many times, with readings at chosen cycle counts; one command.

Between readings nothing but levels, connections and pulses is in the loop, so that the rate is set by pulse widths and gaps and by what
the front end needs for a new level or a new connection. Converters take microseconds for a level, multiplexers a fraction of one for a
connection: so where it can be, the level of SET is held on the row and that of RESET on the column, and the other line is tied to ground.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop.dry_run import DryRun, branch_distance, dry_run, loop_bounds
from crossloop.fabric.assembly import Assembly
from crossloop.fabric.program import FabricProgram
from crossloop.fabric.reading import Reading, drive_cell, read_cell
from crossloop.gaps import check_gap
from crossloop.limits import LimitCodes
from crossloop.operation import check_line
from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.arithmetic import Condition, Function
from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import duration_cycles

COUNT_MAX = (1 << 29) - 1
"""Most cycles between two readings."""
_UNIT_BITS = 14
"""A count travels as two words: units of 2**14 cycles, and the rest."""
SEGMENT_WORDS = 2
"""Words per reading: before the run the cycles up to it, afterwards the codes after SET and after RESET."""


@dataclass(frozen=True, kw_only=True)
class Cycling:
    """One SET and RESET cycle and its readings, in codes, taps and cycles.

    With `set_levels` (v, 0) and `reset_levels` (0, w), v and w above 0, levels are held: no level changes between readings, and a line
    whose code is 0 is tied to ground. All other lines are pulsed with half of the larger level, so that no other cell sees more than
    half of it. With other codes both levels change before every pulse, and all other lines are at ground.
    """

    set_levels: tuple[int, int]
    """Level codes (row, column) of the SET pulse."""
    reset_levels: tuple[int, int]
    """Level codes of the RESET pulse."""
    set_taps: int
    """Width of the SET pulse, in taps."""
    reset_taps: int
    """Width of the RESET pulse, in taps."""
    gap_taps: int
    """Time after each pulse, in taps."""
    level_cycles: int = 0
    """Cycles that the level converters need before each pulse, beside the micro-ops' own."""
    reading: Reading
    """How the cell is read."""

    @property
    def held(self) -> bool:
        """Whether levels are held."""
        return self.set_levels[1] == 0 == self.reset_levels[0] and min(self.set_levels[0], self.reset_levels[1]) > 0

    @property
    def inhibit(self) -> int:
        """Level code of the lines that are not the cell's, where levels are held."""
        return max(self.set_levels[0], self.reset_levels[1]) // 2


@dataclass(frozen=True, eq=False, slots=True)
class Endurance(FabricProgram):
    """The run of an endurance program. The result is None: the readings are in the vector memory."""

    cycling: Cycling
    tile: int
    """Which array."""
    cell: tuple[int, int]
    """Row and column."""
    segments: tuple[int, ...]
    """Cycles up to each reading since the one before, from 1."""

    @property
    def key(self) -> Hashable:
        """What program and duration depend on; the counts travel in the vector memory, but the time follows from them."""
        return (Endurance, self.cycling, self.tile, self.cell, self.segments)

    @property
    def first_word(self) -> int:
        """Address of the counts and readings; the words before are scratch."""
        return self.cell[1] + 1

    def words(self) -> NDArray[np.int64]:
        """Return what the vector memory must hold from `first_word` on, shape (readings * SEGMENT_WORDS,)."""
        counts = np.array(self.segments, np.int64)
        return np.stack([counts >> _UNIT_BITS, counts & (1 << _UNIT_BITS) - 1], axis=1).reshape(-1)

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("tile", self.tile, parameters.tiles)
        check_line("row", self.cell[0], parameters.rows)
        check_line("column", self.cell[1], parameters.columns)
        code = Assembly()
        code.add(*self._start())
        code.set("place", self.first_word)
        code.add(m.loop(len(self.segments)))
        code.load("left", 0, "place")
        code.load("rest", 1, "place")
        code.compute("left", Function.MULTIPLY, "left", 1 << _UNIT_BITS)
        code.increase("left", "rest")
        again = code.here()
        code.add(*self._set())
        code.increase("left", -1)
        read = self._read()
        skip = len(read) + 3
        at = len(code)
        # The last cycle before a reading is read after each of its pulses; the others go straight on.
        code.add(ar.branch(skip, Condition.GREATER, code.register("left"), constant=0))
        code.add(*read)
        code.load("word", self.cell[1])
        code.store("word", 0, "place")
        assert len(code) == at + skip
        code.add(*self._reset())
        code.branch(again, Condition.GREATER, "left", 0)
        code.add(*read)
        code.load("word", self.cell[1])
        code.store("word", 1, "place")
        code.increase("place", SEGMENT_WORDS)
        code.add(m.next_())
        return code.ops()

    def dry_run(self, parameters: Parameters) -> DryRun:
        """Predict the run exactly: the counts are known, and nothing in the program depends on a reading."""
        program = self.program(parameters)
        cycles = [duration_cycles(op, parameters) for op in program]
        begin, end = loop_bounds(program)
        branches = [index for index, op in enumerate(program) if op.opcode is m.Opcode.BRANCH]
        again = branches[1] + branch_distance(program[branches[1]])
        after_read = branches[0] + branch_distance(program[branches[0]])
        # A cycle without reading: from `again` to the first branch, and from behind the reading to the second one.
        plain = sum(cycles[again : branches[0] + 1]) + sum(cycles[after_read : branches[1] + 1])
        with_reading = sum(cycles[begin + 1 : end + 1])
        total = sum(cycles[: begin + 1]) + sum(cycles[end + 1 :])
        total += sum(with_reading + (count - 1) * plain for count in self.segments)
        # Held levels: every line is pulsed, but the column in SET and the row in RESET.
        row_pulses, column_pulses = (
            sum(self.segments) * (2 * lines - 1 if self.cycling.held else 2)
            for lines in (parameters.rows, parameters.columns)
        )
        once = dry_run(program, parameters)
        return DryRun(
            total, once.serial_cycles, total / parameters.clock_hz, row_pulses, column_pulses, 0,
            2 * len(self.segments) * (self.cell[1] + 1),
        )  # fmt: skip

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse levels, widths and counts outside the limits."""
        cycling, levels, clock = self.cycling, Levels.of(parameters), Clock.of(parameters)
        for name in ("set", "reset"):
            for code in getattr(cycling, f"{name}_levels"):
                limits.check_level(code, levels, f"{name} level")
            limits.check_width(getattr(cycling, f"{name}_taps"), clock, f"{name} pulse width")
        check_gap(cycling.gap_taps, parameters)
        if any(not 1 <= count <= COUNT_MAX for count in self.segments) or not self.segments:
            raise RangeError(
                f"cycles between readings must be from 1 to {COUNT_MAX}, not {self.segments}; nothing was pulsed"
            )
        needed = self.first_word + SEGMENT_WORDS * len(self.segments)
        if needed > parameters.vector_words:
            raise RangeError(
                f"{len(self.segments)} readings take {needed} vector words, this device has {parameters.vector_words}; "
                "ask for fewer readings, nothing was pulsed"
            )

    def _start(self) -> list[MicroOp]:
        """Return the start of the program; readings go to vector word 0 and on."""
        if not self.cycling.held:
            return drive_cell(self.tile, self.cell)
        row, column = self.cell
        return [
            m.tile(self.tile), ar.point(0), m.level(Family.ROWS, ALL_LINES, self.cycling.inhibit),
            m.level(Family.ROWS, row, self.cycling.set_levels[0]), m.level(Family.COLUMNS, ALL_LINES, self.cycling.inhibit),
            m.level(Family.COLUMNS, column, self.cycling.reset_levels[1]), *self._wait(),
        ]  # fmt: skip

    def _set(self) -> list[MicroOp]:
        """Return the SET pulse."""
        if not self.cycling.held:
            return self._pulse(self.cycling.set_levels, self.cycling.set_taps)
        return [
            m.connect(Family.ROWS, LineState.DRIVE), _ground(Family.COLUMNS, self.cell[1]),
            m.pulse(1, self.cycling.set_taps, self.cycling.gap_taps),
        ]  # fmt: skip

    def _reset(self) -> list[MicroOp]:
        """Return the RESET pulse."""
        if not self.cycling.held:
            return self._pulse(self.cycling.reset_levels, self.cycling.reset_taps)
        return [
            m.connect(Family.COLUMNS, LineState.DRIVE), _ground(Family.ROWS, self.cell[0]),
            m.pulse(1, self.cycling.reset_taps, self.cycling.gap_taps),
        ]  # fmt: skip

    def _read(self) -> list[MicroOp]:
        """Return a reading, after which the cell is as it was before."""
        if not self.cycling.held:
            return read_cell(self.cell, self.cycling.reading)
        row, _column = self.cell
        level, *connect_and_sample = read_cell(self.cell, self.cycling.reading)[:-1]
        # Lines between those of the cell and ground are no part of a reading. The next pulse connects all of them anew.
        rows = m.connect(Family.ROWS, LineState.DRIVE, selection=Selection.ONE, index=row)
        return [level, rows, *connect_and_sample, m.level(Family.ROWS, row, self.cycling.set_levels[0]), *self._wait()]

    def _pulse(self, levels: tuple[int, int], width: int) -> list[MicroOp]:
        row, column = self.cell
        return [
            m.level(Family.ROWS, row, levels[0]), m.level(Family.COLUMNS, column, levels[1]), *self._wait(),
            m.pulse(1, width, self.cycling.gap_taps),
        ]  # fmt: skip

    def _wait(self) -> list[MicroOp]:
        return [m.wait(self.cycling.level_cycles)] if self.cycling.level_cycles else []


def _ground(family: Family, line: int) -> MicroOp:
    """Tie one line to ground and drive the others."""
    return m.connect(family, LineState.GROUND, others=LineState.DRIVE, selection=Selection.ONE, index=line)


def log_spaced(last: int, per_decade: int = 3) -> tuple[int, ...]:
    """Return cycle counts from 1 to `last`, about `per_decade` in each decade, without repetition."""
    if last < 1 or per_decade < 1:
        raise RangeError(f"last and per_decade must be at least 1, not {last!r} and {per_decade!r}")
    points = np.rint(10 ** (np.arange(int(np.ceil(np.log10(last) * per_decade)) + 1) / per_decade)).astype(np.int64)
    return tuple(sorted({*(int(point) for point in points if point <= last), last}))


def segments_of(counts: Sequence[int]) -> tuple[int, ...]:
    """Return the cycles between readings at the given, rising cycle counts."""
    rising = [int(count) for count in counts]
    if not rising or any(after <= before for before, after in zip([0, *rising], rising, strict=False)):
        raise RangeError(f"cycle counts must rise from at least 1, not {tuple(counts)}; nothing was pulsed")
    return tuple(after - before for before, after in zip([0, *rising], rising, strict=False))
