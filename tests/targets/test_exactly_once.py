"""Frames that the line repeats, spoils or swallows never pulse twice, and never get lost."""

from __future__ import annotations

import random

import numpy as np
import pytest

from crossloop.operations import PulseTrain
from crossloop.session import Session
from crossloop_sim.targets import open_model, open_rtl

OPEN = {"model": open_model, "rtl": open_rtl}
QUERY = "rows=5&columns=4&tiles=1"
PULSES = 250
REPEATS = 1000


class Echoing:
    """A line that slips copies of earlier host frames in between the new ones, at random places.

    Parameters
    ----------
    inner : Transport
        The target.
    repeats : int
        Copies to slip in for every new frame.
    """

    simulated = True

    def __init__(self, inner, repeats: int, seed: int) -> None:
        self.inner, self.name, self.world = inner, inner.name, inner.world
        self._repeats, self._random = repeats, random.Random(seed)
        self._seen: list[bytes] = []
        self.repeated = 0

    def write(self, data: bytes) -> None:
        for frame in data.split(b"\0"):
            if not frame:
                continue
            self.inner.write(frame + b"\0")
            self._seen.append(frame)
            for _ in range(self._repeats):
                self.inner.write(self._random.choice(self._seen) + b"\0")
                self.repeated += 1

    def read(self, timeout_s: float) -> bytes:
        return self.inner.read(timeout_s)

    def close(self) -> None:
        self.inner.close()


class Spoiling:
    """A line that flips, drops and inserts bytes in both directions, seldom enough that something gets through."""

    simulated = True

    def __init__(self, inner, rate: float, seed: int) -> None:
        self.inner, self.name, self.world = inner, inner.name, inner.world
        self._rate, self._random = rate, random.Random(seed)
        self.spoilt = 0

    def _spoil(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self._random.random() >= self._rate:
                out.append(byte)
                continue
            self.spoilt += 1
            match self._random.randrange(3):
                case 0:
                    out.append(byte ^ 1 << self._random.randrange(8))
                case 1:
                    pass
                case _:
                    out += bytes([byte, self._random.randrange(256)])
        return bytes(out)

    def write(self, data: bytes) -> None:
        self.inner.write(self._spoil(data))

    def read(self, timeout_s: float) -> bytes:
        return self._spoil(self.inner.read(timeout_s))

    def close(self) -> None:
        self.inner.close()


def _pulse_randomly(session: Session, seed: int) -> np.ndarray:
    """Send one frame per pulse train; return the pulses that were ordered, shape (rows, columns)."""
    rng = np.random.default_rng(seed)
    ordered = np.zeros((session.parameters.rows, session.parameters.columns), int)
    session.arm()
    for _ in range(PULSES):
        row, column, count = int(rng.integers(5)), int(rng.integers(4)), int(rng.integers(1, 4))
        session.execute(PulseTrain(0, row, column, count, (60, -60), 4, 4))
        ordered[row, column] += count
    return ordered


@pytest.mark.parametrize("target", OPEN)
def test_a_thousand_repeated_frames_pulse_nothing_twice(target: str, seed: int) -> None:
    line = Echoing(OPEN[target](f"{target}:?{QUERY}"), repeats=REPEATS // PULSES, seed=seed)
    with Session(line) as session:
        ordered = _pulse_randomly(session, seed)
        assert session.state().armed
    assert line.repeated >= REPEATS
    np.testing.assert_array_equal(line.world.plant.ledger(0).up, ordered)
    assert not line.world.plant.ledger(0).down.any()


@pytest.mark.parametrize("target", OPEN)
def test_a_spoiling_line_neither_loses_nor_doubles_a_pulse(target: str, seed: int) -> None:
    line = Spoiling(OPEN[target](f"{target}:?{QUERY}"), rate=1e-3, seed=seed)
    with Session(line) as session:
        ordered = _pulse_randomly(session, seed)
    assert line.spoilt > 3
    np.testing.assert_array_equal(line.world.plant.ledger(0).up, ordered)


def test_repeated_hello_of_this_session_changes_nothing() -> None:
    line = Echoing(open_model(f"model:?{QUERY}"), repeats=0, seed=0)
    with Session(line) as session:
        session.arm()
        line.inner.write(line._seen[0] + b"\0")
        line.inner.read(0.001)
        assert session.state().armed
        session.execute(PulseTrain(0, 1, 1, 2, (60, -60), 4, 4))
    assert line.world.plant.ledger(0).up.sum() == 2
