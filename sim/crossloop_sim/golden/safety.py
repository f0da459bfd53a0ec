"""The safety gate and the clock: arming, trips, the dead-man timer, and what the plant gets to see."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import Status, TripCause
from crossloop_sim.events import Events, Kind, PlantSeam
from crossloop_sim.golden.compiled import constant
from crossloop_sim.golden.machine import EVENT_COUNT, NEVER, Machine
from crossloop_sim.golden.pins import enter_safe_state, put_event

_TRIP = constant(Kind.TRIP)


class SafetyGate:
    """Everything that decides whether lines may be driven, and when.

    Attributes
    ----------
    now : int
        Device time in cycles.
    armed, tripped, emergency_stop : bool
        State of the gate and of the stop input.
    trip_cause : TripCause
        The first cause since the last arming.
    dead_man : int
        The dead-man time in cycles; 0 forbids arming.
    host_kicks : bool
        Whether a living host kicks while a program runs, as the library's link does; then no run is too long for the dead-man timer.
    """

    def __init__(self, machine: Machine, plant: PlantSeam, *, host_kicks: bool) -> None:
        self._machine = machine
        self._plant = plant
        self._last_frame = 0
        self._last_token = 0
        self.now = 0
        self.armed = False
        self.tripped = False
        self.trip_cause = TripCause.NONE
        self.emergency_stop = False
        self.dead_man = 0
        self.host_kicks = host_kicks
        enter_safe_state(machine, 0, 0, 0)  # from power-on, without anybody asking for it
        self.flush()

    @property
    def deadline(self) -> int:
        """The cycle in which the dead-man timer trips if no frame comes."""
        return self._last_frame + self.dead_man + 1 if self.armed else NEVER

    def frame_seen(self) -> None:
        """Restart the dead-man timer."""
        self._last_frame = self.now

    def advance(self, cycles: int) -> None:
        """Let time pass."""
        target = self.now + cycles
        deadline = self.deadline
        if deadline <= target:
            self.now = max(self.now, deadline)
            self.trip(TripCause.DEAD_MAN)
        self.now = max(self.now, target)

    def arm(self, token: int) -> Status:
        """Execute an ARM command."""
        if token in {0, self._last_token}:
            return Status.TOKEN_STALE
        if self.emergency_stop:
            return Status.TRIPPED
        if self.dead_man == 0:
            return Status.NOT_ARMED
        self._last_token = token
        if self.tripped:
            put_event(self._machine.scalars, self._machine.events, self.now, _TRIP)
            self.flush()
        self.armed = True
        self.tripped = False
        self.trip_cause = TripCause.NONE
        return Status.OK

    def disarm(self) -> None:
        """Go to the safe state without a trip."""
        self.armed = False
        self._to_safe_state(tripped=False)

    def trip(self, cause: TripCause) -> None:
        """Go to the safe state between runs; the first cause is kept."""
        rises = not self.tripped
        self.latch(cause)
        self._to_safe_state(tripped=rises)

    def latch(self, cause: TripCause) -> None:
        """Note a trip whose safe state is shown already."""
        self.armed = False
        if not self.tripped:
            self.tripped = True
            self.trip_cause = cause

    def set_emergency_stop(self, *, active: bool) -> None:
        """Change the stop input; while it is active the gate is tripped."""
        self.emergency_stop = active
        if active:
            self.trip(TripCause.STOP_INPUT)

    def flush(self) -> None:
        """Hand the collected records to the plant."""
        machine = self._machine
        count = int(machine.scalars[EVENT_COUNT])
        if count:
            machine.scalars[EVENT_COUNT] = 0
            self._plant.apply(machine.events[:count])

    def convert(self, event: Events) -> npt.NDArray[np.int64]:
        """Return the samples of a conversion strobe."""
        return self._plant.convert(event)

    def _to_safe_state(self, *, tripped: bool) -> None:
        self.now = int(enter_safe_state(self._machine, self.now, int(tripped), 0))
        self.flush()
