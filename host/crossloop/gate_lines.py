"""Gate lines of arrays whose cells have transistors: which are on while an operation runs that does not care about them itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from crossloop.dry_run import branch_distance
from crossloop.protocol import microops as m
from crossloop.protocol.microops import LineState, MicroOp, Opcode, Selection, connected_family
from crossloop.protocol.parameters import ALL_LINES, GateLines, Parameters
from crossloop.protocol.streams import Family


def gate_line_of(row: int, column: int, parameters: Parameters) -> int:
    """Return the number of a cell's gate line."""
    return row if parameters.gate_lines == GateLines.ROWS else column


def with_gates_on(
    program: Sequence[MicroOp], parameters: Parameters, code: int, line: int | None = None
) -> tuple[MicroOp, ...]:
    """Return a program with the gate lines driven from each TILE on, which lets them float: all of them, or one.

    Parameters
    ----------
    program : sequence of MicroOp
        A program that begins with TILE. One that connects gate lines itself, or of a build without any, comes back as it is.
    parameters : Parameters
        The build.
    code : int
        Level code of the gate lines.
    line : int, optional
        The only gate line to drive.
    """
    if not parameters.gate_lines or not program or program[0].opcode is not Opcode.TILE or _connects_gates(program):
        return tuple(program)
    everything = line is None
    on = (
        m.level(Family.GATES, ALL_LINES if line is None else line, code),
        m.connect(
            Family.GATES, LineState.DRIVE, selection=Selection.ALL if everything else Selection.ONE, index=line or 0
        ),
    )
    places = list(accumulate((len(on) + 1 if op.opcode is Opcode.TILE else 1 for op in program), initial=0))
    grown: list[MicroOp] = []
    for at, op in enumerate(program):
        if op.opcode is Opcode.BRANCH:
            distance = places[at + branch_distance(op)] - places[at]
            grown.append(replace(op, c=op.c & 0xFFFF | (distance & 0xFFFF) << 16))
        else:
            grown += (op, *on) if op.opcode is Opcode.TILE else (op,)
    return tuple(grown)


def _connects_gates(program: Sequence[MicroOp]) -> bool:
    return any(op.opcode is Opcode.CONNECT and connected_family(op.a) == Family.GATES for op in program)
