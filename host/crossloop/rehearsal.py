"""A rehearsal: the very programs of a device on a simulated twin of it, before the device is told anything.

The plain dry run of a program that decides by what it reads gives the most that it can take. What it takes on a certain array, with a
certain noise, is what the same program takes on `model:` with that array: cycles there equal those of the gateware.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.connection import connect
from crossloop.operation import check_line
from crossloop.protocol.front_ends import DECIDED
from crossloop.protocol.parameters import Parameters
from crossloop.state import Counters

if TYPE_CHECKING:
    from crossloop.session import Session

T = TypeVar("T")


@dataclass(frozen=True)
class Stress:
    """Pulses that the cells of a tile have seen; arrays of shape (rows, columns)."""

    up: NDArray[np.int64]
    """Pulses that raised a cell."""
    down: NDArray[np.int64]
    """Pulses that lowered it."""
    half_selected: NDArray[np.int64]
    """Pulses of its row or column that were not for it."""
    reads: NDArray[np.int64]
    """Read pulses of its row or column."""


@dataclass(frozen=True)
class Rehearsal(Generic[T]):
    """What was done on the twin, and what it took; exact for the array that was rehearsed with."""

    result: T
    """What the rehearsed function returned."""
    cycles: int
    """Controller cycles of all runs."""
    time_s: float
    """The same in seconds."""
    counters: Counters
    """Pulses and slots as the device will count them."""
    stress: list[Stress]
    """What the cells see, for each tile."""


def rehearse(
    session: Session,
    action: Callable[[Session], T],
    *,
    plant: str = "",
    conductance_s: Mapping[int, ArrayLike] | None = None,
) -> Rehearsal[T]:
    """Do something on a simulated twin of a device instead of the device.

    The twin has the device's build, its limits and gate voltage, and a copy of its vector memory. The device itself is only read.

    Parameters
    ----------
    session : Session
        Session with the device.
    action : callable
        What to do, given the twin's session, armed: `lambda twin: twin.tile(0).write_verify(...)`.
    plant : str
        Settings of the twin's cells and front end as in a target URL: `preset=rram&seed=3`.
    conductance_s : mapping, optional
        Conductances of tiles in siemens, by tile number, of a shape that broadcasts to (rows, columns); other tiles are as the plant
        makes them.

    Returns
    -------
    Rehearsal
        Exact for that array: its device-to-device spread, its noise, and its random streams as they are after a reset. Coincidence
        updates draw from those streams, so for their pulses, not their times, the action has to set the seeds (`seed`).

    Raises
    ------
    TargetError
        If `model:` is not installed or does not understand the settings.
    CrossloopError
        What the action raises on the twin; the device is as it was.
    """
    parameters = session.parameters
    for tile in conductance_s or {}:
        check_line("tile", tile, parameters.tiles)
    words = session.read_words(0, parameters.vector_words)
    with connect(twin_url(parameters, plant), limits=session.limits, expected_build=parameters.build_hash) as twin:
        world = twin.transport.world  # type: ignore[attr-defined]  # simulated targets have one, see Session
        for tile, values_s in (conductance_s or {}).items():
            world.plant.set_conductance_s(tile, values_s)
        if parameters.gate_lines:
            twin.v_gate_v = session.v_gate_v
        twin.write_words(0, words)
        twin.arm()
        result = action(twin)
        ledgers = [world.plant.ledger(tile) for tile in range(parameters.tiles)]
        stress = [Stress(ledger.up, ledger.down, ledger.half_selected, ledger.reads) for ledger in ledgers]
        return Rehearsal(result, twin.cycles, twin.clock.seconds(twin.cycles), twin.counters(), stress)


def twin_url(parameters: Parameters, plant: str = "") -> str:
    """Return the URL of a model with the same build; what a front end decides is left to it."""
    names = {field.name for field in fields(parameters)} - DECIDED.get(parameters.frontend, frozenset())
    values = {field.name: getattr(parameters, field.name) for field in fields(parameters) if field.name in names}
    texts = (
        f"{name}={','.join(map(str, value)) if isinstance(value, tuple) else int(value) if isinstance(value, int) else value}"
        for name, value in values.items()
    )
    return "model:?" + "&".join([*texts, *([plant] if plant else [])])
