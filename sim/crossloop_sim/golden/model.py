"""The golden model: one controller, from raw serial bytes to what the plant sees."""

from __future__ import annotations

from crossloop.protocol.errors import TripCause
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import Register
from crossloop_sim.events import PlantSeam
from crossloop_sim.golden.dispatcher import Dispatcher
from crossloop_sim.golden.link import Link
from crossloop_sim.golden.machine import COMPLIANCE, reset_machine
from crossloop_sim.golden.registers import RegisterFile
from crossloop_sim.golden.safety import SafetyGate
from crossloop_sim.golden.sequencer import Sequencer


class GoldenModel:
    """Python execution of the wire protocol, bit-exact with the gateware.

    A byte takes one cycle to arrive; a program runs from the cycle in which its request is executed, in no time of the caller's. What a
    transcript compares are cycles from the start of a run, and those are the contract's.

    Parameters
    ----------
    parameters : Parameters
        The build.
    plant : PlantSeam
        Takes event records (crossloop_sim.events) and answers conversions.
    host_kicks : bool
        Whether a living host is taken to kick the dead-man timer while a program runs: a run is over before the caller could.
    """

    def __init__(self, parameters: Parameters, plant: PlantSeam, *, host_kicks: bool = False) -> None:
        machine = self._machine = reset_machine(parameters)
        self._gate = SafetyGate(machine, plant, host_kicks=host_kicks)
        self._registers = RegisterFile(parameters, machine, self._gate)
        sequencer = Sequencer(parameters, machine, self._gate)
        dispatcher = Dispatcher(parameters, machine, self._gate, self._registers, sequencer)
        self._link = Link(parameters, self._gate, self._registers, dispatcher)

    def receive(self, data: bytes) -> bytes:
        """Feed raw bytes of the serial line, cut anywhere, garbage included; return the bytes that the device sends."""
        self._gate.advance(len(data))
        answer = self._link.receive(data)
        self._gate.flush()  # once for all runs: every call of the plant has its price
        return answer

    def advance(self, cycles: int) -> None:
        """Let device time pass without bytes."""
        self._gate.advance(cycles)

    def set_emergency_stop(self, active: bool) -> None:  # noqa: FBT001
        """Set the emergency stop input."""
        self._gate.set_emergency_stop(active=active)

    def set_compliance(self, active: bool) -> None:  # noqa: FBT001
        """Set the compliance input; while it is active, a pulse ends in the cycle after its first."""
        self._machine.scalars[COMPLIANCE] = int(active)

    @property
    def cycle(self) -> int:
        """Device time since reset in cycles."""
        return self._gate.now

    @property
    def registers(self) -> dict[Register, int]:
        """Values of all registers, 0 to 2**32 - 1."""
        return {register: self._registers.read(register) for register in Register}

    @property
    def armed(self) -> bool:
        """Whether programs may run."""
        return self._gate.armed

    @property
    def tripped(self) -> bool:
        """Whether the safety gate is latched in the safe state."""
        return self._gate.tripped

    @property
    def trip_cause(self) -> TripCause:
        """The first cause of a trip since the last arming."""
        return self._gate.trip_cause
