"""Simulated targets: what their URLs accept, how their links behave, and what their transcripts tell."""

import numpy as np
import pytest
from cobs import cobs

from crossloop.protocol import commands, frames
from crossloop.protocol import microops as ops
from crossloop.protocol.converters import Levels
from crossloop.protocol.errors import LinkError, RangeError, Status, TargetError
from crossloop.protocol.frames import FrameKind
from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import RecordKind, unpack_records
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import Family
from crossloop_sim.events import Kind, conversion_record, gates_record, level_record, record, states_record
from crossloop_sim.targets import open_model, open_rtl
from crossloop_sim.transcript import Transcript, difference
from crossloop_sim.url import parse_url


class Host:
    """The least host there is: one frame out, its answer in."""

    def __init__(self, transport) -> None:
        self.transport = transport
        self._sequence = 0

    def exchange(self, kind: FrameKind, sequence: int, payload: bytes = b"") -> frames.Reply:
        self.transport.write(cobs.encode(frames.pack_request(kind, sequence, payload)) + b"\0")
        data = b""
        while b"\0" not in data:
            more = self.transport.read(0.01)
            assert more, "no answer"
            data += more
        return frames.unpack_reply(cobs.decode(data.rstrip(b"\0")))

    def open(self) -> frames.Reply:
        self._sequence = 1
        return self.exchange(FrameKind.HELLO, 1)

    def request(self, *parts: bytes) -> frames.Reply:
        reply = self.exchange(FrameKind.REQUEST, self._sequence, b"".join(parts))
        self._sequence += 1
        return reply

    def arm(self, dead_man_cycles: int = 50_000_000) -> None:
        levels = Levels.of(self.transport.world.parameters)
        limits = {
            Register.LEVEL_MIN: levels.code_min, Register.LEVEL_MAX: levels.code_max, Register.WIDTH_CAP: 10_000,
            Register.DEAD_MAN: dead_man_cycles,
        }  # fmt: skip
        reply = self.request(*(commands.write_register(*item) for item in limits.items()), commands.arm(1))
        assert reply.status is Status.OK

    def run(self, *program: ops.MicroOp) -> frames.Reply:
        image = b"".join(op.encode() for op in (*program, ops.halt()))
        return self.request(commands.write_program(image, 0), commands.run(0))


def product(level_code: int, channels: int) -> list[ops.MicroOp]:
    """Read the columns with every row at one level."""
    return [
        ops.connect(Family.ROWS, LineState.DRIVE),
        ops.connect(Family.COLUMNS, LineState.SENSE),
        ops.level(Family.ROWS, 65535, level_code),
        ops.convert(Family.COLUMNS, channels, settle_cycles=5, integrate_cycles=10),
    ]


def update(level_code: int, pulses: int) -> list[ops.MicroOp]:
    """Pulse every cell, rows at +level and columns at -level."""
    return [
        ops.connect(Family.ROWS, LineState.DRIVE),
        ops.connect(Family.COLUMNS, LineState.DRIVE),
        ops.level(Family.ROWS, 65535, level_code),
        ops.level(Family.COLUMNS, 65535, -level_code),
        ops.pulse(pulses, 4, 4),
    ]


def codes_of(reply: frames.Reply) -> list[int]:
    (record_,) = (each for each in unpack_records(reply.payload) if each.kind is RecordKind.CODES)
    return np.frombuffer(record_.data, "<u2").tolist()


# --- URLs


def test_defaults_are_those_of_parameters_and_preset():
    settings = parse_url("model:", "model")
    assert settings.parameters == Parameters()
    assert settings.plant.dw_min == 0.0016
    assert not settings.transcript


