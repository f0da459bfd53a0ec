"""What a session reports about its device: the safety gate's state and the pulse counters."""

from __future__ import annotations

from dataclasses import dataclass

from crossloop.protocol.errors import TripCause


@dataclass(frozen=True)
class State:
    """What the safety gate says."""

    armed: bool
    """Whether programs may drive lines."""
    tripped: bool
    """Whether the gate has gone to the safe state by itself."""
    stop_input: bool
    """Whether the emergency stop input is active."""
    trip_cause: TripCause
    """The first cause since the last arming."""

    @classmethod
    def of(cls, state: int, cause: int) -> State:
        """Read the registers STATE and TRIP_CAUSE."""
        return cls(bool(state & 1), bool(state & 2), bool(state & 4), TripCause(cause))


@dataclass(frozen=True)
class Counters:
    """Pulses that the device counted since the counters were last cleared."""

    slots: int
    """Slots of coincidence updates."""
    row_pulses: int
    """Row pulses of coincidence updates."""
    column_pulses: int
    """Column pulses of coincidence updates."""
    cell_pulses: int
    """Coincidences: rows fired times columns fired, summed over slots."""
    train_pulses: int
    """Pulses of pulse trains."""
    bad_frames: int
    """Frames that reached the device spoiled; never cleared."""
