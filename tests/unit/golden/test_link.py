"""Exactly once: whatever the line does to frames, a request pulses once and its reply can be had again."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossloop.protocol import commands
from crossloop.protocol import microops as ops
from crossloop.protocol.errors import Status
from crossloop.protocol.frames import FrameKind
from crossloop.protocol.identity import unpack_identity
from crossloop.protocol.microops import LineState
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import Family
from crossloop_sim.events import Kind

MISHAPS = ["lost", "repeated", "reply lost", "flipped", "cut", "garbage before", "old one again"]


def pulsing(bench):
    """Load a program of one pulse, and return the request that runs it and reads the pulse counter."""
    bench.ready()
    bench.run(ops.connect(Family.ROWS, LineState.DRIVE), ops.pulse(1, 5, 5))
    bench.send(commands.write_register(Register.TRAIN_PULSES, 0))
    bench.plant.seen.clear()
    return commands.run(0) + commands.read_register(Register.TRAIN_PULSES)


def deliver(bench, frame: bytes, mishaps: list[str], data) -> bytes:
    """Send a frame until its reply is in, through a line that has these mishaps; return the reply's bytes."""
    for mishap in mishaps:
        if mishap in {"repeated", "reply lost"}:
            bench.model.receive(frame * (2 if mishap == "repeated" else 1))
        elif mishap == "flipped":
            place = data.draw(st.integers(0, len(frame) - 2))
            changed = bytearray(frame)
            changed[place] ^= data.draw(st.integers(1, 255))
            bench.model.receive(bytes(changed))
        elif mishap == "cut":
            bench.model.receive(frame[: data.draw(st.integers(0, len(frame) - 1))])
        elif mishap == "garbage before":
            bench.model.receive(data.draw(st.binary(max_size=400)))
        elif mishap == "old one again":
            old = data.draw(st.integers(0, bench.sequence))
            bench.model.receive(bench.frame(commands.run(0), (bench.sequence - 3 - old) % 2**32))
    # The host resynchronises with a delimiter, then tries once more.
    bench.model.receive(b"\0")
    where = data.draw(st.integers(0, len(frame)))
    return bench.model.receive(frame[:where]) + bench.model.receive(frame[where:])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), plan=st.lists(st.lists(st.sampled_from(MISHAPS), max_size=4), min_size=1, max_size=6))
def test_a_request_pulses_exactly_once(make_bench, data, plan) -> None:
    bench = make_bench()
    payload = pulsing(bench)
    for count, mishaps in enumerate(plan, start=1):
        frame = bench.frame(payload, bench.sequence)
        reply = deliver(bench, frame, mishaps, data)
        assert bench.model.receive(frame) == reply
        bench.sequence += 1
        assert bench.model.registers[Register.TRAIN_PULSES] == count
        assert len([event for event in bench.plant.gates() if event[1]]) == count


def test_a_frame_repeated_a_thousand_times_pulses_once(bench, rng) -> None:
    payload = pulsing(bench)
    for count in range(1, 21):
        frame = bench.frame(payload, bench.sequence)
        replies = {bench.model.receive(frame) for _ in range(int(rng.integers(1, 100)))}
        assert len(replies) == 1
        bench.sequence += 1
        assert len(bench.plant.gates()) == 2 * count


def test_replies_are_kept_for_as_many_requests_as_there_are_slots(make_bench) -> None:
    bench = make_bench(request_slots=4)
    bench.hello()
    sent = [bench.frame(commands.read_words(n), n) for n in range(9)]
    replies = [bench.model.receive(frame) for frame in sent]
    assert [bench.model.receive(frame) for frame in sent[5:]] == replies[5:]
    assert [bench.raw(frame)[0].status for frame in sent[:5]] == [Status.SEQUENCE_STALE] * 5


def test_bytes_may_come_in_any_pieces(make_bench) -> None:
    stream = b"\0\0garbage\0" + b"".join(
        [
            make_bench().frame(b"", 5, FrameKind.HELLO),
            make_bench().frame(commands.write_bytes(0, bytes(range(90))), 5),
            make_bench().frame(commands.read_words(90), 6),
            make_bench().frame(b"", 0, FrameKind.KICK),
        ]
    )
    whole = make_bench().model.receive(stream)
    for size in (1, 2, 3, 7, 50):
        model = make_bench().model
        pieces = (stream[start : start + size] for start in range(0, len(stream), size))
        assert b"".join(map(model.receive, pieces)) == whole


def test_the_identity_tells_the_build(bench) -> None:
    reply = bench.hello(first=1234)
    assert (reply.kind, reply.status, reply.sequence, reply.credit) == (FrameKind.IDENTITY, Status.OK, 1234, 2)
    assert unpack_identity(reply.payload) == bench.parameters


def test_the_sessions_own_hello_again_changes_nothing(bench) -> None:
    bench.ready()
    frame = bench.frame(b"", 0, FrameKind.HELLO)
    (reply,) = bench.raw(frame)
    assert (reply.kind, reply.sequence) == (FrameKind.IDENTITY, 0)
    assert bench.model.armed
    assert bench.send(b"").status is Status.OK


def test_a_new_session_disarms_and_forgets_the_replies(bench) -> None:
    bench.ready()
    bench.hello(first=1000)
    assert not bench.model.armed
    assert not bench.model.tripped
    assert bench.raw(bench.frame(b"", 999)) == []
    (reply,) = bench.raw(bench.frame(b"", 3))
    assert (reply.status, reply.sequence) == (Status.SEQUENCE_STALE, 1000)
    assert bench.send(b"").status is Status.OK


def test_kick_is_not_answered_and_takes_no_number(bench) -> None:
    bench.hello()
    assert bench.raw(bench.frame(b"", 99, FrameKind.KICK)) == []
    assert bench.send(b"").status is Status.OK


def test_requests_under_way_together_are_executed_in_order(bench) -> None:
    bench.ready()
    frames = [
        bench.frame(commands.write_bytes(0, bytes([n])) + commands.run(0) + commands.read_words(1), bench.sequence + n)
        for n in range(2)
    ]
    replies = bench.raw(b"".join(frames))
    assert [(reply.sequence - bench.sequence, reply.payload[-2]) for reply in replies] == [(0, 0), (1, 1)]
    assert [event.a for event in bench.plant.of(Kind.RUN)] == list(itertools.islice(itertools.cycle([1, 0]), 4))
