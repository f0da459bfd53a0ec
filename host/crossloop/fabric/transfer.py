"""The transfer controller: what fast cells have learned is programmed into slow pairs, cell after cell, in one command.

A weight is W = F*(G+ - G-) + s*(g - g_ref): a slow pair of two banks with a gain F, and a fast cell beside its reference with a polarity s.
A transfer reads both, resets the pair, and gives SET ramps to the bank of the weight's sign, with a reading after each pulse; a pair that
has gone too far gets its ramp on the other bank. What is left of the weight, measured after that, is written to the fast cell with the
opposite polarity: a cell whose steps up and down differ then drives the weight the other way.

Source: Ambrogio et al., Nature 558:60 (2018).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

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
    word_of,
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

RESULT_WORDS = 5
"""Words per cell: weight before; last reading of the pair and how it ended; last reading of the fast cell and how it ended."""
_SHIFT_MAX = 8


@dataclass(frozen=True, kw_only=True)
class TransferTable:
    """How weights are transferred, in codes and cycles. Readings are summed converter codes of a column pair."""

    shift: int
    """The slow pair's gain F is 2**shift."""
    set: Ladder
    """Pulses that raise a cell of the slow pair: the SET ramp."""
    reset: Ladder
    """RESET of a cell of the slow pair: its first rung, lowering."""
    reset_pulses: int = 1
    """How many RESET pulses each cell gets."""
    slow_window: int
    """Largest difference between a pair's reading and its target that is good enough."""
    up: Ladder
    """Pulses that raise a fast cell."""
    down: Ladder
    """Pulses that lower it."""
    fast_window: int
    """The same for the fast cell, in its own codes, which are those of the weight."""
    attempts: int = 60
    """Most pulses of each of the two, up to 255."""
    turns: int = 15
    """Most changes of bank, and of direction, up to 15."""
    invert: bool = True
    """Whether the polarity changes with each transfer."""
    read_code: int
    """Level code of the row that is read."""
    averages: int = 1
    """Conversions that are summed for a reading."""
    range_index: int = 0
    """Converter range."""
    settle_cycles: int = 50
    """Time the level drives before the integration."""
    integrate_cycles: int = 50
    """Time of integration."""
    gap_taps: int = 50
    """Time after each pulse, in taps."""


@dataclass(frozen=True)
class Ended:
    """How the programming of one kind of cells ended; arrays of the block's shape (rows, pairs)."""

    codes: NDArray[np.int64]
    """Last reading, in summed converter codes."""
    attempts: NDArray[np.int64]
    """Pulses given, without RESET."""
    turns: NDArray[np.int64]
    """Changes of bank or direction."""
    reasons: NDArray[np.int64]
    """`Reason` of each cell."""


@dataclass(frozen=True)
class TransferOutcome:
    """What became of a block."""

    weights: NDArray[np.int64]
    """Weights before, in codes of the fast cell, shape (rows, pairs)."""
    slow: Ended
    """The pairs."""
    fast: Ended
    """The fast cells."""
    polarity: int
    """Polarity from now on."""
    cycles: int
    """Controller cycles of the run."""
    failures: list[tuple[int, int, str, Reason]] = field(init=False)
    """Row and pair in the block, which of the two, and why, of all that did not come into their windows."""

    def __post_init__(self) -> None:
        found = [
            (int(row), int(pair), name, Reason(int(ended.reasons[row, pair])))
            for name, ended in (("slow", self.slow), ("fast", self.fast))
            for row, pair in np.argwhere(ended.reasons != Reason.IN_WINDOW)
        ]
        object.__setattr__(self, "failures", sorted(found))


