"""Programs one after the other in one run: a learning rule behind a settle, with nothing of it visiting the host."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add

from crossloop.dry_run import DryRun
from crossloop.fabric.program import FabricProgram
from crossloop.limits import LimitCodes
from crossloop.protocol.microops import MicroOp, Opcode
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.timing import duration_cycles


@dataclass(frozen=True, eq=False, slots=True)
class Chain(FabricProgram):
    """The run of some programs, in order. They share the vector memory, so each must find there what it needs. The result is None."""

    parts: tuple[FabricProgram, ...]
    """The programs; each begins with TILE, which is left out where it would select the tile that is selected already."""

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return (Chain, *(part.key for part in self.parts))

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops: branches are relative, so programs can be joined."""
        joined: list[MicroOp] = []
        for part in self.parts:
            ops = part.program(parameters)
            joined += ops[_repeats_tile(joined, ops) : -1]
        return (*joined, ops[-1])

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse what one of them refuses."""
        for part in self.parts:
            part.check_data(parameters, limits)

    def dry_run(self, parameters: Parameters) -> DryRun:
        """Predict the run: the sum of the parts', exact if all are."""
        total = reduce(add, [part.dry_run(parameters) for part in self.parts])
        programs = [part.program(parameters) for part in self.parts]
        left_out = [*(program[-1] for program in programs[:-1])]
        for before, after in pairwise(programs):
            left_out += after[: _repeats_tile(before, after)]
        return total.shortened(sum(duration_cycles(op, parameters) for op in left_out), parameters)


def _repeats_tile(before: list[MicroOp] | tuple[MicroOp, ...], after: tuple[MicroOp, ...]) -> int:
    """Return 1 if the first micro-op of `after` selects the tile that the last TILE of `before` has selected, else 0."""
    selected = next((op for op in reversed(before) if op.opcode is Opcode.TILE), None)
    return int(selected == after[0])
