"""One program through `rtl:` and through cocotb: equal transcripts, cycles per second of each, and of the raw engine.

64 forward products, 64 transposed products and 64 updates on a 65x32 tile. The raw engine steps the same design with the same bytes and
the recorded samples, without plant and host in between: it is the limit that `rtl:` can come near, never reach.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import loop_program
from report import Report

from crossloop.protocol.errors import ToolError
from crossloop.session import Session
from crossloop_hdl.core import Core
from crossloop_sim.cosim import simulator
from crossloop_sim.engine.simulation import Reason
from crossloop_sim.engine.target import RtlTransport
from crossloop_sim.engine.verilog import to_verilog
from crossloop_sim.targets import open_model, open_rtl
from crossloop_sim.transcript import Transcript
from crossloop_sim.url import parse_url

REPEATS = 5
BUDGET_CYCLES = 10_000_000
"""Far more than any answer takes."""

Kept = dict[str, Any]


def measure(report: Report) -> None:
    """Measure all, in turns, and add the figures."""
    target, _rate = _through_rtl("native", "&transcript=1")  # compiles, and warms numba
    kept = _kept(target.world.transcript)
    rates: list[float] = []
    raw: list[float] = []
    for turn in range(REPEATS):
        print(f"  rtl: and the raw engine, turn {turn + 1} of {REPEATS}", flush=True)
        rates.append(_through_rtl("native")[1])
        raw.append(_raw(target))
    _check_equal(_kept(_through_model()), kept, "model: and rtl:")
    cocotb_rates = {name: _through_cocotb(name, kept) for name in _simulators()}
    report.add("transcripts equal on model:, rtl: and cocotb", 1, "(1 = yes)", bar=1)
    report.add("rtl:", rates, "cycles/s", reference="raw engine", reference_values=raw, bar=0.5)
    for name, rate in cocotb_rates.items():
        bar = 100 if name == "icarus" else None
        report.add("rtl:", rates, "cycles/s", reference=f"cocotb on {name}", reference_values=rate, bar=bar)
    _add_second_opinions(report, rates)


def _add_second_opinions(report: Report, rates: Sequence[float]) -> None:
    for engine in ("cxxrtl", "verilator"):
        try:
            _through_rtl(engine)
            others = [_through_rtl(engine)[1] for _ in range(2)]
        except ToolError as error:
            print(f"  rtl:?engine={engine} is left out: {error}")
            continue
        report.add(f"rtl:?engine={engine}", others, "cycles/s", reference="rtl:", reference_values=rates)


def _kept(transcript: Transcript) -> Kept:
    """Return a transcript in the form that JSON keeps."""
    return {
        "frames_in": [frame.hex() for frame in transcript.frames_in],
        "frames_out": [frame.hex() for frame in transcript.frames_out],
        "pins": json.loads(json.dumps(transcript.pins)),
    }


def _check_equal(one: Kept, two: Kept, names: str) -> None:
    for channel in ("frames_in", "pins", "frames_out"):
        if one[channel] != two[channel]:
            place = next(
                (index for index, (a, b) in enumerate(zip(one[channel], two[channel], strict=False)) if a != b), "end"
            )
            raise SystemExit(f"the transcripts of {names} differ in {channel} at entry {place}")


def _through_model() -> Transcript:
    target = open_model(f"model:?{loop_program.QUERY}&transcript=1")
    with Session(target, first_sequence=1) as session:
        loop_program.run(session)
    return target.world.transcript


def _through_rtl(engine: str, more: str = "") -> tuple[RtlTransport, float]:
    """Run the program; return the target, and cycles per second of wall time, host and plant included."""
    target = open_rtl(f"rtl:?{loop_program.QUERY}&engine={engine}{more}")
    begin = time.perf_counter()
    with Session(target, first_sequence=1) as session:
        loop_program.run(session)
    elapsed_s = time.perf_counter() - begin
    return target, target.world.statistics()["cycles"] / elapsed_s


def _raw(target: RtlTransport) -> float:
    """Step the engine with the recorded bytes and samples of a run; return cycles per second inside the engine."""
    record = target.world.transcript
    answers = iter([entry.values for entry in record.pins if entry.what == "CODES"])
    frames = iter([frame + b"\0" for frame in record.frames_in])
    simulation = target.design.instantiate()
    simulation.send(next(frames))
    spent_s = 0.0
    while True:
        begin = time.perf_counter()
        reason = simulation.run(BUDGET_CYCLES)
        spent_s += time.perf_counter() - begin
        simulation.events()
        simulation.take_bytes()
        if reason is Reason.CONVERSION:
            simulation.give_samples(next(answers))
        elif reason is Reason.FRAME:
            following = next(frames, None)
            if following is None:
                return simulation.cycle / spent_s
            simulation.send(following)
        elif reason is Reason.BUDGET:
            raise SystemExit("the raw engine did not answer the recorded frames")


def _simulators() -> list[str]:
    """Return the names of the installed HDL simulators."""
    found = []
    for name in ("icarus", "verilator"):
        try:
            simulator.find_simulator(name)
        except ToolError as error:
            print(f"  cocotb on {name} is left out: {error}")
        else:
            found.append(name)
    return found


def _through_cocotb(name: str, expected: Kept) -> float:
    """Run the program under cocotb; check its transcript and return cycles per second of wall time."""
    print(f"  cocotb on {name}: the simulator interprets the same gateware, this takes a while", flush=True)
    sys.path.insert(0, str(Path(__file__).parent))  # the runner hands sys.path on to the simulator's process
    settings = parse_url(f"model:?{loop_program.QUERY}", "model")
    found = simulator.find_simulator(name)
    folder = simulator.build(to_verilog(Core(settings.parameters)), found)
    with tempfile.TemporaryDirectory() as work:
        result = Path(work) / "result.json"
        simulator.run(folder, found, "loop_bench", work=Path(work), parameters={"result": str(result)})
        kept = json.loads(result.read_text())
    _check_equal(kept, expected, f"cocotb on {name} and rtl:")
    return float(kept["cycles"] / kept["elapsed_s"])
