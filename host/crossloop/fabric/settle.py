"""The settle engine: neurons and array find their common state in the fabric, phase after phase, without visiting the host.

In each iteration the states drive the rows, the column currents are read, an activation table makes new states of them, and the states
move a part of the way there; clamped neurons keep their given values. A phase ends when no state has moved by more than a tolerance for
some iterations in a row, or at a limit. Its states are then latched, so that a learning rule can compare the phases (activity difference:
Yi et al., Nature Electronics 6:45 (2023); equilibrium propagation: Scellier and Bengio, Front. Comput. Neurosci. 11:24 (2017)).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop.dry_run import DryRun, dry_run, most
from crossloop.fabric.assembly import Assembly, Label
from crossloop.fabric.program import FabricProgram
from crossloop.limits import LimitCodes
from crossloop.operation import check_line
from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.arithmetic import TABLE_WORDS, Condition, Elementwise, Function
from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family


@dataclass(frozen=True, kw_only=True)
class SettleRule:
    """How states follow currents, in codes and cycles."""

    neurons: int
    """Neuron k drives row k and listens to column k (to columns 2k and 2k + 1 with `pair`)."""
    table_scale: int
    """The activation table's place is (converter code >> table_scale), limited to -128 and 127."""
    damping: int = 0
    """A state moves by 1 / 2**damping of the way to its new value in each iteration."""
    tolerance: int = 0
    """Largest movement, in level codes, that counts as rest."""
    rests: int = 1
    """Iterations at rest that end a phase."""
    iterations: int = 50
    """Most iterations of a phase."""
    delay: int = 0
    """Iterations by which the states that drive the rows are older than those that move."""
    pair: bool = False
    """Weights are differences of two columns."""
    range_index: int = 0
    """Converter range."""
    settle_cycles: int = 50
    """Time the levels drive before the integration."""
    integrate_cycles: int = 50
    """Time of integration."""


@dataclass(frozen=True)
class Places:
    """Where the settle engine keeps its data in the vector memory."""

    neurons: int
    phases: int
    delay: int = 0

    @property
    def state(self) -> int:
        """Address of the states."""
        return 0

    @property
    def wanted(self) -> int:
        """Address of the new states."""
        return self.neurons

    @property
    def table(self) -> int:
        """Address of the activation table."""
        return 2 * self.neurons

    def mask(self, phase: int) -> int:
        """Address of a phase's clamp mask: not 0 where a neuron is clamped."""
        return self.table + TABLE_WORDS + 3 * self.neurons * phase

    def clamp(self, phase: int) -> int:
        """Address of a phase's clamped values."""
        return self.mask(phase) + self.neurons

    def latch(self, phase: int) -> int:
        """Address of the states at the end of a phase."""
        return self.mask(phase) + 2 * self.neurons

    @property
    def counts(self) -> int:
        """Address of the iterations that each phase took, one word each; negative if it never came to rest."""
        return self.mask(self.phases)

    @property
    def history(self) -> int:
        """Address of the delay line: a ring of states, as many as `delay` says."""
        return self.counts + self.phases

    @property
    def words(self) -> int:
        """Words in all."""
        return self.history + self.delay * self.neurons


@dataclass(frozen=True, eq=False, slots=True)
class Settle(FabricProgram):
    """The run of a settle program; everything but its completion passes through the vector memory. The result is None."""

    rule: SettleRule
    tile: int
    """Which array."""
    phases: int
    """Number of phases; each starts from the states that the one before has reached."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return (Settle, self.rule, self.tile, self.phases)

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("tile", self.tile, parameters.tiles)
        rule, places = self.rule, Places(self.rule.neurons, self.phases, self.rule.delay)
        code = Assembly()
        code.add(
            m.tile(self.tile),
            m.connect(Family.ROWS, LineState.DRIVE, selection=Selection.FIRST, index=rule.neurons),
            m.connect(Family.COLUMNS, LineState.SENSE),
        )
        for phase in range(self.phases):
            _add_phase(code, rule, places, phase)
        return code.ops()

    def dry_run(self, parameters: Parameters) -> DryRun:
        """Predict the longest run: every phase takes every iteration."""
        return most(dry_run(self.program(parameters), parameters), self.rule.iterations, 0, parameters)

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse a rule that the device cannot follow."""
        rule, places = self.rule, Places(self.rule.neurons, self.phases, self.rule.delay)
        columns = parameters.columns // (2 if rule.pair else 1)
        available = min(parameters.rows, columns)
        for name, low, high in (
            ("neurons", 1, available), ("table_scale", 0, ar.SCALE_MAX), ("damping", 0, ar.SCALE_MAX), ("iterations", 1, 32767),
            ("rests", 1, 32767), ("tolerance", 0, 65535), ("delay", 0, 32767),
        ):  # fmt: skip
            value = getattr(rule, name)
            if not low <= value <= high:
                raise RangeError(
                    f"{name} of the settle rule must be from {low} to {high}, not {value}; nothing was driven"
                )
        if places.words > parameters.vector_words:
            raise RangeError(
                f"{rule.neurons} neurons in {self.phases} phases, delayed by {rule.delay} iterations, take {places.words} vector words, "
                f"this device has {parameters.vector_words}; use fewer, nothing was driven"
            )
        limits.check_width(
            (rule.settle_cycles + rule.integrate_cycles + 1) * parameters.gate_taps,
            Clock.of(parameters),
            "settle plus integration time",
        )


