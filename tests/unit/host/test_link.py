"""The link keeps requests in order and exactly once over a line that loses, spoils and repeats frames."""

import random

import pytest

from crossloop.link import Link
from crossloop.protocol import commands
from crossloop.protocol.errors import IdentityError, LinkError, RangeError, Status
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import Register


def seeds_written(device):
    """Values that reached the ROW_SEED register, in order of their frames' first arrival."""
    seen = {}
    for kind, sequence, payload in device.frames:
        if kind == 2:
            seen.setdefault(sequence, int.from_bytes(payload[6:], "little"))
    return [seen[sequence] for sequence in sorted(seen)]


def writes(count):
    return [commands.write_register(Register.ROW_SEED, 1000 + i) for i in range(count)]


@pytest.fixture
def link(device):
    link = Link(device)
    link.open()
    device.frames.clear()
    return link


def test_hello_brings_the_parameters(device):
    assert Link(device).open() == device.parameters


def test_first_sequence_number_of_a_simulated_device_repeats(device):
    Link(device).open()
    assert device.frames[0][:2] == (1, 1)


def test_first_sequence_number_of_a_board_is_random(new_device):
    firsts = set()
    for _ in range(3):
        device = new_device()
        device.simulated = False
        Link(device).open()
        firsts.add(device.frames[0][1])
    assert len(firsts) == 3


def test_requests_arrive_in_order_with_consecutive_numbers(device, link):
    link.exchange(writes(7))
    link.exchange(writes(2))
    numbers = [sequence for kind, sequence, _ in device.frames if kind == 2]
    assert numbers == list(range(1, 10))
    assert seeds_written(device) == [*range(1000, 1007), 1000, 1001]


def test_sequence_numbers_wrap_around(device):
    link = Link(device, first_sequence=0xFFFF_FFFE)
    link.open()
    replies = link.exchange(writes(5))
    assert [reply.sequence for reply in replies] == [0xFFFF_FFFE, 0xFFFF_FFFF, 0, 1, 2]


def test_no_more_requests_are_under_way_than_the_credit(device, link):
    under_way = most = 0
    write, read = device.write, device.read

    def counted_write(data):
        nonlocal under_way, most
        before = len(device.frames)
        write(data)
        under_way += sum(kind == 2 for kind, _, _ in device.frames[before:])
        most = max(most, under_way)

    def counted_read(timeout_s):
        nonlocal under_way
        data = read(timeout_s)
        under_way -= data.count(b"\0")
        return data

    device.write, device.read = counted_write, counted_read
    link.exchange(writes(20))
    assert most == device.parameters.request_slots


@pytest.mark.parametrize("seed", range(30))
def test_a_noisy_line_neither_loses_nor_repeats_a_request(device, link, seed):
    rng = random.Random(seed)

    def spoil(frame):
        fate = rng.random() if frame else 1.0
        if fate < 0.08:
            return b""
        if fate < 0.16:
            index = rng.randrange(len(frame))
            return frame[:index] + bytes([frame[index] ^ 1 << rng.randrange(8) or 1]) + frame[index + 1 :]
        if fate < 0.24:
            return frame[: rng.randrange(len(frame))]
        return frame

    device.mangle = lambda encoded: spoil(encoded).replace(b"\0", b"\1")
    device.mangle_reply = lambda encoded: spoil(encoded[:-1]).replace(b"\0", b"\1") + b"\0"
    executed = []
    execute = device._execute
    device._execute = lambda payload: (executed.append(int.from_bytes(payload[6:], "little")), execute(payload))[1]
    replies = link.exchange(writes(40))
    assert executed == list(range(1000, 1040))
    assert [reply.sequence for reply in replies] == list(range(1, 41))
    assert link.resent > 0


def test_garbage_before_the_first_frame_does_no_harm(device):
    device.write(b"\x17garbage without an end")
    assert Link(device).open() == device.parameters


def test_babble_without_an_end_is_given_up(device, link):
    device.read = lambda _timeout_s: b"\x55" * 5000
    with pytest.raises(LinkError, match=r"frames that do not check.*baud rate"):
        link.exchange(writes(1))


def test_a_silent_device_is_named_with_what_to_check(device):
    device.silent = True
    with pytest.raises(LinkError, match=r"fake: did not answer .* check power, cable and baud rate"):
        Link(device).open()


