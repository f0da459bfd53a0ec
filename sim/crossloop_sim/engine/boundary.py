"""Ports of a component, and the RTLIL text that Yosys reads."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const, Value
from amaranth.lib import data, wiring

from crossloop_hdl import elaborate
from crossloop_sim.engine.errors import EngineError

OUTPUTS = (
    "running", "tripped", "tile", "row_gates", "column_gates", "row_states_low", "row_states_high", "column_states_low",
    "column_states_high", "level__valid", "level__payload", "conversion__valid", "conversion__payload",
)  # fmt: skip
"""Outputs that the harness watches."""
GATE_LINES = ("gate_line_gates", "gate_line_states_low", "gate_line_states_high")
"""Outputs that a build without gate lines has not."""
NUDGE_LINES = ("nudge_line_gates", "nudge_line_states_low", "nudge_line_states_high")
"""Outputs that a build without nudge lines has not."""
GATE_HALVES = ("gates_late", "gates_early")
"""Outputs that a build with one tap per cycle has not."""
INPUTS = ("emergency_stop",)
SAMPLES = ("samples__valid", "samples__payload")
"""Inputs; or outputs, in a component that has its array inside: then they show the samples that pass."""
COMPLIANCE = "compliance"
"""Input that a component may lack."""
BYTE_PORTS = ("rx__valid", "rx__payload", "tx__valid", "tx__payload")
UART_PORTS = ("uart_rx", "uart_tx")
PROBE = "probe"
"""Output that a component may have: pins inside it, joined, whose changes the harness notes."""
READY = ("rx__ready", "tx__ready", "samples__ready")
"""Ports that a component may lack; then the stream is always ready."""
LEVEL_FIELDS = ("family", "line", "code")
CONVERSION_FIELDS = ("family", "pair", "range", "count", "voltage")


@dataclass(frozen=True)
class Boundary:
    """What the harness must know about a component."""

    inputs: dict[str, int]
    """Width of every input, by flat name."""
    outputs: dict[str, int]
    """Width of every output, by flat name."""
    macros: dict[str, int]
    """Definitions for harness.c: word count, places and widths of the fields of strobes."""
    uart: bool
    """The bytes come through a bit-level UART."""
    array_inside: bool
    """Nobody asks for samples; those that the array gives are events."""

    @property
    def watched(self) -> list[str]:
        """Outputs that the harness reads."""
        bytes_out = ("uart_tx",) if self.uart else ("tx__valid", "tx__payload", "rx__ready")
        names = (
            *OUTPUTS, *GATE_LINES, *NUDGE_LINES, *GATE_HALVES, *SAMPLES, *bytes_out, "samples__ready", PROBE,
        )  # fmt: skip
        return [name for name in names if name in self.outputs]

    @property
    def driven(self) -> list[str]:
        """Inputs that the harness sets."""
        bytes_in = ("uart_rx",) if self.uart else ("rx__valid", "rx__payload", "tx__ready")
        return [name for name in (*SAMPLES, *INPUTS, COMPLIANCE, *bytes_in) if name in self.inputs]


def describe(component: Any) -> Boundary:
    """Read the ports of a component.

    Raises
    ------
    EngineError
        When ports of the boundary are missing; the message names them.
    """
    inputs: dict[str, int] = {}
    outputs: dict[str, int] = {}
    layouts: dict[str, Any] = {}
    for path, member, value in component.signature.flatten(component):
        name = "__".join(str(part) for part in path)
        if isinstance(value, Const):
            continue
        (inputs if member.flow == wiring.In else outputs)[name] = len(Value.cast(value))
        layouts[name] = member.shape
    uart = "uart_rx" in inputs
    array_inside = SAMPLES[0] in outputs
    inward = INPUTS if array_inside else (*SAMPLES, *INPUTS)
    wanted_inputs = (*inward, "uart_rx") if uart else (*inward, "rx__valid", "rx__payload")
    wanted_outputs = (*OUTPUTS, "uart_tx") if uart else (*OUTPUTS, "tx__valid", "tx__payload")
    missing = [name for name in wanted_inputs if name not in inputs]
    missing += [name for name in wanted_outputs if name not in outputs]
    if missing:
        raise EngineError(
            f"{type(component).__name__} lacks the ports {', '.join(missing)}; the native engine needs the boundary of "
            f"the direct front end, with a byte stream (rx, tx) or a UART (uart_rx, uart_tx)"
        )
    macros = {"CL_WORDS": -(-max(outputs["row_gates"], outputs["column_gates"]) // 64)}
    if GATE_LINES[0] in outputs:
        macros["CL_GATE_LINES"] = 1
    if NUDGE_LINES[0] in outputs:
        macros["CL_NUDGE_LINES"] = 1
    if GATE_HALVES[0] in outputs:
        macros["CL_GATE_HALVES"] = 1
    if COMPLIANCE in inputs:
        macros["CL_COMPLIANCE"] = 1
    if PROBE in outputs:
        macros["CL_PROBE"] = -(-outputs[PROBE] // 64)
    if array_inside:
        macros["CL_ARRAY_INSIDE"] = 1
    for name, fields in (("level", LEVEL_FIELDS), ("conversion", CONVERSION_FIELDS)):
        macros |= _fields(name, layouts[f"{name}__payload"], fields)
    return Boundary(inputs, outputs, macros, uart, array_inside)


PIN_MACROS = {"CL_GATE_LINES", "CL_NUDGE_LINES", "CL_GATE_HALVES", "CL_COMPLIANCE"}
"""What tells the harness of ports that a board's pins need not show."""


def without_pins(boundary: Boundary, names: Collection[str]) -> Boundary:
    """Return a boundary with only some of its ports: those of a board whose other pins lead nowhere."""
    return Boundary(
        {name: width for name, width in boundary.inputs.items() if name in names},
        {name: width for name, width in boundary.outputs.items() if name in names},
        {name: value for name, value in boundary.macros.items() if name not in PIN_MACROS},
        boundary.uart,
        boundary.array_inside,
    )


def _fields(name: str, shape: Any, fields: tuple[str, ...]) -> dict[str, int]:
    try:
        layout = data.Layout.cast(shape)
        places = {field: layout[field] for field in fields}
    except (TypeError, KeyError) as error:
        raise EngineError(
            f"the payload of {name} must be a struct with the fields {', '.join(fields)}, not {shape!r}; "
            f"use the layouts of the gateware"
        ) from error
    macros = {}
    for field, place in places.items():
        macros[f"CL_{name.upper()}_{field.upper()}"] = place.offset
        macros[f"CL_{name.upper()}_{field.upper()}_WIDTH"] = place.width
    return macros


def to_rtlil(component: Any) -> str:
    """Convert to RTLIL with the ports of the signature; constant members (always ready, always valid) are left out.

    The reset of the domain is tied low: the power-on values of all registers are those of a reset.
    """
    text = elaborate.to_rtlil(component)
    start = re.search(r"^module \\top$", text, flags=re.MULTILINE)
    assert start is not None, "Amaranth names the top module as it was told"
    end = text.find("\nend\n", start.end() - 1) + 1 or len(text)
    body = text[start.end() : end]
    if not re.search(r"^ *wire width 1 input +\d+ +\\clk$", body, flags=re.MULTILINE):
        raise EngineError(
            f"{type(component).__name__} has no registers in the domain `sync`; the native engine steps its clock"
        )
    body = re.sub(
        r"^ *wire width 1 input +\d+ +\\rst$", "  wire width 1 \\\\rst\n  connect \\\\rst 1'0", body, flags=re.MULTILINE
    )
    return text[: start.end()] + body + text[end:]
