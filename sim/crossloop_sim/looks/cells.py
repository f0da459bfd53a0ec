"""One kind of cell in six pictures: ramps, steps over the state, symmetry points, current over voltage, retention, spread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from crossloop_sim.array.laws import LAWS
from crossloop_sim.devices.device import Device
from crossloop_sim.devices.filament import FilamentCell
from crossloop_sim.devices.forming import form
from crossloop_sim.devices.pcm import PcmCell
from crossloop_sim.devices.population import Population
from crossloop_sim.looks.style import CELL, DOWN, OTHER, UP, figure

CELLS = 400
SHOWN = 25
_SEED = 1


def draw(name: str, device: Device, path: Path) -> None:
    """Draw a preset.

    Parameters
    ----------
    name : str
        Its name, for the title.
    device : Device
        The kind of cell.
    path : Path
        Picture to write; the suffix chooses the format.
    """
    title = f"{name}: {type(device).__name__}, simulated, {CELLS} cells, seed {_SEED}"
    with figure((2, 3), (11.0, 6.2), title) as (drawn, axes):
        scale, unit = _unit(device)
        _ramps(axes[0, 0], device, scale, unit)
        _steps(axes[0, 1], device, scale, unit)
        _symmetry(axes[0, 2], device, scale, unit)
        _current(axes[1, 0], device, scale, unit)
        _retention(axes[1, 1], device, scale, unit)
        _spread(axes[1, 2], device, scale, unit)
        drawn.savefig(path)


def _unit(device: Device) -> tuple[float, str]:
    return (1e6, "µS") if device.g_max_s > 2e-6 else (1e9, "nS")


def _cells(device: Device) -> Population:
    """Return cells that can be switched: filaments are formed first."""
    cells = Population(device, CELLS, seed=_SEED)
    if isinstance(device, FilamentCell):
        form(cells, limit_a=50e-6)
    return cells


def _voltages(device: Device) -> tuple[float, float]:
    """Return amplitudes of nominal up and down pulses in volts."""
    if isinstance(device, FilamentCell):
        return 1.6, -1.3
    up = float(getattr(device, "v_write_v", getattr(device, "v_set_v", 1.0)))
    down = float(getattr(device, "v_write_v", getattr(device, "v_reset_v", 1.0)))
    return up, -down


def _pulse(cells: Population, sign: int, limit_a: float = 100e-6) -> None:
    up, down = _voltages(cells.device)
    t_s = float(getattr(cells.device, "t_pulse_s", 1e-6))
    limit = limit_a if isinstance(cells.device, FilamentCell) else np.inf
    cells.pulse(up if sign > 0 else down, t_s, limit_a=limit)


def _count(device: Device) -> int:
    """Return pulses enough to cross the range about once and a half."""
    step = float(getattr(device, "dw_min", 0.02))
    return int(np.clip(3.0 / step, 20, 2000))


def _ramps(axes: Any, device: Device, scale: float, unit: str) -> None:
    cells = _cells(device)
    count = _count(device)
    if isinstance(device, PcmCell):
        count = 40
    readings = []
    for sign in (1, -1):
        for _ in range(count):
            _pulse(cells, sign)
            readings.append(cells.read_s() * scale)
    g = np.array(readings)
    n = np.arange(1, 2 * count + 1)
    axes.plot(n, g[:, :SHOWN], color=CELL, linewidth=0.5)
    median = np.median(g, axis=1)
    axes.plot(n[:count], median[:count], color=UP, label="up")
    axes.plot(n[count:], median[count:], color=DOWN, label="down")
    axes.set(title="Pulse response", xlabel="pulse", ylabel=f"conductance ({unit})")
    axes.legend(title="median; grey: cells", loc="lower center", title_fontsize=8)


def _steps(axes: Any, device: Device, scale: float, unit: str) -> None:
    """Mean and spread of a step over the state, from cells put everywhere in their range."""
    cells = _cells(device)
    low, high = _range(cells)
    # Write noise is redrawn by every pulse; the step is that of the state behind it.
    plane = next((int(p) for p in device.planes if p.name == "HIDDEN"), 0)
    for sign, color, label in ((1, UP, "up"), (-1, DOWN, "down")):
        points = []
        for share in np.linspace(0.02, 0.98, 25):
            cells.set_w(low + share * (high - low))
            before = cells.planes[plane].copy()
            _pulse(cells, sign)
            step = (cells.planes[plane] - before) * device.g_half_s * scale
            at = (device.g_mid_s + device.g_half_s * before).mean() * scale
            points.append((at, step.mean(), step.std()))
        x, mean, spread = np.array(points).T
        axes.fill_between(x, mean - spread, mean + spread, color=color, alpha=0.15, linewidth=0)
        axes.plot(x, mean, color=color, label=label)
    axes.axhline(0, color="#888888", linewidth=0.6)
    axes.set(title="Step by one pulse", xlabel=f"conductance ({unit})", ylabel=f"mean step ± spread ({unit})")
    axes.legend()


def _range(cells: Population) -> tuple[np.ndarray, np.ndarray]:
    """Return what each cell can reach, normalised."""
    names = {plane.name: int(plane) for plane in cells.device.planes}
    if "UPPER" in names:
        return cells.planes[names["LOWER"]].copy(), cells.planes[names["UPPER"]].copy()
    low = 0.0 if isinstance(cells.device, PcmCell) else -1.0
    return np.full(len(cells), low), np.ones(len(cells))


def _symmetry(axes: Any, device: Device, scale: float, unit: str) -> None:
    """Where alternating pulses take cells that start high and low."""
    pairs = min(_count(device), 600)
    for share, color, label in ((0.85, UP, "from high"), (0.15, DOWN, "from low")):
        cells = _cells(device)
        low, high = _range(cells)
        cells.set_w(low + share * (high - low))
        trace = [cells.read_s() * scale]
        for _ in range(pairs):
            _pulse(cells, 1)
            _pulse(cells, -1)
            trace.append(cells.read_s() * scale)
        g = np.array(trace)
        axes.plot(g[:, : SHOWN // 2], color=color, alpha=0.15, linewidth=0.5)
        axes.plot(np.median(g, axis=1), color=color, label=label)
    axes.set(title="Alternating pulses: symmetry point", xlabel="pair of pulses", ylabel=f"conductance ({unit})")
    axes.legend(title="median", title_fontsize=8)


def _current(axes: Any, device: Device, scale: float, unit: str) -> None:
    if isinstance(device, FilamentCell):
        _loop(axes, device)
        return
    v = np.linspace(-0.6, 0.6, 121)
    g = np.full(v.shape, device.g_max_s)
    for name, color in (("ohmic", OTHER), ("sinh", UP), ("1s1r", DOWN)):
        current, _, _ = LAWS[name].branch(g, v, np.zeros_like(v), np.zeros_like(v))
        axes.semilogy(v, np.maximum(np.abs(current), 1e-16), color=color, label=name)
    axes.set(
        title=f"Current at {device.g_max_s * scale:.3g} {unit}, by law", xlabel="voltage (V)", ylabel="|current| (A)"
    )
    axes.set_ylim(bottom=1e-4 * device.g_max_s * 0.6)
    axes.legend()


def _loop(axes: Any, device: FilamentCell) -> None:
    """Quasi-static sweeps: forming in the first, then SET and RESET."""
    cells = Population(device, SHOWN, seed=_SEED)
    limit_a = 100e-6
    up, down = np.arange(0, 3.6, 0.05), np.arange(0, -1.8, -0.05)
    for cycle in range(3):
        sweep = np.concatenate([up if cycle == 0 else up[:40], (up if cycle == 0 else up[:40])[::-1], down, down[::-1]])
        trace = []
        for v in sweep:
            if v != 0:
                cells.pulse(v, device.t_pulse_s, limit_a=limit_a)
            g = cells.read_s()
            trace.append(np.minimum(np.abs(v) / (device.r_series_ohm + 1 / g), limit_a if v > 0 else np.inf))
        current = np.maximum(np.array(trace), 1e-10)
        axes.semilogy(sweep, current[:, :8], color=OTHER if cycle == 0 else CELL, linewidth=0.5, alpha=0.6)
        axes.semilogy(
            sweep,
            np.median(current, axis=1),
            color=DOWN if cycle == 0 else UP,
            label=("forming", "later")[min(cycle, 1)] if cycle < 2 else None,
        )
    axes.axhline(limit_a, color="#888888", linewidth=0.7, linestyle="--")
    axes.set(title="Sweeps; dashed: current limit", xlabel="voltage (V)", ylabel="|current| (A)")
    axes.legend()


def _retention(axes: Any, device: Device, scale: float, unit: str) -> None:
    times_s = np.logspace(-6, 6, 49)
    for share, color in ((0.25, DOWN), (0.55, OTHER), (0.9, UP)):
        cells = _cells(device)
        low, high = _range(cells)
        cells.set_w(low + share * (high - low))
        trace = []
        begin = cells.now_s
        for t_s in times_s:
            cells.wait(max(begin + t_s - cells.now_s, 0.0))
            trace.append(cells.read_s() * scale)
        g = np.array(trace)
        middle, outer = np.median(g, axis=1), np.percentile(g, (10, 90), axis=1)
        axes.fill_between(times_s, *outer, color=color, alpha=0.15, linewidth=0)
        axes.semilogx(times_s, middle, color=color)
    axes.set(title="Retention: median, 10 to 90 %", xlabel="time after programming (s)", ylabel=f"conductance ({unit})")


def _spread(axes: Any, device: Device, scale: float, unit: str) -> None:
    """Distributions of what cells can reach, or of forming voltages."""
    cells = Population(device, 20 * CELLS, seed=_SEED)
    names = {plane.name: int(plane) for plane in device.planes}
    if isinstance(device, FilamentCell):
        for plane, color, label in (
            (names["FORM"], OTHER, "forming"),
            (names["SET"], UP, "SET"),
            (names["RESET"], DOWN, "RESET"),
        ):
            axes.hist(cells.planes[plane], 60, density=True, color=color, alpha=0.6, label=label)
        axes.set(title="Voltages from cell to cell", xlabel="voltage (V)", ylabel="density (1/V)")
    elif "UPPER" in names:
        for plane, color, label in ((names["UPPER"], UP, "upper bound"), (names["LOWER"], DOWN, "lower bound")):
            values = (device.g_mid_s + device.g_half_s * cells.planes[plane]) * scale
            if np.ptp(values) > 1e-9 * abs(values.mean()):
                axes.hist(values, 80, density=True, color=color, alpha=0.6, label=label)
            else:
                axes.axvline(values[0], color=color, label=f"{label}, every cell")
        axes.set(title="Bounds from cell to cell", xlabel=f"conductance ({unit})", ylabel=f"density (1/{unit})")
    else:
        cells.pulse(1.0, float(getattr(device, "t_pulse_s", 1e-6)), 20)
        axes.hist(cells.read_s() * scale, 80, density=True, color=UP, alpha=0.7, label="after 20 up pulses")
        axes.set(title="From cell to cell", xlabel=f"conductance ({unit})", ylabel=f"density (1/{unit})")
    axes.legend()
