"""The on-disk cache of compiled code must notice a change of the contract."""

from crossloop_sim.golden import compiled, interpreter


def test_the_cache_is_stamped_with_contract_and_sources() -> None:
    assert interpreter.execute._cache._cache_file._source_stamp == compiled.SOURCE_STAMP


def test_the_stamp_changes_with_a_promised_cycle_number(monkeypatch, tmp_path) -> None:
    import shutil
    from pathlib import Path

    import crossloop.protocol

    shutil.copytree(Path(crossloop.protocol.__file__).parent, tmp_path / "protocol")
    monkeypatch.setattr(crossloop.protocol, "__file__", str(tmp_path / "protocol" / "__init__.py"))
    assert compiled._fingerprint() == compiled.SOURCE_STAMP[1]
    timing = tmp_path / "protocol" / "timing.py"
    timing.write_text(timing.read_text().replace("BASE_CYCLES = 5", "BASE_CYCLES = 6"))
    assert compiled._fingerprint() != compiled.SOURCE_STAMP[1]
