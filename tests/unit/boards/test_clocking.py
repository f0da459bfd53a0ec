"""PLL settings against the equations and limits of the makers, written down here again; none of it is taken from the code.

Sources: Lattice TN1251 (iCE40 sysCLOCK, SIMPLE feedback): fout = fref (DIVF + 1) / (2^DIVQ (DIVR + 1)), phase detector 10 to 133 MHz,
oscillator 533 to 1066 MHz. Lattice FPGA-TN-02200 (ECP5): fout = fref CLKFB_DIV / CLKI_DIV with feedback from CLKOP, oscillator
fout CLKOP_DIV in 400 to 800 MHz. Gowin UG286 (rPLL): fout = fref (FBDIV_SEL + 1) / (IDIV_SEL + 1), oscillator fout ODIV_SEL.
"""

from __future__ import annotations

import pytest

from crossloop.protocol.errors import RangeError
from crossloop_boards.clocking import RESET_CYCLES, ecp5_pll, gowin_pll, ice40_pll


@pytest.mark.parametrize(
    ("reference_hz", "output_hz"), [(12e6, 48e6), (12e6, 24e6), (12e6, 60e6), (100e6, 50e6), (16e6, 96e6), (12e6, 18e6)]
)
def test_ice40(reference_hz: float, output_hz: float) -> None:
    found = ice40_pll(int(reference_hz), int(output_hz)).parameters
    divide, multiply, power = (int(found[name].value) for name in ("DIVR", "DIVF", "DIVQ"))
    phase_hz = reference_hz / (divide + 1)
    oscillator_hz = phase_hz * (multiply + 1)
    assert oscillator_hz / 2**power == output_hz
    assert 10e6 <= phase_hz <= 133e6
    assert 533e6 <= oscillator_hz <= 1066e6
    assert (0 <= divide <= 15, 0 <= multiply <= 127, 1 <= power <= 6) == (True, True, True)


def test_ice40_is_what_icepll_says_for_12_to_48_megahertz() -> None:
    """`icepll -i 12 -o 48` of project IceStorm: DIVR 0, DIVF 63, DIVQ 4, FILTER_RANGE 1."""
    found = ice40_pll(12_000_000, 48_000_000).parameters
    assert [int(found[name].value) for name in ("DIVR", "DIVF", "DIVQ", "FILTER_RANGE")] == [0, 63, 4, 1]


@pytest.mark.parametrize(("reference_hz", "output_hz"), [(25e6, 50e6), (25e6, 100e6), (12e6, 48e6), (25e6, 60e6)])
def test_ecp5(reference_hz: float, output_hz: float) -> None:
    found = ecp5_pll(int(reference_hz), int(output_hz)).parameters
    assert reference_hz * found["CLKFB_DIV"] / found["CLKI_DIV"] == output_hz
    assert 400e6 <= output_hz * found["CLKOP_DIV"] <= 800e6
    assert all(1 <= found[name] <= 128 for name in ("CLKFB_DIV", "CLKI_DIV", "CLKOP_DIV"))


@pytest.mark.parametrize(("reference_hz", "output_hz"), [(27e6, 54e6), (27e6, 40.5e6), (27e6, 81e6)])
def test_gowin(reference_hz: float, output_hz: float) -> None:
    found = gowin_pll(int(reference_hz), int(output_hz)).parameters
    assert reference_hz * (found["FBDIV_SEL"] + 1) / (found["IDIV_SEL"] + 1) == output_hz
    assert 400e6 <= output_hz * found["ODIV_SEL"] <= 1200e6
    assert reference_hz / (found["IDIV_SEL"] + 1) >= 3e6
    assert float(found["FCLKIN"]) == reference_hz / 1e6


@pytest.mark.parametrize("make", [ice40_pll, ecp5_pll, gowin_pll])
def test_a_clock_that_cannot_be_made_exactly_is_refused(make) -> None:
    with pytest.raises(RangeError, match="cannot make exactly 48000001 Hz of 12000000 Hz; choose another clock_hz"):
        make(12_000_000, 48_000_001)


def test_the_reset_outlasts_the_block_rams_of_an_ice40() -> None:
    """They answer zeros for 3 us; no board here runs faster than 133 MHz."""
    assert RESET_CYCLES / 133e6 > 3e-6
