"""Fit a model to measured pulses: from a table of conductances after each pulse to a kind of cell.

The table is a CSV file with the columns `cell`, `pulse` (volts, its sign is the direction), `conductance_s` (after that pulse), pulses in
the order in which they were given. The first row of a cell, with pulse 0, is its state before.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import RangeError, ShapeError
from crossloop_sim.devices.linear import LinearStep
from crossloop_sim.devices.piecewise import PiecewiseStep
from crossloop_sim.devices.pulsed import PulsedDevice
from crossloop_sim.devices.soft_bounds import SoftBounds

FloatArray = npt.NDArray[np.float64]

_LEAST_PULSES = 20
_NODES = 11


@dataclass(frozen=True)
class Measurement:
    """Pulses of several cells."""

    cell: npt.NDArray[np.int64]
    """Which cell every step belongs to, shape (steps,)."""
    sign: npt.NDArray[np.int64]
    """Direction of the pulse, 1 or -1."""
    before_s: FloatArray
    """Conductance before it in siemens."""
    after_s: FloatArray
    """Conductance after it."""


@dataclass(frozen=True)
class Fit:
    """A fitted kind of cell."""

    device: PulsedDevice
    """The kind; its bounds of w are -1 and 1 over the measured range."""
    residual: float
    """Root mean square of measured minus fitted mean steps, in units of dw_min: cycle-to-cycle noise if the model is right."""


def load_csv(path: str | Path) -> Measurement:
    """Read a table of pulses.

    Raises
    ------
    RangeError
        If a column is missing or a value is no number; the message names the line.
    """
    rows: list[tuple[int, float, float]] = []
    with Path(path).open(newline="") as file:
        reader = csv.DictReader(file)
        missing = {"cell", "pulse", "conductance_s"} - set(reader.fieldnames or ())
        if missing:
            raise RangeError(
                f"{path} lacks the columns {', '.join(sorted(missing))}; it has {', '.join(reader.fieldnames or ())}"
            )
        for number, line in enumerate(reader, 2):
            try:
                rows.append((int(line["cell"]), float(line["pulse"]), float(line["conductance_s"])))
            except (TypeError, ValueError):
                raise RangeError(
                    f"{path}, line {number}: {dict(line)} is not cell, pulse in volts and conductance in siemens"
                ) from None
            if not (np.isfinite(rows[-1][1]) and rows[-1][2] >= 0):
                raise RangeError(f"{path}, line {number}: pulses must be finite and conductances 0 S or more")
    steps = [
        (after[0], 1 if after[1] > 0 else -1, before[2], after[2])
        for before, after in pairwise(rows)
        if after[0] == before[0] and after[1] != 0
    ]
    if not steps:
        raise ShapeError(f"{path} holds no pulse that follows a conductance of the same cell")
    cell, sign, before_s, after_s = (np.array(column) for column in zip(*steps, strict=True))
    return Measurement(cell, sign, before_s, after_s)


def fit(measured: Measurement, kind: str = "linear") -> Fit:
    """Fit a kind of cell.

    Parameters
    ----------
    measured : Measurement
        Pulses that cross the range in both directions.
    kind : {"linear", "soft-bounds", "piecewise"}
        The model.

    Returns
    -------
    Fit
        Mean step, asymmetry and shape by least squares of steps against the state; device-to-device spread from the cells' own mean steps;
        cycle-to-cycle spread from what is left.

    Raises
    ------
    RangeError
        If there are fewer than 20 pulses in a direction, no range, or the kind is unknown.
    """
    up, down = measured.sign > 0, measured.sign < 0
    if min(up.sum(), down.sum()) < _LEAST_PULSES:
        raise RangeError(
            f"a fit needs at least {_LEAST_PULSES} pulses in each direction, not {up.sum()} up and {down.sum()} down"
        )
    low, high = float(measured.before_s.min()), float(measured.before_s.max())
    if not high > low:
        raise RangeError(f"every conductance is {low!r} S: there is no range to fit")
    middle, half = (high + low) / 2, (high - low) / 2
    w = (measured.before_s - middle) / half
    step = (measured.after_s - measured.before_s) / half * measured.sign
    shared: dict[str, Any] = {
        "g_min_s": low,
        "g_max_s": high,
        "w_max_dtod": 0.0,
        "w_min_dtod": 0.0,
        "c2c_kind": "additive",
    }
    lines = [np.polyfit(w[way], step[way], 1) for way in (up, down)]
    device: PulsedDevice
    if kind == "linear":
        (slope_up, at_up), (slope_down, at_down) = lines
        _check_steps(at_up, at_down)
        device = LinearStep(
            dw_min=max(at_up, at_down), up_down=_up_down(at_up, at_down), gamma_up=max(-slope_up / at_up, 0.0),
            gamma_down=max(slope_down / at_down, 0.0), gamma_up_dtod=0.0, gamma_down_dtod=0.0, **shared,
        )  # fmt: skip
        shape = np.where(up, np.polyval(lines[0], w), np.polyval(lines[1], w))
    elif kind == "soft-bounds":
        # One parameter per direction: the step at w = 0, falling to 0 at the bound.
        at_up, at_down = (
            float((step[way] * f).sum() / (f**2).sum()) for way, f in ((up, 1 - w[up]), (down, 1 + w[down]))
        )
        _check_steps(at_up, at_down)
        device = SoftBounds(dw_min=max(at_up, at_down), up_down=_up_down(at_up, at_down), **shared)
        shape = np.where(up, at_up * (1 - w), at_down * (1 + w))
    elif kind == "piecewise":
        nodes = np.linspace(-1, 1, _NODES)
        tables = [_interpolated(w[way], step[way], nodes) for way in (up, down)]
        dw_min = float(max(np.interp(0, nodes, table) for table in tables))
        _check_steps(dw_min, dw_min)
        texts = [",".join(f"{max(value / dw_min, 0):.6g}" for value in table) for table in tables]
        device = PiecewiseStep(dw_min=dw_min, nodes_up=texts[0], nodes_down=texts[1], **shared)
        shape = np.where(up, np.interp(w, nodes, tables[0]), np.interp(w, nodes, tables[1]))
    else:
        raise RangeError(f"the kind must be linear, soft-bounds or piecewise, not {kind!r}")
    return _with_spreads(device, measured, step, shape)


def _check_steps(at_up: float, at_down: float) -> None:
    if not min(at_up, at_down) > 0:
        raise RangeError(
            f"mean steps in the middle of the range are {at_up:.3g} up and {at_down:.3g} down: pulses must move cells"
        )


def _up_down(at_up: float, at_down: float) -> float:
    """Return the asymmetry as the models have it: the smaller direction's lack, above 0 if that is down."""
    return float((at_up - at_down) / max(at_up, at_down))


