"""The emulated array in the gateware against its integer model: the same operations, the same codes and states, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import crossloop
from crossloop.operation import Operation
from crossloop.operations import Product, PulseTrain, Update
from crossloop.protocol.errors import RangeError, TargetError
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop.session import Session
from crossloop.training.analog import AnalogSettings
from crossloop.training.array_network import ArrayNetwork
from crossloop.writing import VoltageLadder

BATCH = 100
"""Operations that are sent together."""


def random_operation(rng: np.random.Generator, parameters: Parameters) -> Operation:
    """Return a pulse train, an update or a product, in either direction, on any tile."""

    def below(limit: int) -> int:
        return int(rng.integers(limit))

    tile, kind = below(parameters.tiles), below(3)
    gap, top = parameters.gap_min_cycles + below(3), 1 << (parameters.level_bits - 1)
    if kind == 0:
        row, column = (int(code) for code in rng.integers(-top, top, 2))
        width = 1 + below(300 if below(4) == 0 else 16)
        return PulseTrain(
            tile, below(parameters.rows), below(parameters.columns), 1 + below(3), (row, column), width, gap
        )
    if kind == 1:
        up = (int(rng.integers(top // 3, top)), -int(rng.integers(top // 3, top)))
        rows, columns = (
            rng.integers(0, 256, lines).astype(np.uint8) for lines in (parameters.rows, parameters.columns)
        )
        return Update(tile, rows, columns, 1 + below(4), 1 + below(16), gap, up, (up[1], up[0]))
    sensed = Family(below(2))
    driven = parameters.rows if sensed is Family.COLUMNS else parameters.columns
    lines = parameters.columns if sensed is Family.COLUMNS else parameters.rows
    pair = below(2) == 1
    channels = 1 + below(lines // (1 + pair))
    codes = rng.integers(-top, top, 1 + below(driven)).astype(np.int16)
    return Product(tile, sensed, codes, channels, pair, below(4), 1 + below(3), 1 + below(3))


def _outcome(session: Session, count: int) -> Iterator[bytes]:
    """Yield all codes of random operations, and after every batch the states of all cells."""
    session.arm()
    rng = np.random.default_rng(20261125)
    for _ in range(count // BATCH):
        operations = [random_operation(rng, session.parameters) for _ in range(BATCH)]
        for found in session.execute(*operations):
            if found is not None:
                yield found.codes.tobytes() + found.saturated.tobytes()
        for tile in range(session.parameters.tiles):
            yield crossloop.read_states(session, tile).tobytes()


def _compare(query: str, count: int) -> None:
    with (
        crossloop.connect(f"model:?{query}&frontend=emulated") as model,
        crossloop.connect(f"rtl:?{query}&frontend=emulated") as rtl,
    ):
        for number, (ours, theirs) in enumerate(zip(_outcome(model, count), _outcome(rtl, count), strict=True)):
            assert ours == theirs, f"results differ first at number {number}"
        for tile in range(model.parameters.tiles):
            np.testing.assert_array_equal(crossloop.read_states(model, tile), model.transport.world.plant.states(tile))


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("rows=5&columns=4&tiles=3&array_seed=11", 10_000),
        ("rows=16&columns=16&array_seed=5", 300),
        ("rows=8&columns=17&level_bits=12&sample_bits=12&array_seed=77", 300),
        ("rows=2&columns=2&tiles=1&level_bits=3&sample_bits=9", 300),
    ],
)
def test_random_operations_leave_equal_codes_and_states(query: str, count: int) -> None:
    _compare(query, count)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "count"), [("rows=5&columns=4&tiles=3&array_seed=12", 100_000), ("rows=32&columns=32&array_seed=3", 1000)]
)
def test_many_random_operations_leave_equal_codes_and_states(query: str, count: int) -> None:
    _compare(query, count)


QUERY = "rows=5&columns=4&tiles=3&frontend=emulated&array_seed=11"
"""The build of the random operations."""


@pytest.mark.parametrize("target", ["model", "rtl"])
def test_pulses_that_come_too_fast_are_refused_by_name(target: str) -> None:
    with crossloop.connect(f"{target}:?{QUERY}") as session:
        session.arm()
        tile, shortest = session.tile(0), session.parameters.gap_min_cycles
        with pytest.raises(
            RangeError,
            match=r"gap of 4\.66e-06 s after a pulse is shorter than the 4\.68e-06 s \(234 taps\) that this build needs",
        ):
            tile.pulse(0, 0, 2, gap_s=(shortest - 1) / session.clock.hz)
        with pytest.raises(RangeError, match=r"after a pulse is shorter"):
            session.execute(PulseTrain(0, 0, 0, 2, (60, -60), 9, shortest - 1))
        before = crossloop.read_states(session)
        tile.pulse(0, 0, 2)  # without a wish, the gap fits
        tile.update(np.full(5, 0.5), np.full(4, 0.5))
        assert (crossloop.read_states(session) != before).any()


def test_states_are_read_from_emulated_arrays_only() -> None:
    with crossloop.connect("model:?rows=5&columns=4") as session:
        session.arm()
        with pytest.raises(RangeError, match="has the front end 'direct'"):
            crossloop.read_states(session)


def test_an_array_in_the_gateware_cannot_be_looked_at_from_outside() -> None:
    with (
        crossloop.connect(f"rtl:?{QUERY}") as session,
        pytest.raises(TargetError, match=r"read them with crossloop\.read_states"),
    ):
        session.transport.world.plant.conductance_s()


@pytest.mark.parametrize(
    ("key", "match"),
    [("preset=rpu", "gives preset"), ("seed=1", "gives seed"), ("gap_min_cycles=3", "front end decides")],
)
def test_what_an_emulated_array_has_not_is_refused_in_its_url(key: str, match: str) -> None:
    with pytest.raises(TargetError, match=match):
        crossloop.connect(f"model:?{QUERY}&{key}")


def test_a_program_after_an_aborted_pulse_waits_for_the_array() -> None:
    """The emergency end of a pulse leaves the array at work; what follows at once meets the states that the pulse has made."""
    states = []
    for target in ("model", "rtl"):
        with crossloop.connect(f"{target}:?rows=16&columns=16&frontend=emulated&array_seed=5") as session:
            world, gap = session.transport.world, session.parameters.gap_min_cycles
            session.arm()
            session.tile(0).read_all()  # the programs of later readings are in the device
            world.set_compliance(active=True)
            everything = np.full(16, 127, np.uint8)
            with pytest.raises(crossloop.CrossloopError, match="COMPLIANCE"):
                session.execute(Update(0, everything, everything, 3, 200, gap, (60, -60), (-60, 60)))
            world.set_compliance(active=False)
            session.arm()
            states.append(crossloop.read_states(session))
    np.testing.assert_array_equal(*states)
    assert (states[0] != 1 << 15).mean() > 0.8


def _trained(target: str) -> tuple[np.ndarray, object]:
    """Return states of all tiles and the pulse counters after a few images of a small network."""
    with crossloop.connect(f"{target}:?rows=16&columns=16&tiles=2&frontend=emulated&array_seed=2") as session:
        session.arm()
        network = ArrayNetwork(session, (15, 7, 8), AnalogSettings(t_pulse_s=160e-9))
        network.initialise(1)
        rng = np.random.default_rng(3)
        inputs = rng.uniform(-1, 1, (40, 15))
        labels = rng.integers(0, 8, 40)
        for image, label in zip(inputs, labels, strict=True):
            network.learn(image, int(label), 0.1)
        network.flush()
        return np.array([crossloop.read_states(session, tile) for tile in (0, 1)]), session.counters()


@pytest.mark.slow
def test_training_ends_with_the_same_weights_and_pulse_counts() -> None:
    model, rtl = (_trained(target) for target in ("model", "rtl"))
    np.testing.assert_array_equal(model[0], rtl[0])
    assert model[1] == rtl[1]
    assert model[1].slots > 1000


BOARD = "model:?rows=32&columns=32&frontend=emulated&clock_hz=48000000&array_seed=3"
BITS_PER_BYTE = 10
"""On a serial line: start bit, eight bits, stop bit."""


def _counted_bytes(session: Session) -> list[int]:
    """Return a list that gets the length of everything that passes the link from now on."""
    transport, passed = session.transport, []
    write, read = transport.write, transport.read

    def counted_write(data: bytes) -> None:
        passed.append(len(data))
        write(data)

    def counted_read(timeout_s: float) -> bytes:
        data = read(timeout_s)
        passed.append(len(data))
        return data

    transport.write, transport.read = counted_write, counted_read  # type: ignore[method-assign]
    return passed


def test_a_whole_array_is_read_in_the_time_that_the_line_allows() -> None:
    """Both directions one after the other, as the link takes them; the program is in the device from the reading before."""
    with crossloop.connect(BOARD) as session:
        session.arm()
        tile = session.tile(0)
        plain_s = tile.read_all(range_index=1)
        tile.read_all(range_index=1, through_memory=True)
        passed, cycles = _counted_bytes(session), session.cycles
        read_s = tile.read_all(range_index=1, through_memory=True)
        on_board_s = session.clock.seconds(session.cycles - cycles)
        wire_bits = BITS_PER_BYTE * sum(passed)
        assert wire_bits / 921_600 <= 25e-3
        assert wire_bits / 3_000_000 <= 8e-3
        assert on_board_s <= 8e-3
        # The same conductances, but for the noise of a reading.
        step_s = session.samples.steps_a[1] / session.levels.volts(63)
        np.testing.assert_allclose(read_s, plain_s, atol=5 * step_s)
        np.testing.assert_allclose(read_s, session.transport.world.plant.conductance_s(), atol=4 * step_s)


def test_averages_do_not_go_through_the_memory() -> None:
    with crossloop.connect(BOARD) as session:
        session.arm()
        with pytest.raises(RangeError, match="averages must be 1"):
            session.tile(0).read_all(averages=2, through_memory=True)


def test_a_whole_array_is_written_and_verified_within_five_seconds_of_board_time() -> None:
    target_s = np.random.default_rng(1).uniform(40e-9, 60e-9, (32, 32))
    ladder = VoltageLadder(v_start_v=0.9375, v_stop_v=0.9375, v_step_v=0.0, width_s=2e-6)
    with crossloop.connect(BOARD) as session:
        session.arm()
        tile, time_s, failures = session.tile(0), 0.0, 0
        for row in range(0, 32, 8):  # blocks whose records fit into the vector memory
            for column in range(0, 32, 16):
                block = target_s[row : row + 8, column : column + 16]
                found = tile.write_verify(
                    block,
                    tolerance_s=1e-9,
                    v_read_v=0.4921875,
                    up=ladder,
                    down=ladder,
                    origin=(row, column),
                    range_index=1,
                )
                time_s, failures = time_s + found.time_s, failures + len(found.failures)
        off_s = np.abs(session.transport.world.plant.conductance_s() - target_s)
    assert time_s <= 5
    # Stuck cells, and those whose bounds do not reach their target.
    assert failures < 0.06 * target_s.size
    assert (off_s < 2e-9).mean() > 0.93