@dataclass(frozen=True, eq=False, slots=True)
class Transfer(FabricProgram):
    """The run of a transfer; polarity and records pass through the vector memory. The result is None."""

    table: TransferTable
    fast: int
    """Tile of the fast cells: cell in column 2k, its reference in column 2k + 1."""
    slow: int
    """Tile of the slow pairs: G+ in column 2k, G- in column 2k + 1."""
    origin: tuple[int, int]
    """First row and pair of the block."""
    shape: tuple[int, int]
    """Rows and pairs of the block."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return (Transfer, self.table, self.fast, self.slow, self.origin, self.shape)

    @property
    def polarity(self) -> int:
        """Address of the polarity, 1 or -1; readings are in the words before."""
        return self.origin[1] + self.shape[1]

    @property
    def results(self) -> int:
        """Address of the records."""
        return self.polarity + 1

    @property
    def words(self) -> int:
        """Words in all."""
        return self.results + RESULT_WORDS * self.shape[0] * self.shape[1]

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("fast tile", self.fast, parameters.tiles)
        check_line("slow tile", self.slow, parameters.tiles)
        code = Assembly()
        code.add(m.tile(self.fast))
        code.set("row", self.origin[0])
        code.set("record", self.results)
        code.load("polarity", self.polarity)
        code.add(m.loop(self.shape[0]))
        code.set("pair", self.origin[1])
        code.add(m.loop(self.shape[1]))
        saturated, leave = Label(), Label()
        self._find_weight(code, saturated, parameters)
        self._write_slow(code)
        self._write_fast(code)
        code.branch(leave)
        code.here(saturated)
        self._give_up(code)
        code.here(leave)
        code.increase("record", RESULT_WORDS)
        code.increase("pair")
        code.add(m.next_())
        code.increase("row")
        code.add(m.next_())
        if self.table.invert:
            code.compute("polarity", Function.MULTIPLY, "polarity", -1)
        code.store("polarity", self.polarity)
        return code.ops()

    def _find_weight(self, code: Assembly, saturated: Label, parameters: Parameters) -> None:
        """Read both, and make the weight of them."""
        table = self.table
        highest = (1 << parameters.sample_bits - 1) - 1
        for tile in (self.fast, self.slow):
            code.add(m.tile(tile))
            self._read(code)
            code.branch(saturated, Condition.NOT_LESS, "reading", table.averages * highest)
            code.branch(saturated, Condition.NOT_GREATER, "reading", -table.averages * (highest + 1))
            if tile == self.fast:
                code.compute("weight", Function.MULTIPLY, "reading", "polarity")
        code.compute("reading", Function.MULTIPLY, "reading", 1 << table.shift)
        code.increase("weight", "reading")
        code.store("weight", 0, "record")

    def _give_up(self, code: Assembly) -> None:
        """Record a weight that nobody can know; its cells are left as they are."""
        code.set("tries", word_of(Reason.SATURATED))
        code.set("weight", 0)
        for word, name in enumerate(("weight", "reading", "tries", "reading", "tries")):
            code.store(name, word, "record")

    def _write_slow(self, code: Assembly) -> None:
        """Reset the pair, and raise the bank that the weight needs, until the pair holds what it can of it."""
        table = self.table
        code.compute("column", Function.ADD, "pair", "pair")
        ladder.begin(code, table.reset, gated=False)
        for bank in range(2):
            if bank:
                code.increase("column")
            code.add(m.loop(table.reset_pulses))
            ladder.pulse(code, table.gap_taps, GateLines.NONE, sign=-1)
            code.add(m.next_())
        # To the nearest; a shift alone would go down.
        code.compute("target", Function.ADD, "weight", (1 << table.shift) >> 1)
        code.add(ar.point(0, scale=table.shift))
        code.compute("target", Function.MULTIPLY, "target", 1)

        def raise_bank(sign: int) -> None:
            code.compute("column", Function.ADD, "pair", "pair")
            if sign < 0:
                code.increase("column")
            ladder.pulse(code, table.gap_taps, GateLines.NONE, sign=1)

        self._approach(code, table.slow_window, (table.set, table.set), raise_bank, 1)

    def _write_fast(self, code: Assembly) -> None:
        """Write what the pair does not hold to the fast cell, with the polarity that counts from now on."""
        table = self.table
        code.compute("reading", Function.MULTIPLY, "reading", 1 << table.shift)
        code.compute("target", Function.SUBTRACT, "weight", "reading")
        code.compute("target", Function.MULTIPLY, "target", "polarity")
        if table.invert:
            code.compute("target", Function.MULTIPLY, "target", -1)
        code.add(m.tile(self.fast))

        def move(sign: int) -> None:
            code.compute("column", Function.ADD, "pair", "pair")
            ladder.pulse(code, table.gap_taps, GateLines.NONE, sign=sign)

        self._approach(code, table.fast_window, (table.up, table.down), move, 3)

    def _approach(
        self, code: Assembly, window: int, rungs: tuple[Ladder, Ladder], give: Callable[[int], None], word: int
    ) -> None:
        """Read and pulse in turns until the reading is in the window around `target`; record how it ended."""
        table = self.table
        done = [Label() for _ in DEVICE_REASONS]
        begins, finish = {1: Label(), -1: Label()}, Label()
        for name in ("tries", "turns", "direction"):
            code.set(name, 0)
        measure = code.here()
        self._read(code)
        code.compute("error", Function.SUBTRACT, "reading", "target")
        code.branch(begins[1], Condition.LESS, "error", -window)
        code.branch(begins[-1], Condition.GREATER, "error", window)
        pack_reason(code, done, finish)
        for sign, ladder_of_sign in zip((1, -1), rungs, strict=True):
            code.here(begins[sign])
            stop = ladder.Stop(
                table.attempts, table.turns, done[Reason.ATTEMPTS], done[Reason.TURNS], done[Reason.LADDER]
            )
            ladder.next_pulse(code, ladder_of_sign, stop, sign=sign, gated=False)
            give(sign)
            code.branch(measure)
        code.here(finish)
        pack_turns(code)
        code.store("reading", word, "record")
        code.store("tries", word + 1, "record")

    def _read(self, code: Assembly) -> None:
        """Read the pair at hand of the tile at hand to register `reading`; the scale is 0 afterwards."""
        table = self.table
        converting = m.convert(
            Family.COLUMNS, 1, settle_cycles=table.settle_cycles, integrate_cycles=table.integrate_cycles, pair=True,
            range_index=table.range_index,
        )  # fmt: skip
        code.indexed(m.level(Family.ROWS, 0, table.read_code), b="row")
        code.indexed(m.connect(Family.ROWS, LineState.DRIVE, selection=Selection.ONE), b="row")
        code.add(m.connect(Family.COLUMNS, LineState.SENSE), ar.point(0))
        code.indexed(ar.sample(converting), b="pair")
        if table.averages > 1:
            code.add(m.loop(table.averages - 1))
            code.indexed(ar.sample(converting, add=True), b="pair")
            code.add(m.next_())
        code.load("reading", 0, "pair")

    def dry_run(self, parameters: Parameters) -> DryRun:
        """Predict the longest run: every pair and every fast cell takes every attempt, with the longest pulse."""
        table, passes = self.table, self.table.attempts + 1
        once = dry_run(self.program(parameters), parameters)
        widest = 2 * whole_cycles(max(rungs.widest for rungs in (table.set, table.up, table.down)), parameters)
        resets = 2 * table.reset_pulses * whole_cycles(table.reset.widest, parameters)
        channels = 4 * table.averages * self.polarity * (READOUT_CYCLES + parameters.line_cycles)
        cells = self.shape[0] * self.shape[1]
        return most(once, passes, cells * passes * (widest + channels + resets), parameters)

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse a table or block that the device would refuse in the middle of its work, or that makes no sense."""
        table = self.table
        full = table.averages << (parameters.sample_bits - 1)
        for name, value, low, high in (
            ("shift", table.shift, 0, _SHIFT_MAX), ("reset_pulses", table.reset_pulses, 1, 0xFFFF),
            ("slow_window", table.slow_window, 0, WORD_MAX), ("fast_window", table.fast_window, 0, WORD_MAX),
            ("attempts", table.attempts, 1, ATTEMPTS_MAX), ("turns", table.turns, 0, TURNS_MAX),
            ("averages", table.averages, 1, 0xFFFF), ("gap_taps", table.gap_taps, pulse_gap_min_taps(parameters), m.GAP_MAX),
            ("largest weight in codes", full + (full << table.shift), 1, WORD_MAX),
        ):  # fmt: skip
            if not low <= value <= high:
                raise RangeError(
                    f"{name} of the transfer table must be from {low} to {high}, not {value}; nothing was pulsed"
                )
        if self.fast == self.slow:
            raise RangeError(
                f"fast and slow cells must be on two tiles, not both on tile {self.fast}; build it with tiles=2, nothing was pulsed"
            )
        limits.check_level(table.read_code, Levels.of(parameters), "read level")
        limits.check_width(
            (table.settle_cycles + table.integrate_cycles + 1) * parameters.gate_taps,
            Clock.of(parameters),
            "settle plus integration time",
        )
        for name in ("set", "reset", "up", "down"):
            rungs: Ladder = getattr(table, name)
            if rungs.gate or rungs.gate_stop or rungs.gate_step:
                raise RangeError(
                    f"ladder {name!r} of a transfer must have no gate codes: gate lines are at the session's voltage; nothing was pulsed"
                )
            rungs.check(name, parameters, limits)
            for amplitude in (rungs.stop, -rungs.stop):  # half on the row, half on the column, gate lines or not
                limits.check_level(amplitude, Levels.of(parameters), f"amplitude of ladder {name!r}")
        check_line("first row", self.origin[0], parameters.rows)
        check_line("first pair", self.origin[1], parameters.columns // 2)
        check_line("last row", self.origin[0] + self.shape[0] - 1, parameters.rows)
        check_line("last pair", self.origin[1] + self.shape[1] - 1, parameters.columns // 2)
        if self.words > parameters.vector_words:
            fit = max(0, (parameters.vector_words - self.results) // (RESULT_WORDS * self.shape[1]))
            raise RangeError(
                f"a block of {self.shape[0]} by {self.shape[1]} pairs takes {self.words} vector words, this device has "
                f"{parameters.vector_words}; transfer at most {fit} rows at a time, nothing was pulsed"
            )


def outcome_of(words: NDArray[np.int64], shape: tuple[int, int], cycles: int) -> TransferOutcome:
    """Read polarity and records, the words from `Transfer.polarity` on."""
    records = words[1:].reshape(*shape, RESULT_WORDS)
    slow, fast = (Ended(records[..., word], *unpack_end(records[..., word + 1])) for word in (1, 3))
    return TransferOutcome(records[..., 0], slow, fast, int(words[0]), cycles)
