"""The safety gate between runs and above them: arming, dead-man timer, stops, limits, the safe state."""

import pytest

from crossloop.protocol import commands
from crossloop.protocol import microops as ops
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.frames import FrameKind
from crossloop.protocol.microops import LineState
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import Family
from crossloop_sim.events import Kind

GROUND = (0b1111, 0, 0b111, 0)


def driving(bench):
    """Leave rows driven and columns sensed after a run."""
    bench.ready()
    bench.run(ops.connect(Family.ROWS, LineState.DRIVE), ops.connect(Family.COLUMNS, LineState.SENSE))
    bench.plant.seen.clear()
    return bench


def test_lines_float_after_reset_and_are_grounded_by_the_first_session(bench) -> None:
    bench.hello()
    assert [event.words for event in bench.plant.of(Kind.STATES)] == [GROUND]


def test_a_stop_frame_trips_and_only_arming_with_a_new_token_ends_it(bench) -> None:
    driving(bench)
    reply = bench.stop()
    assert (reply.kind, reply.status, reply.sequence) == (FrameKind.STOPPED, Status.OK, bench.sequence)
    kinds = [(event.kind, event.a) for event in bench.plant.seen]
    assert kinds == [(Kind.TRIP, 1), (Kind.STATES, 0), (Kind.STATES, 0)]
    assert [event.words for event in bench.plant.of(Kind.STATES)] == [(0, 0, 0, 0), GROUND]
    assert (bench.model.tripped, bench.model.armed, bench.model.trip_cause) == (True, False, TripCause.STOP_FRAME)
    assert bench.register(Register.STATE) == 0b010
    assert bench.send(commands.arm(bench.token)).status is Status.TOKEN_STALE
    assert bench.arm() is Status.OK
    assert bench.register(Register.STATE) == 0b001
    assert bench.register(Register.TRIP_CAUSE) == 0


def test_disarming_grounds_the_lines_without_a_trip(bench) -> None:
    driving(bench)
    assert bench.send(commands.disarm()).status is Status.OK
    assert [event.words for event in bench.plant.seen] == [(0, 0, 0, 0), GROUND]
    assert (bench.model.armed, bench.model.tripped) == (False, False)


def test_the_stop_input_holds_the_gate_tripped(bench) -> None:
    driving(bench)
    bench.model.set_emergency_stop(True)
    assert bench.model.trip_cause is TripCause.STOP_INPUT
    assert bench.register(Register.STATE) == 0b110
    assert bench.arm() is Status.TRIPPED
    bench.model.set_emergency_stop(False)
    assert bench.model.tripped
    assert bench.send(commands.arm(bench.token)).status is Status.OK, "a refused token counts as used"


def test_the_first_cause_is_kept(bench) -> None:
    driving(bench)
    bench.run(ops.level(Family.ROWS, 0, 32))
    bench.stop()
    bench.model.set_emergency_stop(True)
    assert bench.model.trip_cause is TripCause.LEVEL_WINDOW
    assert len(bench.plant.of(Kind.TRIP)) == 1


def test_silence_trips_and_any_frame_keeps_the_device_alive(bench) -> None:
    driving(bench)
    for _ in range(5):
        bench.model.advance(90_000)
        bench.model.receive(bench.frame(b"", 0, FrameKind.KICK))
    assert bench.model.armed
    bench.model.advance(100_000)
    assert bench.model.armed
    bench.model.advance(1)
    assert (bench.model.armed, bench.model.trip_cause) == (False, TripCause.DEAD_MAN)


def test_broken_frames_do_not_count_as_life(bench) -> None:
    driving(bench)
    for _ in range(11):
        bench.model.receive(b"noise of a broken line\0")
        bench.model.advance(10_000)
    assert bench.model.trip_cause is TripCause.DEAD_MAN


def test_silence_ends_a_run_in_the_middle_of_a_pulse(make_bench) -> None:
    bench = make_bench()
    driving(bench.ready())
    reply, records = bench.run(ops.pulse(65535, 1000, 10))
    done = records[-1]
    assert (reply.status, done.flags, bench.model.trip_cause) == (Status.TRIPPED, Status.TRIPPED, TripCause.DEAD_MAN)
    # The timer started with the request's frame, and so did the run: one byte per cycle is over by then.
    assert done.cycle == 100_002
    pulses = (100_001 - 6) // 1010
    assert bench.register(Register.TRAIN_PULSES) == pulses
    assert bench.plant.gates()[-2:] == [(6 + pulses * 1010, 0b1111, 0), (100_001, 0, 0)]
    order = [event.kind for event in bench.plant.seen if event.cycle >= 100_001]
    assert order == [Kind.TRIP, Kind.GATES, Kind.RUN, Kind.STATES, Kind.STATES]
    assert bench.plant.seen[-1].words == GROUND


@pytest.mark.parametrize("op", [ops.wait(2**32 - 1), ops.coincide(65535, 10, 10, row_sign=0, column_sign=0)])
def test_silence_ends_any_long_micro_op(bench, op) -> None:
    _, records = driving(bench).run(op)
    assert (records[-1].cycle, records[-1].flags) == (100_002, Status.TRIPPED)


def test_arming_needs_a_dead_man_time(bench) -> None:
    bench.hello()
    assert bench.arm() is Status.NOT_ARMED
    bench.limits(DEAD_MAN=5)
    assert bench.send(commands.arm(bench.token)).status is Status.OK


def test_limits_are_zero_after_reset_and_written_once(bench) -> None:
    bench.hello()
    assert set(bench.model.registers.values()) == {0}
    bench.limits(LEVEL_MIN=0)
    reply = bench.send(commands.write_register(Register.LEVEL_MIN, -1))
    assert reply.status is Status.LIMIT_LOCKED
    bench.hello(first=500)
    assert bench.send(commands.write_register(Register.LEVEL_MIN, -1)).status is Status.LIMIT_LOCKED
    assert bench.register(Register.LEVEL_MAX) == 31


def test_negative_limits_are_read_back_in_twos_complement(bench) -> None:
    bench.ready()
    assert bench.register(Register.LEVEL_MIN) == 2**32 - 32
