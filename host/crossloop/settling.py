"""Phases of a recurrent network in an array: what is given to the settle engine, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.fabric.chain import Chain
from crossloop.fabric.program import FabricProgram
from crossloop.fabric.settle import Places, Settle, SettleRule, check_vectors
from crossloop.protocol.errors import ShapeError

if TYPE_CHECKING:
    from crossloop.session import Session


@dataclass(frozen=True)
class Phase:
    """Which neurons are held during a phase, and at what."""

    clamped: NDArray[np.bool_]
    """Shape (neurons,)."""
    codes: NDArray[np.int64]
    """Level codes of the clamped neurons, shape (neurons,); the others' are not used."""


@dataclass(frozen=True)
class Settled:
    """States at the end of each phase."""

    states: NDArray[np.int64]
    """Level codes, shape (phases, neurons)."""
    iterations: NDArray[np.int64]
    """Iterations that each phase took, shape (phases,)."""
    at_rest: NDArray[np.bool_]
    """Whether it ended at rest, and not at the limit, shape (phases,)."""
    cycles: int
    """Controller cycles of the run."""


def settle(
    session: Session,
    rule: SettleRule,
    table: ArrayLike,
    phases: Sequence[Phase],
    *,
    start: ArrayLike | None = None,
    tile: int = 0,
    then: Sequence[FabricProgram] = (),
) -> Settled:
    """Let a network settle, phase after phase, in one command.

    Parameters
    ----------
    session : Session
        With its outputs armed.
    rule : SettleRule
        How states follow currents.
    table : array_like of int
        Level codes of the 256 places of the activation table.
    phases : sequence of Phase
        What is held in each phase; each starts where the one before ended.
    start : array_like of int, optional
        Level codes at the start, shape (neurons,); 0 by default.
    tile : int
        Which array.
    then : sequence of FabricProgram
        Programs that go on with the latched states in the same run, such as the updates of `crossloop.contrasting`.

    Raises
    ------
    RangeError, ShapeError
        If the device cannot do it; nothing was driven.
    """
    operation = Settle(rule, tile, len(phases))
    operation.check_data(session.parameters, session.limit_codes)
    places = Places(rule.neurons, len(phases), rule.delay)
    first = np.zeros(rule.neurons, np.int64) if start is None else np.asarray(start, np.int64)
    activation = np.asarray(table, np.int64)
    for phase in phases:
        if phase.clamped.shape != (rule.neurons,) or phase.codes.shape != (rule.neurons,):
            raise ShapeError(
                f"clamped and codes of a phase must have shape ({rule.neurons},), not {phase.clamped.shape} and {phase.codes.shape}; "
                "nothing was driven"
            )
    held = np.concatenate([np.where(phase.clamped, phase.codes, 0) for phase in phases])
    check_vectors(rule, activation, held, first, session.parameters, session.limit_codes)
    words = np.zeros(places.words, np.int64)
    words[places.state : places.state + rule.neurons] = first
    words[places.table : places.table + activation.size] = activation
    for index, phase in enumerate(phases):
        words[places.mask(index) : places.mask(index) + rule.neurons] = phase.clamped
        words[places.clamp(index) : places.clamp(index) + rule.neurons] = np.where(phase.clamped, phase.codes, 0)
    whole = Chain((operation, *then)) if then else operation
    whole.check_data(session.parameters, session.limit_codes)
    session.write_words(0, words)
    before = session.cycles
    session.execute(whole)
    after = session.read_words(0, places.words).astype(np.int64)
    states = np.array([after[places.latch(index) : places.latch(index) + rule.neurons] for index in range(len(phases))])
    counts = after[places.counts : places.counts + len(phases)]
    return Settled(states, np.abs(counts), counts > 0, session.cycles - before)
