"""Free and nudged phases of a network of conductances, in volts: what is given to the program of `crossloop.fabric.nodes`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.fabric.nodes import NodePlaces, NodeRule, SettleNodes
from crossloop.fabric.nudging import CHOSEN
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.quantise import Quantise, finite_array, level_codes

if TYPE_CHECKING:
    from crossloop.session import Session


@dataclass(frozen=True, kw_only=True)
class NodePhase:
    """What is held and what is pulled at during a phase."""

    v_row_v: ArrayLike
    """Levels of the rows in volts, shape (rows,); NaN lets a row float, the same rows in every phase. Every column floats."""
    v_target_v: ArrayLike | None = None
    """Targets of the columns in volts, shape (columns,); NaN leaves a column alone. None: no nudge at all, a free phase."""
    mirrored: bool = False
    """Pull towards 2*v - target instead, with the voltages v of phase 0: the nudge of the opposite sign."""


@dataclass(frozen=True)
class SettledNodes:
    """Voltages at the end of each phase."""

    v_row_v: NDArray[np.float64]
    """Of the rows in volts, shape (phases, rows); a voltage at the converter's limit is told as that limit."""
    v_column_v: NDArray[np.float64]
    """Of the columns in volts, shape (phases, columns)."""
    readings: NDArray[np.int64]
    """Readings that each phase took, shape (phases,)."""
    at_rest: NDArray[np.bool_]
    """Whether it ended at rest, and not at the limit, shape (phases,)."""
    cycles: int
    """Controller cycles of the run."""


def settle_nodes(
    session: Session,
    phases: Sequence[NodePhase],
    rule: NodeRule | None = None,
    *,
    tile: int = 0,
    quantise: Quantise | None = None,
) -> SettledNodes:
    """Let the nodes of an array settle, phase after phase, in one command.

    Parameters
    ----------
    session : Session
        With its outputs armed.
    phases : sequence of NodePhase
        What is held and nudged in each.
    rule : NodeRule, optional
        When a phase is over.
    tile : int
        Which array.
    quantise : {"nearest", "toward_zero"}, optional
        How to round voltages that have no exact code; they are refused without it.

    Raises
    ------
    RangeError, ShapeError
        If the device cannot do it (no nudge lines, a mirrored target that could leave the window, ...); nothing was driven.
    """
    parameters, limits, levels = session.parameters, session.limit_codes, session.levels
    rows, columns = parameters.rows, parameters.columns
    places = NodePlaces(rows, columns, len(phases))
    held, drives = _masked("v_row_v", [phase.v_row_v for phase in phases], rows, session, quantise)
    free = np.full(columns, np.nan)
    wanted = [free if phase.v_target_v is None else phase.v_target_v for phase in phases]
    nudged, targets = _masked("v_target_v", wanted, columns, session, quantise)
    if any((mask != held[0]).any() for mask in held):
        raise RangeError(
            "v_row_v must let the same rows float in every phase: lines change their states between phases only by nudges; "
            "nothing was driven"
        )
    nudges = tuple(bool(mask.any()) for mask in nudged)
    mirrored = tuple(phase.mirrored for phase in phases)
    operation = SettleNodes(rule or NodeRule(), int(tile), nudges, mirrored)
    operation.check_data(parameters, limits)
    for codes in (*drives, *targets):
        for code in (int(codes.min()), int(codes.max())):
            limits.check_level(code, levels, "level of a phase")
    free_codes = drives[0][held[0]] if held[0].any() else np.zeros(1, np.int64)
    for phase, mask in enumerate(nudged):
        if mirrored[phase] and nudges[phase]:
            # A node lies between the lowest and the highest level; a code more for the rounding of its reading.
            lowest = 2 * int(free_codes.min()) - int(targets[phase][mask].max()) - 1
            highest = 2 * int(free_codes.max()) - int(targets[phase][mask].min()) + 1
            for code in (lowest, highest):
                limits.check_level(code, levels, f"mirrored target of phase {phase}, at its worst,")
    words = np.zeros(places.words, np.int64)
    words[places.held : places.held + rows] = np.where(held[0], CHOSEN, 0)
    for phase in range(len(phases)):
        words[places.levels(phase) : places.levels(phase) + rows] = drives[phase]
        words[places.mask(phase) : places.mask(phase) + columns] = np.where(nudged[phase], CHOSEN, 0)
        words[places.targets(phase) : places.targets(phase) + columns] = targets[phase]
    session.write_words(0, words)
    before = session.cycles
    session.execute(operation)
    after = session.read_words(0, places.words).astype(np.int64)
    latches = np.array([after[places.latch(phase) :][: places.nodes] for phase in range(len(phases))])
    volts = latches * session.voltages.step_v
    counts = after[places.counts : places.counts + len(phases)]
    return SettledNodes(volts[:, :rows], volts[:, rows:], np.abs(counts), counts > 0, session.cycles - before)


def _masked(
    name: str, values: Sequence[ArrayLike], lines: int, session: Session, quantise: Quantise | None
) -> tuple[list[NDArray[np.bool_]], list[NDArray[np.int64]]]:
    """Return where voltages are given, and their codes (0 elsewhere), one array of each per phase."""
    masks, codes = [], []
    for phase, given in enumerate(values):
        array = np.asarray(given, np.float64)
        if array.shape != (lines,):
            raise ShapeError(
                f"{name} of phase {phase} must have shape ({lines},), not {array.shape}; nothing was driven"
            )
        mask = ~np.isnan(array)
        volts = finite_array(f"{name} of phase {phase}", np.where(mask, array, 0.0), (lines,), "V")
        masks.append(mask)
        codes.append(level_codes(f"{name} of phase {phase}", volts, session.levels, quantise))
    return masks, codes
