"""The bus-functional models behind the pins of the reference front end, wired as docs/parts.md says.

Rows come first, then columns, gate lines and nudge lines. Nothing here is computed from the gateware's constants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family
from crossloop_sim.bfm.ad7606 import AD7606_MINIMA, Ad7606
from crossloop_sim.bfm.adg1414 import Adg1414Chain
from crossloop_sim.bfm.adg1604 import Adg1604
from crossloop_sim.bfm.dac8568 import Dac8568
from crossloop_sim.bfm.dac81416 import Dac81416
from crossloop_sim.bfm.part import Part, Violation
from crossloop_sim.events import RECORD_HEADER, Kind, line_words, record_tap, words_to_bits

PREFIX = {Family.ROWS: "row", Family.COLUMNS: "column", Family.GATES: "gate_line", Family.NUDGES: "nudge_line"}
CONNECTIONS = {0: None, 1: "ground", 2: "level", 3: "sense"}
"""What a line is tied to, by the closed switch of its multiplexer; of a gate line with current sources, the last one is its source."""
UNCONNECTED = ("tile", "busy")
"""Wires that lead to none of the parts."""
PS_PER_S = 10**12
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
        # With two taps per cycle a DDR output buffer makes one pin of two wires.
        enables = [wire for wire in self._wires if "_enable" in wire] if parameters.gate_taps > 1 else []
        self._buffers = {wire: [0, 0] for wire in enables}

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
        if wire not in self._wires and wire.partition("[")[0] not in UNCONNECTED:
            msg = f"no part has the wire {wire}"
            raise ValueError(msg)
        if not self.converters[0].levels["cs"]:
            if wire == "adc_cs_n":
                for place in range(len(self._answers)):
                    self.readings.setdefault(place, []).append([])
            elif wire == "adc_sclk" and not level:
                for place, answer in enumerate(self._answers):
                    self.readings[place][-1].append(self._seen[answer])

    def follow(self, edges: Iterable[tuple[str, int, int]]) -> None:
        """Take edges in order; those of one moment reach the data lines last, as they do in a synchronous design."""
        for wire, time_ps, level in self._buffered(edges) if self._buffers else edges:
            self.edge(wire, time_ps, level)

    def _buffered(self, edges: Iterable[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
        """Make one enable of both halves of every cycle; its edges come after the others of the same moment."""
        shown = 0
        for time_ps, group in groupby(edges, key=lambda edge: edge[1]):
            cycle = round(time_ps * self.parameters.clock_hz / PS_PER_S)
            for tap in range(2 * shown + 1, 2 * cycle):
                yield from self._enables(tap)
            shown = cycle
            for wire, _time_ps, level in group:
                pin = wire.replace("_enable_second", "_enable")
                if pin in self._buffers:
                    self._buffers[pin][pin != wire] = level
                else:
                    yield wire, time_ps, level
            yield from self._enables(2 * cycle)
        yield from self._enables(2 * shown + 1)

    def _enables(self, tap: int) -> Iterator[tuple[str, int, int]]:
        """Yield what the buffers show from a tap on."""
        for wire, halves in self._buffers.items():
            yield wire, tap_ps(self.parameters, tap), halves[tap % 2]

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


def tap_ps(parameters: Parameters, tap: int) -> int:
    """Return the time of a tap's first moment in picoseconds."""
    return tap * PS_PER_S // (parameters.gate_taps * parameters.clock_hz)


def connections_of(parameters: Parameters, events: Iterable[list[int]]) -> list[Connection]:
    """Return the same from the records of the direct boundary: a driven line is tied to its level while its gate is on."""
    words = line_words(parameters)
    tied: dict[tuple[Family, int], str | None] = {}
    states, gates = [0] * (2 * len(Family)), [0] * len(Family)
    changes = []
    for tap, group in groupby(events, key=lambda record: record_tap(record, parameters.gate_taps)):
        for record in group:
            planes = [words_to_bits(record[RECORD_HEADER + at * words :][:words]) for at in range(2 * len(Family))]
            if record[1] == Kind.STATES:
                states = planes
            elif record[1] == Kind.GATES:
                gates = planes[: len(Family)]
        for family in Family:
            # A current source is connected for pulses only, as a level is.
            gated = {2, 3} if family is Family.GATES and parameters.gate_full_scale_pa else {2}
            for line in range(parameters.lines(family)):
                state = (states[2 * family] >> line & 1) | (states[2 * family + 1] >> line & 1) << 1
                now = None if state in gated and not gates[family] >> line & 1 else CONNECTIONS[state]
                if now != tied.get((family, line)):
                    tied[family, line] = now
                    changes.append((tap_ps(parameters, tap), family, line, now))
    return sorted(changes, key=_order)


def levels_of(parameters: Parameters, events: Iterable[list[int]]) -> list[Level]:
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
                changes.append((tap_ps(parameters, cycle * parameters.gate_taps), Family(family), one, code))
    return sorted(changes, key=_order)
