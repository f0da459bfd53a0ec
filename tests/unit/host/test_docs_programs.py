"""The program of docs/programs.md runs, and does what the page says."""

import re
from pathlib import Path

from scenarios.raw import RawProgram

import crossloop
from crossloop.protocol.microops import MicroOp

PAGE = Path(__file__).parents[3] / "docs" / "programs.md"


def test_the_program_of_the_page_pulses_until_the_threshold():
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    names: dict[str, tuple[MicroOp, ...]] = {}
    exec(source, names)  # noqa: S102  the page's own code
    with crossloop.connect("model:?rows=3&columns=3&seed=1") as session:
        session.arm()
        session.execute(RawProgram(names["program"]))
        (pulses,) = session.read_words(10, 1)
        assert 0 < pulses < 500
        assert session.counters().train_pulses == pulses
