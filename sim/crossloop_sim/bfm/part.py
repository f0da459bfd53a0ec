"""What all bus-functional models have in common: pins with a history, minima with their source, violations with a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Mark = Literal["ds", "krn", "drv", "der", "?"]
"""Where a fact is from: a datasheet, a Linux kernel driver, another public driver, derived from these, unverified."""


@dataclass(frozen=True)
class Minimum:
    """A time that a part needs at least."""

    ps: int
    mark: Mark
    source: str


class Violation(Exception):
    """A pin did what the part's data forbid.

    Parameters
    ----------
    part
        Name of the part.
    what
        Name of the minimum in the part's table, or of the rule.
    time_ps
        When.
    measured_ps, minimum
        What was measured and the minimum; None for a rule that is not a time.
    """

    def __init__(
        self, part: str, what: str, time_ps: int, measured_ps: int | None = None, minimum: Minimum | None = None
    ) -> None:
        self.part, self.what, self.time_ps, self.measured_ps, self.minimum = part, what, time_ps, measured_ps, minimum
        message = f"{part}: {what}"
        if measured_ps is not None and minimum is not None:
            message += f" of {measured_ps / 1000:.3f} ns, at least {minimum.ps / 1000:.3f} ns ({minimum.source} [{minimum.mark}])"
        super().__init__(f"{message}, at {time_ps / 1000:.3f} ns")


class Change(NamedTuple):
    """Something that a part did: an output, a switch, a pin that it drives."""

    time_ps: int
    what: str
    number: int
    value: int | None
    """None: off, high-impedance or open."""


class Part:
    """A part that is fed with edges.

    Parameters
    ----------
    name
        Of the part, for messages.
    pins
        Input pins with their levels before the first edge.
    minima
        The part's table.
    record
        Collect violations in `violations` instead of raising the first.
    """

    def __init__(
        self, name: str, pins: Mapping[str, int], minima: Mapping[str, Minimum], *, record: bool = False
    ) -> None:
        self.name = name
        self.levels = dict(pins)
        self.minima = minima
        self.violations: list[Violation] = []
        self.changes: list[Change] = []
        """What the part did, in order."""
        self.now_ps = 0
        self._record = record
        self._edges: dict[tuple[str, int], int] = {}

    def edge(self, pin: str, time_ps: int, level: int) -> None:
        """Take one edge of a pin.

        Parameters
        ----------
        pin
            Its name.
        time_ps
            When; never before the edge that came last.
        level
            0 or 1; the pin's present level is no edge.
        """
        if pin not in self.levels:
            msg = f"{self.name} has no pin {pin}: it has {', '.join(self.levels)}"
            raise ValueError(msg)
        self.advance(time_ps)
        if self.levels[pin] == level:
            return
        self.levels[pin] = level
        self._changed(pin, level)
        self._edges[pin, level] = time_ps

    def follow(self, edges: Iterable[tuple[str, int, int]]) -> None:
        """Take edges (pin, time in ps, level) in order."""
        for pin, time_ps, level in edges:
            self.edge(pin, time_ps, level)

    def advance(self, time_ps: int) -> None:
        """Let time pass."""
        if time_ps < self.now_ps:
            msg = f"{self.name}: an edge at {time_ps} ps after one at {self.now_ps} ps"
            raise ValueError(msg)
        self.now_ps = time_ps

    def _changed(self, pin: str, level: int) -> None:
        """Check and do what follows from an edge; `last` still gives those before it."""
        raise NotImplementedError

    def last(self, pin: str, level: int) -> int | None:
        """Return the time of the last edge of a pin to `level`; None if there was none."""
        return self._edges.get((pin, level))

    def last_change(self, *pins: str) -> int | None:
        """Return the time of the last edge of any of the pins; None if there was none."""
        edges = [time_ps for (pin, _level), time_ps in self._edges.items() if pin in pins]
        return max(edges, default=None)

    def at_least(self, what: str, since_ps: int | None) -> None:
        """Check the time from `since_ps` (None: long ago) until now against a minimum."""
        minimum = self.minima[what]
        if since_ps is not None and self.now_ps - since_ps < minimum.ps:
            self.violate(Violation(self.name, what, self.now_ps, self.now_ps - since_ps, minimum))

    def forbid(self, rule: str) -> None:
        """Name a rule that has been broken."""
        self.violate(Violation(self.name, rule, self.now_ps))

    def violate(self, violation: Violation) -> None:
        """Raise or record."""
        if not self._record:
            raise violation
        self.violations.append(violation)

    def did(self, what: str, number: int, value: int | None, *, after_ps: int = 0) -> None:
        """Record what the part does."""
        self.changes.append(Change(self.now_ps + after_ps, what, number, value))
