"""Pictures are drawn, and the command refuses what it does not know."""

import pytest
from typer.testing import CliRunner

from crossloop.protocol.errors import RangeError
from crossloop_sim.looks.command import app


@pytest.mark.parametrize("name", ["ecram", "filament", "wires"])
def test_pictures_are_drawn(name, tmp_path):
    path = tmp_path / "picture.png"
    done = CliRunner().invoke(app, ["show", name, "--output", str(path)])
    assert done.exit_code == 0, done.output
    assert path.stat().st_size > 20_000


def test_presets_are_listed():
    done = CliRunner().invoke(app, ["list"])
    assert "reram-sb             SoftBounds" in done.output
    assert "protonic" in done.output


def test_unknown_presets_name_the_known_ones():
    done = CliRunner().invoke(app, ["show", "nothing"])
    assert isinstance(done.exception, RangeError)
    assert "known are rpu, ideal" in str(done.exception)
