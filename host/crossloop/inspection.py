"""Looking at a device without changing it, and stopping it: what needs no session."""

from __future__ import annotations

from dataclasses import dataclass

from crossloop.limits import LimitCodes
from crossloop.link import Link
from crossloop.protocol import commands
from crossloop.protocol.errors import CommandError, ProtocolError, Status
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RecordKind, unpack_records
from crossloop.protocol.registers import ACCESS, Access, Register
from crossloop.protocol.transport import Transport
from crossloop.state import State

LIMIT_REGISTERS = tuple(register for register in Register if ACCESS[register] is Access.LIMIT)
"""Registers that hold the limits."""


@dataclass(frozen=True)
class Inspection:
    """What a device says about itself."""

    parameters: Parameters
    """Its build."""
    limits: LimitCodes
    """Limits in force, all 0 if none were written since its reset."""
    state: State
    """Its safety gate."""


def inspect(transport: Transport) -> Inspection:
    """Ask a device who it is; this disarms it, as every opening of a session does."""
    link = Link(transport)
    parameters = link.open()
    return Inspection(
        parameters, LimitCodes.from_registers(read_registers(link, LIMIT_REGISTERS), parameters), read_state(link)
    )


def stop_target(transport: Transport) -> State:
    """Trip the safety gate of a device, whatever it is doing, and return the state it then has."""
    link = Link(transport)
    link.stop()
    link.open()
    return read_state(link)


def read_state(link: Link) -> State:
    """Ask the safety gate for its state."""
    values = read_registers(link, (Register.STATE, Register.TRIP_CAUSE))
    return State.of(values[Register.STATE], values[Register.TRIP_CAUSE])


def read_registers(link: Link, registers: tuple[Register, ...]) -> dict[Register, int]:
    """Read registers, raw 32-bit values.

    Raises
    ------
    CommandError
        If the device refuses.
    ProtocolError
        If its answer lacks one of them.
    """
    reply = link.exchange([b"".join([commands.read_register(register) for register in registers])])[0]
    if reply.status is not Status.OK:
        raise CommandError(reply.status, reply.detail)
    values = {
        Register(record.operation): int.from_bytes(record.data, "little")
        for record in unpack_records(reply.payload)
        if record.kind is RecordKind.REGISTER
    }
    missing = [register.name for register in registers if register not in values]
    if missing:
        raise ProtocolError(f"the reply lacks the registers {missing}; host and gateware are of different releases")
    return values
