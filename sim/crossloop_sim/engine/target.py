"""The compiled gateware as a target: bytes in and out, the plant at its pins."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crossloop.protocol.front_ends import REFERENCE
from crossloop.protocol.manifest import Manifest
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.parts.reference import power_up_cycles
from crossloop.protocol.timing import SAFE_OFFSET
from crossloop_sim.engine.build import EngineName, NativeDesign, Progress, build_native
from crossloop_sim.engine.components import component
from crossloop_sim.engine.gates.build import Level, build_board, build_gates
from crossloop_sim.engine.pin_log import PinLog
from crossloop_sim.engine.reference import probe_layout
from crossloop_sim.engine.simulation import Reason
from crossloop_sim.events import Events, Kind
from crossloop_sim.url import TargetSettings
from crossloop_sim.world import SimulatedTransport, World

DEFAULT_ENGINE = "native"
DEFAULT_DIVISOR = 16
"""Clock cycles per bit of the UART."""
POWER_UP_MARGIN = 16
"""Cycles beyond a board's reset, or until its lines are at ground, until the controller surely hears the host."""


_designs: dict[tuple[Parameters, int | None, EngineName | Level, bool], NativeDesign] = {}
"""Designs that this process has built or taken from the cache: elaborating one takes seconds."""


def _design(
    parameters: Parameters, divisor: int | None, engine: EngineName | Level, progress: Progress | None, *, probe: bool
) -> NativeDesign:
    key = (parameters, divisor, engine, probe)
    if key not in _designs:
        made = component(parameters, divisor, probe=probe)
        if engine == "netlist" or engine == "bitstream":  # noqa: PLR1714 - so that mypy follows
            _designs[key] = build_gates(made, engine, progress)
        else:
            _designs[key] = build_native(made, engine=engine, garbage=engine == "native", progress=progress)
    return _designs[key]


def _power_up_cycles(parameters: Parameters) -> int:
    """Return a number of cycles after which the parts, if any, are configured and every line is at ground."""
    configured = power_up_cycles(parameters) if parameters.frontend in REFERENCE else 0
    return configured + SAFE_OFFSET + parameters.break_cycles + POWER_UP_MARGIN


class RtlTransport(SimulatedTransport):
    """The gateware, or the gates that were made of it, compiled to native code, and the plant.

    Device time passes only inside `read` and `advance`. Python runs only when the design asks for samples, has sent a frame, or has
    filled the event buffer.

    Parameters
    ----------
    settings : TargetSettings
        What the URL asked for; options `engine`, `link`, `divisor`, `pins`.
    world : World
        What stands behind it.
    progress : callable, optional
        Called with a few words when a slow step of the build begins.
    """

    def __init__(self, settings: TargetSettings, world: World, progress: Progress | None = None) -> None:
        super().__init__(settings.url, world)
        divisor: int | None = None
        if settings.options.get("link", "bytes") == "uart":
            divisor = settings.options.get("divisor", DEFAULT_DIVISOR)
        probe = settings.options.get("pins", False)
        self.pins = PinLog(probe_layout(settings.parameters), settings.parameters.clock_hz) if probe else None
        """The pins of the front end, if the URL asked for them."""
        self.design = self._make(settings, divisor, progress)
        self.simulation = self.design.instantiate(divisor=divisor)
        self._run_s = 0.0
        self._cycles = 0
        self._begin = 0
        """The first cycle of the session."""
        self._power_up(_power_up_cycles(settings.parameters))
        world.attach(self._figures, self._advance, self.simulation.set_compliance, self.simulation.set_emergency_stop)

    def _make(self, settings: TargetSettings, divisor: int | None, progress: Progress | None) -> NativeDesign:
        """Return the compiled design."""
        options = settings.options
        engine, probe = options.get("engine", DEFAULT_ENGINE), options.get("pins", False)
        return _design(settings.parameters, divisor, engine, progress, probe=probe)

    def close(self) -> None:
        """Release the link and the simulation. Device time ends with it, so nothing is pulsed any more."""
        super().close()
        self.simulation.close()

    def _figures(self) -> dict[str, Any]:
        return {
            "engine": self.design.engine,
            "compiler": self.design.compiler,
            "elaborate_s": self.design.elaborate_s,
            "compile_s": self.design.compile_s,
            "cached": self.design.cached,
            "cycles": self._cycles,
            "run_s": self._run_s,
        }

    def _send(self, data: bytes) -> None:
        self.simulation.send(data)

    def _receive(self, cycles: int) -> bytes:
        self._run(cycles, stop_on_frame=True)
        return self.simulation.take_bytes()

    def _advance(self, cycles: int) -> None:
        self._run(cycles, stop_on_frame=False)

    def _power_up(self, cycles: int) -> None:
        """Let lines go to ground, and the front end configure its parts: what they show is the state that a session begins with."""
        self.simulation.run(cycles, stop_on_frame=False)
        for event in self.simulation.events():
            # What configuring parts looks like belongs to the front end, not to the session; where the lines are belongs to it.
            (self.world.seam if event[1] == Kind.STATES else self.world.plant).apply(event[np.newaxis])
        self._begin = self.simulation.cycle
        self._log_pins()

    def _log_pins(self) -> None:
        if self.pins:
            self.pins.take(self.simulation.probes())

    def _run(self, cycles: int, *, stop_on_frame: bool) -> None:
        """Step the design until it has sent a frame or the cycles are over, and serve the plant."""
        begin = time.perf_counter()
        simulation, plant = self.simulation, self.world.seam
        end = simulation.cycle + cycles
        while True:
            reason = simulation.run(end - simulation.cycle, stop_on_frame=stop_on_frame)
            events = simulation.events()
            self._log_pins()
            if reason is Reason.CONVERSION:
                self._convert(events)
                continue
            if len(events):
                plant.apply(events)
            if reason is not Reason.EVENTS_FULL:
                break
        self._cycles = simulation.cycle - self._begin
        self._run_s += time.perf_counter() - begin

    def _convert(self, events: Events) -> None:
        """Answer the conversion that is the last of the events."""
        answer: npt.ArrayLike = np.zeros(int(events[-1, 3]), np.int64)
        try:
            self.world.seam.apply(events[:-1])
            answer = self.world.seam.convert(events[-1])
        finally:
            # Also when the user interrupts: the design waits for samples, and must be able to go to its safe state afterwards.
            self.simulation.give_samples(answer)


class BoardTransport(RtlTransport):
    """The netlist that a board's bitstream says.

    Parameters
    ----------
    settings, world, progress
        As for `RtlTransport`.
    manifest : Manifest
        What is known of the bitstream.
    folder : Path
        Where it is.
    """

    def __init__(
        self, settings: TargetSettings, world: World, manifest: Manifest, folder: Path, progress: Progress | None = None
    ) -> None:
        self._manifest, self._folder = manifest, folder
        super().__init__(settings, world, progress)
        # The controller hears nothing while it is held in reset.
        self._power_up(manifest.reset_cycles + POWER_UP_MARGIN)

    def _make(self, settings: TargetSettings, divisor: int | None, progress: Progress | None) -> NativeDesign:  # noqa: ARG002
        return build_board(self._manifest, self._folder, progress)
