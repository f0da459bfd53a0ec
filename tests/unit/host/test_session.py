"""Sessions: limits, arming, execution, errors that leave the session usable."""

import numpy as np
import pytest

from crossloop.limits import Limits
from crossloop.operations import Product, PulseTrain, Update
from crossloop.protocol.errors import (
    CommandError,
    IdentityError,
    LinkError,
    RangeError,
    SafetyTrip,
    ShapeError,
    Status,
    TripCause,
)
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop.session import Session


def product(**changes):
    return Product(**{"tile": 0, "sensed": Family.COLUMNS, "codes": np.arange(5), "channels": 4} | changes)


def test_default_limits_are_written_once_at_connect(device):
    Session(device)
    assert [device.registers[r] for r in (2, 3, 4, 5)] == [2**32 - 64, 63, 5000, 10_000_000]


def test_limits_come_back_in_volts_and_seconds(device):
    session = Session(device, limits=Limits(v_level_max_v=0.25, width_cap_s=10e-6, dead_man_s=0.1))
    assert session.limits == Limits(v_level_max_v=0.25, width_cap_s=10e-6, dead_man_s=0.1)
    assert [device.registers[r] for r in (2, 3, 4, 5)] == [2**32 - 32, 32, 500, 5_000_000]


def test_limits_already_in_force_stay_when_none_are_asked_for(device):
    Session(device, limits=Limits(v_level_max_v=0.25))
    assert Session(device, first_sequence=500).limits.v_level_max_v == 0.25


def test_other_limits_than_those_in_force_are_refused_naming_both(device):
    Session(device, limits=Limits(v_level_max_v=0.25))
    with pytest.raises(CommandError, match=r"-0.25 to 0.25 V.*-0.125 to 0.125 V.*LIMIT_LOCKED") as caught:
        Session(device, limits=Limits(v_level_max_v=0.125), first_sequence=500)
    assert caught.value.status is Status.LIMIT_LOCKED


def test_a_level_limit_that_has_no_code_is_refused(device):
    with pytest.raises(RangeError, match=r"v_level_max_v of 0.3 V is not a multiple .* 0.296875 and 0.3046875 V"):
        Session(device, limits=Limits(v_level_max_v=0.3))


def test_an_unexpected_build_is_refused_with_both_hashes_and_the_port_released(device):
    with pytest.raises(IdentityError, match=f"{device.parameters.build_hash:016x}, expected was 0000000000000001"):
        Session(device, expected_build=1)
    assert device.closed


def test_the_expected_build_is_accepted(device):
    assert Session(device, expected_build=device.parameters.build_hash).parameters == device.parameters


def test_the_end_of_the_block_disarms_and_closes(device):
    with Session(device) as session:
        session.arm()
    assert device.log[-1] == ("disarm", None)
    assert device.closed
    session.close()  # a second time does nothing


def test_arming_again_takes_a_fresh_token(device):
    session = Session(device)
    session.arm()
    session.arm()
    assert [value for what, value in device.log if what == "arm"] == [1, 2]


def test_a_token_used_by_an_earlier_session_is_passed_over(device):
    device._token = 1
    session = Session(device)
    session.arm()
    assert session.state().armed


def test_a_program_is_uploaded_once_and_run_many_times(device, session):
    for _ in range(3):
        session.execute(product())
    assert [what for what, _ in device.log] == ["upload", "levels", "run", "levels", "run", "levels", "run"]


def test_results_come_in_the_order_of_the_operations(device, session):
    device.answer = lambda channels: np.full(channels, channels)
    results = session.execute(
        product(channels=3), update(), product(sensed=Family.ROWS, codes=np.zeros(2, int), channels=5)
    )
    assert results[0].codes.tolist() == [3, 3, 3]
    assert results[1] is None
    assert results[2].codes.tolist() == [5] * 5


