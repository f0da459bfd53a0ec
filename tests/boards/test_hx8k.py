"""The bitstream of the HX8K board: it keeps up with its clock, and does what the integer model of its array says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

import crossloop
from crossloop.demo import run_training
from crossloop.rehearsal import twin_url
from crossloop.serve import PtyServer
from crossloop.session import Session
from crossloop.targets import open_target
from crossloop.training.data import Digits, Part, digits_for

BAUD = 3_000_000
"""The fastest that the board's FT2232H has: fewer simulated cycles per byte."""
LAYERS = (15, 8, 8)
"""What fits into two tiles of 16x16 cells."""
SEED = 5


@pytest.fixture(scope="module")
def hx8k(built: Callable[..., Any]) -> Any:
    return built("hx8k", BAUD)


@pytest.fixture(scope="module", autouse=True)
def _icebox() -> None:
    from crossloop_sim.engine.errors import EngineError
    from crossloop_sim.engine.gates.tools import icebox

    try:
        icebox()
    except EngineError as error:
        pytest.skip(str(error))


def test_the_bitstream_keeps_up_with_its_clock(hx8k: Any) -> None:
    manifest = hx8k.manifest
    assert manifest.clock_hz == 48_000_000
    assert manifest.fmax_mhz >= 48.0
    assert manifest.cells <= manifest.cells_available
    assert (manifest.build.rows, manifest.build.columns) == (16, 16)


def session_of_everything(session: Session) -> list[Any]:
    """Pulse, multiply, read and update at random; return everything that came back."""
    rng = np.random.default_rng(SEED)
    rows, columns = session.parameters.rows, session.parameters.columns
    session.arm()
    session.seed(SEED, SEED + 1)
    found: list[Any] = []
    for turn in range(4):
        tile = session.tile(turn % session.parameters.tiles)
        for _ in range(5):
            cell, polarity = rng.integers((rows, columns)), int(rng.choice([-1, 1]))
            tile.pulse(int(cell[0]), int(cell[1]), int(rng.integers(1, 40)), polarity=polarity, width_s=48 / 48e6)
        tile.update(
            rng.uniform(-1, 1, rows), rng.uniform(-1, 1, columns), slots=3, width_s=48 / 48e6, quantise="nearest"
        )
        found.append(
            tile.multiply(rng.uniform(-0.4, 0.4, rows), quantise="nearest", settle_s=4 / 48e6, integrate_s=4 / 48e6)
        )
        found.append(tile.read_row(turn, settle_s=4 / 48e6, integrate_s=4 / 48e6))
        found.append(crossloop.read_states(session, tile.index))
    found.append(session.counters())
    return found


def test_the_bitstream_answers_as_the_integer_model_does(hx8k: Any) -> None:
    answers = []
    for url in (f"bitstream:{hx8k.folder}", twin_url(hx8k.manifest.build)):
        with crossloop.connect(url) as session:
            assert session.parameters == hx8k.manifest.build
            answers.append([*session_of_everything(session), session.cycles])
    for one, other in zip(*answers, strict=True):
        np.testing.assert_equal(one, other)
    assert len({int(state) for state in answers[0][2].ravel()}) > 3, "the cells have moved"


@pytest.fixture
def terminal(hx8k: Any, tmp_path: Path) -> Iterator[str]:
    """Put the bitstream behind a pseudo-terminal; return the URL of the serial port."""
    with PtyServer(open_target(f"bitstream:{hx8k.folder}"), tmp_path / "tty") as server:
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield f"serial://{tmp_path / 'tty'}?baud={BAUD}"
        server.end()
        thread.join(10)


def fewer(data: Digits) -> Digits:
    """Return a data set with the first images of each part."""

    def first(part: Part, count: int) -> Part:
        return Part(part.inputs[:count], part.labels[:count])

    return Digits(first(data.train, 120), first(data.validation, 30), first(data.test, 30))


@pytest.mark.slow
def test_a_network_trains_on_the_bitstream_bit_for_bit_as_on_the_model(hx8k: Any, terminal: str) -> None:
    data = fewer(digits_for(LAYERS))
    with patch("crossloop.demo.training_run.digits_for", lambda _layers: data):
        board, model = (
            run_training(url, layers=LAYERS, epochs=1, learning_rate=0.08)
            for url in (terminal, twin_url(hx8k.manifest.build))
        )
    for kind in ("before_s", "after_s"):
        for one, other in zip(getattr(board, kind), getattr(model, kind), strict=True):
            np.testing.assert_array_equal(one, other)
    assert board.counters == model.counters
    assert board.program_cycles == model.program_cycles
    assert [record.train for record in board.epochs] == [record.train for record in model.epochs]
    assert board.test_accuracy == model.test_accuracy
    assert any((before != after).any() for before, after in zip(board.before_s, board.after_s, strict=True))
