"""Simulated controllers as byte links: device time, closing, figures, and physics through the whole chain."""

import numpy as np
import pytest

from crossloop.protocol import frames
from crossloop.protocol.errors import LinkError, Status
from crossloop.protocol.frames import FrameKind
from crossloop.protocol.records import RecordKind, unpack_records
from crossloop_sim.targets import open_model


def codes_of(reply: frames.Reply) -> list[int]:
    (record_,) = (each for each in unpack_records(reply.payload) if each.kind is RecordKind.CODES)
    return np.frombuffer(record_.data, "<u2").tolist()


@pytest.fixture
def model():
    return open_model("model:?rows=4&columns=4&preset=ideal&transcript=1")


def test_model_answers_with_the_identity_of_its_url(model, host_of):
    reply = host_of(model).open()
    assert reply.kind is FrameKind.IDENTITY
    assert reply.payload[:4] == b"XLOP"
    assert model.simulated
    assert model.name == "model:?rows=4&columns=4&preset=ideal&transcript=1"


def test_product_through_the_link_equals_ohms_law(model, host_of):
    host = host_of(model)
    host.open()
    host.arm()
    reply = host.product(60)
    # Four cells of 24 Mohm at 0.46875 V, in steps of 200 nA / 256.
    assert codes_of(reply) == [round(4 * 0.46875 / 24e6 / (200e-9 / 256))] * 4


def test_pulses_through_the_link_reach_the_ledger(model, host_of):
    host = host_of(model)
    host.open()
    host.arm()
    assert host.update(60, 17).status is Status.OK
    assert (model.world.plant.ledger().up == 17).all()
    np.testing.assert_allclose(model.world.plant.weights(), 17 * 0.0016)


def test_silence_ends_after_the_asked_device_time(model):
    before = model.world.statistics()["cycles"]
    assert model.read(1e-3) == b""
    assert model.world.statistics()["cycles"] - before == 50_000


def test_device_time_passes_only_when_asked(model, host_of):
    host = host_of(model)
    host.open()
    host.arm(dead_man_cycles=10_000)
    model.world.advance(9_000)
    assert host.product(10).status is Status.OK
    model.world.advance(11_000)
    assert host.product(10).status is Status.TRIPPED


def test_closed_link_refuses(model):
    model.close()
    with pytest.raises(LinkError, match="is closed; open it again"):
        model.write(b"x")
    with pytest.raises(LinkError, match="is closed"):
        model.read(0.1)


def test_statistics_tell_engine_and_rates(model, host_of):
    host_of(model).open()
    figures = model.world.statistics()
    assert figures["engine"] == "golden model"
    assert figures["cycles"] > 0
    assert figures["cycles_per_s"] == pytest.approx(figures["cycles"] / figures["run_s"])
    assert figures["compile_s"] == 0
    assert figures["plant_s"] >= 0
