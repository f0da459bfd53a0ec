"""The waveform player: a list of pulses, each with its own levels, width and gap, on one cell; one command.

Pulse sweeps, step trains and pairs of spikes are all such lists. Widths and gaps are exact; the shortest gap is what the device needs to
fetch the next pulse. In a build with two taps per cycle widths are whole numbers of taps, and width and gap together of cycles: every pulse
begins with a cycle.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop.dry_run import DryRun, loop_bounds
from crossloop.fabric.assembly import Assembly
from crossloop.fabric.program import FabricProgram
from crossloop.fabric.reading import Reading, drive_cell, read_cell
from crossloop.limits import LimitCodes
from crossloop.operation import check_line
from crossloop.protocol import microops as m
from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import MicroOp, Opcode
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import READOUT_CYCLES, duration_cycles, pulse_gap_min_taps, whole_cycles

STEP_WORDS = 4
"""Words per pulse: row level, column level, width, gap, the last two less what the program adds; afterwards the first is the reading."""
_WIDTH_MAX = 32768


@dataclass(frozen=True)
class Step:
    """One pulse, in codes and taps."""

    row_code: int
    """Level code of the row."""
    column_code: int
    """Level code of the column."""
    width_taps: int
    """How long the gates are on."""
    gap_taps: int
    """From the end of this pulse to the start of the next one."""

    def cycles(self, parameters: Parameters) -> int:
        """Return the cycles from the start of this pulse to the start of the next one."""
        return whole_cycles(self.width_taps + self.gap_taps, parameters)


@dataclass(frozen=True, eq=False)
class Waveform(FabricProgram):
    """The run of a waveform; the steps, and afterwards the readings, are in the vector memory. The result is None."""

    tile: int
    """Which array."""
    cell: tuple[int, int]
    """Row and column."""
    steps: tuple[Step, ...]
    """The pulses in order."""
    reading: Reading | None = None
    """How to read after each pulse; the reading is part of the gap."""

    @property
    def key(self) -> Hashable:
        """What program and duration depend on; the steps travel in the vector memory, but the time follows from them."""
        return (Waveform, self.tile, self.cell, self.reading, self.steps)

    @property
    def first_word(self) -> int:
        """Address of the steps; the words before are scratch."""
        return self.cell[1] + 1

    def overhead_cycles(self, parameters: Parameters) -> int:
        """Return the cycles of a step beside its PULSE, when the program does not wait."""
        program = self.program(parameters)
        begin, end = loop_bounds(program)
        return sum(
            duration_cycles(op, parameters) for op in program[begin + 1 : end + 1] if op.opcode is not Opcode.PULSE
        )

    def words(self, parameters: Parameters) -> NDArray[np.int64]:
        """Return what the vector memory must hold from `first_word` on."""
        overhead = self.overhead_cycles(parameters)
        waits = [
            step.cycles(parameters) - overhead - duration_cycles(_pulse(step.width_taps, parameters), parameters)
            for step in self.steps
        ]
        return np.array(
            [
                (step.row_code, step.column_code, step.width_taps - 1, wait)
                for step, wait in zip(self.steps, waits, strict=True)
            ],
            np.int64,
        ).reshape(-1)

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops."""
        row, column = self.cell
        check_line("tile", self.tile, parameters.tiles)
        check_line("row", row, parameters.rows)
        check_line("column", column, parameters.columns)
        code = Assembly()
        code.add(*drive_cell(self.tile, self.cell))
        code.set("step", self.first_word)
        code.add(m.loop(len(self.steps)))
        for offset, name in enumerate(("row", "column", "width", "gap")):
            code.load(name, offset, "step")
        code.indexed(m.level(Family.ROWS, row, 0), c="row")
        code.indexed(m.level(Family.COLUMNS, column, 0), c="column")
        code.indexed(_pulse(1, parameters), c="width")
        if self.reading is not None:
            code.add(*read_cell(self.cell, self.reading))
            code.load("row", column)
            code.store("row", 0, "step")
        code.indexed(m.wait(0), c="gap")
        code.increase("step", STEP_WORDS)
        code.add(m.next_())
        return code.ops()

    def dry_run(self, parameters: Parameters) -> DryRun:
        """Predict the run exactly."""
        program = self.program(parameters)
        begin, end = loop_bounds(program)
        outside = [*program[: begin + 1], *program[end + 1 :]]
        total = sum(duration_cycles(op, parameters) for op in outside)
        total += sum(step.cycles(parameters) for step in self.steps)
        conversions = len(self.steps) * (self.cell[1] + 1) if self.reading else 0
        count = len(self.steps)
        serial = conversions * (READOUT_CYCLES + parameters.line_cycles)
        return DryRun(total, serial, total / parameters.clock_hz, count, count, 0, conversions)

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse levels, widths and gaps outside the limits, before any of them is given."""
        levels, clock = Levels.of(parameters), Clock.of(parameters)
        overhead = self.overhead_cycles(parameters)
        if not self.steps:
            raise RangeError("a waveform needs at least one step; nothing was pulsed")
        for number, step in enumerate(self.steps):
            for code in (step.row_code, step.column_code):
                limits.check_level(code, levels, f"level of step {number}")
            limits.check_width(step.width_taps, clock, f"width of step {number}")
            _check_times(number, step, overhead, parameters)
        if self.reading is not None:
            limits.check_level(self.reading.code, levels, "read level")
        needed = self.first_word + STEP_WORDS * len(self.steps)
        if needed > parameters.vector_words:
            raise RangeError(
                f"{len(self.steps)} steps take {needed} vector words, this device has {parameters.vector_words}; "
                "split the waveform, nothing was pulsed"
            )


def _check_times(number: int, step: Step, overhead_cycles: int, parameters: Parameters) -> None:
    """Refuse a width that does not fit into a word, and a gap that the program cannot make."""
    taps = parameters.gate_taps
    unit = "cycles" if taps == 1 else "taps"
    width = min(max(step.width_taps, 1), _WIDTH_MAX)
    shortest = (overhead_cycles + duration_cycles(_pulse(width, parameters), parameters)) * taps - width
    longest = shortest + (_WIDTH_MAX - 1) * taps
    if step.width_taps != width or not shortest <= step.gap_taps <= longest:
        raise RangeError(
            f"step {number} has a width of {step.width_taps} and a gap of {step.gap_taps} {unit}; widths must be from 1 to "
            f"{_WIDTH_MAX}, gaps from {shortest} to {longest} {unit}, nothing was pulsed"
        )
    if (step.width_taps + step.gap_taps) % taps:
        raise RangeError(
            f"step {number} has a width of {step.width_taps} and a gap of {step.gap_taps} taps, together no whole number of cycles of "
            f"{taps} taps; the nearest gaps are {step.gap_taps - 1} and {step.gap_taps + 1} taps, nothing was pulsed"
        )


def staircase(start: int, stop: int, step: int, *, width_taps: int, gap_taps: int) -> tuple[Step, ...]:
    """Return pulses whose amplitude goes from start to stop in level codes: half on the row, half inverted on the column."""
    if step == 0 or (stop - start) * step < 0:
        raise RangeError(f"a staircase from {start} to {stop} needs a step towards its end, not {step}")
    return tuple(Step(code, -code, width_taps, gap_taps) for code in range(start, stop + (1 if step > 0 else -1), step))


def spike_pair(
    pre: Sequence[int], post: Sequence[int], delay_slots: int, *, width_taps: int, gap_taps: int
) -> tuple[Step, ...]:
    """Return a pair of spikes in slots: `pre` on the row, and `post` on the column `delay_slots` later (earlier if negative).

    Where they overlap the cell sees their difference, which is what spike-timing-dependent plasticity learns from.
    """
    begin = min(0, delay_slots)
    end = max(len(pre), delay_slots + len(post))
    return tuple(
        Step(_at(pre, slot), _at(post, slot - delay_slots), width_taps, gap_taps) for slot in range(begin, end)
    )


def _pulse(width_taps: int, parameters: Parameters) -> MicroOp:
    return m.pulse(1, width_taps, pulse_gap_min_taps(parameters))


def _at(spike: Sequence[int], slot: int) -> int:
    return int(spike[slot]) if 0 <= slot < len(spike) else 0
