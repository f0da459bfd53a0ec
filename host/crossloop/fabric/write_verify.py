"""Write-verify in the fabric: read a cell, pulse it towards its target with growing amplitude, read again, until it is in its window.

One command programs a whole block of cells; the host is idle meanwhile and gets a record for each of them. The ladder follows the
incremental-pulse programming of NeuRRAM (Wan et al., Nature 608:504 (2022)): amplitudes rise step by step, and start again where the
direction turns.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from crossloop.dry_run import DryRun, dry_run, most
from crossloop.fabric import ladder
from crossloop.fabric.assembly import Assembly, Label
from crossloop.fabric.endings import (
    ATTEMPTS_MAX,
    DEVICE_REASONS,
    TURNS_MAX,
    Reason,
    pack_reason,
    pack_turns,
    unpack_end,
)
from crossloop.fabric.ladder import Ladder
from crossloop.fabric.program import FabricProgram
from crossloop.limits import LimitCodes
from crossloop.operation import check_line
from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.arithmetic import WORD_MAX, Condition, Function
from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import GateLines, Parameters
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import READOUT_CYCLES, pulse_gap_min_taps, whole_cycles

RESULT_WORDS = 3
"""Words per cell of the device's record: final code; attempts, turns and reason; amplitude of the last pulse."""


class Visit(IntEnum):
    """Which cells of a block a run deals with, and how."""

    ALL = 0
    """All of them."""
    MARKED = 1
    """Those whose second record word is not 0 before the run: what relaxed out of its window, in a later pass."""
    READ = 2
    """All of them, but they are only read and compared; one outside its window ends with the reason ATTEMPTS."""


@dataclass(frozen=True, kw_only=True)
class WriteVerifyTable:
    """How cells are programmed, in codes, taps and cycles."""

    up: Ladder
    """Pulses that raise the conductance."""
    down: Ladder
    """Pulses that lower it."""
    window: int
    """Largest difference between reading and target that is good enough, in summed converter codes."""
    read_code: int
    """Level code of the row that is read."""
    averages: int = 1
    """Conversions that are summed for a reading."""
    confirmations: int = 0
    """Further readings, `wait_cycles` apart, that must lie in the window too."""
    wait_cycles: int = 0
    """Time before each confirmation, in which a cell may relax."""
    attempts: int = 60
    """Most pulses per cell, up to 255."""
    turns: int = 15
    """Most changes of direction per cell, up to 15."""
    range_index: int = 0
    """Converter range."""
    settle_cycles: int = 50
    """Time the level drives before the integration."""
    integrate_cycles: int = 50
    """Time of integration."""
    gap_taps: int = 50
    """Time after each pulse, in taps."""
    read_gate: int = 0
    """Level code of the cell's gate line while it is read, in builds with gate lines."""


@dataclass(frozen=True)
class WriteVerifyOutcome:
    """What became of a block of cells; all arrays have the block's shape (rows, columns)."""

    codes: NDArray[np.int64]
    """Last reading, in summed converter codes."""
    attempts: NDArray[np.int64]
    """Pulses given."""
    turns: NDArray[np.int64]
    """Changes of direction."""
    reasons: NDArray[np.int64]
    """`Reason` of each cell."""
    last_amplitudes: NDArray[np.int64]
    """Amplitude of the last pulse in level codes, positive for one that raised the conductance, 0 without a pulse."""
    cycles: int
    """Controller cycles of the whole run."""
    origin: tuple[int, int] = (0, 0)
    """First row and column of the block."""
    failures: list[tuple[int, int, Reason]] = field(init=False)
    """Row, column and reason of every cell that is not in its window."""

    def __post_init__(self) -> None:
        cells = np.argwhere(self.reasons != Reason.IN_WINDOW)
        found = [
            (self.origin[0] + int(row), self.origin[1] + int(column), Reason(int(self.reasons[row, column])))
            for row, column in cells
        ]
        object.__setattr__(self, "failures", found)


@dataclass(frozen=True)
class Layout:
    """Where a block's data lie in the vector memory."""

    rows: int
    columns: int
    channels: int
    """Channels of one reading: all columns up to the block's last one."""

    @property
    def results(self) -> int:
        """Address of the records; the targets lie in their first words before."""
        return self.channels

    @property
    def words(self) -> int:
        """Words in all: the scratch for one reading, and the records."""
        return self.channels + RESULT_WORDS * self.rows * self.columns


