"""Hidden accumulators and choppers: how a fast array hands on what it has learned to a slow one, line after line.

A line of the fast array is read, a reference is subtracted, and the line's chopper sign times a gain multiplies the rest, which is added
to hidden accumulators in the vector memory. Where one of them has reached the granularity, the slow array's cell gets a pulse, and the
accumulator gives that much up. Source: Tiki-Taka version 2 (Gokmen, Front. Artif. Intell. 4:699148 (2021)). Choppers flip a line's sign
after some transfers; whoever updates the fast array multiplies the updates with the signs, so that what does not flip with them, an offset
of the reference above all, cancels (c-TTv2). With a running reference each reading also moves the reference a little towards itself, so
that no reference has to be programmed (AGAD). Source of both: Rasch, Carta, Fagbohungbe and Gokmen, Nat. Commun. 15:7133 (2024).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from crossloop.dry_run import DryRun, dry_run, most
from crossloop.fabric.assembly import Assembly, Label
from crossloop.fabric.line_pulses import LinePulses
from crossloop.fabric.program import FabricProgram
from crossloop.limits import LimitCodes
from crossloop.operation import check_line, other
from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.arithmetic import SCALE_MAX, WORD_MAX, Condition, Elementwise, Function
from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family

_HALF_WORD_BITS = 16
_LINE_WORDS = 2
"""Words per line beside its accumulators and references: its chopper sign times the gain, and the transfers since it last flipped."""


@dataclass(frozen=True, kw_only=True)
class HiddenRule:
    """How lines are read and handed on, in codes and cycles."""

    pulses: LinePulses
    """Pulses on the slow array; `unit` is the granularity, `values` and `pair` are also those of the readings."""
    lines: int
    """Lines 0, 1, ... that are handed on in turn."""
    read_code: int
    """Level code of the line that is read."""
    averages: int = 1
    """Conversions that are summed for a reading."""
    gain: int = 1
    """What a code of a reading counts in the accumulators."""
    reference: bool = False
    """Whether references are subtracted from readings."""
    running: int = 0
    """References move by 1 / 2**running of the way to each reading; 0: they stay."""
    chop_every: int = 0
    """Transfers of a line after which its chopper flips; 0: never."""
    range_index: int = 0
    """Converter range."""
    settle_cycles: int = 50
    """Time the level drives before the integration."""
    integrate_cycles: int = 50
    """Time of integration."""


@dataclass(frozen=True)
class HiddenPlaces:
    """Where the accumulators are: at the end of the vector memory, where products and other programs leave them alone."""

    rule: HiddenRule
    vector_words: int

    @property
    def words(self) -> int:
        """Words in all."""
        values, lines = self.rule.pulses.values, self.rule.lines
        return 2 * values + self.rule.pulses.scratch_words + lines * self.line_words + 1

    @property
    def line_words(self) -> int:
        """Words that each line takes."""
        return self.rule.pulses.values * (2 if self.rule.reference else 1) + _LINE_WORDS

    @property
    def cursor(self) -> int:
        """Address of the number of the line that is next, the first word of all that lasts from one transfer to the next."""
        return self.vector_words - self.rule.lines * self.line_words - 1

    @property
    def hidden(self) -> int:
        """Address of the accumulators, line after line."""
        return self.cursor + 1

    @property
    def reference(self) -> int:
        """Address of the references, line after line."""
        return self.hidden + (self.rule.lines * self.rule.pulses.values if self.rule.reference else 0)

    @property
    def factors(self) -> int:
        """Address of the chopper signs times the gain, one word per line."""
        return self.reference + self.rule.lines * self.rule.pulses.values

    @property
    def uses(self) -> int:
        """Address of the transfers since each line's chopper has flipped."""
        return self.factors + self.rule.lines

    @property
    def reading(self) -> int:
        """Address of a reading."""
        return self.vector_words - self.words

    @property
    def change(self) -> int:
        """Address of what is added to the accumulators."""
        return self.reading + self.rule.pulses.values

    @property
    def scratch(self) -> int:
        """Address of the scratch words of the pulses."""
        return self.change + self.rule.pulses.values

    @property
    def lasting_words(self) -> int:
        """Words from `cursor` on."""
        return self.vector_words - self.cursor


