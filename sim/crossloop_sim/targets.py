"""The simulated targets `model:` and `rtl:`, as the host's entry points open them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossloop.protocol.errors import TargetError
from crossloop.protocol.front_ends import REFERENCE
from crossloop.protocol.manifest import Manifest
from crossloop.protocol.parameters import Parameters
from crossloop_sim.golden import GoldenModel
from crossloop_sim.url import Reader, parse_url
from crossloop_sim.world import Progress, SimulatedTransport, World

if TYPE_CHECKING:
    from crossloop_sim.engine.target import RtlTransport


class ModelTransport(SimulatedTransport):
    """The golden model and the plant, in this process.

    Parameters
    ----------
    url : str
        The target's URL.
    world : World
        What stands behind it.
    """

    def __init__(self, url: str, world: World) -> None:
        super().__init__(url, world)
        self.controller = GoldenModel(world.parameters, world.seam, host_kicks=True)
        self._arrived = bytearray()
        self._run_s = 0.0
        world.attach(self._figures, self._advance, self.controller.set_compliance, self.controller.set_emergency_stop)

    def _figures(self) -> dict[str, Any]:
        return {"engine": "golden model", "cycles": self.controller.cycle, "run_s": self._run_s}

    def _advance(self, cycles: int) -> None:
        begin = time.perf_counter()
        self.controller.advance(cycles)
        self._run_s += time.perf_counter() - begin

    def _send(self, data: bytes) -> None:
        begin = time.perf_counter()
        self._arrived += self.controller.receive(data)
        self._run_s += time.perf_counter() - begin

    def _receive(self, cycles: int) -> bytes:
        if not self._arrived:
            self._advance(cycles)
        data = bytes(self._arrived)
        self._arrived.clear()
        return data


def open_model(url: str) -> ModelTransport:
    """Open `model:?key=value&...`: every field of Parameters and PlantConfiguration, `preset`, `transcript`.

    Raises
    ------
    TargetError, RangeError
        If the URL is not understood or a value is out of range.
    """
    settings = parse_url(url, "model")
    return ModelTransport(url, World(settings))


def _choice(*names: str) -> Reader:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return text

    return read


def _divisor(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= 65535:
        raise ValueError("an integer from 2 to 65535 cycles per bit")
    return int(text)


def _switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("0 or 1")
    return text == "1"


RTL_KEYS: dict[str, Reader] = {
    "engine": _choice("native", "cxxrtl", "verilator", "coverage"),
    "link": _choice("bytes", "uart"),
    "divisor": _divisor,
    "pins": _switch,
}
"""Keys that only `rtl:` has: which compiler, whether bytes enter by the byte stream or bit by bit, the UART's cycles per bit, and
whether the pins of the reference front end are logged."""


def open_rtl(url: str, *, progress: Progress | None = None) -> RtlTransport:
    """Open `rtl:?key=value&...`: the keys of `model:`, and `engine`, `link`, `divisor`, `pins`.

    Parameters
    ----------
    url : str
        The target's URL.
    progress : callable
        Called with a sentence when a slow step of the build begins.

    Raises
    ------
    TargetError, RangeError, ToolError
        If the URL is not understood, a value is out of range, or a compiler is missing or fails.
    """
    settings = parse_url(url, "rtl", RTL_KEYS)
    if "divisor" in settings.options and settings.options.get("link") != "uart":
        raise TargetError(f"target {url!r} gives divisor without link=uart; add it, or leave divisor out")
    if settings.options.get("pins") and settings.parameters.frontend not in REFERENCE:
        raise TargetError(
            f"target {url!r} gives pins=1, but the {settings.parameters.frontend} front end has none; add frontend=reference"
        )
    from crossloop_sim.engine.target import RtlTransport

    return RtlTransport(settings, World(settings, gateware=True), progress)


GATE_KEYS: dict[str, Reader] = {"divisor": _divisor}
"""Keys of the gate-level targets; bytes always enter at the UART's pins."""
GATE_DIVISOR = 4
"""Clock cycles per bit: few, because every simulated cycle takes time."""


def open_netlist(url: str, *, progress: Progress | None = None) -> RtlTransport:
    """Open `netlist:?key=value&...`: the synthesised iCE40 netlist; keys as `rtl:`, without `engine` and `link`.

    Raises
    ------
    TargetError, RangeError, ToolError
        If the URL is not understood, a value is out of range, or a tool is missing or fails.
    """
    return _open_gates(url, "netlist", progress)


def open_bitstream(url: str, *, progress: Progress | None = None) -> RtlTransport:
    """Open `bitstream:?key=value&...`, an HX8K bitstream with a pin for every port, or `bitstream:FOLDER?...`, what `crossloop build` made.

    The keys of the first are those of `netlist:`. The second takes its build from the folder's manifest, and the plant's keys only.

    Raises
    ------
    TargetError, RangeError, ToolError
        If the URL is not understood, a value is out of range, a tool is missing or fails, the build does not fit the device, or the folder
        holds no bitstream that can be read back.
    """
    folder, mark, query = url.removeprefix("bitstream:").partition("?")
    if not folder:
        return _open_gates(url, "bitstream", progress)
    manifest = Manifest.read(Path(folder))
    settings = parse_url(f"bitstream:{mark}{query}", "bitstream")
    if settings.parameters != Parameters():
        raise TargetError(
            f"target {url!r} gives build parameters, which the bitstream in {folder} decides; leave them out"
        )
    settings = replace(
        settings, url=url, parameters=manifest.build, options={"divisor": manifest.divisor, "link": "uart"}
    )
    from crossloop_sim.engine.target import BoardTransport

    return BoardTransport(settings, World(settings, gateware=True), manifest, Path(folder), progress)


def _open_gates(url: str, level: str, progress: Progress | None) -> RtlTransport:
    settings = parse_url(url, level, GATE_KEYS)
    options = {"divisor": GATE_DIVISOR, **settings.options, "engine": level, "link": "uart"}
    from crossloop_sim.engine.target import RtlTransport

    return RtlTransport(replace(settings, options=options), World(settings, gateware=True), progress)