def update(**changes):
    arguments = {
        "tile": 0,
        "row_bytes": np.array([3, 0x84], np.uint8),
        "column_bytes": np.array([5, 0x86], np.uint8),
        "slots": 10,
        "width_cycles": 20,
        "gap_cycles": 20,
        "up": (30, -30),
        "down": (-30, 30),
    }
    return Update(**arguments | changes)


def test_operations_that_fit_share_one_request(device, session):
    session.execute(product(), update())
    device.frames.clear()
    session.execute(product(), update(), product(), update())
    assert len(device.frames) == 1


def test_operations_that_do_not_fit_go_into_several_requests(new_device):
    device = new_device(Parameters(rows=5, columns=4, tiles=2, frame_bytes=128))
    with Session(device) as session:
        session.arm()
        device.frames.clear()
        results = session.execute(*[product(codes=np.full(5, i)) for i in range(9)])
        levels = [value[1] for what, value in device.log if what == "levels"]
    assert levels == [[i] * 5 for i in range(9)]
    assert len(results) == 9
    assert sum(kind == 2 for kind, _, _ in device.frames) > 3


def test_codes_keep_sign_and_saturation(device, session):
    device.answer = lambda _channels: [0x0005, 0x7FFF, 0xFF00, 0x80FF]
    found = session.execute(product())[0]
    assert found.codes.tolist() == [5, -1, -256, 255]
    assert found.saturated.tolist() == [False, False, True, True]


def test_program_memory_that_is_full_is_used_anew(new_device):
    device = new_device(Parameters(rows=5, columns=4, program_ops=16))
    with Session(device) as session:
        session.arm()
        for turn in range(3):
            for count in (1, 2, 3, 4, 5):
                device.log.clear()
                session.execute(product(codes=np.zeros(count, int)))
                assert [op for op in device.runs()[0] if op[0] == 6] == [(6, 0, count, 0)], turn


def test_cycles_are_summed_over_runs(device, session):
    session.execute(product(), product())
    assert session.cycles == 2 * 7 * 6  # the fake reports 7 cycles per micro-op


def test_an_unarmed_device_refuses_and_the_session_goes_on(device):
    session = Session(device)
    with pytest.raises(CommandError, match=r"NOT_ARMED.*session.arm\(\)"):
        session.execute(product())
    session.arm()
    assert session.execute(product())[0].codes.size == 4
    assert [what for what, _ in device.log].count("upload") == 2  # nobody knows what a refused frame wrote


def test_a_trip_names_its_cause_and_arming_ends_it(device, session):
    session.stop()
    with pytest.raises(SafetyTrip, match="tripped by STOP_FRAME") as caught:
        session.execute(product())
    assert caught.value.cause is TripCause.STOP_FRAME
    session.arm()
    assert session.execute(product())[0].codes.size == 4


def test_an_emptied_device_after_an_interrupt_is_disarmed_and_uploads_again(device, session):
    session.execute(product())
    read = device.read

    def interrupt(_timeout_s):
        device.read = read
        raise KeyboardInterrupt

    device.read = interrupt
    with pytest.raises(KeyboardInterrupt):
        session.execute(product())
    with pytest.raises(SafetyTrip):
        session.execute(product())
    session.arm()
    device.log.clear()
    session.execute(product())
    assert device.log[0][0] == "upload"


def test_a_vanished_device_is_reported(device):
    session = Session(device)
    device.gone = True
    with pytest.raises(LinkError, match="is gone"):
        session.execute(product())


def test_seeds_reach_their_registers(device, session):
    session.seed(5, 2**32 - 1)
    assert (device.registers[6], device.registers[7]) == (5, 2**32 - 1)


def test_counters_are_read_and_cleared_on_request(device, session):
    for register in range(8, 14):
        device.registers[register] = register
    counters = session.counters(clear=True)
    assert (counters.slots, counters.cell_pulses, counters.train_pulses, counters.bad_frames) == (8, 11, 12, 13)
    assert session.counters().slots == 0
    assert session.counters().bad_frames == 13


