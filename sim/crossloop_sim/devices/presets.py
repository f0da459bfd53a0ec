"""Named kinds of cells, each number with its source.

Those after aihwkit keep its unit of w. Its weights have no conductance, so `g_min_s` and `g_max_s` (w = -1 and +1) are choices here, stated
with each; where w = 0 is the lowest state, the range reaches from 0 to 2.
"""

from __future__ import annotations

from crossloop_sim.devices.capacitor import Capacitor3T1C
from crossloop_sim.devices.constant import ConstantStep
from crossloop_sim.devices.device import Device
from crossloop_sim.devices.ecram import EcRam
from crossloop_sim.devices.exponential import ExpStep
from crossloop_sim.devices.filament import FilamentCell
from crossloop_sim.devices.floating_gate import IonicFloatingGate
from crossloop_sim.devices.linear import LinearStep
from crossloop_sim.devices.pcm import PcmCell
from crossloop_sim.devices.protonic import ProtonicResistor
from crossloop_sim.devices.soft_bounds import SoftBounds
from crossloop_sim.devices.threshold import ThresholdCell

PULSED: dict[str, Device] = {
    # The specification for training with plain gradient descent: symmetric constant steps, about 1250 of them.
    # Source: Gokmen and Vlasov, Front. Neurosci. 10:333 (2016), in the numbers of aihwkit's GokmenVlasovPresetDevice.
    "rpu": ConstantStep(dw_min=0.0016, dw_min_dtod=0.3, up_down_dtod=0.01, w_max_dtod=0.3, w_min_dtod=0.3, c2c=0.3),
    # The same without any spread or noise: products are exact to half a converter step.
    "ideal": ConstantStep(dw_min_dtod=0.0, up_down_dtod=0.0, w_max_dtod=0.0, w_min_dtod=0.0, c2c=0.0),
    # Source: aihwkit's IdealizedPresetDevice, after Rasch, Gokmen and Haensch, IEEE Design & Test 37:69 (2019).
    "idealized": ConstantStep(dw_min=0.0002, dw_min_dtod=0.3, up_down_dtod=0.0, w_max_dtod=0.3, w_min_dtod=0.3, c2c=0.3),
    # 200 soft-bounds states with the spreads of `rpu`: what plain gradient descent fails on.
    # Source: the calibration runs for the systems of this project; spreads as in `rpu`.
    "soft-bounds": SoftBounds(dw_min=0.01),
    # Resistive memory, loose fit of soft bounds to Gong et al., Nat. Commun. 9:2102 (2018). Source: aihwkit's ReRamSBPresetDevice.
    "reram-sb": SoftBounds(
        dw_min=0.002, dw_min_dtod=0.3, up_down_dtod=0.01, w_max=1.25, w_max_dtod=0.24, w_min=-0.75, w_min_dtod=0.4, c2c=3.75,
        c2c_kind="additive", write_noise=56.0,
    ),
    # The same measurements, fitted by exponential steps. Source: aihwkit's ReRamESPresetDevice.
    "reram-es": ExpStep(
        dw_min=0.00135, dw_min_dtod=0.2, up_down=0.259359, up_down_dtod=0.05, w_max=1.0, w_max_dtod=0.3, w_min=-1.0, w_min_dtod=0.3,
        c2c=5.0, write_noise=75.0, a_up=-1.18445, a_down=-0.081404, gamma_up=5.0, gamma_down=5.0, z_slope=-0.5, z_offset=-0.5,
    ),
    # Trench capacitor with 3 transistors, 14 nm. Source: aihwkit's CapacitorPresetDevice, after Li et al., VLSI (2018). Its lifetime of 1e6
    # batches is left out: it is no time; the kind `capacitor` has a leak in seconds.
    "capacitor": LinearStep(
        dw_min=0.005, dw_min_dtod=0.1, up_down_dtod=0.06, w_max=1.0, w_max_dtod=0.07, w_min=-1.0, w_min_dtod=0.07, c2c=0.3,
        c2c_kind="additive", gamma_up=0.05, gamma_up_dtod=0.01, gamma_down=0.05, gamma_down_dtod=0.01, nominal_bounds=True,
    ),
    # Lithium ECRAM. Source: aihwkit's EcRamPresetDevice, after Tang et al., IEDM (2018).
    "ecram": LinearStep(
        dw_min=0.002, dw_min_dtod=0.1, up_down_dtod=0.01, w_max=1.1724, w_max_dtod=0.05, w_min=-0.8276, w_min_dtod=0.05, c2c=0.3,
        gamma_up=0.1153, gamma_up_dtod=0.05, gamma_down=0.5085, gamma_down_dtod=0.05, nominal_bounds=True,
    ),
    # Metal-oxide ECRAM. Source: aihwkit's EcRamMOPresetDevice, after Kim et al., IEDM (2019).
    "ecram-mo": LinearStep(
        dw_min=0.00028214, dw_min_dtod=0.1, up_down_dtod=0.01, w_max=1.1714, w_max_dtod=0.05, w_min=-0.8286, w_min_dtod=0.05, c2c=2.0,
        gamma_up=0.4152, gamma_up_dtod=0.05, gamma_down=0.7342, gamma_down_dtod=0.05, nominal_bounds=True,
    ),
    # One side of a pair of phase-change cells: only up pulses, then reset. Source: aihwkit's PCMPresetDevice, after Nandakumar et al.,
    # Front. Neurosci. 14:406 (2020). Conductance: a choice, w = 2 is 25 uS and w = 0 is 0.25 uS.
    "pcm-side": ExpStep(
        g_min_s=-12.125e-6, g_max_s=12.625e-6,
        dw_min=0.01, dw_min_dtod=0.2, up_down_dtod=0.05, w_max=2.0, w_max_dtod=0.1, w_min=0.0, w_min_dtod=0.0, c2c=0.6, c2c_add=0.042,
        c2c_slope=0.108, a_up=-27.235, a_down=-2.235, gamma_up=2.5, gamma_down=2.5, z_slope=-1.0, z_offset=0.0,
    ),
    # Statistics of 1T1R ReRAM arrays, optimised material. 13.48 % of the cells were stuck (corrupt=0.1348); the preset has none.
    # Source: aihwkit's ReRamArrayOMPresetDevice, after Gong and Rasch et al., IEDM (2022).
    "reram-om": SoftBounds(
        dw_min=0.0949, dw_min_dtod=0.7829, dw_min_dtod_log_normal=True, up_down_dtod=0.01, w_max_dtod=0.3499, w_min_dtod=0.5695, c2c=0.4158,
        c2c_kind="additive", write_noise=1.4113, reference_std=0.05, subtract_symmetry_point=True, corrupt_range=0.01,
    ),
    # The same, baseline HfO2; 9.77 % of the cells were stuck. Source: aihwkit's ReRamArrayHfO2PresetDevice.
    "reram-hfo2": SoftBounds(
        dw_min=0.4622, dw_min_dtod=0.7125, dw_min_dtod_log_normal=True, up_down_dtod=0.01, w_max_dtod=0.4295, w_min_dtod=0.599, c2c=0.2174,
        c2c_kind="additive", write_noise=0.5841, reference_std=0.05, subtract_symmetry_point=True, corrupt_range=0.01,
    ),
}  # fmt: skip
"""Pulse-driven cells."""

