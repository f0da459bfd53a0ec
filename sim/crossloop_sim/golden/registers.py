"""The register file."""

from __future__ import annotations

from crossloop.protocol.errors import Status
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import ACCESS, KEPT_BITS, Access, Register
from crossloop.protocol.streams import Family
from crossloop_sim.golden.machine import (
    CELL_PULSES,
    COLUMN_PULSES,
    DELIVERED,
    DUTY_REST,
    GATE_LEVEL_MAX,
    GATE_LEVEL_MIN,
    LEVEL_MAX,
    LEVEL_MIN,
    ROW_PULSES,
    RULES,
    SLOTS,
    TRAIN_PULSES,
    WIDTH_CAP,
    Machine,
    seed_lanes,
)
from crossloop_sim.golden.safety import SafetyGate

_COUNTERS = {
    Register.SLOTS: SLOTS,
    Register.ROW_PULSES: ROW_PULSES,
    Register.COLUMN_PULSES: COLUMN_PULSES,
    Register.CELL_PULSES: CELL_PULSES,
    Register.TRAIN_PULSES: TRAIN_PULSES,
}
_MASK = 0xFFFFFFFF


def _signed(value: int) -> int:
    return value - ((value & 0x80000000) << 1)


class RegisterFile:
    """Registers as commands see them.

    Attributes
    ----------
    bad_frames : int
        The link's count of refused frames.
    """

    def __init__(self, parameters: Parameters, machine: Machine, gate: SafetyGate) -> None:
        self._parameters = parameters
        self._machine = machine
        self._gate = gate
        self._values = dict.fromkeys(Register, 0)
        self._locked: set[Register] = set()
        self.bad_frames = 0

    def read(self, register: Register) -> int:
        """Return a register's value, 0 to 2**32 - 1."""
        gate = self._gate
        match register:
            case Register.STATE:
                return int(gate.armed) | int(gate.tripped) << 1 | int(gate.emergency_stop) << 2
            case Register.TRIP_CAUSE:
                return int(gate.trip_cause)
            case Register.DELIVERED:
                return int(self._machine.scalars[DELIVERED])
            case Register.BAD_FRAMES:
                return self.bad_frames & _MASK
            case _ if register in _COUNTERS:
                return int(self._machine.scalars[_COUNTERS[register]]) & _MASK
            case _:
                return self._values[register]

    def write(self, register: Register, value: int) -> Status:
        """Write a register that is not read-only."""
        if register in _COUNTERS:
            self._machine.scalars[_COUNTERS[register]] = 0
            return Status.OK
        if register in KEPT_BITS:
            value &= (1 << KEPT_BITS[register]) - 1
        if ACCESS[register] is Access.LIMIT:
            if register in self._locked and value != self._values[register]:
                return Status.LIMIT_LOCKED
            self._locked.add(register)
        self._values[register] = value
        self._take_effect(register, value)
        return Status.OK

    def _take_effect(self, register: Register, value: int) -> None:
        scalars = self._machine.scalars
        match register:
            case Register.LEVEL_MIN:
                scalars[LEVEL_MIN] = _signed(value)
            case Register.LEVEL_MAX:
                scalars[LEVEL_MAX] = _signed(value)
            case Register.GATE_LEVEL_MIN:
                scalars[GATE_LEVEL_MIN] = _signed(value)
            case Register.GATE_LEVEL_MAX:
                scalars[GATE_LEVEL_MAX] = _signed(value)
            case Register.WIDTH_CAP:
                scalars[WIDTH_CAP] = value
            case Register.RULES:
                scalars[RULES] = value
            case Register.DUTY_REST:
                scalars[DUTY_REST] = value
            case Register.DEAD_MAN:
                self._gate.dead_man = value
            case Register.ROW_SEED:
                seed_lanes(self._machine, Family.ROWS, self._parameters.rows, value)
            case Register.COLUMN_SEED:
                seed_lanes(self._machine, Family.COLUMNS, self._parameters.columns, value)
