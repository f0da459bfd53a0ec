"""What stands behind a simulated target: plant, transcript and figures. The host library never needs it; tests and reports do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crossloop.protocol.errors import LinkError
from crossloop.protocol.parameters import Parameters
from crossloop_sim.emulated import ArrayInside, EmulatedArray
from crossloop_sim.events import PlantSeam
from crossloop_sim.plant import Plant
from crossloop_sim.transcript import RecordingPlant, Transcript
from crossloop_sim.url import TargetSettings

Progress = Callable[[str], None]
"""Is called with a sentence when a slow step begins, so that a command line can show it."""


class World:
    """The simulated analog world and what is known about the simulation.

    Parameters
    ----------
    settings : TargetSettings
        What the URL asked for.
    gateware : bool
        Whether the gateware itself is simulated, with what its front end has inside.
    """

    def __init__(self, settings: TargetSettings, *, gateware: bool = False) -> None:
        self.parameters: Parameters = settings.parameters
        """The controller's build."""
        self.plant: Any = _plant(settings, gateware=gateware)
        """The plant: conductances, ledger. With the emulated front end, its integer model, or what stands for the one in the gateware."""
        self.transcript = Transcript(settings.parameters) if settings.transcript else None
        """Both seams since the target was opened, if the URL asked for it."""
        self.seam: PlantSeam = self.plant if self.transcript is None else RecordingPlant(self.plant, self.transcript)
        """What the controller's pins are connected to."""
        self._figures: Callable[[], dict[str, Any]] = dict
        self._advance: Callable[[int], None] | None = None
        self._set_compliance: Callable[[bool], None] | None = None
        self._set_emergency_stop: Callable[[bool], None] | None = None

    @property
    def keeps_ledger(self) -> bool:
        """Whether the pulses of every cell are counted; nobody counts those of an array inside the gateware."""
        return not isinstance(self.plant, ArrayInside)

    def attach(
        self,
        figures: Callable[[], dict[str, Any]],
        advance: Callable[[int], None],
        set_compliance: Callable[[bool], None] | None = None,
        set_emergency_stop: Callable[[bool], None] | None = None,
    ) -> None:
        """Tell how the controller reports figures, lets device time pass, and hears of too high a current or of the stop button."""
        self._figures = figures
        self._advance = advance
        self._set_compliance = set_compliance
        self._set_emergency_stop = set_emergency_stop

    def set_compliance(self, *, active: bool) -> None:
        """Set the compliance input of the controller: a comparator of the front end says that a current is too high."""
        if self._set_compliance is None:
            raise LinkError("the compliance input of this target cannot be set from here")
        self._set_compliance(active)

    def set_emergency_stop(self, *, active: bool) -> None:
        """Set the emergency stop input of the controller: somebody presses the button, or releases it."""
        if self._set_emergency_stop is None:
            raise LinkError("the emergency stop input of this target cannot be set from here")
        self._set_emergency_stop(active)

    def statistics(self) -> dict[str, Any]:
        """Return figures of the simulation.

        Returns
        -------
        dict
            `engine` (name), `cycles` (device cycles simulated), `run_s` (wall time spent simulating, plant included), `plant_s` (wall time
            in the plant), `cycles_per_s`, `compile_s` (0 if nothing is compiled), `cached` (whether a stored build was used).
        """
        figures: dict[str, Any] = {"compile_s": 0.0, "cached": True, **self._figures(), "plant_s": self.plant.seconds}
        figures["cycles_per_s"] = figures["cycles"] / figures["run_s"] if figures["run_s"] > 0 else 0.0
        return figures

    def advance(self, cycles: int) -> None:
        """Let device time pass, in cycles, without bytes from the host; no program may run meanwhile."""
        if self._advance is None:
            raise LinkError("the simulated device is not running; open the target again")
        self._advance(cycles)
        self.plant.rest(cycles)


def _plant(settings: TargetSettings, *, gateware: bool) -> Plant | EmulatedArray | ArrayInside:
    """Return what the controller's pins are connected to."""
    if settings.parameters.frontend != "emulated":
        return Plant(settings.parameters, settings.plant)
    return ArrayInside(settings.parameters) if gateware else EmulatedArray(settings.parameters)


class SimulatedTransport:
    """The byte link to a simulated controller: what all of them share.

    Parameters
    ----------
    url : str
        The target's URL.
    world : World
        What stands behind it.
    """

    simulated = True

    def __init__(self, url: str, world: World) -> None:
        self.name = url
        self.world = world
        self._closed = False

    def write(self, data: bytes) -> None:
        """Send bytes to the controller; raises LinkError after `close`."""
        self._check_open()
        if self.world.transcript is not None:
            self.world.transcript.sent(data)
        self._send(bytes(data))

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived; b'' once `timeout_s` seconds of device time have passed. Raises LinkError after `close`."""
        self._check_open()
        data = self._receive(round(timeout_s * self.world.parameters.clock_hz))
        if self.world.transcript is not None:
            self.world.transcript.received(data)
        return data

    def close(self) -> None:
        """Release the link. Device time ends with it, so nothing is pulsed any more."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise LinkError(f"the link to {self.name} is closed; open it again with crossloop.connect()")

    def _send(self, data: bytes) -> None:
        raise NotImplementedError

    def _receive(self, cycles: int) -> bytes:
        raise NotImplementedError
