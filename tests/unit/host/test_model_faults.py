"""A line that repeats, spoils, cuts and delays frames between the host and the model: no pulse is ever lost or given twice."""

import random

import numpy as np
import pytest

pytest.importorskip("crossloop_sim.targets", exc_type=ImportError)

from crossloop.operations import Product
from crossloop.protocol.errors import SafetyTrip, TripCause
from crossloop.protocol.streams import Family
from crossloop.session import Session
from crossloop.targets import open_target

URL = "model:?rows=6&columns=5&seed=3"


class FaultyLine:
    """Transport in front of another one; `fault` turns each frame of the host into the bytes that arrive."""

    simulated = True

    def __init__(self, transport, fault):
        self.name = transport.name
        self.world = transport.world
        self.faults = 0
        self._transport = transport
        self._fault = fault
        self._rest = b""

    def write(self, data):
        *frames, self._rest = (self._rest + data).split(b"\0")
        for frame in frames:
            arriving = self._fault(frame)
            self.faults += arriving != frame
            self._transport.write(arriving + b"\0")

    def read(self, timeout_s):
        return self._transport.read(timeout_s)

    def close(self):
        self._transport.close()


def given(session):
    ledger = session.transport.world.plant.ledger(0)
    return ledger.up.astype(int) - ledger.down


def pulse_at_random(session, turns, seed):
    """Give pulses to random cells, one request each; return how many each cell should have."""
    rng = np.random.default_rng(seed)
    wanted = np.zeros((6, 5), int)
    tile = session.tile(0)
    for _ in range(turns):
        row, column, count, polarity = rng.integers(6), rng.integers(5), rng.integers(1, 4), rng.choice([1, -1])
        tile.pulse(int(row), int(column), int(count), polarity=int(polarity))
        wanted[row, column] += count * polarity
    return wanted


def test_a_thousand_repeated_frames_never_pulse_twice():
    rng = random.Random(1)
    sent = []

    def repeat(frame):
        sent.append(frame)
        if rng.random() < 0.7:  # itself again, or one of the last few
            return frame + b"\0" + b"\0".join(rng.choices(sent[-3:], k=rng.randrange(1, 4)))
        return frame

    line = FaultyLine(open_target(URL), repeat)
    with Session(line) as session:
        session.arm()
        wanted = pulse_at_random(session, 1500, seed=7)
        assert line.faults > 1000
        assert np.array_equal(given(session), wanted)


@pytest.mark.parametrize("seed", range(8))
def test_spoiled_cut_and_lost_frames_neither_lose_nor_repeat_pulses(seed):
    rng = random.Random(seed)

    def spoil(frame):
        fate = rng.random()
        if not frame or fate > 0.3:
            return frame
        if fate < 0.1:  # lost
            return b""
        if fate < 0.2:  # cut
            return frame[: rng.randrange(len(frame))]
        index = rng.randrange(len(frame))  # one byte spoiled
        return frame[:index] + bytes([rng.randrange(1, 256)]) + frame[index + 1 :]

    line = FaultyLine(open_target(URL), spoil)
    with Session(line) as session:
        session.arm()
        wanted = pulse_at_random(session, 60, seed)
        line._fault = lambda frame: frame
        assert line.faults > 5
        assert np.array_equal(given(session), wanted)


def test_an_oversized_frame_is_refused_by_the_device_and_the_session_goes_on():
    line = FaultyLine(open_target(URL), lambda frame: frame)
    with Session(line) as session:
        session.arm()
        line._transport.write(b"\x55" * 5000 + b"\0")
        session.tile(0).pulse(2, 3, 4)
        assert given(session)[2, 3] == 4
        assert session.counters().bad_frames >= 1


def test_a_stop_in_the_middle_of_a_session_trips_and_arming_goes_on():
    with Session(open_target(URL)) as session:
        session.arm()
        session.stop()
        state = session.state()
        assert (state.armed, state.tripped, state.trip_cause) == (False, True, TripCause.STOP_FRAME)
        before = given(session)
        with pytest.raises(SafetyTrip, match="STOP_FRAME"):
            session.tile(0).pulse(0, 0, 5)
        assert np.array_equal(given(session), before)
        session.arm()
        session.execute(Product(0, Family.COLUMNS, np.zeros(6, int), 5))
