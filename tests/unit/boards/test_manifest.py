"""The manifest of a bitstream: what is written is read, and what is no manifest is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from boards_support import manifest

from crossloop.protocol.errors import ToolError
from crossloop.protocol.manifest import MANIFEST, Manifest
from crossloop.protocol.parameters import Parameters


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = manifest()
    written.write(tmp_path)
    found = Manifest.read(tmp_path)
    assert found == written
    assert found.build == Parameters(rows=3)
    assert found.build.build_hash == Parameters(rows=3).build_hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "holds no finished build"),
        ("{", "cannot be read"),
        (json.dumps({"board": "hx8k"}), "is of another release"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ToolError, match=f"{message}.*crossloop build"):
        Manifest.read(tmp_path)


def test_a_file_in_the_place_of_the_folder_holds_no_build(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(ToolError, match="holds no finished build"):
        Manifest.read(path)