REFUSED = {
    "level above the window": (product(codes=np.array([0, 40])), RangeError, "0.3125 V is outside the level window"),
    "level below the window": (
        product(codes=np.array([0, -33])),
        RangeError,
        "-0.257812 V is outside the level window",
    ),
    "byte above the window": (
        product(codes=np.array([0, 33], np.int8)),
        RangeError,
        "0.257812 V is outside the level window",
    ),
    "byte below the window": (
        product(codes=np.array([-33], np.int8)),
        RangeError,
        "-0.257812 V is outside the level window",
    ),
    "levels in volts": (product(codes=np.array([0.1, 0.2])), RangeError, "must be integers, not float64"),
    "too many levels": (product(codes=np.zeros(6, int)), ShapeError, r"n from 1 to 5, not \(6,\)"),
    "levels of two dimensions": (product(codes=np.zeros((2, 2), int)), ShapeError, r"not \(2, 2\)"),
    "no levels": (product(codes=np.zeros(0, int)), ShapeError, r"not \(0,\)"),
    "too many channels": (product(channels=5), RangeError, "5 channels asked for, 4 available"),
    "too many pairs": (product(channels=3, pair=True), RangeError, "3 channels asked for, 2 available"),
    "unknown range": (product(range_index=4), RangeError, "converter range must be an integer from 0 to 3"),
    "unknown tile": (product(tile=2), RangeError, "tile must be an integer from 0 to 1, not 2"),
    "reading longer than the cap": (product(settle_cycles=450, integrate_cycles=50), RangeError, "501 > 500 cycles"),
    "slot wider than the cap": (
        update(width_cycles=501),
        RangeError,
        "pulse width of 1.002e-05 s is longer than the cap",
    ),
    "no slot": (update(slots=0), RangeError, "slots must be an integer from 1"),
    "update level outside": (update(up=(33, -33)), RangeError, "outside the level window"),
    "probabilities as floats": (update(row_bytes=np.array([0.5])), ShapeError, "dtype uint8"),
    "row outside": (PulseTrain(0, 5, 0, 1, (1, -1), 5, 5), RangeError, "row must be an integer from 0 to 4, not 5"),
    "column outside": (PulseTrain(0, 0, -1, 1, (1, -1), 5, 5), RangeError, "column must be an integer from 0 to 3"),
    "no pulse": (PulseTrain(0, 0, 0, 0, (1, -1), 5, 5), RangeError, "pulse count must be an integer from 1"),
    "pulse wider than the cap": (PulseTrain(0, 0, 0, 1, (1, -1), 501, 5), RangeError, "501 > 500 cycles"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_with_a_reason_nothing_is_sent_and_the_session_goes_on(device, name):
    operation, error, message = REFUSED[name]
    with Session(device, limits=Limits(v_level_max_v=0.25, width_cap_s=10e-6)) as session:
        session.arm()
        device.frames.clear()
        with pytest.raises(error, match=message) as caught:
            session.execute(product(codes=np.zeros(5, int)), operation)
        assert "nothing was sent" in str(caught.value)
        assert device.frames == []
        assert session.execute(product(codes=np.zeros(5, int)))[0].codes.size == 4


def test_a_program_longer_than_the_memory_is_refused(new_device):
    device = new_device(Parameters(rows=5, columns=4, program_ops=16))
    with Session(device) as session:
        program = session.program()
        for _ in range(20):
            program.wait(1e-6)
        with pytest.raises(RangeError, match="22 micro-ops is longer than the device's program memory of 16"):
            session.execute(program)


def test_more_records_than_a_reply_holds_are_refused(device, session):
    program = session.program()
    with program.loop(60):
        program.convert(Family.COLUMNS, settle_s=1e-6, integrate_s=1e-6)
    with pytest.raises(RangeError, match="records take 1090 bytes, one reply of this device holds 1008"):
        session.execute(program)
