"""Operating points of random arrays against ngspice: an independent simulator, fed by a netlist written from the wiring."""

import numpy as np
import pytest
from circuits.networks import random_case
from circuits.spice import end_currents, needs_ngspice

from crossloop.protocol.errors import CircuitError

pytestmark = needs_ngspice

# 230 networks, one in ten of up to 32 x 32 cells.
LINEAR = [("ohmic", seed) for seed in range(90)]
NONLINEAR = [(law, seed) for law in ("sinh", "cubic", "1S1R", "1T1R") for seed in range(35)]


def sizes(seed: int) -> int:
    """Return the largest number of lines."""
    return 32 if seed % 10 == 0 else 10


def compare(law, seed, tolerance, tmp_path):
    case = random_case(1000 + seed, law, sizes(seed))
    try:
        found = case.array.solve(case.lines)
    except CircuitError as error:
        pytest.skip(f"{case.what}: {error}")
    ours = np.concatenate([found.row_near_a, found.row_far_a, found.column_near_a, found.column_far_a])
    theirs = end_currents(case.array, case.lines, tmp_path)
    # Currents are differences of potentials of about 1 V across segments of at least 1 ohm: 1 V * 2**-52 / 1 ohm is the floor of both.
    error = np.abs(ours - theirs) / (tolerance * np.abs(theirs) + 4e-16)
    assert error.max() <= 1, f"{case.what}: {found.method}, worst {error.max():.3g} of the tolerance {tolerance}"


@pytest.mark.parametrize(("law", "seed"), LINEAR)
def test_linear_arrays_agree_to_1e_9(law, seed, tmp_path):
    compare(law, seed, 1e-9, tmp_path)


@pytest.mark.parametrize(("law", "seed"), NONLINEAR)
def test_nonlinear_arrays_agree_to_1e_6(law, seed, tmp_path):
    compare(law, seed, 1e-6, tmp_path)
