"""Programs of bare micro-ops as operations, for sequences that no library operation makes."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from crossloop.limits import LimitCodes
from crossloop.operation import Codes, Operation
from crossloop.protocol.microops import MicroOp
from crossloop.protocol.parameters import Parameters


@dataclass(frozen=True)
class RawProgram(Operation):
    """Micro-ops as they are, after some commands; the result is the list of conversions."""

    micro_ops: tuple[MicroOp, ...]
    before: tuple[bytes, ...] = ()

    @property
    def key(self) -> Hashable:
        return self.micro_ops

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        return self.micro_ops

    def data_commands(self, parameters: Parameters) -> tuple[bytes, ...]:
        return self.before

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        pass

    def result(self, conversions: list[Codes]) -> list[Codes]:
        return conversions
