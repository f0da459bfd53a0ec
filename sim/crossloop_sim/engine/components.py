"""Which component is simulated for a build."""

from __future__ import annotations

from typing import Any

from crossloop.protocol.front_ends import REFERENCE
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.core import Core, UartCore
from crossloop_hdl.emulated.core import EmulatedCore
from crossloop_sim.engine.reference import ReferenceWorld


def component(parameters: Parameters, divisor: int | None, *, probe: bool = False) -> Any:
    """Return the controller, with its front end if it is not the direct one.

    Parameters
    ----------
    parameters : Parameters
        The build.
    divisor : int or None
        Clock cycles per bit of a serial line; None for whole bytes.
    probe : bool
        Whether the pins of a front end are shown.
    """
    if parameters.frontend == "emulated":
        return EmulatedCore(parameters, divisor)
    if parameters.frontend in REFERENCE:
        return ReferenceWorld(parameters, divisor, probe=probe)
    return Core(parameters) if divisor is None else UartCore(parameters, divisor)
