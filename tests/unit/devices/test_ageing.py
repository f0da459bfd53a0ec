"""Decay, drift, relaxation, diffusion, read noise, temperature."""

import math
from dataclasses import replace

import numpy as np
import pytest

from crossloop_sim.devices.constant import ConstantStep
from crossloop_sim.devices.population import Population

QUIET = ConstantStep(dw_min_dtod=0.0, up_down_dtod=0.0, w_max_dtod=0.0, w_min_dtod=0.0, c2c=0.0)
CELLS = 20_000


def test_states_decay_to_the_bias():
    cells = Population(replace(QUIET, lifetime_s=2.0, decay_bias=-0.1), 1)
    cells.set_w(0.5)
    cells.wait(3.0)
    expected = -0.1 + 0.6 * math.exp(-1.5)
    assert cells.read_w()[0] == pytest.approx(expected)
    # A pulse starts from what the decay has left.
    cells.pulse(1.0, QUIET.t_pulse_s)
    assert cells.read_w()[0] == pytest.approx(expected + QUIET.dw_min)


def test_conductance_drifts_as_a_power_of_time():
    device = replace(QUIET, drift_nu=0.05, drift_t0_s=1.0)
    cells = Population(device, 1)
    cells.set_w(0.3)
    start = cells.read_s()[0]
    cells.wait(1000.0)
    assert cells.read_s()[0] == pytest.approx(start * 1000**-0.05)


def test_diffusion_grows_with_the_root_of_time():
    cells = Population(replace(QUIET, diffusion=0.01), CELLS)
    for t_s in (1.0, 4.0):
        cells.wait(t_s - cells.now_s)
        assert cells.read_w().std() == pytest.approx(0.01 * math.sqrt(t_s), rel=4 / math.sqrt(2 * CELLS))


def test_what_was_read_is_what_the_next_pulse_finds():
    device = replace(QUIET, relaxation=0.05, relaxation_time_s=1.0)
    cells = Population(device, 100, seed=2)
    cells.pulse(1.0, device.t_pulse_s)
    cells.wait(0.7)
    seen = cells.read_w()
    assert seen.std() > 0.01
    cells.pulse(1.0, device.t_pulse_s)
    np.testing.assert_allclose(cells.read_w(), seen + device.dw_min, atol=1e-6)


def test_heat_speeds_ageing_by_arrhenius_law():
    # 1 eV between 300 K and 350 K: exp(1/8.617e-5*(1/300 - 1/350)) = 251 times.
    cold, hot = (
        Population(replace(QUIET, lifetime_s=1000.0, activation_ev=1.0, temperature_k=t), 1) for t in (300.0, 350.0)
    )
    for cells in (cold, hot):
        cells.set_w(0.5)
        cells.wait(1.0)
    rates = [-math.log(cells.read_w()[0] / 0.5) * 1000 for cells in (cold, hot)]
    assert rates[0] == pytest.approx(1.0, rel=1e-6)
    assert rates[1] == pytest.approx(251, rel=0.01)


def test_white_noise_is_new_at_every_reading():
    cells = Population(replace(QUIET, read_white=0.02), CELLS)
    first, second = cells.read_w(), cells.read_w()
    assert first.std() == pytest.approx(0.02, rel=4 / math.sqrt(2 * CELLS))
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / math.sqrt(CELLS)


def test_flicker_noise_has_a_spectrum_of_one_over_f():
    # 4096 readings of 200 cells, 1 ms apart: the periodogram's slope over a decade. Octaves quicker than the readings fold into a
    # white floor, a quarter of the whole at 20 Hz, a twentieth at 3 Hz.
    cells = Population(replace(QUIET, read_flicker=1.0), 200, seed=3)
    readings = np.empty((4096, 200))
    for k in range(4096):
        cells.wait(1e-3)
        readings[k] = cells.read_w()
    spectrum = (np.abs(np.fft.rfft(readings, axis=0)) ** 2).mean(axis=1)
    f = np.fft.rfftfreq(4096, 1e-3)
    inside = (f > 0.3) & (f < 3)
    slope = np.polyfit(np.log(f[inside]), np.log(spectrum[inside]), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.15)
    assert readings.std() < 1.1


def test_flicker_noise_does_not_depend_on_readings_before():
    one, other = (Population(replace(QUIET, read_flicker=0.1), 5, seed=1) for _ in range(2))
    for cells in (one, other):
        cells.wait(0.123)
    one.read_w()
    for cells in (one, other):
        cells.wait(0.5)
    np.testing.assert_array_equal(one.read_w(), other.read_w())
