"""The whole controller on an HDL simulator behaves as the golden model does, bit for bit."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import scenarios

from crossloop.session import Session
from crossloop_sim.cosim.simulator import BenchFailure
from crossloop_sim.targets import open_model
from crossloop_sim.transcript import Entry, difference
from crossloop_sim.url import parse_url

QUERIES = ["rows=5&columns=3", "rows=4&columns=6&tiles=2"]
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
        pins = [Entry(run, cycle, what, tuple(values)) for run, cycle, what, values in kept["pins"]]
        return cls(*([bytes.fromhex(frame) for frame in kept[name]] for name in ("frames_in", "frames_out")), pins)


@pytest.fixture(scope="module", params=QUERIES)
def cosimulated(request, simulate, core_verilog, tmp_path_factory) -> tuple[str, Path, str]:
    """URL of the model of the same build, folder of the transcripts, and what failed on the way."""
    url = f"model:?{request.param}&{COMMON}"
    folder = tmp_path_factory.mktemp("transcripts")
    verilog = core_verilog(parse_url(url, "model").parameters)
    try:
        simulate(
            verilog,
            "core_scenarios",
            tests=r"\.scenario/",
            url=url,
            folder=str(folder),
            scenarios=list(scenarios.SCENARIOS),
        )
    except BenchFailure as failure:
        return url, folder, str(failure)
    return url, folder, ""


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_cocotb_and_model_write_the_same_transcript(cosimulated, name):
    url, folder, failure = cosimulated
    written = folder / f"{name}.json"
    assert written.exists(), failure
    transport = open_model(url)
    with Session(transport) as session:
        scenarios.run(name, session)
        transport.world.advance(REST_CYCLES)
    found = difference(KeptTranscript.read(written), transport.world.transcript)
    assert found is None, found


@pytest.mark.parametrize("query", QUERIES)
def test_a_walking_device_moves_alone(simulate, core_verilog, query):
    url = f"model:?{query}"
    simulate(core_verilog(parse_url(url, "model").parameters), "core_scenarios", tests=r"\.a_walking", url=url)