def test_every_part_can_be_set():
    url = (
        "model:?rows=65&columns=64&tiles=2&sample_bits=10&range_full_scale_pa=4000,3000,2000,1000&preset=soft-bounds"
        "&seed=7&c2c=0.5&read_noise=0&initial=uniform&initial_spread=1e-1&transcript=1"
    )
    settings = parse_url(url, "model")
    assert settings.parameters == Parameters(
        rows=65, columns=64, tiles=2, sample_bits=10, range_full_scale_pa=(4000, 3000, 2000, 1000)
    )
    plant = settings.plant
    assert (plant.shape, plant.dw_min, plant.seed, plant.c2c) == ("soft-bounds", 0.01, 7, 0.5)
    assert (plant.read_noise, plant.initial, plant.initial_spread) == (0.0, "uniform", 0.1)
    assert settings.transcript


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        (
            "model:?row=3",
            TargetError,
            r"unknown key 'row' \(did you mean 'rows'\?\); known are rows, columns, .*seed.*",
        ),
        ("model:?engine=cxxrtl", TargetError, "unknown key 'engine'"),
        ("model:?rows=3&rows=4", TargetError, "gives 'rows' twice"),
        ("model:?rows=three", TargetError, "rows must be an integer, not 'three'"),
        ("model:?c2c=much", TargetError, "c2c must be a number, not 'much'"),
        ("model:?transcript=maybe", TargetError, "transcript must be 0 or 1, not 'maybe'"),
        ("model:?range_full_scale_pa=a,b", TargetError, "range_full_scale_pa must be 4 integers with commas between"),
        ("model:?rows", TargetError, "'rows' is not of the form key=value"),
        ("model:array1", TargetError, "has 'array1' after the colon; write model:"),
        ("model", TargetError, "does not begin with 'model' and a colon"),
        ("model:?rows=0", RangeError, "parameter rows must be an integer from 1 to 1024, not 0"),
        ("model:?preset=gold", RangeError, "unknown plant preset 'gold'; known are rpu, ideal"),
        ("model:?c2c=-1", RangeError, "c2c must not be negative"),
    ],
)
def test_wrong_model_urls_are_refused(url, error, message):
    with pytest.raises(error, match=message):
        open_model(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("rtl:?engine=modelsim", "engine must be one of native, cxxrtl, verilator, not 'modelsim'"),
        ("rtl:?link=usb", "link must be one of bytes, uart, not 'usb'"),
        ("rtl:?link=uart&divisor=1", "divisor must be an integer from 2 to 65535 cycles per bit, not '1'"),
        ("rtl:?divisor=16", "gives divisor without link=uart"),
        ("rtl:?rows=x", "rows must be an integer"),
    ],
)
def test_wrong_rtl_urls_are_refused(url, message):
    with pytest.raises(TargetError, match=message):
        open_rtl(url)


# --- the model as a target


@pytest.fixture
def model():
    return open_model("model:?rows=4&columns=4&preset=ideal&transcript=1")


def test_model_answers_with_the_identity_of_its_url(model):
    reply = Host(model).open()
    assert reply.kind is FrameKind.IDENTITY
    assert reply.payload[:4] == b"XLOP"
    assert model.simulated
    assert model.name == "model:?rows=4&columns=4&preset=ideal&transcript=1"


def test_product_through_the_link_equals_ohms_law(model):
    host = Host(model)
    host.open()
    host.arm()
    reply = host.run(*product(60, 4))
    # Four cells of 24 Mohm at 0.46875 V, in steps of 200 nA / 256.
    assert codes_of(reply) == [round(4 * 0.46875 / 24e6 / (200e-9 / 256))] * 4


def test_pulses_through_the_link_reach_the_ledger(model):
    host = Host(model)
    host.open()
    host.arm()
    assert host.run(*update(60, 17)).status is Status.OK
    assert (model.world.plant.ledger().up == 17).all()
    np.testing.assert_allclose(model.world.plant.weights(), 17 * 0.0016)


def test_silence_ends_after_the_asked_device_time(model):
    before = model.world.statistics()["cycles"]
    assert model.read(1e-3) == b""
    assert model.world.statistics()["cycles"] - before == 50_000


def test_device_time_passes_only_when_asked(model):
    host = Host(model)
    host.open()
    host.arm(dead_man_cycles=10_000)
    model.world.advance(9_000)
    assert host.run(*product(10, 4)).status is Status.OK
    model.world.advance(11_000)
    assert host.run(*product(10, 4)).status is Status.TRIPPED


def test_closed_link_refuses(model):
    model.close()
    with pytest.raises(LinkError, match="is closed; open it again"):
        model.write(b"x")
    with pytest.raises(LinkError, match="is closed"):
        model.read(0.1)


def test_statistics_tell_engine_and_rates(model):
    Host(model).open()
    figures = model.world.statistics()
    assert figures["engine"] == "golden model"
    assert figures["cycles"] > 0
    assert figures["cycles_per_s"] == pytest.approx(figures["cycles"] / figures["run_s"])
    assert figures["compile_s"] == 0
    assert figures["plant_s"] >= 0


# --- transcripts


