"""The front ends with parts under cocotb, with independent models of the parts as peers."""

from dataclasses import asdict

import pytest

from crossloop.protocol.parameters import Parameters
from crossloop.protocol.parts.reference import least_break_cycles, reference_parameters
from crossloop_hdl.frontend.reference import ReferenceFrontEnd

CLOCKS_HZ = (12_000_000, 25_000_000, 48_000_000, 50_000_000, 96_000_000, 100_000_000)


@pytest.mark.parametrize("front_end", ["reference", "reference-dac8568"])
@pytest.mark.parametrize("clock_hz", CLOCKS_HZ)
def test_every_minimum_of_every_part_is_kept(simulate, clock_hz, front_end):
    parameters = reference_parameters(
        Parameters(
            rows=9, columns=3, gate_lines=1, clock_hz=clock_hz, frontend=front_end, break_cycles=least_break_cycles(clock_hz)
        )
    )  # fmt: skip
    simulate(ReferenceFrontEnd(parameters), "reference_front_end", **asdict(parameters))