def program(
    table: WriteVerifyTable,
    tile: int,
    origin: tuple[int, int],
    shape: tuple[int, int],
    gate_lines: GateLines = GateLines.NONE,
    visit: Visit = Visit.ALL,
) -> tuple[MicroOp, ...]:
    """Return the program for a block of cells whose targets lie in the first words of their records."""
    if visit is Visit.READ:
        table = replace(table, attempts=0)
    code = Assembly()
    layout = Layout(*shape, origin[1] + shape[1])
    done = [Label() for _ in DEVICE_REASONS]
    finish, measure, too_low, too_high, leave = (Label() for _ in range(5))
    code.add(m.tile(tile))
    code.set("row", origin[0])
    code.set("record", layout.results)
    code.add(m.loop(shape[0]))
    code.set("column", origin[1])
    code.add(m.loop(shape[1]))
    code.load("target", 0, "record")
    if visit is Visit.MARKED:
        code.load("tries", 1, "record")
        code.branch(leave, Condition.EQUAL, "tries", 0)
    for name in ("tries", "turns", "direction", "last"):
        code.set(name, 0)
    if gate_lines:
        drive_gate = m.connect(Family.GATES, LineState.DRIVE, selection=Selection.ONE)
        code.indexed(drive_gate, b=ladder.LINE_OF_CELL[gate_lines])
    code.here(measure)
    if gate_lines:
        code.indexed(m.level(Family.GATES, 0, table.read_gate), b=ladder.LINE_OF_CELL[gate_lines])
    _measure(code, table, too_low, too_high)
    for _ in range(table.confirmations):
        code.add(m.wait(table.wait_cycles))
        _measure(code, table, too_low, too_high)
    pack_reason(code, done, finish)
    for rungs, begin, sign in ((table.up, too_low, 1), (table.down, too_high, -1)):
        _add_pulse(code, table, rungs, begin, measure, done, gate_lines, sign=sign)
    code.here(finish)
    code.compute("code", Function.ADD, "error", "target")
    code.store("code", 0, "record")
    pack_turns(code)
    code.store("tries", 1, "record")
    code.store("last", 2, "record")
    code.here(leave)
    code.increase("record", RESULT_WORDS)
    code.increase("column")
    code.add(m.next_())
    code.increase("row")
    code.add(m.next_())
    return code.ops()


def _measure(code: Assembly, table: WriteVerifyTable, too_low: Label, too_high: Label) -> None:
    """Read the cell and compare; falls through when it is in its window."""
    code.indexed(m.level(Family.ROWS, 0, table.read_code), b="row")
    code.indexed(m.connect(Family.ROWS, LineState.DRIVE, selection=Selection.ONE), b="row")
    code.add(m.connect(Family.COLUMNS, LineState.SENSE), ar.point(0))
    converting = m.convert(
        Family.COLUMNS, 1, settle_cycles=table.settle_cycles, integrate_cycles=table.integrate_cycles,
        range_index=table.range_index,
    )  # fmt: skip
    code.indexed(ar.sample(converting), b="column")
    if table.averages > 1:
        code.add(m.loop(table.averages - 1))
        code.indexed(ar.sample(converting, add=True), b="column")
        code.add(m.next_())
    code.load("error", 0, "column")
    code.compute("error", Function.SUBTRACT, "error", "target")
    code.branch(too_low, Condition.LESS, "error", -table.window)
    code.branch(too_high, Condition.GREATER, "error", table.window)


def _add_pulse(
    code: Assembly,
    table: WriteVerifyTable,
    rungs: Ladder,
    begin: Label,
    measure: Label,
    done: list[Label],
    gate_lines: GateLines,
    *,
    sign: int,
) -> None:
    """Add one direction: climb the ladder, pulse, and measure again."""
    code.here(begin)
    stop = ladder.Stop(table.attempts, table.turns, done[Reason.ATTEMPTS], done[Reason.TURNS], done[Reason.LADDER])
    ladder.next_pulse(code, rungs, stop, sign=sign, gated=bool(gate_lines))
    ladder.pulse(code, table.gap_taps, gate_lines, sign=sign)
    code.branch(measure)


