"""Commands: what a request's payload is made of. A 6-byte header, then data whose length follows from the header.

Checks come in this order, and the first that fails decides: the 6 bytes of the header are there (COMMAND_TRUNCATED),
the opcode is known (UNKNOWN_COMMAND), the header's bank, register and range are inside the device (ADDRESS_RANGE), the
register can be written (READ_ONLY), the data are all there (COMMAND_TRUNCATED), what the command itself asks for. A
command that is refused has changed nothing. Records that do not fit into the reply any more are REPLY_FULL; RUN needs
the room of its DONE record before it starts.
"""

from __future__ import annotations

import struct
from enum import IntEnum

COMMAND_HEADER = struct.Struct("<BBHH")
"""opcode u8, argument u8, count u16, address u16."""


class Command(IntEnum):
    """Opcode of a command. `argument`, `count` and `address` are the header's fields; fields not named must be 0."""

    WRITE_REGISTER = 1
    """Write the register `argument`; data: value u32."""
    READ_REGISTER = 2
    """Append a REGISTER record of the register `argument`."""
    WRITE_BYTES = 3
    """Write `count` bytes to bank `argument`; in the vector bank sign-extended to words from `address` on."""
    WRITE_WORDS = 4
    """Write `count` 16-bit words to the vector bank from `address` on."""
    READ_WORDS = 5
    """Append a WORDS record of `count` vector words from `address` on."""
    WRITE_PROGRAM = 6
    """Write `count` micro-ops of 8 bytes to the program memory from `address` on."""
    RUN = 7
    """Run the program at `address` until its HALT, appending its records and a DONE record.

    TRIPPED while tripped, else NOT_ARMED while not armed, both without a DONE record. A run that ends with a fault or
    a trip has a DONE record, and the reply has the status of its flags.
    """
    ARM = 8
    """Arm the outputs with the token `count` (1 to 65535, not that of the last successful arming).

    Clears a latched trip whose cause is gone. Refused with TOKEN_STALE (also for token 0), else TRIPPED while the
    emergency stop input is active, else NOT_ARMED while DEAD_MAN is 0.
    """
    DISARM = 9
    """Go to the safe state: pulse gates off, then every line to ground."""


class Bank(IntEnum):
    """Where WRITE_BYTES puts its bytes."""

    VECTOR = 0
    """The vector memory: levels."""
    ROW_STREAMS = 1
    """Row firing probabilities: bits 6..0 magnitude m (probability m/128), bit 7 sign.

    The bank is cleared, then each byte shifts the earlier ones one line up: bytes are sent highest line first, lines not sent are 0.
    More bytes than lines are ADDRESS_RANGE; `address` is not used.
    """
    COLUMN_STREAMS = 2
    """Column firing probabilities, as ROW_STREAMS."""


COMMAND_DATA_BYTES: dict[Command, int] = {
    Command.WRITE_REGISTER: 4,
}
"""Data bytes of commands with a fixed number; WRITE_BYTES has `count`, WRITE_WORDS 2*count, WRITE_PROGRAM 8*count, the rest none."""


def write_register(register: int, value: int) -> bytes:
    """Return a WRITE_REGISTER command; negative values are sent in two's complement."""
    return COMMAND_HEADER.pack(Command.WRITE_REGISTER, register, 0, 0) + struct.pack("<I", value & 0xFFFFFFFF)


def read_register(register: int) -> bytes:
    """Return a READ_REGISTER command."""
    return COMMAND_HEADER.pack(Command.READ_REGISTER, register, 0, 0)


def write_bytes(bank: int, data: bytes, address: int = 0) -> bytes:
    """Return a WRITE_BYTES command."""
    return COMMAND_HEADER.pack(Command.WRITE_BYTES, bank, len(data), address) + data


def write_words(data: bytes, address: int = 0) -> bytes:
    """Return a WRITE_WORDS command; `data` holds little-endian 16-bit words."""
    return COMMAND_HEADER.pack(Command.WRITE_WORDS, Bank.VECTOR, len(data) // 2, address) + data


def read_words(count: int, address: int = 0) -> bytes:
    """Return a READ_WORDS command."""
    return COMMAND_HEADER.pack(Command.READ_WORDS, 0, count, address)


def write_program(image: bytes, address: int) -> bytes:
    """Return a WRITE_PROGRAM command; `image` holds encoded micro-ops of 8 bytes."""
    return COMMAND_HEADER.pack(Command.WRITE_PROGRAM, 0, len(image) // 8, address) + image


def run(address: int) -> bytes:
    """Return a RUN command."""
    return COMMAND_HEADER.pack(Command.RUN, 0, 0, address)


def arm(token: int) -> bytes:
    """Return an ARM command."""
    return COMMAND_HEADER.pack(Command.ARM, 0, token, 0)


def disarm() -> bytes:
    """Return a DISARM command."""
    return COMMAND_HEADER.pack(Command.DISARM, 0, 0, 0)
