"""Which component is simulated for a build."""

from __future__ import annotations

from typing import Any

from crossloop.protocol.front_ends import REFERENCE
from crossloop.protocol.parameters import Parameters
from crossloop_hdl.controller import controller
from crossloop_sim.engine.reference import ReferenceWorld


def component(parameters: Parameters, divisor: int | None, *, probe: bool = False) -> Any:
    """Return the controller of a build; with parts behind its front end, down to where they end in the boundary of the direct one.

    Parameters
    ----------
    parameters : Parameters
        The build.
    divisor : int or None
        Clock cycles per bit of a serial line; None for whole bytes.
    probe : bool
        Whether the pins of a front end are shown.
    """
    if parameters.frontend in REFERENCE:
        return ReferenceWorld(parameters, divisor, probe=probe)
    return controller(parameters, divisor)
