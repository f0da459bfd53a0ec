"""Counted pulses for a block of cells: a signed count for each, one command; the counts travel in the vector memory."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crossloop.dry_run import DryRun, follow
from crossloop.fabric.assembly import Assembly
from crossloop.fabric.line_pulses import LinePulses
from crossloop.fabric.program import FabricProgram
from crossloop.limits import LimitCodes
from crossloop.operation import check_line
from crossloop.protocol import microops as m
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import MicroOp
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family


@dataclass(frozen=True, eq=False)
class CountedPulses(FabricProgram):
    """The run of a block of counted pulses; the counts are used up in the vector memory. The result is None."""

    pulses: LinePulses
    """How the cells of a line are pulsed; its unit is 1, and its digits hold the largest count."""
    tile: int
    """Which array."""
    counts: NDArray[np.int64]
    """Pulses of every cell, shape (lines, values), for lines 0, 1, ... and their cells 0, 1, ...."""
    first_line: int = 0
    """Line of the first row of counts."""

    @property
    def key(self) -> Hashable:
        """What program and duration depend on; the counts travel in the vector memory, but the time follows from them."""
        return (CountedPulses, self.pulses, self.tile, self.first_line, self.counts.shape, self.counts.tobytes())

    @property
    def first_word(self) -> int:
        """Address of the counts; the words before are scratch."""
        return self.pulses.scratch_words

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        check_line("tile", self.tile, parameters.tiles)
        code = Assembly()
        code.add(m.tile(self.tile))
        self.pulses.prepare(code, 0)
        code.set("line", self.first_line)
        code.set("place", 0)
        code.add(m.loop(len(self.counts)))
        self.pulses.give(code, 0, self.first_word, line="line", offset="place")
        code.increase("line")
        code.increase("place", self.pulses.values)
        code.add(m.next_())
        return code.ops()

    def dry_run(self, parameters: Parameters) -> DryRun:
        """Predict the run exactly: the counts are known, and nothing in the program depends on a reading."""
        decisions = [taken for counts in self.counts for taken in self.pulses.decisions(counts)]
        found = follow(self.program(parameters), parameters, iter(decisions))
        # The cells of a line are chosen by their words, so how many lines of that family pulse is not in the program.
        cells = int(np.abs(self.counts).sum()) * (2 if self.pulses.pair else 1)
        if self.pulses.line is Family.ROWS:
            return replace(found, column_pulses=cells)
        return replace(found, row_pulses=cells)

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse what does not fit or would be refused in the middle of the work."""
        pulses = self.pulses
        pulses.check(parameters, limits)
        lines, values = self.counts.shape
        check_line("first line", self.first_line, parameters.lines(pulses.line))
        check_line("last line", self.first_line + lines - 1, parameters.lines(pulses.line))
        largest = (1 << pulses.digits) - 1
        if np.abs(self.counts).max() > largest:
            raise RangeError(
                f"counts must be from {-largest} to {largest} pulses, not {int(np.abs(self.counts).max())}; nothing was pulsed"
            )
        fit = max(0, (parameters.vector_words - self.first_word) // values)
        if lines > fit:
            raise RangeError(
                f"counts of {lines} lines by {values} take {self.first_word + lines * values} vector words, this device has "
                f"{parameters.vector_words}; give at most {fit} lines at a time, nothing was pulsed"
            )
