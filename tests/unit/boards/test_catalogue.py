"""Boards by name, and board files of one's own, with what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossloop.protocol.errors import RangeError
from crossloop_boards.catalogue import NAMES, board, boards

TOML = """
name = "mine"
title = "My board"
platform = "amaranth_boards.icebreaker:ICEBreakerPlatform"
clock_resource = "clk12"
oscillator_hz = 12_000_000
clock_hz = 12_000_000

[front_ends.direct.build]
rows = 3
columns = 2
"""
PYTHON = """
from crossloop_boards.board import Board, FrontEndWiring

BOARD = Board(
    name="mine", title="My board", platform="amaranth_boards.icebreaker:ICEBreakerPlatform", clock_resource="clk12",
    oscillator_hz=12_000_000, clock_hz=12_000_000, front_ends={"direct": FrontEndWiring(build={"rows": 3, "columns": 2})},
)
"""


def test_every_board_is_found_under_its_name() -> None:
    assert [found.name for found in boards()] == list(NAMES)
    assert board("tang-nano-9k") is board("tang_nano_9k")


@pytest.mark.parametrize("name", NAMES)
def test_every_front_end_of_every_board_is_a_build(name: str) -> None:
    found = board(name)
    for front_end in found.front_ends:
        assert found.parameters(front_end).clock_hz == found.clock_hz
    assert found.divisor(found.baud) >= 2


@pytest.mark.parametrize(("suffix", "text"), [(".toml", TOML), (".py", PYTHON)])
def test_a_file_describes_a_board(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"mine{suffix}"
    path.write_text(text)
    found = board(str(path))
    parameters = found.parameters("direct", columns=5)
    assert (found.name, parameters.rows, parameters.columns, parameters.clock_hz) == ("mine", 3, 5, 12_000_000)


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        (".toml", None, "there is no board file"),
        (".py", None, "there is no board file"),
        (".toml", "name = ", "is no TOML"),
        (".toml", TOML.replace("[front_ends.direct.build]\nrows = 3\ncolumns = 2", ""), "lacks 'front_ends'"),
        (".toml", TOML.replace('title = "My board"', ""), "missing 1 required keyword-only argument: 'title'"),
        (".toml", TOML.replace("title", "titel"), "unexpected keyword argument 'titel'"),
        (".py", "BOARD = 3", "defines no BOARD of type"),
    ],
)
def test_a_file_that_describes_none_is_named_with_what_is_wrong(
    tmp_path: Path, suffix: str, text: str | None, message: str
) -> None:
    path = tmp_path / f"mine{suffix}"
    if text is not None:
        path.write_text(text)
    with pytest.raises(RangeError, match=message) as refusal:
        board(str(path))
    assert path.name in str(refusal.value)


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RangeError, match="unknown board 'hx1k'; known are hx8k, icebreaker"):
        board("hx1k")


def test_an_unknown_front_end_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RangeError, match="board ulx3s has no wiring for the front end 'mine'; it has emulated"):
        board("ulx3s").parameters("mine")


@pytest.mark.parametrize("baud", [0, -9600, 7_000_000, 30_000_000])
def test_a_baud_rate_that_the_clock_cannot_make_is_refused_with_one_that_it_can(baud: int) -> None:
    with pytest.raises(RangeError, match=rf"baud rate {baud} cannot be made of 12000000 Hz.*choose \d+ baud"):
        board("icebreaker").divisor(baud)


@pytest.mark.parametrize(("baud", "divisor"), [(1_000_000, 12), (921_600, 13), (115_200, 104), (6_000_000, 2)])
def test_a_baud_rate_within_two_percent_is_taken(baud: int, divisor: int) -> None:
    assert board("icebreaker").divisor(baud) == divisor
    assert abs(12_000_000 / divisor / baud - 1) < 0.02
