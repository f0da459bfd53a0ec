"""The third terminal of electrochemical cells: what a pulse of charge is to their model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crossloop.protocol.converters import GateCurrents, Levels
from crossloop.protocol.errors import RangeError
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop_sim.devices.device import FloatArray
from crossloop_sim.devices.ecram import EcRam
from crossloop_sim.plant.configuration import PlantConfiguration


def charge_constants(parameters: Parameters, configuration: PlantConfiguration) -> FloatArray:
    """Return the numbers of the cells' model for pulses of charge, shape (n,); empty for gates of transistors.

    Raises
    ------
    RangeError
        If the cells or the build have no such gates.
    """
    if configuration.gate.cell_gate != "electrochemical":
        return np.zeros(0)
    device = configuration.device
    if not parameters.gate_lines:
        raise RangeError(
            "plant setting cell_gate of 'electrochemical' needs gate lines; build it with gate_lines=1 or 2, nothing was opened"
        )
    if not isinstance(device, EcRam) or device.drive == "current":
        raise RangeError(
            "plant setting cell_gate of 'electrochemical' needs cells of the kind 'electrochemical' with drive 'voltage' or 'compensated' "
            "(preset ecram-voltage or ecram-compensated): the state of a gate line decides when it is a current; nothing was opened"
        )
    return np.ascontiguousarray(replace(device, drive="current").constants(), np.float64)


def charge_scale(parameters: Parameters, configuration: PlantConfiguration) -> float:
    """Return, per volt of a gate line's code, its current in units of the one that makes nominal steps; 0 without current sources."""
    if not parameters.gate_full_scale_pa:
        return 0.0
    step_a = GateCurrents.of(parameters).step_a
    return step_a / Levels.of(parameters, Family.GATES).step_v / configuration.gate.i_gate_a
