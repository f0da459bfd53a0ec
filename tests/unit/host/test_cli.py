"""The command line: errors are one line and an exit code, starting is quick, commands do what they say."""

import re
import signal
import subprocess
import sys

import pytest

from crossloop.cli import main
from crossloop.ports import Port


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    return end.value.code or 0, captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["info", "nowhere:"], 3, "unknown: no scheme 'nowhere'"),
        (["safe", "serial:///dev/ttyNONE"], 5, "/dev/ttyNONE does not exist"),
        (["serve", "serial:x"], 3, "names no port"),
        (["train", "nowhere:"], 3, "unknown: no scheme 'nowhere'"),
        (["demo", "--port", "/dev/ttyNONE"], 5, "/dev/ttyNONE does not exist"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(capsys, arguments, code, message):
    returned, _out, err = run(capsys, *arguments)
    assert returned == code
    last = err.strip().splitlines()[-1]
    assert last.startswith("crossloop: ")
    assert message in last
    assert "Traceback" not in err


def test_wrong_usage_has_exit_code_2(capsys):
    assert run(capsys, "info")[0] == 2
    assert run(capsys, "demo", "--seeds", "0,x")[0] == 2


def test_help_names_every_command(capsys):
    out = run(capsys, "--help")[1]
    for name in ("doctor", "info", "serve", "safe", "demo", "train"):
        assert re.search(rf"^\s*{name}\b", out, re.MULTILINE)


@pytest.fixture
def fake_target(monkeypatch, device):
    monkeypatch.setattr("crossloop.cli.opening.open_target", lambda _url, **_options: device)
    return device


def test_info_shows_the_identity_and_changes_nothing(capsys, fake_target):
    code, out, _err = run(capsys, "info", "fake:")
    assert code == 0
    for text in (
        f"{fake_target.parameters.build_hash:016x}",
        "5 rows x 4 columns, 2 tiles",
        "50 MHz",
        "not set yet",
        "disarmed",
    ):
        assert text in out
    assert fake_target.log == []
    assert fake_target.closed


def test_safe_stops_the_device(capsys, fake_target):
    code, out, _err = run(capsys, "safe", "fake:")
    assert code == 0
    assert fake_target.log == [("stop", None)]
    assert "safe state: disarmed, tripped by STOP_FRAME" in out


def test_doctor_prints_one_block(capsys, monkeypatch):
    ports = [Port("/dev/ttyA", "bridge", usable=True), Port("/dev/ttyB", "bridge", usable=False)]
    monkeypatch.setattr("crossloop.cli.doctor.list_ports", lambda: ports)
    monkeypatch.setattr("crossloop.cli.doctor._self_test", lambda: ("ok", True))
    monkeypatch.setattr("crossloop.cli.doctor.TOOLS", ("sh-that-is-missing",))
    code, out, _err = run(capsys, "doctor")
    assert code == 0
    assert f"Python {sys.version.split()[0]}" in out
    assert "sh-that-is-missing not found" in out
    assert "/dev/ttyA  bridge  ok" in out
    assert "/dev/ttyB  bridge  no permission: add yourself to the port's group" in out


def test_doctor_fails_when_the_self_test_does(capsys, monkeypatch):
    monkeypatch.setattr("crossloop.cli.doctor._self_test", lambda: ("FAILED: broken", False))
    code, out, _err = run(capsys, "doctor")
    assert code == 1
    assert "FAILED: broken" in out


def test_starting_imports_nothing_heavy():
    script = (
        "import sys, crossloop.cli; heavy = {'numpy', 'serial', 'rich', 'numba', 'matplotlib', 'amaranth', 'sklearn'} & set(sys.modules);"
        "sys.exit(' '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_serve_prints_the_terminal_and_ends_well_on_ctrl_c(tmp_path):
    pytest.importorskip("crossloop_sim.targets")
    link = tmp_path / "board"
    script = "import sys; from crossloop.cli import main; main(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", script, "serve", "model:?rows=4&columns=4", "--link", str(link)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == f"serial://{link}\n"
        assert link.readlink().is_char_device()
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "ended\n")
    assert not link.is_symlink()
