"""The other boards' bitstreams keep up with their clocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("ulx3s", 64),
        pytest.param("icebreaker", 32, marks=pytest.mark.slow),
        pytest.param("tang_nano_9k", 16, marks=pytest.mark.slow),
    ],
)
def test_the_bitstream_keeps_up_with_its_clock(built: Callable[..., Any], name: str, lines: int) -> None:
    found = built(name)
    manifest = found.manifest
    assert manifest.fmax_mhz * 1e6 >= manifest.clock_hz
    assert manifest.cells <= manifest.cells_available
    assert (manifest.build.rows, manifest.build.columns, manifest.build.frontend) == (lines, lines, "emulated")
    assert (found.folder / manifest.bitstream).stat().st_size > 10_000
