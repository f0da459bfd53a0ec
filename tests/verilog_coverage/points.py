"""Branch and toggle points of generated Verilog: what Verilator counted, with the names and the source lines that people know.

A branch point is one side of an `if`, one item of a `case`, or one side of a `? :`. Amaranth writes one process per signal, so the same
`m.If` counts once for each signal that it decides about. A toggle point is one bit of one declared signal, in one direction. Signals that
Amaranth made up on the way (`$12`, parts of signals between modules) have no line of Python and are none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
BRANCH, TOGGLE = KINDS = ("branch", "toggle")
SIDES = {"if", "else", "elsif", "case", "cond_then", "cond_else"}
"""Verilator's words for what is here a branch point; `block` is none, since nothing decides whether it runs."""

_POINT = re.compile(
    r"C '\x01f\x02[^\x01]*\x01l\x02(\d+)\x01n\x02\d+\x01t\x02\w+\x01page\x02v_(\w+)/([^\x01]*)\x01o\x02([^\x01]*)[^']*' (\d+)"
)
_SOURCE = re.compile(r'\(\* src = "([^"]+):(\d+)" \*\)')
_IDENTIFIER = re.compile(r"\\?[A-Za-z_$][^\s\[\]();,]*")
_BIT = re.compile(r"(.*?)(?:\[(\d+)\])?:([01])->[01]")
_ESCAPED = re.compile(r"__0([0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Point:
    """One thing that a workload reaches or does not.

    Attributes
    ----------
    kind : str
        `branch` or `toggle`.
    module : str
        Path of the component, from `top`.
    name : str
        The signal; of a branch, the signal that it decides about and the condition.
    bit : int
        Of a toggle.
    rises : bool
        Of a toggle: from 0 to 1.
    line : int
        Line of the Verilog.
    source : str
        Line of Python, where known.
    count : int
        How often it was reached.
    """

    kind: str
    module: str
    name: str
    bit: int
    rises: bool
    line: int
    source: str
    count: int


def plain(name: str) -> str:
    """Return a name as it stands in the Verilog: Verilator writes its special characters in hexadecimal."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)


class Verilog:
    """The lines of a Verilog file, and where in Python they come from."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()

    def declared(self, number: int) -> str:
        """Return the Python line of the declaration in line `number`, from the attributes above it."""
        while self.lines[number - 2].lstrip().startswith("(*"):
            number -= 1
            found = _SOURCE.search(self.lines[number - 1])
            if found:
                return _shown(found)
        return ""

    @cached_property
    def _modules(self) -> list[int]:
        """Module of every line, by the number of its first line."""
        starts, start = [], 0
        for number, line in enumerate(self.lines, start=1):
            start = number if line.startswith("module ") else start
            starts.append(start)
        return starts

    @cached_property
    def _sources(self) -> dict[tuple[int, str], str]:
        """Python line of every name that a module declares or assigns."""
        sources = {}
        for number, (line, module) in enumerate(zip(self.lines, self._modules, strict=True), start=1):
            assigned = re.match(r"  assign (\S+)", line)
            declared = re.match(r"  (?:input |output |wire |reg |\[[\d:]+\] )+(\S+?);?(?: |$)", line)
            if assigned and (found := _SOURCE.search(line)):
                sources[module, assigned[1]] = _shown(found)
            elif declared and (said := self.declared(number)):
                sources[module, declared[1]] = said
        return sources

    @cached_property
    def _targets(self) -> dict[tuple[int, str], str]:
        """Signal that takes what a process works out, by the name of its variable."""
        targets = {}
        for line, module in zip(self.lines, self._modules, strict=True):
            found = re.match(r"\s*(?:assign )?(\S+?)\s*(?:\[[\d:]+\]\s*)?<?= (\S+)\s*;", line)
            if found and not found[1].startswith("\\$"):
                targets.setdefault((module, found[2]), found[1].removeprefix("\\"))
        return targets

    def branch(self, number: int, side: str) -> tuple[str, str]:
        """Return name and Python line of a branch point in line `number`."""
        line, module = self.lines[number - 1].strip(), self._modules[number - 1]
        if side.startswith("cond"):
            target = line.split()[1]
            return f"{target.removeprefix(chr(92))} = {_condition(line)}, {side[5:]}", self._sources.get(
                (module, target), ""
            )
        what, condition = line, line
        if side == "case":
            condition = self._selector(number)
            what = f"{condition} {line.partition(':')[0]}"
        elif found := re.search(r"\bif \((.*?)\s*\)(?: begin|$)", line):
            what = condition = found[1]
        names = _IDENTIFIER.findall(condition.removeprefix("casez"))
        source = self._sources.get((module, names[0]), "") if names else ""
        words = {"if": "if", "elsif": "if", "else": "not", "case": "case"}
        return f"{self._process(number, module)}: {words[side]} {what.removeprefix('casez ').strip()}", source

    def _selector(self, number: int) -> str:
        """Return the `casez (...)` that an item belongs to: the nearest one above that is indented less."""
        own = _indent(self.lines[number - 1])
        for line in reversed(self.lines[: number - 1]):
            if line.lstrip().startswith("case") and _indent(line) < own:
                return line.strip()
        return ""

    def _process(self, number: int, module: int) -> str:
        """Return the signal that the process around a line works out."""
        for line in reversed(self.lines[:number]):
            if line.startswith("  always"):
                break
            found = re.match(r"\s*(\S+)\s*(?:\[[\d:]+\]\s*)?= ", line)
            if found:
                return self._targets.get((module, found[1]), found[1].removeprefix("\\"))
        for line in self.lines[number:]:
            if line.startswith("  end"):
                break
            found = re.match(r"\s*(\S+)\s*(?:\[[\d:]+\]\s*)?= ", line)
            if found:
                return self._targets.get((module, found[1]), found[1].removeprefix("\\"))
        return "?"


def _condition(line: str) -> str:
    return line.partition("= ")[2].partition("?")[0].strip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _shown(found: re.Match[str]) -> str:
    path = Path(found[1])
    if path.is_relative_to(ROOT):
        return f"{path.relative_to(ROOT)}:{found[2]}"
    return f"{'/'.join(path.parts[path.parts.index('site-packages') + 1 :]) if 'site-packages' in path.parts else path}:{found[2]}"


def read_points(counts: Path, verilog: Path) -> list[Point]:
    """Return the points of a run.

    Parameters
    ----------
    counts : Path
        What `crossloop_sim.engine.coverage.write_counts` wrote.
    verilog : Path
        The Verilog that was simulated.
    """
    text = Verilog(verilog.read_text())
    points = []
    for found in map(_POINT.match, counts.read_text().splitlines()):
        if found is None:
            continue
        line, page, module, what, count = int(found[1]), found[2], plain(found[3]), found[4], int(found[5])
        if page == TOGGLE:
            bit = _BIT.fullmatch(what)
            assert bit is not None, f"Verilator has a new way to name a bit: {what}"
            if source := text.declared(line):
                points.append(
                    Point(TOGGLE, module, plain(bit[1]), int(bit[2] or 0), bit[3] == "0", line, source, count)
                )
        elif what in SIDES:
            name, source = text.branch(line, what)
            points.append(Point(BRANCH, module, name, 0, False, line, source, count))
    return points


def describe(points: Sequence[Point]) -> list[str]:
    """Return a line for every branch and every run of bits, sorted."""
    said = Counter(
        f"{point.module}: {point.name} (top.v:{point.line}; {point.source or 'no line of Python'})"
        for point in points
        if point.kind == BRANCH
    )
    lines = [text if count == 1 else f"{text}, {count} times" for text, count in said.items()]
    signals: dict[tuple[str, str, str], dict[int, set[bool]]] = {}
    for point in points:
        if point.kind == TOGGLE:
            bits = signals.setdefault((point.module, point.name, point.source), {})
            bits.setdefault(point.bit, set()).add(point.rises)
    for (module, name, source), bits in signals.items():
        for how, directions in (("never changed", {True, False}), ("never rose", {True}), ("never fell", {False})):
            if runs := _runs([bit for bit, missing in bits.items() if missing == directions]):
                lines.append(f"{module}: {name}[{runs}] {how} ({source})")
    return sorted(lines)


def _runs(bits: list[int]) -> str:
    """Return numbers as `7:4, 2`."""
    groups: list[list[int]] = []
    for bit in sorted(bits, reverse=True):
        if groups and groups[-1][-1] == bit + 1:
            groups[-1].append(bit)
        else:
            groups.append([bit])
    return ", ".join(f"{group[0]}:{group[-1]}" if len(group) > 1 else str(group[0]) for group in groups)
