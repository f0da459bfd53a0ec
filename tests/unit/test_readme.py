"""The program in the README runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text()


@pytest.mark.parametrize("target", ["model:", pytest.param("rtl:", marks=pytest.mark.slow)])
def test_the_ten_lines_run(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = re.search(r"<!-- example -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    program = found[1].replace('"rtl:?', f'"{target}?')
    exec(compile(program, "README.md", "exec"), {})  # noqa: S102  it is our own
    printed = capsys.readouterr().out
    change_s = float(printed.splitlines()[0])
    # 400 pulses of 1/1250 of the range of 64.8 nS each would be 20.7 nS; steps spread by 30 %, reads by 2 nS.
    assert 8e-9 < change_s < 35e-9
