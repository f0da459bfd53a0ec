"""Each engine alone under cocotb, against references written from the contract."""

import pytest
from pins.pulse_path import PulsePath

from crossloop.protocol.parameters import Parameters
from crossloop_hdl.arithmetic.unit import ArithmeticUnit
from crossloop_hdl.engines.coincidence import CoincidenceController
from crossloop_hdl.engines.level_sequencer import LevelSequencer
from crossloop_hdl.engines.line_switch import LineSwitch
from crossloop_hdl.engines.pulse_generator import PulseGenerator
from crossloop_hdl.engines.sample_sequencer import SampleSequencer
from crossloop_hdl.engines.stream_loader import StreamLoader

GEOMETRIES = [(1, 1), (5, 3), (33, 20)]
"""One line, no power of two, more lines than a generator lane and than a machine word's half."""


@pytest.mark.parametrize(("write_cycles", "settle_cycles"), [(1, 0), (1, 4), (3, 2)])
def test_level_sequencer(simulate, write_cycles, settle_cycles):
    sequencer = LevelSequencer(write_cycles, settle_cycles, lines=128, vector_words=1024)
    simulate(sequencer, "level_sequencer", write_cycles=write_cycles, settle_cycles=settle_cycles)


def test_pulse_generator(simulate):
    simulate(PulseGenerator(), "pulse_generator")


def test_pulses_at_two_taps_per_cycle(simulate):
    simulate(PulsePath(), "pulse_path")


@pytest.mark.parametrize(("rows", "columns"), GEOMETRIES)
def test_line_switch(simulate, rows, columns):
    parameters = Parameters(rows=rows, columns=columns)
    simulate(LineSwitch(parameters), "line_switch", rows=rows, columns=columns, break_cycles=5)


@pytest.mark.parametrize(("rows", "columns"), GEOMETRIES)
def test_coincidence_controller(simulate, rows, columns):
    parameters = Parameters(rows=rows, columns=columns)
    simulate(CoincidenceController(parameters), "coincidence", rows=rows, columns=columns)


@pytest.mark.parametrize("sample_bits", [9, 15])
def test_sample_sequencer(simulate, sample_bits):
    simulate(SampleSequencer(Parameters(rows=64, sample_bits=sample_bits)), "sample_sequencer", sample_bits=sample_bits)


def test_stream_loader(simulate):
    simulate(StreamLoader(Parameters(rows=128, columns=90, vector_words=65536)), "stream_loader")


@pytest.mark.parametrize("vector_words", [512, 1024])
def test_arithmetic_unit(simulate, vector_words):
    simulate(ArithmeticUnit(Parameters(vector_words=vector_words)), "arithmetic_unit", vector_words=vector_words)
