"""The same host program leaves the same transcript on every target: frames, pin changes with their cycles, converter codes."""

from __future__ import annotations

import pytest
import scenarios

from crossloop_sim import transcript

GEOMETRIES = {
    "1x1": "rows=1&columns=1&tiles=1",
    "5x4 two tiles": "rows=5&columns=4&tiles=2",
    "33x20 wide codes": "rows=33&columns=20&tiles=1&level_bits=12&sample_bits=12&frame_bytes=2048&request_slots=4",
    "gate lines along rows": "rows=5&columns=4&tiles=2&gate_lines=1&dead_cycles=7",
    "gate lines along columns": "rows=4&columns=9&tiles=1&gate_lines=2&gate_k_a_per_v2=0",
    "nudge lines": "rows=5&columns=4&tiles=1&nudge_lines=1&voltage_full_scale_uv=1000000",
    "gate and nudge lines": "rows=3&columns=5&tiles=1&gate_lines=1&nudge_lines=1",
    "gate currents": (
        "rows=3&columns=4&tiles=1&gate_lines=1&gate_full_scale_pa=2000&gate_full_scale_uv=1000000&preset=ecram-voltage"
        "&cell_gate=electrochemical&lifetime_s=1e-4"
    ),
    "reference front end": "rows=5&columns=4&tiles=2&gate_lines=1&nudge_lines=1&gate_full_scale_pa=2000&frontend=reference",
    "DAC8568 at 12 MHz": "rows=9&columns=4&tiles=2&gate_lines=1&frontend=reference-dac8568&clock_hz=12000000",
    "wide reference front end": "rows=17&columns=20&tiles=1&level_bits=12&sample_bits=12&frame_bytes=2048&frontend=reference",
    "two taps per cycle": "rows=5&columns=4&tiles=2&gate_lines=1&gate_taps=2&break_cycles=3",
    "two taps, reference front end": "rows=4&columns=5&tiles=2&gate_lines=2&gate_taps=2&frontend=reference",
    "emulated array": "rows=5&columns=4&tiles=2&frontend=emulated&array_seed=7",
    "small memories": (
        "rows=9&columns=17&tiles=3&vector_words=64&program_ops=128&frame_bytes=256&request_slots=1&loop_depth=2&break_cycles=1"
    ),
}
"""Builds that differ in every parameter; 64x64 and 65x64 run in the slow test below."""


def _transcript(open_session, target: str, query: str, name: str) -> transcript.Transcript:
    session = open_session(target, query, first_sequence=1)
    scenarios.run(name, session)
    session.close()
    return session.transport.world.transcript


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_model_and_rtl_leave_equal_transcripts(open_session, geometry: str, name: str) -> None:
    model, rtl = (_transcript(open_session, target, GEOMETRIES[geometry], name) for target in ("model", "rtl"))
    assert transcript.difference(model, rtl) is None
    assert len(model.frames_in) > 2


PLANTS = {
    "wires, filter and channel errors": (
        "r_row_ohm=2e4&r_column_ohm=3e4&r_driver_ohm=1e5&c_row_f=1e-13&c_column_f=1e-13&t_filter_s=2e-7&gain_error=0.02"
        "&offset_error=0.005"
    ),
    "nonlinear cells": "iv=sinh",
    "phase-change cells": "preset=pcm",
    "write noise": "preset=reram-om",
    "cells that age": "lifetime_s=1e-3&read_white=0.01&read_flicker=0.01&relaxation=0.02&relaxation_time_s=1e-4",
    "a tile of resistors": "dummy_g_s=4e-8",
}
"""Analog worlds in which the order or the times of events would show."""


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("name", ["updates", "products", "node voltages"])
def test_transcripts_are_equal_in_every_analog_world(open_session, plant: str, name: str) -> None:
    query = f"{GEOMETRIES['5x4 two tiles']}&{PLANTS[plant]}"
    model, rtl = (_transcript(open_session, target, query, name) for target in ("model", "rtl"))
    assert transcript.difference(model, rtl) is None


def _without_times(record: transcript.Transcript) -> list[tuple[int, str, tuple[int, ...]]]:
    return [(entry.run, entry.what, entry.values) for entry in record.pins]


@pytest.mark.parametrize("front_end", ["reference", "reference-dac8568"])
@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_parts_change_nothing_but_the_times(open_session, name: str, front_end: str) -> None:
    """The gateware with drivers and part models does to lines and levels, and reads from them, what the bare controller does."""
    query = GEOMETRIES["gate lines along rows"]
    direct = _transcript(open_session, "model", query, name)
    reference = _transcript(open_session, "rtl", f"{query}&frontend={front_end}", name)
    assert _without_times(direct) == _without_times(reference)
    assert direct.frames_in == reference.frames_in


@pytest.mark.slow
@pytest.mark.parametrize("query", ["rows=64&columns=64&tiles=1", "rows=65&columns=64&tiles=2"])
@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_large_tiles_leave_equal_transcripts(open_session, query: str, name: str) -> None:
    model, rtl = (_transcript(open_session, target, query, name) for target in ("model", "rtl"))
    assert transcript.difference(model, rtl) is None


@pytest.mark.parametrize("name", ["updates", "products", "random programs"])
def test_uart_pins_carry_the_same_session(open_session, name: str) -> None:
    query = GEOMETRIES["5x4 two tiles"]
    model = _transcript(open_session, "model", query, name)
    uart = _transcript(open_session, "rtl", query + "&link=uart&divisor=4", name)
    assert transcript.difference(model, uart) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_cxxrtl_agrees_with_our_own_code_generator(open_session, name: str) -> None:
    query = GEOMETRIES["5x4 two tiles"]
    native, cxxrtl = (
        _transcript(open_session, "rtl", f"{query}&engine={engine}", name) for engine in ("native", "cxxrtl")
    )
    assert transcript.difference(native, cxxrtl) is None


def test_another_plant_seed_is_noticed(open_session) -> None:
    query = GEOMETRIES["5x4 two tiles"]
    one, two = (_transcript(open_session, "model", f"{query}&seed={seed}", "products") for seed in (1, 2))
    assert transcript.difference(one, two) is not None