def scenario(transport, level_code: int = 40) -> Transcript:
    host = Host(transport)
    host.open()
    host.arm()
    host.run(*update(60, 3), *product(level_code, 4))
    host.request(commands.disarm())
    return transport.world.transcript


def test_equal_runs_have_equal_transcripts():
    url = "model:?rows=4&columns=4&transcript=1&seed=3"
    first, second = scenario(open_model(url)), scenario(open_model(url))
    assert difference(first, second) is None
    assert first == second
    assert len(first.frames_in) == len(first.frames_out) == 4
    assert [entry.what for entry in first.pins].count("CODES") == 1


def test_a_change_is_named():
    url = "model:?rows=4&columns=4&transcript=1&seed=3"
    first, second = scenario(open_model(url)), scenario(open_model(url), level_code=41)
    said = difference(first, second)
    assert first != second
    assert said is not None
    assert said.startswith("pins differ at entry")
    assert "LEVEL 0 65535 40" in said
    assert "LEVEL 0 65535 41" in said


def test_other_noise_shows_in_the_codes():
    first, second = (scenario(open_model(f"model:?rows=4&columns=4&transcript=1&seed={seed}")) for seed in (1, 2))
    assert "CODES" in difference(first, second)


PARAMETERS = Parameters(rows=2, columns=2)


def noted(*records, cut: int = 1, start: int = 0) -> Transcript:
    """A transcript of records, each with `start` cycles added, noted in batches of `cut`."""
    transcript = Transcript(PARAMETERS)
    rows = np.array(records)
    rows[:, 0] += np.uint64(start)
    for at in range(0, len(rows), cut):
        transcript.applied(rows[at : at + cut])
    return transcript


RUN_UP, RUN_DOWN = record(PARAMETERS, 100, Kind.RUN, 1), record(PARAMETERS, 130, Kind.RUN, 0)


def test_cycles_count_from_the_start_of_a_run():
    records = [RUN_UP, gates_record(PARAMETERS, 110, 1, 2), gates_record(PARAMETERS, 114, 0, 0), RUN_DOWN]
    late = noted(*records, start=5_000, cut=3)
    assert noted(*records) == late
    assert [(entry.run, entry.cycle, entry.what, entry.values) for entry in late.pins] == [
        (1, 0, "RUN", (1,)), (1, 10, "GATES", (1, 2)), (1, 14, "GATES", (0, 0)), (1, 30, "RUN", (0,)),
    ]  # fmt: skip
    moved = [RUN_UP, gates_record(PARAMETERS, 111, 1, 2), *records[2:]]
    assert "cycle 11: GATES 0x1 0x2" in difference(noted(*records), noted(*moved))


def test_between_runs_only_the_order_counts():
    states = [states_record(PARAMETERS, cycle, [1, 1], [1, 1]) for cycle in (200, 300)]
    assert noted(RUN_UP, RUN_DOWN, states[0]) == noted(RUN_UP, RUN_DOWN, states[1])
    assert noted(RUN_UP, RUN_DOWN, states[0]) != noted(RUN_UP, RUN_DOWN)


def test_records_that_change_nothing_are_left_out():
    again = gates_record(PARAMETERS, 112, 1, 2)
    records = [RUN_UP, gates_record(PARAMETERS, 110, 1, 2), RUN_DOWN]
    assert noted(*records) == noted(*records[:2], again, records[2])
    level = level_record(PARAMETERS, 105, 1, 0, -3)
    assert noted(RUN_UP, level) != noted(RUN_UP, level, level)
    assert noted(RUN_UP, level).pins[-1].values == (1, 0, -3)


def test_codes_are_compared():
    one, other = Transcript(PARAMETERS), Transcript(PARAMETERS)
    event = conversion_record(PARAMETERS, 10, 1, 2)
    one.converted(event, np.array([1, 2]))
    other.converted(event, np.array([1, 3]))
    assert "CODES 1 2" in difference(one, other)
    assert "CODES 1 3" in difference(one, other)


def test_frames_are_compared_whatever_the_chunks():
    one, other = Transcript(PARAMETERS), Transcript(PARAMETERS)
    one.sent(b"ab\0\0cd\0")
    for byte in b"\0ab\0cd\0":
        other.sent(bytes([byte]))
    assert one == other
    one.received(b"x\0")
    other.received(b"y\0")
    assert "frames_out differ at entry 0" in difference(one, other)
