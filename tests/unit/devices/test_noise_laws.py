"""Programming error, drift and read noise: moments within sampling error of the published coefficients, written out here once more."""

import math
from dataclasses import replace

import numpy as np
import pytest

from crossloop_sim.devices.linear import LinearStep
from crossloop_sim.devices.noise_laws import pcm_joshi_sigma_us, pcm_programming_sigma_us, rram_milo_sigma_us
from crossloop_sim.devices.pcm import PcmCell, Plane
from crossloop_sim.devices.population import Population
from crossloop_sim.devices.presets import DEVICES

CELLS = 40_000


def check_moments(values, mean, sd):
    n = values.size
    assert values.mean() == pytest.approx(mean, abs=4.5 * sd / math.sqrt(n))
    assert values.std() == pytest.approx(sd, rel=4.5 / math.sqrt(2 * n) + 2e-3)


def programmed(state, **changes):
    """Return cells whose last SET pulse has left them at a known state."""
    device = replace(PcmCell(), c2c=0.0, **changes)
    cells = Population(device, CELLS, seed=4)
    cells.set_w(state)
    # A pulse that crystallises nothing that counts, but programs.
    cells.pulse(1.0, device.t_pulse_s * 1e-9)
    return cells


@pytest.mark.parametrize("g", [0.3, 0.5, 0.8])
def test_phase_change_programming_error_follows_the_published_polynomial(g):
    cells = programmed(g)
    sigma_us = 0.26348 + 1.9650 * g - 1.1731 * g * g
    check_moments(25 * cells.planes[Plane.W], 25 * g, sigma_us)
    assert pcm_programming_sigma_us(25 * g) == pytest.approx(sigma_us)


@pytest.mark.parametrize("g", [0.05, 0.3, 0.8])
def test_phase_change_drift_exponents_follow_the_published_clip_law(g):
    cells = programmed(g, programming_error=0.0)
    mean = min(max(-0.0155 * math.log(g) + 0.0244, 0.049), 0.1)
    sd = min(max(-0.0125 * math.log(g) - 0.0059, 0.008), 0.045)
    nu = cells.planes[Plane.NU]
    # Exponents below 0 are cut: a normal distribution censored there.
    a = -mean / sd
    density, tail = math.exp(-a * a / 2) / math.sqrt(2 * math.pi), 0.5 * math.erfc(a / math.sqrt(2))
    censored = mean * tail + sd * density
    second = (mean**2 + sd**2) * tail + mean * sd * density
    check_moments(nu, censored, math.sqrt(second - censored**2))


def test_phase_change_conductance_drifts_as_a_power_of_time():
    cells = programmed(0.5, programming_error=0.0, read_noise_share=0.0)
    start = cells.planes[Plane.W].copy()
    for t_s in (200.0, 2e5):
        cells.wait(t_s - cells.now_s)
        np.testing.assert_allclose(cells.read_w(), start * (t_s / 20) ** -cells.planes[Plane.NU], rtol=1e-6)


@pytest.mark.parametrize("g", [0.01, 0.4])
def test_phase_change_read_noise_follows_the_published_law(g):
    cells = programmed(g, programming_error=0.0, drifts=0.0)
    for t_s in (1.0, 1e4):
        cells.wait(t_s - cells.now_s)
        q = min(0.0088 / g**0.65, 0.2)
        sd = g * q * math.sqrt(math.log((t_s + 250e-9) / 500e-9))
        check_moments(cells.read_w(), g, sd)


def test_published_resistive_and_phase_change_spreads():
    # Milo et al. at 100 and 225 uS, Joshi et al. at 10 uS: the polynomials worked out by hand.
    assert rram_milo_sigma_us([100.0, 225.0]) == pytest.approx([3.871621, 2.733246])
    assert pcm_joshi_sigma_us(10.0) == pytest.approx(0.86619163)


def test_resistive_cells_relax_and_read_with_the_set_spreads():
    device = replace(DEVICES["rram"], dw_min=1e-9)
    cells = Population(device, CELLS, seed=6)
    cells.pulse(1.5, device.t_pulse_s)
    at_once = cells.read_w()
    check_moments(at_once * 19.5, 0.0, 0.3)
    cells.wait(30.0)
    # 2.8 uS of relaxation and 0.3 uS of reading; the sum of what one cell does stays the same from reading to reading but for the reading.
    first, second = cells.read_w() * 19.5, cells.read_w() * 19.5
    check_moments(first, 0.0, math.hypot(2.8, 0.3))
    check_moments((first - second) / math.sqrt(2), 0.0, 0.3)


@pytest.mark.parametrize("name", ["ecram", "ecram-mo"])
def test_ecram_steps_spread_as_published(name):
    # c2c of 0.3 (lithium) and 2.0 (metal oxide) steps.
    device = DEVICES[name]
    assert isinstance(device, LinearStep)
    quiet = replace(device, dw_min_dtod=0.0, up_down_dtod=0.0, gamma_up_dtod=0.0, gamma_down_dtod=0.0)
    cells = Population(quiet, CELLS, seed=3)
    cells.pulse(1.0, quiet.t_pulse_s)
    check_moments(cells.read_w() / quiet.dw_min, 1.0, {"ecram": 0.3, "ecram-mo": 2.0}[name])
