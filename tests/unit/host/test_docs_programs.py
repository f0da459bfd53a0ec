"""The program of docs/programs.md runs, and does what the page says."""

import re
from pathlib import Path

import numpy as np
from scenarios.raw import RawProgram

import crossloop
from crossloop.protocol.microops import MicroOp

PAGE = Path(__file__).parents[3] / "docs" / "programs.md"


def source(word: str) -> str:
    """Return the page's only program with a word in it."""
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    (found,) = (program for program in programs if word in program)
    return str(found)


def test_the_program_of_the_page_pulses_until_the_threshold():
    names: dict[str, tuple[MicroOp, ...]] = {}
    exec(source("Assembly"), names)  # noqa: S102  the page's own code
    with crossloop.connect("model:?rows=3&columns=3&seed=1") as session:
        session.arm()
        session.execute(RawProgram(names["program"]))
        (pulses,) = session.read_words(10, 1)
        assert 0 < pulses < 500
        assert session.counters().train_pulses == pulses


def test_the_voltages_of_the_page_are_read():
    with crossloop.connect("model:?rows=3&columns=2&preset=ideal") as session:
        session.arm()
        names = {"tile": session.tile(0)}
        exec(source("read_nodes"), names)  # noqa: S102  the page's own code
        np.testing.assert_allclose(names["v_row_v"][:2], [0.25, -0.125])
        # Equal conductances: the columns are at the mean of the held rows, the floating row at that of the columns.
        np.testing.assert_allclose([*names["v_column_v"], names["v_row_v"][2]], 0.0625, atol=session.voltages.step_v)


def test_the_phases_of_the_page_settle():
    query = "rows=3&columns=2&preset=ideal&nudge_lines=1&level_bits=12&sample_bits=15"
    with crossloop.connect(f"model:?{query}") as session:
        session.arm()
        names = {
            "session": session,
            "x_v": np.array([0.125, -0.0625, 0.1875]),
            "targets_v": np.array([0.0625, -0.0625]),
        }
        exec(source("mirrored=True"), names)  # noqa: S102  the page's own code
        free, nudged, opposite = names["found"].v_column_v
        assert names["found"].at_rest.all()
        np.testing.assert_allclose(nudged - free, free - opposite, atol=2 * session.voltages.step_v)
        assert (np.sign(nudged - free) == np.sign(names["targets_v"] - free)).all()
