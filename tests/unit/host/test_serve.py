"""`crossloop serve`: a target behind a pseudo-terminal, spoken to through the real serial port."""

import contextlib
import threading
import time

import numpy as np
import pytest

from crossloop import connect
from crossloop.operations import Product
from crossloop.protocol.errors import SafetyTrip, TargetError, TripCause
from crossloop.protocol.streams import Family
from crossloop.serve import PtyServer


class DeadMan:
    """Gives the scripted device a dead-man timer: device time passes only in `read`, as in a simulation."""

    def __init__(self, device):
        self.device = device
        self.silent_s = 0.0
        frame, read = device._frame, device.read

        def timed_frame(encoded):
            self.silent_s = 0.0
            frame(encoded)

        def timed_read(timeout_s):
            data = read(timeout_s)
            if not data:
                self.silent_s += timeout_s
                if device.registers[0] & 1 and self.silent_s > device.registers[5] / device.parameters.clock_hz:
                    device.registers[0], device.registers[1] = 2, TripCause.DEAD_MAN
            return data

        device._frame, device.read = timed_frame, timed_read


@contextlib.contextmanager
def served(device, link=None):
    with PtyServer(device, link) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield server
        finally:
            server.end()
            thread.join()


def product():
    return Product(0, Family.COLUMNS, np.arange(5), 4)


def test_a_session_runs_over_the_terminal(device):
    with served(device) as server, connect(f"serial://{server.path}") as session:
        assert session.parameters == device.parameters
        session.arm()
        assert session.execute(*[product()] * 30)[29].codes.tolist() == [0, 1, 2, 3]
    assert device.log[-1] == ("disarm", None)
    assert device.closed


def test_an_armed_session_is_kept_alive_while_the_host_computes(device):
    DeadMan(device)
    with served(device) as server, connect(f"serial://{server.path}") as session:
        session.arm()
        time.sleep(0.5)
        assert session.execute(product())[0].codes.size == 4


def test_a_client_that_falls_silent_while_armed_trips_the_device(device):
    DeadMan(device)
    with served(device) as server, connect(f"serial://{server.path}") as session:
        session.arm()
        session._keep_alive.end()
        time.sleep(0.6)
        with pytest.raises(SafetyTrip, match="tripped by DEAD_MAN"):
            session.execute(product())


def test_a_client_that_hangs_up_while_armed_trips_the_device_and_another_can_come(device):
    DeadMan(device)
    with served(device) as server:
        first = connect(f"serial://{server.path}")
        first.arm()
        first._keep_alive.end()
        first.transport.close()
        deadline = time.monotonic() + 5.0
        while not device.registers[0] & 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        with connect(f"serial://{server.path}") as second:
            assert second.state().trip_cause is TripCause.DEAD_MAN
            second.arm()
            assert second.execute(product())[0].codes.size == 4


def test_an_idle_terminal_lets_no_device_time_pass(device):
    with PtyServer(device) as server:
        for _turn in range(3):
            server.serve_once()
    assert device.waited_s == 0.0


def test_device_time_passes_no_faster_than_real_time_while_a_client_is_there(device):
    with served(device) as server, connect(f"serial://{server.path}") as session:
        begin, before_s = time.monotonic(), device.waited_s
        time.sleep(0.3)
        passed_s = device.waited_s - before_s
        assert passed_s <= time.monotonic() - begin + 0.05
        session.state()


def test_a_link_leads_to_the_terminal_and_goes_with_it(device, tmp_path):
    link = tmp_path / "board"
    link.symlink_to("/dev/pts/dangling")  # left behind by a run that was killed
    with PtyServer(device, link) as server:
        assert str(link.readlink()) == server.path
    assert not link.is_symlink()


def test_a_file_in_the_place_of_the_link_is_left_alone(device, tmp_path):
    link = tmp_path / "board"
    link.write_text("precious")
    with pytest.raises(TargetError, match="exists and is no symbolic link"):
        PtyServer(device, link)
    assert link.read_text() == "precious"


def test_a_link_that_cannot_be_made_is_reported(device, tmp_path):
    with pytest.raises(TargetError, match=r"cannot make the link .*No such file or directory"):
        PtyServer(device, tmp_path / "nowhere" / "board")
