"""The tables in docs/reference are what the contract says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """Load docs/generate_reference.py."""
    spec = importlib.util.spec_from_file_location("generate_reference", ROOT / "docs" / "generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_tables_are_current(generator: ModuleType) -> None:
    assert generator.stale_pages() == []


def test_a_changed_page_is_noticed(generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in generator.PAGES:
        (tmp_path / name).write_text((ROOT / "docs" / "reference" / name).read_text())
    (tmp_path / "registers.md").write_text((tmp_path / "registers.md").read_text().replace("LEVEL_MIN", "LEVEL_LOW"))
    monkeypatch.setattr(generator, "FOLDER", tmp_path)
    assert generator.stale_pages() == ["registers.md"]
