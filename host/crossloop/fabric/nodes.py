"""Networks that settle by themselves: levels and nudges are set, the nodes of the array find their voltages, and those are latched.

A phase sets the rows' levels, opens or closes nudge switches, and reads the voltages of all lines until none has moved by more than a
tolerance. All phases run without the host, so that a learning rule gets the free and the nudged state from one command (equilibrium
propagation: Scellier and Bengio, Front. Comput. Neurosci. 11:24 (2017); in resistive networks: Kendall et al., arXiv 2006.01981).

A nudge is a conductance from the output to a source at the target, which pulls with beta*(t - v) and cannot push. A phase of the opposite
sign would need a negative conductance, which is unstable above half of the output's own conductance. Here it has the same positive one to a
source at the target's mirror image 2*v_free - t instead: to first order in beta the same current with the opposite sign, and stable always.

The pulse gates go off between two readings, and the lines rest at ground meanwhile: what has to settle electrically must do so within the
settle time of one reading. Watching the change from reading to reading finds what is slower, and noise.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from crossloop.dry_run import DryRun, dry_run, most
from crossloop.fabric.assembly import Assembly, Label
from crossloop.fabric.nudging import check_nudges, choose, nudge, release
from crossloop.fabric.program import FabricProgram
from crossloop.limits import LimitCodes
from crossloop.operation import check_line
from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.arithmetic import Condition, Elementwise, Function
from crossloop.protocol.converters import Clock, Levels, Voltages
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, MicroOp
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family


@dataclass(frozen=True, kw_only=True)
class NodeRule:
    """When nodes count as settled, in codes and cycles."""

    tolerance: int = 1
    """Largest movement, in converter codes, that counts as rest."""
    rests: int = 1
    """Readings at rest that end a phase."""
    iterations: int = 50
    """Most readings of a phase."""
    settle_cycles: int = 50
    """Time the levels drive before the integration."""
    integrate_cycles: int = 50
    """Time of integration."""


@dataclass(frozen=True)
class NodePlaces:
    """Where the program keeps its data in the vector memory; voltages are those of all rows, then of all columns."""

    rows: int
    columns: int
    phases: int

    @property
    def nodes(self) -> int:
        """Number of lines."""
        return self.rows + self.columns

    @property
    def state(self) -> int:
        """Address of the voltages before."""
        return 0

    @property
    def wanted(self) -> int:
        """Address of the voltages that were just read."""
        return self.nodes

    @property
    def held(self) -> int:
        """Address of the mask of held rows."""
        return 2 * self.nodes

    @property
    def applied(self) -> int:
        """Address of the mirrored targets, computed on the device."""
        return self.held + self.rows

    def levels(self, phase: int) -> int:
        """Address of a phase's row levels."""
        return self.applied + self.columns + phase * (self.rows + 2 * self.columns + self.nodes)

    def mask(self, phase: int) -> int:
        """Address of a phase's mask of nudged columns."""
        return self.levels(phase) + self.rows

    def targets(self, phase: int) -> int:
        """Address of a phase's target levels."""
        return self.mask(phase) + self.columns

    def latch(self, phase: int) -> int:
        """Address of the voltages at the end of a phase."""
        return self.targets(phase) + self.columns

    @property
    def counts(self) -> int:
        """Address of the readings that each phase took, one word each; negative if it never came to rest."""
        return self.levels(self.phases)

    @property
    def words(self) -> int:
        """Words in all."""
        return self.counts + self.phases


@dataclass(frozen=True, slots=True)
class SettleNodes(FabricProgram):
    """The run of phases; everything but its completion passes through the vector memory. The result is None."""

    rule: NodeRule
    tile: int
    """Which array."""
    nudged: tuple[bool, ...]
    """Whether a phase nudges at all, one per phase."""
    mirrored: tuple[bool, ...]
    """Whether its targets are mirrored at the voltages of phase 0."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return self

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("tile", self.tile, parameters.tiles)
        places = NodePlaces(parameters.rows, parameters.columns, len(self.nudged))
        code = Assembly()
        code.add(m.tile(self.tile))
        choose(code, Family.ROWS, places.rows, places.held, LineState.FLOAT)
        for phase, (nudged, mirrored) in enumerate(zip(self.nudged, self.mirrored, strict=True)):
            code.add(m.levels(Family.ROWS, places.rows, places.levels(phase)))
            if nudged:
                if mirrored:
                    _mirror(code, places, phase, mirror_shift(parameters))
                targets = places.applied if mirrored else places.targets(phase)
                nudge(code, places.columns, places.mask(phase), targets)
            else:
                release(code, parameters)
            _add_readings(code, self.rule, places, phase)
        return code.ops()

    def dry_run(self, parameters: Parameters) -> DryRun:
        """Predict the longest run: every phase takes every reading."""
        return most(dry_run(self.program(parameters), parameters), self.rule.iterations, 0, parameters)

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse a rule that the device cannot follow."""
        rule = self.rule
        for name, low, high in (("iterations", 1, 32767), ("rests", 1, 32767), ("tolerance", 0, 32767)):
            if not low <= getattr(rule, name) <= high:
                raise RangeError(
                    f"{name} of the node rule must be from {low} to {high}, not {getattr(rule, name)}; nothing was driven"
                )
        if not self.nudged:
            raise RangeError("phases must hold at least one phase; nothing was driven")
        if any(self.nudged):
            check_nudges(parameters)
        if self.mirrored[0] or (self.nudged[0] and any(self.mirrored)):
            raise RangeError(
                "a mirrored target needs the voltages of a free phase: make phase 0 one without nudges; nothing was driven"
            )
        if any(self.mirrored):
            mirror_shift(parameters)
        places = NodePlaces(parameters.rows, parameters.columns, len(self.nudged))
        if places.words > parameters.vector_words:
            raise RangeError(
                f"{places.rows} rows and {places.columns} columns in {len(self.nudged)} phases take {places.words} vector words, this "
                f"device has {parameters.vector_words}; use fewer phases, nothing was driven"
            )
        limits.check_width(
            rule.settle_cycles + rule.integrate_cycles + 1, Clock.of(parameters), "settle plus integration time"
        )