def check_table(table: WriteVerifyTable, parameters: Parameters, limits: LimitCodes) -> None:
    """Refuse a table that the device would refuse in the middle of its work, or that makes no sense.

    Raises
    ------
    RangeError
        With the value, the limit and what to do.
    """
    levels, clock = Levels.of(parameters), Clock.of(parameters)
    for name, low, high in (
        ("window", 0, WORD_MAX), ("averages", 1, 0xFFFF), ("confirmations", 0, 8), ("attempts", 1, ATTEMPTS_MAX),
        ("turns", 0, TURNS_MAX), ("gap_taps", pulse_gap_min_taps(parameters), m.GAP_MAX),
    ):  # fmt: skip
        value = getattr(table, name)
        if not low <= value <= high:
            raise RangeError(
                f"{name} of the write-verify table must be from {low} to {high}, not {value}; nothing was pulsed"
            )
    limits.check_level(table.read_code, levels, "read level")
    on_cycles = table.settle_cycles + table.integrate_cycles + 1
    limits.check_width(on_cycles * parameters.gate_taps, clock, "settle plus integration time")
    for name in ("up", "down"):
        getattr(table, name).check(name, parameters, limits)
    if parameters.gate_lines:
        limits.check_gate(table.read_gate, Levels.of(parameters, Family.GATES), "gate voltage of a reading")
    elif table.read_gate:
        raise RangeError("the write-verify table has a gate code, but this build has no gate lines; nothing was pulsed")


def check_block(targets: NDArray[np.int64], origin: tuple[int, int], parameters: Parameters) -> Layout:
    """Refuse a block that lies outside the array or whose records do not fit into the vector memory."""
    rows, columns = targets.shape
    check_line("first row", origin[0], parameters.rows)
    check_line("first column", origin[1], parameters.columns)
    check_line("last row", origin[0] + rows - 1, parameters.rows)
    check_line("last column", origin[1] + columns - 1, parameters.columns)
    if np.abs(targets).max() > WORD_MAX // 2:
        raise RangeError(
            f"targets must be within {WORD_MAX // 2} summed converter codes, not {int(np.abs(targets).max())}; use fewer averages"
        )
    layout = Layout(rows, columns, origin[1] + columns)
    if layout.words > parameters.vector_words:
        raise RangeError(
            f"a block of {rows} by {columns} cells takes {layout.words} vector words, this device has {parameters.vector_words}; "
            "program smaller blocks, nothing was pulsed"
        )
    return layout


@dataclass(frozen=True, eq=False, slots=True)
class WriteVerify(FabricProgram):
    """The run of a write-verify program; targets and records pass through the vector memory. The result is None."""

    table: WriteVerifyTable
    tile: int
    """Which array."""
    origin: tuple[int, int]
    """First row and column of the block."""
    shape: tuple[int, int]
    """Rows and columns of the block."""
    visit: Visit = Visit.ALL
    """Which of its cells."""
    rest_cycles: int = 0
    """Time before the first cell, in which what was programmed before may relax."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return (WriteVerify, self.table, self.tile, self.origin, self.shape, self.visit, self.rest_cycles)

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("tile", self.tile, parameters.tiles)
        return program(self.table, self.tile, self.origin, self.shape, GateLines(parameters.gate_lines), self.visit)

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse a table outside the limits."""
        check_table(self.table, parameters, limits)

    def dry_run(self, parameters: Parameters) -> DryRun:
        """Predict the longest run: every cell takes every attempt, with the longest pulse."""
        table = self.table
        passes = 1 if self.visit is Visit.READ else table.attempts + 1
        once = dry_run(self.program(parameters), parameters)  # the loops over rows and columns are in it
        # Every micro-op of a cell is passed at most once per attempt; what registers add to it comes on top.
        widest = whole_cycles(max(table.up.widest, table.down.widest), parameters)
        channels = table.averages * (1 + table.confirmations) * parameters.columns
        channels *= READOUT_CYCLES + parameters.line_cycles
        return most(once, passes, self.shape[0] * self.shape[1] * passes * (widest + channels), parameters)


def records_of(
    words: NDArray[np.int16], shape: tuple[int, int], origin: tuple[int, int], cycles: int
) -> WriteVerifyOutcome:
    """Read the device's records, shape (rows * columns * RESULT_WORDS,)."""
    records = words.astype(np.int64).reshape(*shape, RESULT_WORDS)
    attempts, turns, reasons = unpack_end(records[..., 1])
    return WriteVerifyOutcome(records[..., 0], attempts, turns, reasons, records[..., 2], cycles, origin)
