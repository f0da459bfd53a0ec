"""Cells by their physics: each against its formula, worked out here."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import weibull_min

from crossloop.protocol.errors import RangeError
from crossloop_sim.devices.constant import ConstantStep
from crossloop_sim.devices.ecram import EcRam
from crossloop_sim.devices.filament import FilamentCell
from crossloop_sim.devices.filament import Plane as FilamentPlane
from crossloop_sim.devices.floating_gate import IonicFloatingGate
from crossloop_sim.devices.forming import form
from crossloop_sim.devices.linear import LinearStep
from crossloop_sim.devices.population import Population
from crossloop_sim.devices.presets import DEVICES
from crossloop_sim.devices.protonic import ProtonicResistor
from crossloop_sim.devices.threshold import ThresholdCell
from crossloop_sim.devices.unit_cell import UnitCells

QUIET = {"dw_min_dtod": 0.0, "up_down_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0, "c2c": 0.0}


def steps_at(device, states, v_v):
    cells = Population(device, len(states))
    cells.set_w(states)
    cells.pulse(v_v, device.t_pulse_s)
    return cells.read_w() - states


def test_a_voltage_driven_gate_is_the_linear_step_model():
    states = np.linspace(-0.9, 0.9, 19)
    ecram = EcRam(kappa_v=0.5, kappa_dtod=0.0, v_write_v=1.0, **QUIET)
    linear = LinearStep(gamma_up=0.25, gamma_down=0.25, gamma_up_dtod=0.0, gamma_down_dtod=0.0, **QUIET)
    for sign in (1.0, -1.0):
        np.testing.assert_allclose(steps_at(ecram, states, sign), steps_at(linear, states, sign), rtol=1e-12)


def test_compensated_and_current_driven_gates_are_symmetric_and_voltage_driven_ones_are_not():
    edge = np.array([0.9])
    asymmetry = {}
    for drive in ("voltage", "compensated", "current"):
        device = EcRam(drive=drive, kappa_v=0.5, kappa_dtod=0.0, v_write_v=1.0, **QUIET)
        up, down = steps_at(device, edge, 1.0)[0], -steps_at(device, edge, -1.0)[0]
        asymmetry[drive] = abs(up - down) / ((up + down) / 2)
    # 2*kappa*(g - 1/2)/V with g = 0.95.
    assert asymmetry["voltage"] == pytest.approx(2 * 0.5 * 0.45)
    assert asymmetry["compensated"] == pytest.approx(0)
    assert asymmetry["current"] == pytest.approx(0)


def test_kappa_spreads_from_cell_to_cell():
    device = EcRam(kappa_v=0.4, kappa_dtod=0.2, **QUIET)
    kappa = Population(device, 20_000, seed=3).planes[8]
    assert kappa.mean() == pytest.approx(0.4, rel=4 * 0.2 / math.sqrt(20_000))
    assert kappa.std() == pytest.approx(0.08, rel=4 / math.sqrt(40_000))


@pytest.mark.parametrize(("hop_nm", "half", "third"), [(0.2, 7, 14), (0.3, 18, 49), (0.4, 48, 175)])
def test_half_selected_protonic_cells_are_disturbed_as_the_sinh_law_says(hop_nm, half, third):
    # The ratios of the facts page for 10 V, 10 nm, 300 K, which were worked out apart from this code.
    device = ProtonicResistor(hop_m=hop_nm * 1e-9, **QUIET)
    assert 1 / device.disturb(1 / 2) == pytest.approx(half, rel=0.06)
    assert 1 / device.disturb(1 / 3) == pytest.approx(third, rel=0.06)
    start = np.zeros(1)
    ratio = steps_at(device, start, 10.0)[0] / steps_at(device, start, 10 / 3)[0]
    assert ratio == pytest.approx(1 / device.disturb(1 / 3), rel=1e-9)


def test_wide_pulses_damage_a_protonic_cell_for_good():
    device = ProtonicResistor(**QUIET)
    cells = Population(device, 2)
    cells.pulse([10.0, 0.0], 3 * device.t_cap_s)
    cells.set_w(0.0)
    cells.pulse(10.0, device.t_pulse_s)
    hurt, whole = cells.read_w()
    assert hurt == pytest.approx(whole * (1 - device.damage * 2))
    narrow = Population(device, 1)
    for _ in range(5):
        narrow.pulse(10.0, device.t_cap_s)
    assert narrow.planes[4] == pytest.approx(device.dw_min)


def test_pulse_width_enters_with_its_exponent():
    device = ProtonicResistor(beta=0.7, **QUIET)
    narrow, wide = (Population(device, 1) for _ in range(2))
    narrow.pulse(10.0, device.t_pulse_s)
    wide.pulse(10.0, 4 * device.t_pulse_s)
    assert wide.read_w() / narrow.read_w() == pytest.approx(4**0.7)


def test_a_floating_gate_writes_only_while_its_bridge_is_closed():
    device = IonicFloatingGate(v_bridge_dtod=0.0, **QUIET)
    cells = Population(device, 1)
    cells.pulse(0.3, device.t_pulse_s, 100)
    assert cells.read_w() == 0
    cells.pulse(0.9375, device.t_pulse_s)
    first = cells.read_w()[0]
    assert first == pytest.approx(device.dw_min)
    # The bridge is still closed: a small voltage writes, in proportion.
    cells.pulse(0.3, device.t_pulse_s)
    assert cells.read_w()[0] - first == pytest.approx(device.dw_min * 0.3 / 0.9375)
    cells.wait(1e-3)
    held = cells.read_w()[0]
    cells.pulse(0.3, device.t_pulse_s)
    assert cells.read_w()[0] == held


def test_threshold_cells_step_exponentially_in_voltage():
    device = ThresholdCell(v_dtod_v=0.0, **QUIET)
    states = np.zeros(1)
    small, large = (steps_at(device, states, v)[0] for v in (1.2, 1.2 + device.v_scale_v))
    assert small == pytest.approx(device.dw_min)
    assert large == pytest.approx(device.dw_min * math.e)


LIMIT_A = 50e-6


def test_forming_with_the_trip_on_loses_no_cell():
    cells = Population(FilamentCell(), 1000, seed=5)
    result = form(cells, limit_a=LIMIT_A)
    assert result.formed.all()
    assert not result.lost.any()
    # The limit sets the current, the latency lets it overshoot: G between that of the limit and exp(latency/growth) times it.
    device = cells.device
    low = 1 / (result.v_form_v / LIMIT_A - device.r_series_ohm)
    np.testing.assert_allclose(cells.read_s(), np.minimum(low * device.overshoot, device.g_max_s), rtol=1e-9)


def test_forming_with_the_trip_off_loses_the_expected_share():
    device = FilamentCell()
    result = form(Population(device, 1000, seed=5))
    # A cell forms at the first step above its Weibull voltage and then draws v/(r + 1/g_max); it is lost if its log-normal limit is below.
    steps_v = np.arange(1.6, 4.0 + 0.025, 0.05)
    share = 0.0
    below = 0.0
    for v in steps_v:
        up_to = weibull_min.cdf(v, device.v_form_shape, scale=device.v_form_v)
        current = v / (device.r_series_ohm + 1 / device.g_max_s)
        z = math.log(current / device.i_break_a) / device.i_break_dtod
        share += (up_to - below) * 0.5 * math.erfc(-z / math.sqrt(2))
        below = up_to
    lost = result.lost.mean()
    assert 0.02 < share < 0.3
    assert lost == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 1000))
    assert (result.lost | result.formed).all()


def test_a_late_trip_destroys_what_a_quick_one_saves():
    shares = {}
    for latency_s in (10e-9, 60e-9, 200e-9):
        shares[latency_s] = form(
            Population(FilamentCell(t_latency_s=latency_s), 1000, seed=5), limit_a=LIMIT_A
        ).lost.mean()
    assert shares[10e-9] == 0
    assert shares[200e-9] > shares[60e-9] >= shares[10e-9]
    assert shares[200e-9] > 0.02


def test_forming_voltages_are_weibull_distributed():
    device = FilamentCell()
    v = np.sort(Population(device, 20_000, seed=1).planes[FilamentPlane.FORM])
    expected = weibull_min.cdf(v, device.v_form_shape, scale=device.v_form_v)
    distance = np.abs(np.arange(1, v.size + 1) / v.size - expected).max()
    assert distance < 1.95 / math.sqrt(v.size)


def test_set_follows_the_compliance_and_reset_is_gradual():
    device = replace(FilamentCell(), c2c=0.0)
    cells = Population(device, 4, seed=2)
    form(cells, limit_a=LIMIT_A)
    reached = []
    for limit_a in (60e-6, 100e-6, 150e-6):
        cells.pulse(1.8, 1e-6, limit_a=limit_a)
        reached.append(cells.read_s())
    assert (np.diff(reached, axis=0) > 0).all()
    before = cells.read_s()
    cells.pulse(-1.4, device.t_pulse_s)
    middle = cells.read_s()
    cells.pulse(-1.4, device.t_pulse_s)
    assert (middle < before).all()
    assert (cells.read_s() < middle).all()
    np.testing.assert_allclose(cells.read_s() / middle, middle / before, rtol=1e-9)


def test_a_destroyed_cell_stays_a_short():
    cells = Population(FilamentCell(i_break_a=1e-5), 1)
    result = form(cells)
    assert result.lost.all()
    shorted = cells.read_s()[0]
    cells.pulse(-2.0, 1e-6, 100)
    assert cells.read_s()[0] == shorted > FilamentCell().g_max_s


def test_forming_refuses_other_cells():
    with pytest.raises(RangeError, match="forming needs filamentary cells, not ConstantStep; nothing was pulsed"):
        form(Population(ConstantStep(), 1))


def test_the_capacitor_leaks_toward_its_asymptote():
    device = replace(DEVICES["3t1c"], up_down_dtod=0.0)
    cells = Population(device, 3)
    cells.set_w([0.0, 0.3, -0.2])
    cells.wait(device.lifetime_s)
    np.testing.assert_allclose(cells.read_w(), 0.24 + (np.array([0.0, 0.3, -0.2]) - 0.24) / math.e, rtol=1e-9)


def test_a_transfer_keeps_the_weight_and_polarity_inversion_cancels_mismatch():
    cells = UnitCells(400, seed=2)
    rng = np.random.default_rng(0)
    drift = {}
    for inverts in (True, False):
        cells = UnitCells(400, seed=2)
        start = cells.weights()
        for _interval in range(4):
            # Up and down pulses that an ideal cell would cancel.
            for _ in range(20):
                cells.update(np.ones(400, np.int64))
                cells.update(-np.ones(400, np.int64))
            before = cells.weights()
            error = cells.transfer()
            np.testing.assert_allclose(cells.weights() - before, error, atol=0.05)
            if not inverts:
                cells.capacitor.set_w(-cells.capacitor.planes[2])
                cells.polarity = 1
        drift[inverts] = np.abs(cells.weights() - start).mean()
    assert drift[True] < 0.5 * drift[False]
    cells.update(rng.integers(-3, 4, 400))
    assert np.isfinite(cells.weights()).all()
