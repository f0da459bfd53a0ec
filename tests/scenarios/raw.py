"""Programs of bare micro-ops as operations, for sequences that no library operation makes."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from crossloop.limits import LimitCodes
from crossloop.operation import Codes, Operation
from crossloop.protocol import commands
from crossloop.protocol.frames import Reply
from crossloop.protocol.microops import MicroOp
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.timing import pulse_gap_min_taps
from crossloop.session import Session


def gap(parameters: Parameters, cycles: int) -> int:
    """Return a gap of so many cycles, or taps, or the shortest that the build allows for both."""
    return max(cycles, pulse_gap_min_taps(parameters))


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


def send_raw(session: Session, *parts: bytes) -> Reply:
    """Send commands as they are: the host library would refuse most of what is offered here."""
    return session.link.exchange([b"".join(parts)])[0]


def run_raw(session: Session, *ops: MicroOp) -> Reply:
    """Load micro-ops to the end of the program memory and run them, past every check of the host."""
    image = b"".join(op.encode() for op in ops)
    address = session.parameters.program_ops - len(ops)
    return send_raw(session, commands.write_program(image, address), commands.run(address))
