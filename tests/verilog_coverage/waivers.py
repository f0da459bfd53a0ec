"""Points that need not be reached, each with the reason; a waiver that waives nothing is an error."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from verilog_coverage.points import BRANCH, KINDS, TOGGLE, Point

WAIVERS = Path(__file__).parent / "waivers.toml"


class WaiverError(Exception):
    """A waiver that cannot be read, or that nothing needs."""


@dataclass(frozen=True)
class Waiver:
    """Points that need not be reached.

    Attributes
    ----------
    kind : str
        `branch` or `toggle`.
    module : str
        Path of the component; `*` stands for any text.
    names : tuple of str
        Names of points, with `*` as above.
    bits : tuple of (int, int)
        Runs of bits of a toggle, highest and lowest; empty for all of them.
    reason : str
        Why.
    """

    kind: str
    module: str
    names: tuple[str, ...]
    bits: tuple[tuple[int, int], ...]
    reason: str

    def covers(self, point: Point) -> bool:
        """Return whether the point is one of those, reached or not."""
        if point.kind != self.kind or not _like(self.module, point.module):
            return False
        if self.bits and not any(low <= point.bit <= high for high, low in self.bits):
            return False
        return any(_like(name, point.name) for name in self.names)

    def __str__(self) -> str:
        runs = ", ".join(f"{high}:{low}" for high, low in self.bits)
        bits = f"[{runs}]" if runs else ""
        return f"{self.kind} of {self.module}: {', '.join(name + bits for name in self.names)}"


def _like(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def read_waivers(path: Path = WAIVERS) -> list[Waiver]:
    """Return the waivers of a file.

    Raises
    ------
    WaiverError
        If one has unknown, missing or empty fields.
    """
    waivers = []
    for number, entry in enumerate(tomllib.loads(path.read_text()).get("waiver", []), start=1):
        where = f"{path}: waiver {number}"
        fields = {"kind", "module", "names", "reason"}
        if not fields <= entry.keys() <= fields | {"bits"}:
            raise WaiverError(
                f"{where} has the fields {', '.join(entry)}; it needs {', '.join(sorted(fields))}, may have bits"
            )
        if entry["kind"] not in KINDS or not entry["names"] or not entry["reason"].strip():
            raise WaiverError(
                f"{where} needs kind {BRANCH} or {TOGGLE}, at least one name, and a reason; it is {entry}"
            )
        bits = _bits(entry.get("bits", ""))
        if bits is None or (entry["kind"] == BRANCH and "bits" in entry):
            raise WaiverError(
                f"{where} has the bits {entry['bits']!r}; they must be like '31:24, 3:0', and only toggles have them"
            )
        waivers.append(Waiver(entry["kind"], entry["module"], tuple(entry["names"]), bits, entry["reason"].strip()))
    return waivers


def _bits(text: str) -> tuple[tuple[int, int], ...] | None:
    """Return runs of bits, or None if they cannot be read."""
    runs = []
    for part in text.split(", ") if text else []:
        found = re.fullmatch(r"(\d+):(\d+)", part)
        if found is None or int(found[1]) < int(found[2]):
            return None
        runs.append((int(found[1]), int(found[2])))
    return tuple(runs)


@dataclass(frozen=True)
class Tally:
    """What was reached of one kind of point.

    Attributes
    ----------
    reached, missed, waived : int
        Points; `missed` are neither reached nor waived.
    """

    reached: int
    missed: int
    waived: int

    @property
    def ratio(self) -> float:
        """Reached of all that are not waived; 1 where there are none."""
        counted = self.reached + self.missed
        return self.reached / counted if counted else 1.0


class Waived:
    """Points sorted by a list of waivers.

    Parameters
    ----------
    points : sequence of Point
        Everything that counts.
    waivers : sequence of Waiver
        Applied to what was not reached; what was reached counts as reached.
    """

    def __init__(self, points: Sequence[Point], waivers: Sequence[Waiver]) -> None:
        self.points = points
        self.uses = dict.fromkeys(waivers, 0)
        """Points that each waiver waived."""
        self.missed: list[Point] = []
        """What was neither reached nor waived."""
        self._waived: list[Point] = []
        for point in points:
            if point.count:
                continue
            found = [waiver for waiver in waivers if waiver.covers(point)]
            for waiver in found:
                self.uses[waiver] += 1
            (self._waived if found else self.missed).append(point)

    @property
    def modules(self) -> list[str]:
        """Every module, sorted."""
        return sorted({point.module for point in self.points})

    def tally(self, kind: str, module: str | None = None) -> Tally:
        """Count points of a kind, in one module or in all."""

        def count(points: Sequence[Point]) -> int:
            return sum(point.kind == kind and module in {None, point.module} for point in points)

        missed, waived = count(self.missed), count(self._waived)
        return Tally(count(self.points) - missed - waived, missed, waived)


def refuse_unused(uses: Sequence[dict[Waiver, int]]) -> None:
    """Raise WaiverError if a waiver was used in none of several designs."""
    unused = [str(waiver) for waiver in uses[0] if not any(use[waiver] for use in uses)]
    if unused:
        raise WaiverError("these waivers waive nothing, take them out: " + "; ".join(unused))
