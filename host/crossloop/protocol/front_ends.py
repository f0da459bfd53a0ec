"""Front ends that decide build parameters by themselves: which, and the function that computes them."""

from __future__ import annotations

from crossloop.protocol.emulated import FRONT_END_FIELDS as EMULATED_FIELDS
from crossloop.protocol.emulated import emulated_parameters
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.parts.reference import FRONT_END_FIELDS as REFERENCE_FIELDS
from crossloop.protocol.parts.reference import LEVEL_DACS, reference_parameters

REFERENCE = frozenset(LEVEL_DACS)
"""The front ends that are made of parts."""
DECIDED: dict[str, frozenset[str]] = {"emulated": EMULATED_FIELDS, **dict.fromkeys(REFERENCE, REFERENCE_FIELDS)}
"""Build parameters that a front end decides, by its name; `direct` decides none."""


def completed(parameters: Parameters) -> Parameters:
    """Return a build with what its front end decides; raises RangeError if the front end cannot serve it."""
    if parameters.frontend == "emulated":
        return emulated_parameters(parameters)
    return reference_parameters(parameters) if parameters.frontend in REFERENCE else parameters
