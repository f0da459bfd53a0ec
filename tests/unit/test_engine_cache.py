"""Builds are kept by content, and go when nobody has used them for long."""

import os
import time

import pytest

from crossloop_sim.engine.cache import KEPT_S, STAMP, build_once


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSLOOP_CACHE_DIR", str(tmp_path))
    return tmp_path


def make(folder):
    (folder / "model").write_text("made")


def fail(_folder):
    raise RuntimeError("no such gate")


def age(path):
    long_ago = time.time() - KEPT_S - 60
    os.utime(path, (long_ago, long_ago))


def test_a_build_is_made_once():
    first, was_there = build_once("rtl", "a", make)
    assert not was_there
    assert build_once("rtl", "a", fail) == (first, True)
    assert (first / "model").read_text() == "made"


def test_a_failed_build_is_made_again_and_kept_for_inspection(cache):
    with pytest.raises(RuntimeError, match="no such gate"):
        build_once("rtl", "a", fail)
    assert len(list((cache / "rtl").iterdir())) == 1
    _folder, was_there = build_once("rtl", "a", make)
    assert not was_there


def test_a_new_build_removes_those_that_nobody_has_used_for_long(cache):
    old, _ = build_once("rtl", "old", make)
    used, _ = build_once("rtl", "used", make)
    other, _ = build_once("netlist", "other kind", make)
    with pytest.raises(RuntimeError):
        build_once("rtl", "failed", fail)
    (failed,) = (cache / "rtl").glob("failed*")
    for path in (old / STAMP, used / STAMP, other / STAMP, failed):
        age(path)
    build_once("rtl", "used", fail)  # it is there, and is used now
    new, _ = build_once("rtl", "new", make)
    assert {*(cache / "rtl").iterdir()} == {used, new}
    assert other.exists()