def _add_phase(code: Assembly, rule: SettleRule, places: Places, phase: int) -> None:
    """Add one phase: clamp, iterate until at rest, latch."""
    n, moved, at_rest = rule.neurons, Label(), Label()
    clamp = (ar.point(places.mask(phase)), ar.vector(Elementwise.SELECT, n, places.clamp(phase), places.state))
    converting = m.convert(
        Family.COLUMNS, n, settle_cycles=rule.settle_cycles, integrate_cycles=rule.integrate_cycles, pair=rule.pair,
        range_index=rule.range_index,
    )  # fmt: skip
    code.add(*clamp)
    if phase == 0:
        _fill_history(code, rule, places)
    code.set("count", 0)
    code.set("rests", 0)
    again = code.here()
    code.increase("count")
    _drive(code, rule, places)
    code.add(
        ar.point(places.wanted),
        ar.sample(converting),
        ar.point(places.table, scale=rule.table_scale),
        ar.vector(Elementwise.LOOKUP, n, places.wanted, places.wanted),
        ar.point(places.mask(phase)),
        ar.vector(Elementwise.SELECT, n, places.clamp(phase), places.wanted),
        ar.point(places.wanted, scale=rule.damping),
        ar.vector(Elementwise.DAMP, n, places.state, places.wanted),
        ar.point(places.wanted),
        ar.vector(Elementwise.DISTANCE, n, places.state, register=code.register("moved")),
        ar.vector(Elementwise.COPY, n, places.wanted, places.state),
    )
    code.branch(moved, Condition.GREATER, "moved", rule.tolerance)
    code.increase("rests")
    code.branch(at_rest, Condition.NOT_LESS, "rests", rule.rests)
    code.branch(again, Condition.LESS, "count", rule.iterations)
    code.compute("count", Function.MULTIPLY, "count", -1)
    code.branch(at_rest)
    code.here(moved)
    code.set("rests", 0)
    code.branch(again, Condition.LESS, "count", rule.iterations)
    code.compute("count", Function.MULTIPLY, "count", -1)
    code.here(at_rest)
    code.add(ar.vector(Elementwise.COPY, n, places.state, places.latch(phase)))
    code.store("count", places.counts + phase)


def _fill_history(code: Assembly, rule: SettleRule, places: Places) -> None:
    """Let the network have been in its first states for as long as the delay line reaches back."""
    if rule.delay:
        code.set("into", 0)
        code.add(m.loop(rule.delay))
        code.indexed(ar.vector(Elementwise.COPY, rule.neurons, places.state, places.history), c="into")
        code.increase("into", rule.neurons << 16)
        code.add(m.next_())
        code.set("slot", 0)
        code.set("into", 0)


def _drive(code: Assembly, rule: SettleRule, places: Places) -> None:
    """Drive the rows with the states, or with the oldest ones of the delay line, where the present ones take their place."""
    n, within = rule.neurons, Label()
    if not rule.delay:
        code.add(m.levels(Family.ROWS, n, places.state))
        return
    code.indexed(m.levels(Family.ROWS, n, places.history), c="slot")
    # The destination of a VECTOR is in the upper half of its field: `into` is the same slot there.
    code.indexed(ar.vector(Elementwise.COPY, n, places.state, places.history), c="into")
    code.increase("slot", n)
    code.increase("into", n << 16)
    code.branch(within, Condition.LESS, "slot", rule.delay * n)
    code.set("slot", 0)
    code.set("into", 0)
    code.here(within)


def check_vectors(
    rule: SettleRule,
    table: NDArray[np.int64],
    clamps: NDArray[np.int64],
    start: NDArray[np.int64],
    parameters: Parameters,
    limits: LimitCodes,
) -> None:
    """Refuse states that the level converters or the window do not have, before anything is driven."""
    if table.shape != (TABLE_WORDS,):
        raise ShapeError(
            f"the activation table must have shape ({TABLE_WORDS},), not {table.shape}; nothing was driven"
        )
    if start.shape != (rule.neurons,):
        raise ShapeError(f"start must have shape ({rule.neurons},), not {start.shape}; nothing was driven")
    levels = Levels.of(parameters)
    for name, codes in (("activation table", table), ("clamped states", clamps), ("start", start)):
        for code in (int(codes.min()), int(codes.max())):
            limits.check_level(code, levels, name)
