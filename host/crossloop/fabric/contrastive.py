"""Contrastive updates: what two phases of a settled network differ in becomes pulses, without visiting the host.

Activity difference: the weight between neurons i and j changes with t_i t_j - f_i f_j, states of the target and of the free phase. Source:
Yi et al., Nature Electronics 6:45 (2023); the form is that of contrastive Hebbian learning, Movellan (1990). It is made of two coincidence
updates, one of them with the opposite sign, or of counted pulses, which are exact. Coincidences reach the diagonal like all other cells.

Square difference: a conductance changes with the difference of the squares of the voltage over it, free less nudged. Source: Kendall,
Pantone, Manickavasagam, Bengio and Scellier, arXiv 2006.01981 (2020).

The states, or node voltages, are read from where an earlier program has latched them in the vector memory.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass

from crossloop.dry_run import DryRun, dry_run, most
from crossloop.fabric.assembly import Assembly
from crossloop.fabric.line_pulses import LinePulses, in_pairs
from crossloop.fabric.program import FabricProgram
from crossloop.limits import LimitCodes
from crossloop.operation import check_line
from crossloop.operations import SIGN, drive_first
from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.arithmetic import SCALE_MAX, Elementwise
from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import MicroOp
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family


@dataclass(frozen=True, kw_only=True)
class ActivityCoincidence(FabricProgram):
    """Activity difference by two coincidence updates, each of four sign passes. The result is None.

    Cell (i, j) gets slots * (T_i T_j - F_i F_j) / 128**2 pulses on average, where T and F are the states' magnitudes >> scale, at most 127,
    with their signs.
    """

    tile: int
    """Which array."""
    neurons: int
    """Neuron k has row k and column k (columns 2k and 2k + 1, with opposite signs, with `pair`)."""
    free: int
    """Address of the states of the free phase."""
    target: int
    """Address of the states of the target phase."""
    scratch: int
    """Address of the first word that is free: `scratch_words` of them are used."""
    scale: int
    """Firing probabilities are the states' magnitudes >> scale, in 1/128."""
    slots: int
    """Slots of each sign pass."""
    up: tuple[int, int]
    """Level codes (rows, columns) of the passes that raise the conductance."""
    down: tuple[int, int]
    """Level codes of the passes that lower it."""
    width_cycles: int
    """Pulse width in cycles."""
    gap_cycles: int
    """Gap between the pulses of two slots in cycles."""
    pair: bool = False
    """Weights are differences of two columns."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return self

    @property
    def scratch_words(self) -> int:
        """Words that are used beside the states."""
        return self.neurons * (3 if self.pair else 1)

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("tile", self.tile, parameters.tiles)
        n, columns = self.neurons, self.neurons * (2 if self.pair else 1)
        code = Assembly()
        code.add(m.tile(self.tile), drive_first(Family.ROWS, n), drive_first(Family.COLUMNS, columns))
        for states, raising in ((self.target, self.up), (self.free, self.down)):
            code.add(ar.point(0, scale=self.scale), ar.vector(Elementwise.MAGNITUDE, n, states, self.scratch))
            code.add(ar.streams(Family.ROWS, n, self.scratch))
            if self.pair:
                in_pairs(code, self.scratch, self.scratch + n, n, flip=SIGN)
            code.add(ar.streams(Family.COLUMNS, columns, self.scratch + (n if self.pair else 0)))
            for levels in (self.up, self.down):
                code.add(m.level(Family.ROWS, ALL_LINES, levels[0]), m.level(Family.COLUMNS, ALL_LINES, levels[1]))
                for sign in range(2):
                    column_sign = sign if levels == raising else 1 - sign
                    code.add(
                        m.coincide(
                            self.slots, self.width_cycles, self.gap_cycles, row_sign=sign, column_sign=column_sign
                        )
                    )
        return code.ops()

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse what the device would refuse in the middle of its work."""
        columns = self.neurons * (2 if self.pair else 1)
        if not 1 <= self.neurons <= parameters.rows or columns > parameters.columns:
            raise RangeError(
                f"{self.neurons} neurons take as many rows and {columns} columns, this build has {parameters.rows} by "
                f"{parameters.columns}; nothing was pulsed"
            )
        _check_scale(self.scale)
        _check_words(self.scratch + self.scratch_words, parameters)
        for code in (*self.up, *self.down):
            limits.check_level(code, Levels.of(parameters), "level of a pulse")
        limits.check_width(self.width_cycles * parameters.gate_taps, Clock.of(parameters), "pulse width")


