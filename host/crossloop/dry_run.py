"""What a program will take, known before anything is sent: exact cycles, pulses and conversions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from crossloop.protocol.arithmetic import Condition
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, MicroOp, Opcode, Selection, connected_family, pulse_fields
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import RUN_CYCLES, duration_cycles, serial_cycles


@dataclass(frozen=True)
class DryRun:
    """The prediction of one run; the device takes exactly this."""

    cycles: int
    """Controller cycles of the whole run."""
    serial_cycles: int
    """Part of the cycles in which levels or converter codes move one line at a time; the rest does not depend on the geometry."""
    time_s: float
    """Time of the whole run in seconds."""
    row_pulses: int | None
    """Pulses of PULSE trains on row lines, summed over rows; None when a mask that only the device holds selects the rows."""
    column_pulses: int | None
    """Pulses of PULSE trains on column lines, summed over columns; None as for rows."""
    slots: int
    """Slots of coincidence updates; which lines fire in them is drawn on the device and counted there."""
    conversions: int
    """Converter codes read, one per channel and conversion."""
    exact: bool = True
    """False when the program decides for itself or takes fields from registers: the numbers are then the most it can take, and those of
    a certain array come from the same program on `model:`, see `Session.rehearse`."""

    def __add__(self, other: DryRun) -> DryRun:
        """Return the prediction of two runs, one after the other."""
        return DryRun(
            self.cycles + other.cycles,
            self.serial_cycles + other.serial_cycles,
            self.time_s + other.time_s,
            _sum(self.row_pulses, other.row_pulses),
            _sum(self.column_pulses, other.column_pulses),
            self.slots + other.slots,
            self.conversions + other.conversions,
            self.exact and other.exact,
        )

    def shortened(self, cycles: int, parameters: Parameters) -> DryRun:
        """Return the prediction of a run that leaves out micro-ops of so many cycles, which do nothing."""
        left = self.cycles - cycles
        return replace(self, cycles=left, time_s=left / parameters.clock_hz)


def loop_bounds(program: Sequence[MicroOp]) -> tuple[int, int]:
    """Return the places of the first LOOP and of the first NEXT."""
    opcodes = [op.opcode for op in program]
    return opcodes.index(Opcode.LOOP), opcodes.index(Opcode.NEXT)


def most(once: DryRun, passes: int, further_cycles: int, parameters: Parameters) -> DryRun:
    """Return the most that a deciding program can take: its micro-ops `passes` times, and some cycles beside them."""
    cycles = once.cycles * passes + further_cycles
    return DryRun(
        cycles, once.serial_cycles * passes, cycles / parameters.clock_hz,
        _scale(once.row_pulses, passes), _scale(once.column_pulses, passes), once.slots * passes, once.conversions * passes, exact=False,
    )  # fmt: skip


NOTHING = DryRun(0, 0, 0.0, 0, 0, 0, 0)
"""The prediction of an operation that sends nothing."""


def dry_run(program: Sequence[MicroOp], parameters: Parameters) -> DryRun:
    """Predict a program.

    Parameters
    ----------
    program : sequence of MicroOp
        The program with its HALT.
    parameters : Parameters
        The build it runs on.

    Raises
    ------
    RangeError
        If its loops do not match or are nested too deep, or it has no HALT.
    """
    if not program or program[-1].opcode is not Opcode.HALT:
        raise RangeError("a program must end with HALT; nothing was sent")
    totals = _Totals(parameters)
    repeats = [1]
    for op in program:
        if op.opcode is Opcode.LOOP:
            totals.add(op, repeats[-1])
            repeats.append(repeats[-1] * op.b)
            if len(repeats) - 1 > parameters.loop_depth:
                raise RangeError(
                    f"loops nested {len(repeats) - 1} deep, this device allows {parameters.loop_depth}; nothing was sent"
                )
            continue
        totals.add(op, repeats[-1])
        if op.opcode is Opcode.NEXT:
            if len(repeats) == 1:
                raise RangeError("a NEXT has no LOOP; nothing was sent")
            repeats.pop()
    if len(repeats) > 1:
        raise RangeError("a LOOP has no NEXT; nothing was sent")
    return totals.result()


def follow(program: Sequence[MicroOp], parameters: Parameters, decisions: Iterator[bool]) -> DryRun:
    """Predict a program whose conditional branches are known beforehand, exactly.

    Parameters
    ----------
    program : sequence of MicroOp
        The program with its HALT; no INDEX in it may change a count or a time.
    parameters : Parameters
        The build it runs on.
    decisions : iterator of bool
        Whether each conditional branch is taken, in the order in which the device comes to them.
    """
    totals = _Totals(parameters)
    loops: list[list[int]] = []
    at = 0
    while True:
        op = program[at]
        totals.add(op, 1)
        at += 1
        match op.opcode:
            case Opcode.HALT:
                return replace(totals.result(), exact=True)
            case Opcode.LOOP:
                loops.append([at, op.b])
            case Opcode.NEXT:
                loops[-1][1] -= 1
                if loops[-1][1]:
                    at = loops[-1][0]
                else:
                    loops.pop()
            case Opcode.BRANCH if op.a & 0xF == Condition.ALWAYS or next(decisions):
                at += branch_distance(op) - 1


def branch_distance(op: MicroOp) -> int:
    """Return how many micro-ops a BRANCH goes on from itself."""
    word = op.c >> 16
    return word - ((word & 0x8000) << 1)


@dataclass
class _Totals:
    """Running sums; follows the line states, since only DRIVE lines pulse."""

    parameters: Parameters
    cycles: int = RUN_CYCLES
    serial: int = 0
    slots: int = 0
    conversions: int = 0
    exact: bool = True
    pulses: dict[Family, int | None] = field(default_factory=lambda: dict.fromkeys(Family, 0))
    driven: dict[Family, int | None] = field(default_factory=lambda: dict.fromkeys(Family, 0))

    def add(self, op: MicroOp, times: int) -> None:
        self.cycles += times * duration_cycles(op, self.parameters)
        self.serial += times * serial_cycles(op, self.parameters)
        if op.opcode is Opcode.TILE:
            self.driven = dict.fromkeys(Family, 0)
        elif op.opcode is Opcode.CONNECT:
            family = Family(connected_family(op.a))
            self.driven[family] = self._driven_lines(op, family)
        elif op.opcode is Opcode.PULSE:
            for family in Family:
                self.pulses[family] = _sum(
                    self.pulses[family], _scale(self.driven[family], times * pulse_fields(op)[0])
                )
        elif op.opcode is Opcode.COINCIDE:
            self.slots += times * op.b
        elif op.opcode in {Opcode.CONVERT, Opcode.SAMPLE}:
            self.conversions += times * op.b
        elif op.opcode in {Opcode.BRANCH, Opcode.INDEX}:
            self.exact = False

    def _driven_lines(self, op: MicroOp, family: Family) -> int | None:
        lines = self.parameters.lines(family)
        state, others = LineState(op.a >> 1 & 3), LineState(op.a >> 3 & 3)
        selection = Selection(op.a >> 5 & 3)
        if LineState.DRIVE not in {state, others}:
            return 0
        if selection is Selection.SIGNED:
            return lines if state is others else None
        selected = {Selection.ALL: lines, Selection.ONE: 1, Selection.FIRST: op.b}[selection]
        return selected * (state is LineState.DRIVE) + (lines - selected) * (others is LineState.DRIVE)

    def result(self) -> DryRun:
        return DryRun(
            self.cycles, self.serial, self.cycles / self.parameters.clock_hz,
            self.pulses[Family.ROWS], self.pulses[Family.COLUMNS], self.slots, self.conversions,
            self.exact,
        )  # fmt: skip


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _scale(a: int | None, factor: int) -> int | None:
    return None if a is None else a * factor