@dataclass(frozen=True, eq=False, slots=True)
class HiddenTransfer(FabricProgram):
    """The run of some transfers, from the line at the cursor on. The result is None: everything is in the vector memory."""

    rule: HiddenRule
    fast: int
    """Tile that is read."""
    slow: int
    """Tile that is pulsed."""
    count: int = 1
    """How many lines are handed on."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return (HiddenTransfer, self.rule, self.fast, self.slow, self.count)

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("fast tile", self.fast, parameters.tiles)
        check_line("slow tile", self.slow, parameters.tiles)
        rule, places = self.rule, HiddenPlaces(self.rule, parameters.vector_words)
        values, again = rule.pulses.values, Label()
        code = Assembly()
        code.add(m.tile(self.fast), ar.point(0))
        rule.pulses.prepare(code, places.scratch)
        code.load("line", places.cursor)
        code.compute("place", Function.MULTIPLY, "line", values)
        # Fields that hold two addresses move by `both`: the offset of the line in either half.
        code.compute("both", Function.ADD, "place", 0)
        code.add(m.loop(_HALF_WORD_BITS))
        code.compute("both", Function.ADD, "both", "both")
        code.add(m.next_())
        code.increase("both", "place")
        code.add(m.loop(self.count), m.tile(self.fast))
        _read(code, rule, places)
        _accumulate(code, rule, places)
        if rule.chop_every:
            _chop(code, rule, places)
        code.add(m.tile(self.slow))
        rule.pulses.give(code, places.scratch, places.hidden, line="line", offset="place")
        code.increase("line")
        code.increase("place", values)
        code.increase("both", values << _HALF_WORD_BITS | values)
        code.branch(again, Condition.LESS, "line", rule.lines)
        for name in ("line", "place", "both"):
            code.set(name, 0)
        code.here(again)
        code.add(m.next_())
        code.store("line", places.cursor)
        return code.ops()

    def dry_run(self, parameters: Parameters) -> DryRun:
        """Predict the longest run: every line has pulses of either sign, every chopper flips, and the lines start again each time."""
        return most(dry_run(self.program(parameters), parameters), 1, 0, parameters)

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse a rule that the device cannot follow."""
        rule, pulses = self.rule, self.rule.pulses
        pulses.check(parameters, limits)
        for name, value, low, high in (
            ("lines", rule.lines, 1, parameters.lines(pulses.line)), ("averages", rule.averages, 1, 0xFFFF),
            ("gain", rule.gain, 1, WORD_MAX), ("running", rule.running, 0, SCALE_MAX), ("chop_every", rule.chop_every, 0, WORD_MAX),
            ("transfers of one command", self.count, 1, 0xFFFF),
        ):  # fmt: skip
            if not low <= value <= high:
                raise RangeError(
                    f"{name} of the hidden accumulators must be from {low} to {high}, not {value}; nothing was pulsed"
                )
        if self.fast == self.slow:
            raise RangeError(
                f"fast and slow array must be two tiles, not both tile {self.fast}; build it with tiles=2, nothing was pulsed"
            )
        if rule.running and not rule.reference:
            raise RangeError("a running reference needs reference=True; nothing was pulsed")
        if pulses.pair and pulses.line is not Family.ROWS:
            raise RangeError("pairs are columns, so with pair the lines must be rows; nothing was pulsed")
        if rule.averages * (1 << (parameters.sample_bits - 1)) > WORD_MAX + 1:
            raise RangeError(
                f"{rule.averages} averages of {parameters.sample_bits}-bit codes do not fit into 16 bits; use fewer, nothing was pulsed"
            )
        places = HiddenPlaces(rule, parameters.vector_words)
        if places.words > parameters.vector_words:
            fit = max(0, (parameters.vector_words - places.words) // places.line_words + rule.lines)
            raise RangeError(
                f"hidden accumulators of {rule.lines} lines by {pulses.values} take {places.words} vector words, this device has "
                f"{parameters.vector_words}; use at most {fit} lines, nothing was pulsed"
            )
        limits.check_level(rule.read_code, Levels.of(parameters), "read level")
        limits.check_width(
            (rule.settle_cycles + rule.integrate_cycles + 1) * parameters.gate_taps,
            Clock.of(parameters),
            "settle plus integration time",
        )


def _read(code: Assembly, rule: HiddenRule, places: HiddenPlaces) -> None:
    """Read the line: a product of the fast array with a vector that is 0 but for this line."""
    pulses = rule.pulses
    sensed = other(pulses.line)
    converting = m.convert(
        sensed, pulses.values, settle_cycles=rule.settle_cycles, integrate_cycles=rule.integrate_cycles, pair=pulses.pair,
        range_index=rule.range_index,
    )  # fmt: skip
    code.indexed(m.level(pulses.line, 0, rule.read_code), b="line")
    code.indexed(m.connect(pulses.line, LineState.DRIVE, selection=Selection.ONE), b="line")
    code.add(m.connect(sensed, LineState.SENSE), ar.point(places.reading), ar.sample(converting))
    if rule.averages > 1:
        code.add(m.loop(rule.averages - 1), ar.sample(converting, add=True), m.next_())


def _accumulate(code: Assembly, rule: HiddenRule, places: HiddenPlaces) -> None:
    """Add the reading, less the reference, to the line's accumulators, with gain and chopper sign."""
    values, change = rule.pulses.values, places.reading
    if rule.reference:
        change = places.change
        code.add(
            ar.point(places.reference, code.register("place")),
            ar.vector(Elementwise.SUBTRACT, values, places.reading, change),
        )
    if rule.running:
        code.add(ar.point(places.reading, scale=rule.running))
        code.indexed(ar.vector(Elementwise.DAMP, values, places.reference, places.reference), c="both")
    code.load("factor", places.factors, "line")
    code.add(
        ar.point(places.change),
        ar.vector(Elementwise.MULTIPLY, values, change, places.change, register=code.register("factor")),
    )
    code.indexed(ar.vector(Elementwise.ADD, values, places.hidden, places.hidden), c="both")


def _chop(code: Assembly, rule: HiddenRule, places: HiddenPlaces) -> None:
    """Flip the line's chopper if it is time."""
    keep = Label()
    code.load("uses", places.uses, "line")
    code.increase("uses")
    code.branch(keep, Condition.LESS, "uses", rule.chop_every)
    code.set("uses", 0)
    code.compute("factor", Function.MULTIPLY, "factor", -1)
    code.store("factor", places.factors, "line")
    code.here(keep)
    code.store("uses", places.uses, "line")