def _interpolated(w: FloatArray, step: FloatArray, nodes: FloatArray) -> FloatArray:
    """Return the table whose linear interpolation is closest to the steps; nodes without data take their neighbours' values."""
    x = (w + 1) / 2 * (nodes.size - 1)
    left = np.clip(x.astype(int), 0, nodes.size - 2)
    weights = np.zeros((w.size, nodes.size))
    weights[np.arange(w.size), left] = 1 - (x - left)
    weights[np.arange(w.size), left + 1] += x - left
    # A little smoothness decides where there are no data.
    bend = 1e-3 * np.sqrt(w.size) * np.diff(np.eye(nodes.size), 2, axis=0)
    table: FloatArray = np.linalg.lstsq(
        np.vstack([weights, bend]), np.concatenate([step, np.zeros(len(bend))]), rcond=None
    )[0]
    return table


def _with_spreads(device: PulsedDevice, measured: Measurement, step: FloatArray, shape: FloatArray) -> Fit:
    """Split what the mean step does not explain into cells and cycles."""
    size = np.array([
        (step[own] * shape[own]).sum() / (shape[own] ** 2).sum() for own in (measured.cell == cell for cell in np.unique(measured.cell))
    ])  # fmt: skip
    index = np.searchsorted(np.unique(measured.cell), measured.cell)
    left = step - size[index] * shape
    c2c = float(left.std()) / device.dw_min
    # A cell's mean step is known to c2c/root(pulses) only; that part of the spread is not the cells'.
    pulses = step.size / size.size
    spread = max(float(size.var(ddof=1)) - c2c**2 / pulses, 0.0) if size.size > 1 else 0.0
    residual = float((step - shape).std()) / device.dw_min
    return Fit(replace(device, c2c=c2c, dw_min_dtod=float(np.sqrt(spread)), up_down_dtod=0.0), residual)
