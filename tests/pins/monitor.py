"""A monitor of the pins: follows the entries of a transcript and names the first safety property that one of them breaks.

Written from docs/reference alone. The lines' states are FLOAT 0, GROUND 1, DRIVE 2, SENSE 3, in two bit planes per family.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from crossloop_sim.transcript import Entry


@dataclass
class Monitor:
    """Checks one session.

    Parameters
    ----------
    lines
        Rows, columns and gate lines of the build.
    break_cycles, dead_cycles
        Of the build.
    windows
        Lowest and highest level code of each family.
    width_cap, duty_rest, one_gate
        The other limits in force.
    """

    lines: tuple[int, int, int]
    break_cycles: int
    windows: tuple[tuple[int, int], ...]
    width_cap: int
    dead_cycles: int = 4
    duty_rest: int = 0
    one_gate: bool = False
    gate_taps: int = 1
    """Taps per cycle of the build; width_cap and duty_rest are in taps."""
    states: tuple[int, ...] = (0,) * 6
    gates: tuple[int, ...] = (0,) * 3
    gates_since: int | None = None
    """Tap since which gates have been on."""
    rested: tuple[int, int, int] | None = None
    """Run and tap in which gates last went off, and for how many taps they had been on."""
    tripped: bool = False
    floats_since: dict[tuple[int, int], tuple[int, int | None]] = field(default_factory=dict)
    """Run and cycle in which a line began to float."""
    pulses: int = 0
    """Times that gates went on."""
    trips: int = 0

    def follow(self, entries: Iterable[Entry]) -> None:
        """Check entries in order; AssertionError with the entry and the property it breaks."""
        for entry in entries:
            check = getattr(self, f"_{entry.what.lower()}", None)
            if check is not None:
                check(entry)
        assert not any(self.gates), "gates are on at the end"

    def _state(self, family: int, line: int, states: tuple[int, ...] | None = None) -> int:
        planes = self.states if states is None else states
        return (planes[2 * family] >> line & 1) | (planes[2 * family + 1] >> line & 1) << 1

    def _trip(self, entry: Entry) -> None:
        self.tripped = bool(entry.values[0])
        self.trips += self.tripped

    def _level(self, entry: Entry) -> None:
        assert not any(self.gates), f"level changes while a gate is on: {entry}"
        family, _line, code = entry.values
        low, high = self.windows[family]
        assert low <= code <= high, f"level outside the window: {entry}"
        if self.rested and self.rested[0] == entry.run and entry.cycle is not None:
            since = entry.cycle * self.gate_taps - self.rested[1]
            assert since >= self.dead_cycles * self.gate_taps, f"level changes in the dead time: {entry}"

    def _tile(self, entry: Entry) -> None:
        assert not any(self.gates), f"tile changes while a gate is on: {entry}"
        assert not any(self.states), f"tile changes while a line is tied: {entry}"

    def _states(self, entry: Entry) -> None:
        assert not any(self.gates), f"line states change while a gate is on: {entry}"
        for family, lines in enumerate(self.lines):
            for line in range(lines):
                before, after = self._state(family, line), self._state(family, line, entry.values)
                if before != after:
                    self._changed(family, line, before, after, entry)
        self.states = entry.values
        driven = sum(self._state(2, line) == 2 for line in range(self.lines[2]))
        assert not (self.one_gate and driven > 1), f"{driven} gate lines are driven: {entry}"

    def _changed(self, family: int, line: int, before: int, after: int, entry: Entry) -> None:
        place = (family, line)
        if after == 0:
            self.floats_since[place] = (entry.run, entry.cycle)
            return
        assert before == 0, f"line {place} goes from {before} to {after} without a break: {entry}"
        assert not (self.tripped and after != 1), f"line {place} is tied to {after} while tripped: {entry}"
        run, since = self.floats_since.get(place, (0, None))
        # Cycles count from the start of a run; what happens between runs has none.
        if since is not None and entry.cycle is not None and run == entry.run:
            assert entry.cycle - since >= self.break_cycles, f"line {place} floats for too short a time: {entry}"

    def _gates(self, entry: Entry) -> None:
        for family, lines in enumerate(self.lines):
            for line in range(lines):
                if entry.values[family] >> line & 1:
                    assert self._state(family, line) == 2, f"gate of line {line} is on, its state is not DRIVE: {entry}"
        tap = None if entry.cycle is None else entry.cycle * self.gate_taps + entry.tap
        if any(entry.values):
            assert not self.tripped, f"a gate goes on while tripped: {entry}"
            assert entry.cycle is not None, f"a gate goes on between runs: {entry}"
            if not any(self.gates):
                self.gates_since = tap
                self.pulses += 1
                self._check_rest(entry, tap)
        elif any(self.gates) and tap is not None and self.gates_since is not None:
            width = tap - self.gates_since
            assert width <= self.width_cap, f"gates were on for {width} taps: {entry}"
            self.rested = (entry.run, tap, width)
        self.gates = entry.values

    def _check_rest(self, entry: Entry, tap: int | None) -> None:
        """A pulse of n taps is followed by a rest of n*duty_rest/16 at least, and by a whole cycle."""
        if self.rested and self.rested[0] == entry.run:
            _run, ended, width = self.rested
            assert tap is not None
            assert 16 * (tap - ended) >= width * self.duty_rest, f"rest after {width} taps is too short: {entry}"
            whole = tap // self.gate_taps - -(-ended // self.gate_taps)
            assert whole >= 1, f"no whole cycle lies between two pulses: {entry}"