def mirror_shift(parameters: Parameters) -> int:
    """Return k, with a step of the levels 2**k times as large as one of the converters' voltages.

    Raises
    ------
    RangeError
        If the ratio is no such power of two: then the device cannot make a level of a reading.
    """
    ratio = Levels.of(parameters).step_v / Voltages.of(parameters).step_v
    shift = round(ratio).bit_length() - 1
    if ratio < 1 or abs(ratio - (1 << shift)) > 1e-9 * ratio or shift > ar.SCALE_MAX:
        raise RangeError(
            f"a level step is {ratio:.6g} times a voltage step of this build, and mirrored targets need 1, 2, 4, ...; "
            "choose voltage_full_scale_uv or sample_bits so, nothing was driven"
        )
    return shift


def _mirror(code: Assembly, places: NodePlaces, phase: int, shift: int) -> None:
    """Add the computation of 2*v - t from the free voltages v and the targets t; columns without a nudge get level 0."""
    n, free, work = places.columns, places.latch(0) + places.rows, places.wanted
    code.add(ar.point(free), ar.vector(Elementwise.ADD, n, free, work))
    if shift:
        code.set("half", 1 << (shift - 1))
        code.set("one", 1)
        code.add(
            ar.vector(Elementwise.ADD, n, work, work, register=code.register("half")),
            ar.point(0, scale=shift),
            ar.vector(Elementwise.MULTIPLY, n, work, work, register=code.register("one")),
        )
    code.set("zero", 0)
    code.add(
        ar.point(places.targets(phase)),
        ar.vector(Elementwise.SUBTRACT, n, work, work),
        ar.vector(Elementwise.FILL, n, work, places.applied, register=code.register("zero")),
        ar.point(places.mask(phase)),
        ar.vector(Elementwise.SELECT, n, work, places.applied),
    )


def _add_readings(code: Assembly, rule: NodeRule, places: NodePlaces, phase: int) -> None:
    """Add the readings of a phase until at rest, and the latch."""
    moved, done = Label(), Label()
    code.set("count", 0)
    code.set("rests", 0)
    again = code.here()
    code.increase("count")
    for family, lines, address in (
        (Family.ROWS, places.rows, places.wanted),
        (Family.COLUMNS, places.columns, places.wanted + places.rows),
    ):
        converting = m.convert(
            family, lines, settle_cycles=rule.settle_cycles, integrate_cycles=rule.integrate_cycles, voltage=True
        )
        code.add(ar.point(address), ar.sample(converting))
    code.add(
        ar.point(places.wanted),
        ar.vector(Elementwise.DISTANCE, places.nodes, places.state, register=code.register("moved")),
        ar.vector(Elementwise.COPY, places.nodes, places.wanted, places.state),
    )
    # The first reading of a phase has nothing of its own to be compared with.
    code.branch(moved, Condition.EQUAL, "count", 1)
    code.branch(moved, Condition.GREATER, "moved", rule.tolerance)
    code.increase("rests")
    code.branch(done, Condition.NOT_LESS, "rests", rule.rests)
    code.branch(again, Condition.LESS, "count", rule.iterations)
    code.compute("count", Function.MULTIPLY, "count", -1)
    code.branch(done)
    code.here(moved)
    code.set("rests", 0)
    code.branch(again, Condition.LESS, "count", rule.iterations)
    code.compute("count", Function.MULTIPLY, "count", -1)
    code.here(done)
    code.add(ar.vector(Elementwise.COPY, places.nodes, places.state, places.latch(phase)))
    code.store("count", places.counts + phase)
