"""From a board and a build to a bitstream, stage by stage, and what is known about it afterwards."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from crossloop.protocol.errors import ToolError
from crossloop.protocol.manifest import MANIFEST, Manifest
from crossloop.protocol.parameters import Parameters
from crossloop_boards import tools
from crossloop_boards.board import Board
from crossloop_boards.clocking import RESET_CYCLES
from crossloop_boards.platforms import Toolchain, toolchain_of
from crossloop_boards.top import BoardTop
from crossloop_boards.wiring import front_end_resource
from crossloop_hdl.elaborate import SYNTHESIS_PREPARATION

MAP_FOR_AREA = "scratchpad -copy abc9.script.flow3 abc9.script"
"""Yosys pass: ABC's script that tries longest, for designs that hardly fit."""
POLL_S = 0.2
Progress = Callable[[str], None]


class TimingError(ToolError):
    """A bitstream does not keep up with its clock."""


def build(
    board: Board,
    front_end: str,
    parameters: Parameters,
    folder: Path,
    *,
    baud: int | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Build a bitstream.

    Parameters
    ----------
    board : Board
        For which board.
    front_end : str
        Which of its front ends.
    parameters : Parameters
        The controller's build, see `Board.parameters`.
    folder : Path
        Where everything is written.
    baud : int, optional
        Of the serial line; the board's default otherwise.
    progress : callable, optional
        Told when a stage begins.

    Raises
    ------
    ToolError
        If a tool is missing or fails; its log stays in the folder.
    TimingError
        If the bitstream does not keep up with the clock.
    """
    say = progress or (lambda _: None)
    begin = time.perf_counter()
    baud = board.baud if baud is None else baud
    platform, toolchain = _platform(board)
    tools.announce(toolchain.variables)
    say("elaborating the gateware")
    top = BoardTop(board, front_end, parameters, baud)
    if top.pins:
        platform.add_resources([front_end_resource(top.pins, board.front_ends[front_end].pins, board.name)])
    options = f"--report report.json {toolchain.options(board)}"
    plan = platform.prepare(
        top, "top", script_after_read="; ".join([SYNTHESIS_PREPARATION, *([MAP_FOR_AREA] if board.small else [])]),
        synth_opts=board.synthesis_options, nextpnr_opts=options,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    plan.extract(str(folder))
    _execute(folder, plan.script, toolchain, say)
    reached = toolchain.read(folder)
    manifest = Manifest(
        board=board.name, family=toolchain.family, front_end=front_end, build_hash=f"{parameters.build_hash:016x}", baud=baud,
        divisor=board.divisor(baud), clock_hz=board.clock_hz, reset_cycles=RESET_CYCLES, **asdict(reached),
        seconds=time.perf_counter() - begin, bitstream=f"top.{toolchain.suffix}",
        constraints=f"top.{toolchain.constraints}", ports=top.ports, inverted=top.inverted, pins=toolchain.pins(folder),
        parameters=asdict(parameters), tools=tuple(f"{name} {metadata.version(name)}" for name in toolchain.packages),
    )  # fmt: skip
    if reached.fmax_mhz * 1e6 < board.clock_hz:
        raise TimingError(
            f"the bitstream for {board.name} reaches {reached.fmax_mhz:.1f} MHz, its clock is {board.clock_hz / 1e6:.1f} MHz; choose a "
            "smaller build or a slower clock; it is not to be flashed"
        )
    manifest.write(folder)
    return manifest


def _platform(board: Board) -> tuple[Any, Toolchain]:
    """Return the board's Amaranth platform and its toolchain."""
    module, _colon, name = board.platform.partition(":")
    platform = getattr(import_module(module), name)
    toolchain = toolchain_of(platform)
    return toolchain.adapt(platform)(), toolchain


def _execute(folder: Path, script: str, toolchain: Toolchain, say: Progress) -> None:
    """Run the plan's script, and tell which stage it is in by the files that have appeared."""
    for name in {file for _stage, file in toolchain.stages} | {MANIFEST}:
        (folder / name).unlink(missing_ok=True)
    stages = [*toolchain.stages]
    with (folder / "build.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - the script that Amaranth wrote
            ["/bin/sh", f"{script}.sh"], cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        say(stages[0][0])
        try:
            while process.poll() is None:
                if len(stages) > 1 and (folder / stages[0][1]).exists():
                    del stages[0]
                    say(stages[0][0])
                time.sleep(POLL_S)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        said = (folder / "build.log").read_text(errors="replace")
        for log_name in ("top.rpt", "top.tim"):
            path = folder / log_name
            said += path.read_text(errors="replace") if path.exists() else ""
        missed = re.search(r"Max frequency for clock.*FAIL.*", said)
        if missed:
            raise TimingError(
                f"the bitstream misses its timing: {missed[0].strip()}; choose a smaller build or a slower clock; logs are in {folder}"
            )
        errors = [line for line in said.splitlines() if "ERROR" in line] or said.strip().splitlines()[-5:]
        raise ToolError(
            f"{stages[0][0]} failed: {'; '.join(errors[:3])}; choose a smaller build if it does not fit; logs are in {folder}"
        )
