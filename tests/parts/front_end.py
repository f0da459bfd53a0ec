"""The bus-functional models behind the pins of the reference front end, wired as docs/parts.md says.

Rows come first, then columns, then gate lines. Nothing here is computed from the gateware's constants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family
from crossloop_sim.bfm.ad7606 import AD7606_MINIMA, Ad7606
from crossloop_sim.bfm.adg1414 import Adg1414Chain
from crossloop_sim.bfm.adg1604 import Adg1604
from crossloop_sim.bfm.dac8568 import Dac8568
from crossloop_sim.bfm.dac81416 import Dac81416
from crossloop_sim.bfm.part import Part, Violation
from crossloop_sim.events import RECORD_HEADER, Kind, line_words, words_to_bits

PREFIX = {Family.ROWS: "row", Family.COLUMNS: "column", Family.GATES: "gate_line"}
CONNECTIONS = {0: None, 1: "ground", 2: "level", 3: "sense"}
"""What a line is tied to, by the closed switch of its multiplexer."""
LONGEST_CHAIN = 4
CONVERTER_CHANNELS = 8

Connection = tuple[int, Family, int, str | None]
"""Time in ps, line, and what it is tied to from then on."""
Level = tuple[int, Family, int, int]
"""Time in ps, line, and its new code in two's complement."""


def _dac81416() -> tuple[Part, int]:
    return Dac81416(record=True), 16


def _dac8568() -> tuple[Part, int]:
    part = Dac8568(acts_on_deselect=True, record=True)
    # The pin is tied low: levels change with their frames.
    part.levels["ldac"] = 0
    return part, 8


LEVEL_DACS: dict[str, Callable[[], tuple[Part, int]]] = {"reference": _dac81416, "reference-dac8568": _dac8568}
"""A chip and its channels, by front end."""


