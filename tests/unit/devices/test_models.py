"""The step's dependence on the state, against each model's formula; corrupt cells; refusals."""

import math
from dataclasses import replace

import numpy as np
import pytest

from crossloop.protocol.errors import RangeError, ShapeError
from crossloop_sim.devices.constant import ConstantStep
from crossloop_sim.devices.exponential import ExpStep
from crossloop_sim.devices.kinds import KINDS
from crossloop_sim.devices.linear import LinearStep
from crossloop_sim.devices.piecewise import PiecewiseStep
from crossloop_sim.devices.population import Population
from crossloop_sim.devices.power import PowStep
from crossloop_sim.devices.presets import DEVICES
from crossloop_sim.devices.pulsed import Plane
from crossloop_sim.devices.soft_bounds import SoftBounds

QUIET = {"dw_min": 0.01, "dw_min_dtod": 0.0, "up_down_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0, "c2c": 0.0}
STATES = np.linspace(-0.9, 0.9, 7)


def steps(device, sign):
    cells = Population(device, STATES.size)
    cells.set_w(STATES)
    cells.pulse(sign, device.t_pulse_s)
    return (cells.read_w() - STATES) / 0.01


MODELS = {
    "constant": (ConstantStep(**QUIET), lambda w: 1 + 0 * w, lambda w: 1 + 0 * w),
    "linear": (
        LinearStep(gamma_up=0.2, gamma_up_dtod=0.0, gamma_down=0.6, gamma_down_dtod=0.0, **QUIET),
        lambda w: 1 - 0.2 * w, lambda w: 1 + 0.6 * w,
    ),
    "soft bounds": (SoftBounds(**QUIET), lambda w: 1 - w, lambda w: 1 + w),
    "soft bounds with a reference": (
        SoftBounds(reference_mean=0.05, **QUIET), lambda w: 1 - np.minimum(w + 0.05, 1), lambda w: 1 + w + 0.05,
    ),
    "exponential": (
        ExpStep(a_up=0.1, a_down=0.2, gamma_up=2.0, gamma_down=1.5, z_slope=0.5, z_offset=0.3, **QUIET),
        lambda w: 1 - 0.1 * np.exp(2 * (0.5 * w + 0.3)), lambda w: 1 - 0.2 * np.exp(-1.5 * (0.5 * w + 0.3)),
    ),
    "power": (
        PowStep(exponent_up=1.5, exponent_down=0.5, exponent_dtod=0.0, **QUIET),
        lambda w: ((1 - w) / 2) ** 1.5, lambda w: ((1 + w) / 2) ** 0.5,
    ),
    "piecewise": (
        PiecewiseStep(nodes_up="2,1,0.5", nodes_down="0,1,1", **QUIET),
        lambda w: np.interp(w, [-1, 0, 1], [2, 1, 0.5]), lambda w: np.interp(w, [-1, 0, 1], [0, 1, 1]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_steps_depend_on_the_state_as_the_formula_says(name):
    device, up, down = MODELS[name]
    np.testing.assert_allclose(steps(device, 1.0), up(STATES), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(steps(device, -1.0), -down(STATES), rtol=1e-9, atol=1e-12)


def test_the_symmetry_point_is_subtracted():
    device = SoftBounds(
        dw_min=0.002,
        dw_min_dtod=0.1,
        up_down_dtod=0.3,
        w_max_dtod=0.1,
        w_min_dtod=0.1,
        c2c=0.0,
        subtract_symmetry_point=True,
        # A narrow window, so that no bound meets the floor of the conductance.
        g_min_s=0.9e-6,
        g_max_s=1.1e-6,
    )
    cells = Population(device, 200, seed=1)
    cells.set_w(0.2)
    for _ in range(4000):
        cells.pulse(1.0, device.t_pulse_s)
        cells.pulse(-1.0, device.t_pulse_s)
    assert np.abs(cells.read_w()).max() < 0.005


def test_corrupt_cells_are_stuck_in_their_range():
    cells = Population(replace(DEVICES["reram-om"], corrupt=0.1348), 20_000, seed=2)
    stuck = cells.planes[Plane.UP] == 0
    assert stuck.mean() == pytest.approx(0.1348, abs=4 * math.sqrt(0.1348 * 0.8652 / 20_000))
    assert np.abs(cells.planes[Plane.HIDDEN][stuck]).max() <= 0.01 + 3 * 0.05 * 5
    before = cells.planes[Plane.HIDDEN][stuck].copy()
    cells.pulse(1.0, cells.device.t_pulse_s, 5)
    np.testing.assert_array_equal(cells.planes[Plane.HIDDEN][stuck], before)


@pytest.mark.parametrize("name", DEVICES)
def test_every_preset_can_be_pulsed_and_read(name):
    cells = Population(DEVICES[name], 50, seed=1)
    for v in (1.0, -1.0, 10.0, -10.0):
        cells.pulse(v, cells.device.t_pulse_s, 3)
    g_s = cells.read_s()
    assert np.isfinite(g_s).all()
    assert (g_s[cells.planes[0] >= cells.device.w_floor] > -1e-6).all()
    again = Population(DEVICES[name], 50, seed=1)
    for v in (1.0, -1.0, 10.0, -10.0):
        again.pulse(v, again.device.t_pulse_s, 3)
    np.testing.assert_array_equal(again.read_s(), g_s)


def test_every_kind_has_a_name_and_defaults():
    for name, kind in KINDS.items():
        assert Population(kind(), 3).read_s().shape == (3,), name


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.pulse([1.0, 2.0], 1e-7), ShapeError, r"v_v of shape \(2,\) does not fit 3 cells"),
        (lambda c: c.pulse(float("nan"), 1e-7), RangeError, "v_v must be numbers, not NaN"),
        (lambda c: c.pulse(1.0, 0.0), RangeError, "t_s must be above 0, not .*; nothing was pulsed"),
        (lambda c: c.pulse(1.0, 1e-7, -1), RangeError, "must not be negative; nothing was pulsed"),
        (lambda c: c.pulse(1.0, 1e-7, limit_a=-1e-6), RangeError, "limit_a must be above 0"),
        (lambda c: c.wait(-1.0), RangeError, "t_s must be 0 or more seconds"),
        (lambda _: Population(ConstantStep(), 0), RangeError, "needs at least 1 cell"),
        (lambda _: PiecewiseStep(nodes_up="1,2,x"), RangeError, "must be numbers with commas between"),
        (lambda _: PiecewiseStep(nodes_up="1,2,3"), RangeError, "same number of factors, at least 2, not 3 and 2"),
        (lambda _: ConstantStep(corrupt=1.5), RangeError, "corrupt is a share from 0 to 1"),
        (lambda _: ConstantStep(g_min_s=-2e-8, g_max_s=1e-8), RangeError, "must have a mean above 0 S"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused_and_change_nothing(call, error, message):
    cells = Population(ConstantStep(), 3)
    with pytest.raises(error, match=message):
        call(cells)
    assert not cells.pulses.any()
