"""The kinds of cells by name, as target URLs use them: `model:?device=soft-bounds`."""

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
from crossloop_sim.devices.piecewise import PiecewiseStep
from crossloop_sim.devices.power import PowStep
from crossloop_sim.devices.protonic import ProtonicResistor
from crossloop_sim.devices.soft_bounds import SoftBounds
from crossloop_sim.devices.threshold import ThresholdCell

KINDS: dict[str, type[Device]] = {
    "constant": ConstantStep,
    "linear": LinearStep,
    "soft-bounds": SoftBounds,
    "exponential": ExpStep,
    "power": PowStep,
    "piecewise": PiecewiseStep,
    "electrochemical": EcRam,
    "protonic": ProtonicResistor,
    "phase-change": PcmCell,
    "capacitor": Capacitor3T1C,
    "filament": FilamentCell,
    "threshold": ThresholdCell,
    "floating-gate": IonicFloatingGate,
}
"""Classes by name."""