@dataclass
class FrontEndParts:
    """All parts of a build.

    Parameters
    ----------
    parameters
        Geometry, front end and width of the codes.
    inputs
        Voltage at an input of a converter: conversion (from 0), channel of all converters together.
    """

    parameters: Parameters
    inputs: Callable[[int, int], float] = lambda conversion, channel: 0.0
    dacs: dict[tuple[Family, int], Part] = field(default_factory=dict)
    """Level DACs by family and place in it."""
    multiplexers: dict[tuple[Family, int], Adg1604] = field(default_factory=dict)
    converters: list[Ad7606] = field(default_factory=list)
    conversions: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    """Time of each, and the routing switches then."""
    readings: dict[int, list[list[int]]] = field(default_factory=dict)
    """Bits at the falling clock edges of each reading, by data line: douta of the first converter, doutb, ..."""

    def __post_init__(self) -> None:
        parameters = self.parameters
        self._wires: dict[str, list[tuple[Part, str]]] = {}
        make = LEVEL_DACS[parameters.frontend]
        channels = make()[1]
        families = [(family, parameters.lines(family)) for family in Family if parameters.lines(family)]
        chips = [(family, place) for family, lines in families for place in range(-(-lines // channels))]
        for number, chip in enumerate(chips):
            part = self.dacs[chip] = make()[0]
            self._wire(part, cs=_wire("level_cs_n", number, len(chips)), sclk="level_sclk", sdi="level_sdi")
        self._dac_channels = channels
        for family, lines in families:
            for line in range(lines):
                part = self.multiplexers[family, line] = Adg1604(record=True)
                names = {"a0": "address_low", "a1": "address_high", "en": "enable"}
                self._wire(part, **{pin: _wire(f"{PREFIX[family]}_{name}", line, lines) for pin, name in names.items()})
        longer = max(parameters.rows, parameters.columns)
        self.routing = Adg1414Chain(min(longer, LONGEST_CHAIN), record=True)
        self._wire(self.routing, cs="route_cs_n", sclk="route_sclk", sdi="route_sdi")
        count = -(-longer // CONVERTER_CHANNELS)
        for number in range(count):
            part = Ad7606(self._input(number), AD7606_MINIMA, record=True)
            self.converters.append(part)
            self._wire(part, convst="convst", reset="adc_reset", cs="adc_cs_n", sclk="adc_sclk")
        self._answers = [_wire(name, number, count) for number in range(count) for name in ("douta", "doutb")]
        self._seen = dict.fromkeys(self._answers, 0)

    def _input(self, number: int) -> Callable[[int, int], float]:
        return lambda channel, _time_ps: self.inputs(len(self.conversions) - 1, CONVERTER_CHANNELS * number + channel)

    def _wire(self, part: Part, **pins: str) -> None:
        for pin, wire in pins.items():
            self._wires.setdefault(wire, []).append((part, pin))

    def edge(self, wire: str, time_ps: int, level: int) -> None:
        """Take an edge of one of the front end's wires."""
        if wire in self._seen:
            self._seen[wire] = level
            return
        if wire == "convst" and level and not self.converters[0].busy:
            self.conversions.append((time_ps, tuple(self.routing.switches)))
        for part, pin in self._wires.get(wire, ()):
            part.edge(pin, time_ps, level)
        if not self.converters[0].levels["cs"]:
            if wire == "adc_cs_n":
                for place in range(len(self._answers)):
                    self.readings.setdefault(place, []).append([])
            elif wire == "adc_sclk" and not level:
                for place, answer in enumerate(self._answers):
                    self.readings[place][-1].append(self._seen[answer])

    def follow(self, edges: Iterable[tuple[str, int, int]]) -> None:
        """Take edges in order; those of one moment reach the data lines last, as they do in a synchronous design."""
        for wire, time_ps, level in edges:
            self.edge(wire, time_ps, level)

    @property
    def parts(self) -> Iterator[Part]:
        """Every part."""
        yield from self.dacs.values()
        yield from self.multiplexers.values()
        yield from self.converters
        yield self.routing

    @property
    def violations(self) -> list[Violation]:
        """What any part has complained of."""
        return [violation for part in self.parts for violation in part.violations]

    def connections(self) -> list[Connection]:
        """Return what the multiplexers did."""
        changes = [
            (change.time_ps, family, line, CONNECTIONS[change.value or 0])
            for (family, line), part in self.multiplexers.items()
            for change in part.changes
        ]
        return sorted(changes, key=_order)

    def levels(self) -> list[Level]:
        """Return what the level DACs did once they were awake, for the lines that exist."""
        bits = self.parameters.level_bits
        changes, awake = [], set()
        for (family, place), part in self.dacs.items():
            for change in part.changes:
                line = place * self._dac_channels + change.number
                if line >= self.parameters.lines(family) or change.what != "output":
                    continue
                code = None if change.value is None else (change.value - 0x8000) >> (16 - bits)
                # The first code after power-up is 0 V, which is what a session begins with.
                if (family, line) in awake:
                    assert code is not None, f"{part.name} lost its output: {change}"
                    changes.append((change.time_ps, family, line, code))
                elif code == 0:
                    awake.add((family, line))
        assert len(awake) == sum(self.parameters.lines(family) for family in Family), "a level never came up"
        return sorted(changes, key=_order)


def _wire(name: str, number: int, count: int) -> str:
    return name if count == 1 else f"{name}[{number}]"


def _order(change: tuple[int, Family, int, object]) -> tuple[int, int, int]:
    return change[0], int(change[1]), change[2]


def connections_of(
    parameters: Parameters, events: Iterable[list[int]], time_ps: Callable[[int], int]
) -> list[Connection]:
    """Return the same from the records of the direct boundary: a driven line is tied to its level while its gate is on."""
    words = line_words(parameters)
    tied: dict[tuple[Family, int], str | None] = {}
    planes: list[int] = [0] * 9
    changes = []
    for cycle, group in _by_cycle(events):
        for record in group:
            bits = [words_to_bits(record[RECORD_HEADER + at * words :][:words]) for at in range(6)]
            if record[1] == Kind.STATES:
                planes[:6] = bits
            elif record[1] == Kind.GATES:
                planes[6:] = bits[:3]
        for family in Family:
            for line in range(parameters.lines(family)):
                low, high, gate = (planes[at] >> line & 1 for at in (2 * family, 2 * family + 1, 6 + family))
                now = ("level" if gate else None) if high and not low else CONNECTIONS[high << 1 | low]
                if now != tied.get((family, line)):
                    tied[family, line] = now
                    changes.append((time_ps(cycle), family, line, now))
    return sorted(changes, key=_order)


def levels_of(parameters: Parameters, events: Iterable[list[int]], time_ps: Callable[[int], int]) -> list[Level]:
    """Return real changes of levels from the records of the direct boundary."""
    codes: dict[tuple[Family, int], int] = {}
    changes = []
    for cycle, kind, family, line, word, *_rest in events:
        if kind != Kind.LEVEL:
            continue
        code = word - (1 << 64) if word >> 63 else word
        lines = range(parameters.lines(Family(family))) if line == ALL_LINES else (line,)
        for one in lines:
            if codes.get((Family(family), one), 0) != code:
                codes[Family(family), one] = code
                changes.append((time_ps(cycle), Family(family), one, code))
    return sorted(changes, key=_order)


def _by_cycle(events: Iterable[list[int]]) -> Iterator[tuple[int, list[list[int]]]]:
    group: list[list[int]] = []
    for record in events:
        if group and record[0] != group[0][0]:
            yield group[0][0], group
            group = []
        group.append(record)
    if group:
        yield group[0][0], group
