"""Front-end pins on connectors and package pins, and wirings that do not fit."""

from __future__ import annotations

import pytest

from crossloop.protocol.errors import RangeError
from crossloop_boards.wiring import front_end_resource, pins_of

WIDTHS = {"row_enable": ("o", 3), "compared": ("i", 1)}


def test_places_are_pins_of_a_connector_or_of_the_package() -> None:
    assert pins_of("pmod_0:1 2 3", "o").names == ["pmod_0:1", "pmod_0:2", "pmod_0:3"]
    assert pins_of("A1 B2", "i").names == ["A1", "B2"]


def test_every_pin_of_the_front_end_is_a_part_of_one_resource() -> None:
    resource = front_end_resource(WIDTHS, {"row_enable": "A1 B2 C3", "compared": "pmod_1:4"}, "mine")
    assert {part.name: part.ios[0].names for part in resource.ios} == {
        "row_enable": ["A1", "B2", "C3"], "compared": ["pmod_1:4"],
    }  # fmt: skip
    assert {part.name: part.ios[0].dir for part in resource.ios} == {"row_enable": "o", "compared": "i"}


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"row_enable": "A1 B2 C3"}, "no places for compared"),
        ({"row_enable": "A1 B2 C3", "compared": "D4", "extra": "E5"}, "unknown pins extra"),
        ({"row_enable": "A1 B2", "compared": "D4"}, r"row_enable has 3 bits and 2 places \('A1 B2'\)"),
        ({}, "no places for compared, row_enable"),
    ],
)
def test_a_wiring_that_does_not_fit_is_refused(places: dict[str, str], message: str) -> None:
    with pytest.raises(RangeError, match=f"wiring of board mine: .*{message}"):
        front_end_resource(WIDTHS, places, "mine")
