"""`crossloop doctor --port`: what a healthy board is told, and what is found when something is wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import crossloop
from crossloop.checkup.board import check_board
from crossloop.checkup.check import Outcome
from crossloop.cli.application import app
from crossloop.serve import PtyServer, rehearse
from crossloop.targets import open_target

BUILD = "frontend=emulated&rows=5&columns=4&tiles=2&array_seed=3&vector_words=128&program_ops=128&frame_bytes=256"


@pytest.fixture(params=["model", "rtl"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Put an emulated array behind a pseudo-terminal; what is compiled at first use is compiled before, as `crossloop serve` does it."""
    url = f"{request.param}:?{BUILD}"
    rehearse(url)
    with PtyServer(open_target(url), tmp_path / "tty") as server:
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield tmp_path / "tty"
        server.end()
        thread.join(10)


def test_a_healthy_board_passes_every_check(port: Path, tmp_path: Path) -> None:
    output = tmp_path / "doctor.json"
    done = CliRunner().invoke(app, ["doctor", "--port", str(port), "--bytes", "4096", "--json", str(output)])
    assert done.exit_code == 0, done.output
    said = json.loads(output.read_text())
    assert said["healthy"]
    assert [check["check"] for check in said["checks"]] == [
        "identity", "safe state", "loop-back", "vector memory", "safe state", "program memory", "array at power-up",
        "array under pulses", "safe state",
    ]  # fmt: skip
    assert {check["outcome"] for check in said["checks"]} == {"ok"}
    assert "every state exact" in done.output


def found(transport: Any, **options: Any) -> dict[str, Any]:
    """Return the checks by name; a later one of the same name wins."""
    return {check.name: check for check in check_board(transport, loop_bytes=2048, **options)}


def test_another_build_is_named() -> None:
    checks = found(open_target(f"model:?{BUILD}"), expected_build=0x1234)
    assert checks["identity"].outcome is Outcome.FAILED
    assert "not the expected 0000000000001234" in checks["identity"].text


def test_a_cell_that_is_not_what_the_table_says_is_found() -> None:
    transport = open_target(f"model:?{BUILD}")
    array: Any = transport.world.plant  # type: ignore[attr-defined]
    conductance_s = array.conductance_s(1).copy()
    conductance_s[2, 3] *= 1.01
    array.set_conductance_s(1, conductance_s)
    check = found(transport)["array at power-up"]
    assert check.outcome is Outcome.FAILED
    assert "tile 1 at (2, 3)" in check.text


def test_a_memory_with_a_bit_that_sticks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = open_target(f"model:?{BUILD}")
    from crossloop.checkup import memory

    read = memory.read_back

    def sticking(*arguments: Any, **options: Any) -> Any:
        words = read(*arguments, **options).copy()
        words[17] |= 1 << 4
        return words

    monkeypatch.setattr(memory, "read_back", sticking)
    assert found(transport)["vector memory"].outcome is Outcome.FAILED


def test_a_noisy_line_is_measured() -> None:
    transport = open_target(f"model:?{BUILD}")
    read, seen = transport.read, [0]

    def noisy(timeout_s: float) -> bytes:
        data = bytearray(read(timeout_s))
        for place in range(len(data)):
            seen[0] += 1
            if seen[0] % 1500 == 0:
                data[place] ^= 0x10
        return bytes(data)

    transport.read = noisy  # type: ignore[method-assign]
    check = found(transport)["loop-back"]
    assert check.outcome is Outcome.FAILED


def test_a_board_with_other_pins_is_neither_armed_nor_pulsed() -> None:
    transport = open_target("model:?rows=3&columns=3&transcript=1")
    checks = found(transport)
    assert checks["program memory"].outcome is Outcome.SKIPPED
    assert all(check.outcome is not Outcome.FAILED for check in checks.values())
    assert not any(entry.what == "GATES" for entry in transport.world.transcript.pins)  # type: ignore[attr-defined]


def test_options_of_the_board_need_a_port() -> None:
    assert CliRunner().invoke(app, ["doctor", "--bytes", "10", "--baud", "9600"]).exit_code == 2


def test_nothing_is_left_armed() -> None:
    transport = open_target(f"model:?{BUILD}")
    list(check_board(transport, loop_bytes=512))
    with crossloop.Session(transport, first_sequence=77) as session:
        assert not session.state().armed
