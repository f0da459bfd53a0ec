"""Target URLs of the demo: filled in where the caller left them open, kept where not."""

from urllib.parse import parse_qs

import pytest

from crossloop.connection import connect
from crossloop.demo.target import geometry, model_url, target_url


def query(url: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(url.partition("?")[2]).items()}


def test_the_demo_network_takes_two_tiles_of_65_by_64() -> None:
    assert geometry((64, 32, 10)) == {"rows": "65", "columns": "64", "tiles": "2"}


def test_a_bare_target_gets_geometry_cells_and_seed() -> None:
    url = target_url("rtl:", (64, 32, 10), 5)
    assert url.startswith("rtl:?")
    assert query(url) == {"rows": "65", "columns": "64", "tiles": "2", "preset": "rpu", "seed": "5"}


def test_what_the_caller_gave_is_kept() -> None:
    url = target_url("rtl:?preset=soft-bounds&rows=80&engine=verilator", (64, 32, 10), 0)
    assert query(url) == {
        "rows": "80", "columns": "64", "tiles": "2", "preset": "soft-bounds", "seed": "0", "engine": "verilator",
    }  # fmt: skip


def test_the_model_for_the_learning_rate_has_the_cells_of_the_target_but_not_its_engine() -> None:
    url = model_url("rtl:?preset=soft-bounds&engine=verilator&link=uart&divisor=50", (64, 32, 10), 3)
    assert url.startswith("model:?")
    assert query(url) == {"rows": "65", "columns": "64", "tiles": "2", "preset": "soft-bounds", "seed": "3"}


@pytest.mark.parametrize("target", ["serial:///dev/ttyUSB0", "serial:///dev/ttyUSB0?baud=3000000"])
def test_a_board_is_opened_as_it_is_and_modelled_by_default_cells(target, monkeypatch) -> None:
    monkeypatch.setattr("crossloop.demo.target.connect", lambda _url: connect("model:?rows=65&columns=64&tiles=2"))
    assert target_url(target, (64, 32, 10), 3) == target
    assert query(model_url(target, (64, 32, 10), 3))["preset"] == "rpu"


def test_a_board_with_its_array_inside_is_modelled_as_it_is(monkeypatch) -> None:
    board = "model:?rows=16&columns=16&tiles=2&frontend=emulated&array_seed=9"
    monkeypatch.setattr("crossloop.demo.target.connect", lambda _url: connect(board))
    asked = query(model_url("serial:///dev/ttyUSB0", (15, 8, 8), 3))
    assert (asked["frontend"], asked["array_seed"], asked["rows"], asked["tiles"]) == ("emulated", "9", "16", "2")


def test_a_bitstream_of_a_folder_keeps_its_build() -> None:
    assert target_url("bitstream:build/hx8k-emulated", (15, 8, 8), 3) == "bitstream:build/hx8k-emulated"
