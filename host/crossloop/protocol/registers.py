"""Registers: settings, limits and counters of the controller, 32 bits each."""

from __future__ import annotations

from enum import Enum, IntEnum


class Access(Enum):
    """How a register may be used."""

    READ = "read"
    WRITE = "read, write"
    LIMIT = "read, write once"
    CLEAR = "read, any write clears"


class Register(IntEnum):
    """Register addresses."""

    STATE = 0
    """Bit 0 armed, bit 1 tripped, bit 2 emergency stop input active."""
    TRIP_CAUSE = 1
    """The first TripCause since the last arming."""
    LEVEL_MIN = 2
    """Lowest level code that may be written, two's complement."""
    LEVEL_MAX = 3
    """Highest level code that may be written, two's complement."""
    WIDTH_CAP = 4
    """Longest time a pulse gate may be on, in taps (cycles in a build with one tap per cycle), 24 bits."""
    DEAD_MAN = 5
    """Longest silence of the host while armed, in cycles; 0 forbids arming."""
    ROW_SEED = 6
    """Seed of the row streams; writing it restarts them."""
    COLUMN_SEED = 7
    """Seed of the column streams; writing it restarts them."""
    SLOTS = 8
    """Slots of coincidence updates that have passed."""
    ROW_PULSES = 9
    """Row pulses of coincidence updates: rows fired, summed over slots."""
    COLUMN_PULSES = 10
    """Column pulses of coincidence updates: columns fired, summed over slots."""
    CELL_PULSES = 11
    """Coincidences of updates: rows fired times columns fired, summed over slots."""
    TRAIN_PULSES = 12
    """Pulses of PULSE micro-ops that have ended."""
    BAD_FRAMES = 13
    """Frames refused for their CRC, length or kind."""
    GATE_LEVEL_MIN = 14
    """Lowest level code that may be written to a gate line, two's complement."""
    GATE_LEVEL_MAX = 15
    """Highest level code that may be written to a gate line, two's complement."""
    RULES = 16
    """Bits of `Rule`."""
    DUTY_REST = 17
    """Rest that every tap of gate time costs, in sixteenths of a tap, 12 bits; 0: none. No pulse begins before the rest is over."""
    DELIVERED = 18
    """For how many taps the pulse gates were on when they were last on, 24 bits: after a trip, the width that was delivered."""


class Rule(IntEnum):
    """Bits of register RULES."""

    ONE_GATE = 1
    """At most one gate line is in state DRIVE."""


ACCESS: dict[Register, Access] = {
    Register.STATE: Access.READ,
    Register.TRIP_CAUSE: Access.READ,
    Register.LEVEL_MIN: Access.LIMIT,
    Register.LEVEL_MAX: Access.LIMIT,
    Register.WIDTH_CAP: Access.LIMIT,
    Register.DEAD_MAN: Access.LIMIT,
    Register.ROW_SEED: Access.WRITE,
    Register.COLUMN_SEED: Access.WRITE,
    Register.SLOTS: Access.CLEAR,
    Register.ROW_PULSES: Access.CLEAR,
    Register.COLUMN_PULSES: Access.CLEAR,
    Register.CELL_PULSES: Access.CLEAR,
    Register.TRAIN_PULSES: Access.CLEAR,
    Register.BAD_FRAMES: Access.READ,
    Register.GATE_LEVEL_MIN: Access.LIMIT,
    Register.GATE_LEVEL_MAX: Access.LIMIT,
    Register.RULES: Access.LIMIT,
    Register.DUTY_REST: Access.LIMIT,
    Register.DELIVERED: Access.READ,
}
"""Access mode of every register. All are 0 after reset; a limit of 0 lets nothing through.

WIDTH_CAP keeps 24 bits of what is written, RULES 1, DUTY_REST 12, the other registers all 32. A limit that was written
once accepts only the value it has. A level code passes if it is a code of the level DACs and LEVEL_MIN <= code <=
LEVEL_MAX (for gate lines: GATE_LEVEL_MIN and GATE_LEVEL_MAX), compared as signed 32-bit numbers. After a pulse of n
taps all pulse gates must be off for n*DUTY_REST/16 taps before the next one, of whatever micro-op; of a CONVERT, n
is its whole gate time. A tap is a cycle, or half a cycle in a build with two taps per cycle.
"""

WIDTH_BITS = 24
"""Width of pulse-width counters and of WIDTH_CAP in bits."""
DUTY_BITS = 12
"""Width of DUTY_REST in bits."""
DUTY_UNIT = 16
"""DUTY_REST is in this fraction of a tap."""
KEPT_BITS = {Register.WIDTH_CAP: WIDTH_BITS, Register.RULES: 1, Register.DUTY_REST: DUTY_BITS}
"""How many bits of a limit are kept; all 32 of those not named."""
DEAD_MAN_BITS = 32
"""Width of the dead-man timer in bits."""
