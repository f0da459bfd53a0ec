"""Contrastive updates in volts and seconds, to be chained behind a settle; the programs are in `crossloop.fabric.contrastive`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.fabric.contrastive import ActivityCoincidence, ActivityCounts, SquareCounts
from crossloop.fabric.line_pulses import LinePulses
from crossloop.fabric.settle import Places, SettleRule
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.streams import Family
from crossloop.tile import WIDTH_S, Tile


@dataclass(frozen=True)
class Latches:
    """Where a settle of some phases leaves the states: what the update behind it starts from."""

    rule: SettleRule
    """The settle rule."""
    phases: int
    """Number of its phases."""
    free: int = 0
    """Phase that counts against."""
    target: int = 1
    """Phase that counts for: outputs clamped or nudged to their targets."""

    @property
    def places(self) -> Places:
        """The vector memory of the settle."""
        return Places.of(self.rule, self.phases)

    def addresses(self) -> tuple[int, int]:
        """Return the addresses of free and target states."""
        for name in ("free", "target"):
            if not 0 <= getattr(self, name) < self.phases:
                raise RangeError(f"{name} must be a phase from 0 to {self.phases - 1}, not {getattr(self, name)!r}")
        return self.places.latch(self.free), self.places.latch(self.target)


def activity_coincidence(
    tile: Tile,
    latches: Latches,
    *,
    slots: int,
    scale: int = 0,
    v_write_v: float | None = None,
    width_s: float = WIDTH_S,
    gap_s: float | None = None,
) -> ActivityCoincidence:
    """Return the activity difference by two coincidence updates.

    Parameters
    ----------
    tile : Tile
        The array of the settle.
    latches : Latches
        Where the states are.
    slots : int
        Pulse opportunities per sign pass.
    scale : int
        Firing probabilities are the states' level codes >> scale, in 1/128.
    v_write_v, width_s, gap_s
        As in `Tile.pulse`.

    Returns
    -------
    ActivityCoincidence
        For `then` of `settling.settle`.
    """
    up, down = tile.write_levels(v_write_v)
    width, gap = tile.pulse_cycles(width_s, gap_s)
    free, target = latches.addresses()
    return ActivityCoincidence(
        tile=tile.index, neurons=latches.rule.neurons, free=free, target=target, scratch=latches.places.words, scale=scale,
        slots=slots, up=up, down=down, width_cycles=width, gap_cycles=gap, pair=latches.rule.pair,
    )  # fmt: skip


def activity_counts(
    tile: Tile,
    latches: Latches,
    *,
    unit: int,
    digits: int = 3,
    scale: int = 0,
    diagonal: bool = False,
    v_write_v: float | None = None,
    width_s: float = WIDTH_S,
    gap_s: float | None = None,
) -> ActivityCounts:
    """Return the activity difference by counted pulses.

    Parameters
    ----------
    tile, latches
        As in `activity_coincidence`.
    unit : int
        Difference of products of level codes, >> scale, that makes a pulse.
    digits : int
        A cell gets at most 2**digits - 1 pulses.
    scale : int
        Shift of the products, so that differences fit into 16 bits.
    diagonal : bool
        Whether the weight of a neuron to itself changes, too.
    v_write_v, width_s, gap_s
        As in `Tile.pulse`.
    """
    free, target = latches.addresses()
    n = latches.rule.neurons
    pulses = _pulses(tile, n, unit, digits, v_write_v, width_s, gap_s, pair=latches.rule.pair)
    return ActivityCounts(
        tile=tile.index, pulses=pulses, lines=n, scratch=latches.places.words, scale=scale, free=free, target=target,
        diagonal=diagonal,
    )  # fmt: skip


def square_counts(
    tile: Tile,
    latches: Latches,
    *,
    unit: int,
    digits: int = 3,
    scale: int = 0,
    v_write_v: float | None = None,
    width_s: float = WIDTH_S,
    gap_s: float | None = None,
) -> SquareCounts:
    """Return the square difference for nodes that are neurons: node k has row k and column k; parameters as `activity_counts`."""
    free, target = latches.addresses()
    n = latches.rule.neurons
    pulses = _pulses(tile, n, unit, digits, v_write_v, width_s, gap_s, pair=False)
    return SquareCounts(
        tile=tile.index, pulses=pulses, lines=n, scratch=latches.places.words, scale=scale, rows=(free, target),
        columns=(free, target),
    )  # fmt: skip


def square_update(
    tile: Tile,
    rows: ArrayLike,
    columns: ArrayLike,
    *,
    unit: int,
    digits: int = 3,
    scale: int = 0,
    v_write_v: float | None = None,
    width_s: float = WIDTH_S,
    gap_s: float | None = None,
) -> None:
    """Update conductances by the square difference of node voltages that the host has, in one command.

    Parameters
    ----------
    tile : Tile
        The array between the nodes.
    rows : array_like of int
        Voltages of the row nodes in codes, free and nudged, shape (2, rows).
    columns : array_like of int
        The same of the column nodes, shape (2, columns).
    unit, digits, scale, v_write_v, width_s, gap_s
        As in `activity_counts`.
    """
    row_codes, column_codes = _codes("rows", rows), _codes("columns", columns)
    n, values = row_codes.shape[1], column_codes.shape[1]
    pulses = _pulses(tile, values, unit, digits, v_write_v, width_s, gap_s, pair=False)
    update = SquareCounts(
        tile=tile.index, pulses=pulses, lines=n, scratch=2 * (n + values), scale=scale, rows=(0, n),
        columns=(2 * n, 2 * n + values),
    )  # fmt: skip
    session = tile.session
    update.check_data(session.parameters, session.limit_codes)
    session.write_words(0, np.concatenate([row_codes.ravel(), column_codes.ravel()]))
    session.execute(update)


def _codes(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 2 or array.shape[0] != 2 or not array.size:
        raise ShapeError(f"{name} must have shape (2, n), free and nudged, not {array.shape}; nothing was sent")
    if array.dtype.kind not in "iu":
        raise RangeError(f"{name} must be integer codes, not {array.dtype}; nothing was sent")
    return array.astype(np.int64)


def _pulses(
    tile: Tile,
    values: int,
    unit: int,
    digits: int,
    v_write_v: float | None,
    width_s: float,
    gap_s: float | None,
    *,
    pair: bool,
) -> LinePulses:
    up, down = tile.write_levels(v_write_v)
    width, gap = tile.pulse_taps(width_s, gap_s)
    return LinePulses(
        line=Family.ROWS, values=values, up=up, down=down, width_taps=width, gap_taps=gap, unit=unit, digits=digits, pair=pair
    )  # fmt: skip
