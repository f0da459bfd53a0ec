"""URLs to targets: unknown, malformed, not installed, missing, busy, vanished."""

import os
import pty
import subprocess
import sys
import tty

import pytest
import serial

from crossloop import connect
from crossloop.protocol.errors import LinkError, TargetError
from crossloop.targets import open_target


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nowhere:", "unknown: no scheme 'nowhere'; known are .*serial:"),
        ("nowhere", "has no scheme; write one of .*serial:"),
        ("", "has no scheme"),
        ("serial:ttyUSB0", r"write serial:///dev/ttyUSB0\?baud=1000000"),
        ("serial://ttyUSB0", r"write serial:///dev/ttyUSB0\?baud=1000000"),
        ("serial:///dev/null?baud=fast", "baud 'fast'; it must be a whole number"),
        ("serial:///dev/null?baud=0", "baud '0'; it must be a whole number"),
        ("serial:///dev/null?speed=9", "unknown options speed; known is baud"),
    ],
)
def test_a_url_that_names_no_target_says_what_would(url, message):
    with pytest.raises(TargetError, match=message):
        connect(url)


def test_a_target_that_is_not_installed_names_its_extra(monkeypatch):
    monkeypatch.setattr("crossloop.targets.entry_points", lambda **_group: ())
    with pytest.raises(TargetError, match=r"not installed; install it with: pip install 'crossloop\[rtl\]'"):
        open_target("rtl:")


def test_a_target_whose_software_is_missing_names_its_extra(monkeypatch):
    class Entry:
        name = "model"

        def load(self):
            raise ModuleNotFoundError("No module named 'numba'")

    monkeypatch.setattr("crossloop.targets.entry_points", lambda **_group: (Entry(),))
    with pytest.raises(TargetError, match=r"No module named 'numba'.*pip install 'crossloop\[sim\]'"):
        open_target("model:")


def test_progress_and_options_reach_a_target_that_takes_them(monkeypatch):
    said = []

    class Entry:
        name = "model"

        def load(self):
            return lambda url, progress, size: progress(f"{url} {size}")

    monkeypatch.setattr("crossloop.targets.entry_points", lambda **_group: (Entry(),))
    open_target("model:", progress=said.append, size=3)
    assert said == ["model: 3"]


@pytest.fixture
def terminal():
    """The master of a pseudo-terminal, and the path of its slave, which this process does not hold open."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    os.close(slave)
    yield master, path
    os.close(master)


def test_bytes_go_through_a_serial_port(terminal):
    master, path = terminal
    port = open_target(f"serial://{path}?baud=115200")
    port.write(b"\x01\x02\x00")
    assert os.read(master, 9) == b"\x01\x02\x00"
    os.write(master, b"\x00\xff\x11\x13\x0a\x0d")
    assert port.read(1.0) == b"\x00\xff\x11\x13\x0a\x0d"
    assert port.read(0.01) == b""
    assert not port.simulated
    port.close()
    with pytest.raises(LinkError, match="is closed; open it again"):
        port.write(b"x")


def test_a_missing_port_points_to_the_doctor(tmp_path):
    with pytest.raises(LinkError, match=r"does not exist; plug the board in.*crossloop doctor"):
        connect(f"serial://{tmp_path}/ttyUSB9")


def test_something_that_is_no_port_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    with pytest.raises(LinkError, match=r"cannot be opened at 1000000 baud.*check that it is a serial port"):
        connect(f"serial://{path}")


def test_a_busy_port_is_named(terminal):
    _master, path = terminal
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import serial; p = serial.Serial({path!r}, exclusive=True); print(flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        holder.stdout.readline()
        with pytest.raises(LinkError, match=f"{path} is busy: another program has it open; close that program first"):
            connect(f"serial://{path}")
    finally:
        holder.communicate(b"\n")


def test_a_vanished_port_is_named_on_reading_and_writing(monkeypatch, terminal):
    _master, path = terminal
    port = open_target(f"serial://{path}")

    def gone(*_arguments):
        raise serial.SerialException("device disconnected")

    monkeypatch.setattr(serial.Serial, "write", gone)
    monkeypatch.setattr(serial.Serial, "read", gone)
    for call in (lambda: port.write(b"x"), lambda: port.read(0.1)):
        with pytest.raises(LinkError, match=f"{path} is gone .device disconnected.; plug it in again"):
            call()
    port.close()


def test_a_port_whose_other_end_hangs_up_is_gone():
    master, slave = pty.openpty()
    tty.setraw(slave)
    port = open_target(f"serial://{os.ttyname(slave)}")
    os.close(slave)
    os.close(master)
    with pytest.raises(LinkError, match="is gone"):
        port.read(0.05)
    port.close()
