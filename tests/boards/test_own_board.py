"""Someone else's board: the worked example of docs/boards.md, one short file outside the package."""

from __future__ import annotations

from pathlib import Path

import pytest
from amaranth.back import rtlil

from crossloop_boards.build import build
from crossloop_boards.catalogue import board as find_board
from crossloop_boards.top import front_end_pins

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "sigma_delta_board.py"


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 80


def test_the_example_names_a_place_for_every_pin() -> None:
    board = find_board(str(EXAMPLE))
    (front_end,) = board.front_ends
    wiring = board.front_ends[front_end]
    assert wiring.controller is not None
    component = wiring.controller(board.parameters(front_end), board.divisor(board.baud))
    pins = front_end_pins(component)
    assert set(pins) == set(wiring.pins)
    places = " ".join(wiring.pins.values()).split()
    assert len(places) == len(set(places)) == sum(width for _direction, width in pins.values())
    ports = [value for _path, _member, value in component.signature.flatten(component)]
    assert "module \\top" in rtlil.convert(component, ports=ports, emit_src=False)


@pytest.mark.slow
def test_the_example_becomes_a_bitstream(tmp_path: Path) -> None:
    board = find_board(str(EXAMPLE))
    manifest = build(board, "sigma-delta", board.parameters("sigma-delta"), tmp_path)
    assert manifest.fmax_mhz * 1e6 >= board.clock_hz
    assert (tmp_path / manifest.bitstream).stat().st_size > 10_000
