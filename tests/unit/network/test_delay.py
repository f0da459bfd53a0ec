"""Neurons with delay against the linear theory of Marcus and Westervelt (1989)."""

import math

import numpy as np
import pytest

from crossloop.protocol.errors import RangeError, ShapeError
from crossloop_sim.network.delay import critical_delay, inhibitory, measured_critical_delay, oscillates, simulate


@pytest.mark.parametrize("gain", [4.0, 8.0])
def test_the_critical_delay_is_within_ten_percent_of_theory(gain):
    theory = math.acos(-1 / gain) / math.sqrt(gain**2 - 1)
    j = inhibitory(8)
    assert critical_delay(j, gain) == pytest.approx(theory)
    assert measured_critical_delay(j, gain) == pytest.approx(theory, rel=0.1)


def test_a_loop_oscillates_above_and_not_below_its_critical_delay():
    j = inhibitory(8)
    delay = critical_delay(j, 4.0)
    assert oscillates(j, 4.0, 1.25 * delay)
    assert not oscillates(j, 4.0, 0.75 * delay)


def test_without_strong_inhibition_nothing_oscillates():
    assert critical_delay(inhibitory(8), 0.9) == math.inf
    assert not oscillates(inhibitory(8), 0.9, 5.0)


def test_an_uncoupled_neuron_decays_exponentially():
    states = simulate(np.zeros((1, 1)), 1.0, 0.1, 3.0, [0.5])
    times = np.arange(len(states)) * 0.1 / 64
    np.testing.assert_allclose(states[:, 0], 0.5 * np.exp(-times), rtol=1e-12)


def test_a_fixed_point_is_reached_for_weak_coupling():
    # x = -g x in the small: only 0; with a start far away it comes back to it.
    states = simulate(inhibitory(4), 0.5, 0.3, 40.0, [1.0, -0.5, 0.2, 0.9])
    assert np.abs(states[-1]).max() < 1e-6


def test_bad_networks_are_refused():
    with pytest.raises(ShapeError, match=r"square, not of the shape \(2, 3\)"):
        critical_delay(np.ones((2, 3)), 2.0)
    with pytest.raises(RangeError, match="finite and symmetric"):
        simulate([[0, 1], [0, 0]], 1.0, 1.0, 1.0, [0, 0])
    with pytest.raises(RangeError, match="must be above 0"):
        simulate(inhibitory(2), 1.0, 0.0, 1.0, [0, 0])