def test_a_host_that_waits_kicks_before_the_dead_man_time(device, link):
    link.kick_s = 0.05
    device.silent = True
    with pytest.raises(LinkError):
        link.exchange(writes(1))
    kicks = sum(kind == 3 for kind, _, _ in device.frames)
    assert kicks >= device.waited_s / 0.05 - 1


def test_a_frame_that_comes_byte_by_byte_is_no_silence(device, link):
    read, waiting = device.read, bytearray()

    def byte_by_byte(timeout_s):
        if not waiting:
            waiting.extend(read(timeout_s))
        first = bytes(waiting[:1])
        del waiting[:1]
        return first

    device.read = byte_by_byte
    link.exchange(writes(7))
    assert link.resent == 0
    assert [kind for kind, _, _ in device.frames] == [2] * 7
    assert Link(device).open() == device.parameters
    assert [kind for kind, _, _ in device.frames].count(1) == 1


def test_a_long_program_is_waited_for(device, link):
    # The reply comes after 30 s of device time: longer than the link's own patience, shorter than announced.
    device.silent = True
    read = device.read

    def late(timeout_s):
        data = read(timeout_s)
        if device.waited_s >= 30.0:
            device.silent = False
        return data

    device.read = late
    assert link.exchange(writes(1), [31.0])[0].status is Status.OK


def test_an_error_reply_ends_the_exchange_and_the_link_goes_on(device, link):
    device.next_status = [17]
    replies = link.exchange(writes(6))
    assert replies[0].status is Status.NOT_ARMED
    assert len(replies) <= device.parameters.request_slots
    assert [reply.status for reply in link.exchange(writes(3))] == [Status.OK] * 3


def test_an_oversized_request_is_refused_before_anything_is_sent(device, link):
    room = device.parameters.frame_bytes - 12
    with pytest.raises(RangeError, match=f"{room + 1} bytes is longer than the {room} bytes"):
        link.exchange([*writes(1), bytes(room + 1)])
    assert device.frames == []
    assert link.exchange(writes(1))[0].status is Status.OK


def test_stop_works_without_a_session_and_does_not_touch_the_sequence(device, link):
    link.stop()
    assert device.log[-1] == ("stop", None)
    assert link.exchange(writes(1))[0].sequence == 1


def test_an_interrupted_exchange_is_not_repeated_but_ends_in_a_new_disarmed_session(device, link):
    read = device.read

    def interrupt(timeout_s):
        device.read = read
        raise KeyboardInterrupt

    device.silent, device.read = True, interrupt
    with pytest.raises(KeyboardInterrupt):
        link.exchange(writes(3))
    device.silent = False
    device.frames.clear()
    link.exchange([commands.write_register(Register.ROW_SEED, 7)])
    assert [kind for kind, _, _ in device.frames][:2] == [4, 1]  # stop, then hello
    assert seeds_written(device) == [7]
    assert link.generation == 2


def test_a_device_that_was_reset_is_reported(device, link):
    device._request = lambda _sequence, _payload: device._send(0x83, 7, 0)
    with pytest.raises(LinkError, match=r"NO_SESSION.*probably reset"):
        link.exchange(writes(1))


def test_a_busy_device_is_reported_with_the_way_out(device):
    device._frame = lambda _encoded: device._send(0x83, 8, 0)
    with pytest.raises(LinkError, match=r"still runs a program.*crossloop safe"):
        Link(device).open()


def test_another_kind_of_device_is_not_taken_for_a_controller(device):
    device.identity = b"hello, I am a thermometer"
    with pytest.raises(IdentityError, match="check that a crossloop controller is on this port"):
        Link(device).open()


def test_a_build_of_another_release_is_refused_with_both_hashes(device):
    good = device.identity
    device.identity = good[:8] + bytes(8) + good[16:]
    with pytest.raises(
        IdentityError, match=f"0000000000000000.*{Parameters(rows=5, columns=4, tiles=2).build_hash:016x}"
    ):
        Link(device).open()


def test_a_closed_link_says_so(link):
    link.close()
    with pytest.raises(LinkError, match="is closed; open a new one"):
        link.exchange(writes(1))
