"""The whole controller on an HDL simulator behaves as the golden model does, bit for bit."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import scenarios

from crossloop.session import Session
from crossloop_sim.cosim.simulator import BenchFailure
from crossloop_sim.targets import open_model
from crossloop_sim.transcript import Entry, difference
from crossloop_sim.url import parse_url

ALL = list(scenarios.SCENARIOS)
BUILDS = {
    "4x6, two tiles": ("rows=4&columns=6&tiles=2", ALL),
    "5x3": ("rows=5&columns=3", ["products", "updates", "random programs"]),
    "1x1": ("rows=1&columns=1", ["products", "updates", "random programs"]),
    "33x20": ("rows=33&columns=20", ["random programs"]),
    "64x64": ("rows=64&columns=64", ["training step"]),
    "two taps per cycle": ("rows=2&columns=3&gate_taps=2&gate_lines=1", ["pulse trains", "compliance and duty"]),
    "UART": ("rows=2&columns=3", ["masked pulses"]),
}
"""Query of the build, and what runs on it; the slow tests run all scenarios on the odd and the smallest."""
DIVISOR = 4
"""Cycles per bit of the UART: the fewest it can do, for short simulations."""
# Random programs write 256 words of the vector memory first, and so find none that an earlier scenario has left.
COMMON = "vector_words=256&transcript=1&seed=7"
REST_CYCLES = 1000


@dataclass
class KeptTranscript:
    """A transcript that a bench has written."""

    frames_in: list[bytes]
    frames_out: list[bytes]
    pins: list[Entry]

    @classmethod
    def read(cls, path: Path) -> "KeptTranscript":
        kept = json.loads(path.read_text())
        pins = [Entry(run, cycle, what, tuple(values), tap) for run, cycle, what, values, tap in kept["pins"]]
        return cls(*([bytes.fromhex(frame) for frame in kept[name]] for name in ("frames_in", "frames_out")), pins)


@pytest.fixture(scope="module")
def cosimulate(simulate, core_verilog, tmp_path_factory):
    """Run the scenarios of a build once; return URL of its model, folder of the transcripts, and what failed on the way."""

    @cache
    def once(build: str, names: tuple[str, ...]) -> tuple[str, Path, str]:
        url = f"model:?{BUILDS[build][0]}&{COMMON}"
        folder = tmp_path_factory.mktemp("transcripts")
        divisor = DIVISOR if build == "UART" else None
        verilog = core_verilog(parse_url(url, "model").parameters, divisor)
        given = {"url": url, "folder": str(folder), "scenarios": names, "divisor": divisor}
        try:
            simulate(verilog, "core_scenarios", tests=r"\.scenario/", **given)
        except BenchFailure as failure:
            return url, folder, str(failure)
        return url, folder, ""

    return once


def check(cosimulated: tuple[str, Path, str], name: str) -> None:
    """Compare what a bench wrote with the model."""
    url, folder, failure = cosimulated
    written = folder / f"{name}.json"
    assert written.exists(), failure
    transport = open_model(url)
    with Session(transport) as session:
        scenarios.run(name, session)
        transport.world.advance(REST_CYCLES)
    found = difference(KeptTranscript.read(written), transport.world.transcript)
    assert found is None, found


@pytest.mark.parametrize(
    ("build", "name"), [(build, name) for build, (_query, names) in BUILDS.items() for name in names]
)
def test_cocotb_and_model_write_the_same_transcript(cosimulate, build, name):
    check(cosimulate(build, tuple(BUILDS[build][1])), name)


@pytest.mark.slow
@pytest.mark.parametrize("build", ["1x1", "5x3", "33x20"])
def test_every_scenario_on_odd_geometries(cosimulate, build):
    written = cosimulate(build, tuple(ALL))
    for name in ALL:
        check(written, name)


@pytest.mark.parametrize("build", ["4x6, two tiles", pytest.param("5x3", marks=pytest.mark.slow)])
def test_a_walking_device_moves_alone(simulate, core_verilog, build):
    url = f"model:?{BUILDS[build][0]}&vector_words=256"
    simulate(core_verilog(parse_url(url, "model").parameters), "core_scenarios", tests=r"\.a_walking", url=url)


@pytest.mark.parametrize("build", ["5x3", pytest.param("1x1", marks=pytest.mark.slow)])
def test_faults_end_pulses_and_repetitions_make_none(simulate, core_verilog, build):
    url = f"model:?{BUILDS[build][0]}&vector_words=256"
    simulate(core_verilog(parse_url(url, "model").parameters), "core_faults", url=url)
