"""What wires do to an array: IR drop over its cells, settling of its lines, error of a product over size and resistance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crossloop.protocol.microops import LineState
from crossloop_sim.array import Array, Lines, Wires
from crossloop_sim.array.settling import elmore_s, settle
from crossloop_sim.looks.style import DOWN, OTHER, UP, figure

_V_READ_V = 0.2


def draw(path: Path) -> None:
    """Draw the three pictures side by side."""
    with figure((1, 3), (11.0, 3.4), "Wires: 64 x 64 cells of 1 to 100 µS, simulated, seed 0") as (drawn, axes):
        rng = np.random.default_rng(0)
        cells = rng.uniform(1e-6, 1e-4, (64, 64))
        wires = Wires(r_row_ohm=2.0, r_column_ohm=2.0, c_row_f=0.2e-15, c_column_f=0.2e-15)
        array = Array(cells, wires)
        found = array.solve(_read(wires, 64, _V_READ_V))
        image = axes[0, 0].imshow(100 * (1 - found.cell_v / _V_READ_V), cmap="viridis", origin="upper")
        drawn.colorbar(image, ax=axes[0, 0], label="lost voltage (%)", shrink=0.85)
        axes[0, 0].set(title="IR drop, 2 ohm per segment", xlabel="column", ylabel="row (driven at the left)")
        rest = array.solve(_read(wires, 64, 0.0))
        lines = _read(wires, 64, _V_READ_V)
        times_s = np.logspace(-14, -10.5, 45)
        _rows, columns = settle(array, rest, lines, times_s)
        share = 100 * columns / found.column_near_a
        axes[0, 1].semilogx(times_s * 1e12, share[:, ::8], color=UP, linewidth=0.7, alpha=0.6)
        delay_s = elmore_s(array, lines)[0].max() + elmore_s(array, lines)[1].max()
        axes[0, 1].axvline(delay_s * 1e12, color=DOWN, linewidth=0.9, linestyle="--", label="Elmore, row + column")
        axes[0, 1].set(
            title="Settling of the columns", xlabel="time after switching (ps)", ylabel="current (% of the final one)"
        )
        axes[0, 1].legend(loc="upper left")
        sizes = np.array([8, 16, 32, 64, 128, 256])
        for r_ohm, color in ((0.5, OTHER), (2.0, UP), (10.0, DOWN)):
            losses = []
            for size in sizes:
                cells = rng.uniform(1e-6, 1e-4, (size, size))
                wires = Wires(r_row_ohm=r_ohm, r_column_ohm=r_ohm)
                currents = Array(cells, wires, tolerance=1e-8).solve(_read(wires, int(size), _V_READ_V)).column_near_a
                losses.append(100 * (1 - currents.sum() / (cells.sum() * _V_READ_V)))
            axes[0, 2].loglog(sizes, losses, color=color, marker="o", markersize=3, label=f"{r_ohm:g} ohm")
        axes[0, 2].set(title="Lost current over size", xlabel="rows and columns", ylabel="lost (%)")
        axes[0, 2].legend()
        drawn.savefig(path)


def _read(wires: Wires, size: int, v_v: float) -> Lines:
    return Lines.of_states(
        wires, [LineState.DRIVE] * size, [LineState.SENSE] * size, np.full(size, v_v), np.zeros(size)
    )