@dataclass(frozen=True, kw_only=True)
class _CountedUpdate(FabricProgram):
    """A contrastive update by counted pulses, line after line: the words of a line are made, and given to its cells. The result is None."""

    tile: int
    """Which array."""
    pulses: LinePulses
    """How a row is pulsed; a pulse is worth `unit` of a difference."""
    lines: int
    """Rows 0, 1, ... that are updated."""
    scratch: int
    """Address of the first word that is free: `scratch_words` of them are used."""
    scale: int
    """Products are >> scale before their difference is in a word."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return self

    @property
    def change(self) -> int:
        """Address of what a line is given."""
        return self.scratch + self.pulses.scratch_words

    @property
    def scratch_words(self) -> int:
        """Words that are used beside the states."""
        return self.pulses.scratch_words + 2 * self.pulses.values

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("tile", self.tile, parameters.tiles)
        code = Assembly()
        code.add(m.tile(self.tile))
        self.pulses.prepare(code, self.scratch)
        code.set("line", 0)
        code.add(m.loop(self.lines))
        self._differ(code)
        self.pulses.give(code, self.scratch, self.change, line="line")
        code.increase("line")
        code.add(m.next_())
        return code.ops()

    @abstractmethod
    def _differ(self, code: Assembly) -> None:
        """Append what makes the words of the line in register `line`, from `change` on; as many words behind them are free."""

    def dry_run(self, parameters: Parameters) -> DryRun:
        """Predict the longest run: every digit of either sign is somewhere in every line."""
        return most(dry_run(self.program(parameters), parameters), 1, 0, parameters)

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse what the device would refuse in the middle of its work."""
        self.pulses.check(parameters, limits)
        if self.pulses.line is not Family.ROWS:
            raise RangeError("contrastive updates go row after row: line must be ROWS; nothing was pulsed")
        if not 1 <= self.lines <= parameters.rows:
            raise RangeError(f"lines must be from 1 to {parameters.rows} rows, not {self.lines}; nothing was pulsed")
        _check_scale(self.scale)
        _check_words(self.scratch + self.scratch_words, parameters)


@dataclass(frozen=True, kw_only=True)
class ActivityCounts(_CountedUpdate):
    """Activity difference by counted pulses: (t_i t_j >> scale) - (f_i f_j >> scale), over the unit, towards zero."""

    free: int
    """Address of the states of the free phase."""
    target: int
    """Address of the states of the target phase."""
    diagonal: bool = False
    """Whether the weight of a neuron to itself changes, too."""

    def _differ(self, code: Assembly) -> None:
        n, free = self.pulses.values, self.change + self.pulses.values
        for states, product in ((self.target, self.change), (self.free, free)):
            code.load("state", states, "line")
            code.add(
                ar.point(free, scale=self.scale),
                ar.vector(Elementwise.MULTIPLY, n, states, product, register=code.register("state")),
            )
        code.add(ar.vector(Elementwise.SUBTRACT, n, self.change, self.change))
        if not self.diagonal:
            code.set("state", 0)
            code.store("state", self.change, "line")


@dataclass(frozen=True, kw_only=True)
class SquareCounts(_CountedUpdate):
    """Square difference by counted pulses: ((c_j - r_i)**2 free - (c_j - r_i)**2 nudged) >> scale, over the unit, towards zero.

    r and c are the voltages of row and column nodes. That lowers the loss when the nudge pulls the outputs to their targets; for the
    phases of a nudge to either side give the one to the target as nudged and the other one as free.
    """

    rows: tuple[int, int]
    """Addresses of the row nodes' voltages, free and nudged."""
    columns: tuple[int, int]
    """Addresses of the column nodes' voltages, free and nudged."""

    def _differ(self, code: Assembly) -> None:
        n, nudged = self.pulses.values, self.change + self.pulses.values
        for row, column, drop in zip(self.rows, self.columns, (self.change, nudged), strict=True):
            code.load("state", row, "line")
            code.add(ar.vector(Elementwise.SUBTRACT, n, column, drop, register=code.register("state")))
        code.add(ar.point(nudged, scale=self.scale), ar.vector(Elementwise.SQUARES, n, self.change, self.change))


def _check_scale(scale: int) -> None:
    if not 0 <= scale <= SCALE_MAX:
        raise RangeError(f"scale must be from 0 to {SCALE_MAX}, not {scale}; nothing was pulsed")


def _check_words(needed: int, parameters: Parameters) -> None:
    if needed > parameters.vector_words:
        raise RangeError(
            f"the states and the contrastive update take {needed} vector words, this device has {parameters.vector_words}; "
            "use fewer neurons, nothing was pulsed"
        )