PHYSICAL: dict[str, Device] = {
    # Electrochemical cells by their open-circuit voltage; the three ways to drive the gate. Sources: in `ecram`.
    "ecram-voltage": EcRam(),
    "ecram-compensated": EcRam(drive="compensated"),
    "ecram-current": EcRam(drive="current"),
    # Source: in `protonic`.
    "protonic": ProtonicResistor(),
    # Source: in `pcm` and `noise_laws`.
    "pcm": PcmCell(),
    # Source: in `capacitor`.
    "3t1c": Capacitor3T1C(),
    # Source: in `filament`; the cells are pristine.
    "filament": FilamentCell(),
    # Formed cells for write-verify, 1 to 40 uS: 0.3 uS of white read noise, and a relaxation of 2.8 uS (unverified). Source: in
    # `threshold`.
    "rram": ThresholdCell(
        g_min_s=1e-6, g_max_s=40e-6, dw_min=0.03, dw_min_dtod=0.1, w_max_dtod=0.0, w_min_dtod=0.0, t_pulse_s=1e-6, c2c=0.3,
        read_white=0.3 / 19.5, relaxation=2.8 / 19.5,
    ),
    # Source: in `floating_gate`.
    "floating-gate": IonicFloatingGate(),
}  # fmt: skip
"""Cells by their physics."""

DEVICES: dict[str, Device] = PULSED | PHYSICAL
"""Every named kind."""
