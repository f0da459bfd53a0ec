"""The figures of the arrays themselves: conductance maps, what the hidden units look for, products as measured and as ideal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from crossloop.demo import style
from crossloop.demo.measure import Fidelity, FloatArray
from crossloop.demo.results import SeedResult
from crossloop.demo.style import WIDTH_INCH, figure_style, to_svg

_NANO = 1e9


def conductance_maps(run: SeedResult) -> str:
    """Return the conductances of every tile before and after the training, all cells drawn at one size, as SVG."""
    layers = len(run.before_s)
    shown = [[g_s * _NANO for g_s in found] for found in (run.before_s, run.after_s)]
    low = min(float(np.nanmin(g_ns)) for found in shown for g_ns in found)
    high = max(float(np.nanmax(g_ns)) for found in shown for g_ns in found)
    shapes = [g_s.shape for g_s in run.before_s]
    columns = [shape[1] for shape in shapes for _ in range(2)]
    with figure_style() as new_figure:
        # Inches per cell so that all maps fit beside each other; the margins are for labels and the colour bar.
        gap, margin, bar = 9, 7, 12
        cells_wide = sum(columns) + gap * (len(columns) - 1) + margin + bar
        cells_high = max(shape[0] for shape in shapes) + 16
        figure = new_figure(figsize=(WIDTH_INCH, WIDTH_INCH * cells_high / cells_wide), layout="none")
        x = float(margin)
        image = None
        for index in range(layers):
            for when, name in enumerate(("before", "after")):
                rows, width = shapes[index]
                top = 7 / cells_high
                axes = figure.add_axes(
                    (x / cells_wide, 1 - top - rows / cells_high, width / cells_wide, rows / cells_high)
                )
                image = axes.imshow(
                    shown[when][index],
                    cmap=style.CONDUCTANCE_MAP,
                    vmin=low,
                    vmax=high,
                    aspect="auto",
                    interpolation="nearest",
                )
                _map_frame(axes, f"Tile {index}, {name}", rows, width, first=x == margin)
                x += width + gap
        height = min(rows for rows, _ in shapes) / cells_high
        bar_axes = figure.add_axes(((x - gap + 3) / cells_wide, 1 - 7 / cells_high - height, 1.6 / cells_wide, height))
        figure.colorbar(image, cax=bar_axes).set_label("conductance (nS)")
        bar_axes.tick_params(labelsize=8)
        return to_svg(figure)


def _map_frame(axes: Any, title: str, rows: int, columns: int, *, first: bool) -> None:
    axes.set_title(title)
    axes.set_xlabel("column")
    axes.set_xticks([0, columns - 1])
    axes.set_yticks([0, rows - 1])
    axes.tick_params(length=2, labelsize=8)
    if first:
        axes.set_ylabel("row", labelpad=-6)
    for spine in axes.spines.values():
        spine.set_visible(False)


def hidden_units(run: SeedResult, weight_unit_s: float) -> str | None:
    """Return the first layer's weights, one small image per hidden unit, as SVG; None when the inputs are no square image."""
    after = run.after_s[0]
    side = math.isqrt(after.shape[0] - 1)
    if side * side != after.shape[0] - 1:
        return None
    weights = (after[:-1, 0::2] - after[:-1, 1::2]) / weight_unit_s
    units = weights.shape[1]
    across = min(16, units)
    down = math.ceil(units / across)
    sheet = np.full((down * (side + 1) - 1, across * (side + 1) - 1), np.nan)
    for unit in range(units):
        row, column = divmod(unit, across)
        top, left = row * (side + 1), column * (side + 1)
        sheet[top : top + side, left : left + side] = weights[:, unit].reshape(side, side)
    reach = float(np.nanquantile(np.abs(weights), 0.995)) or 1.0
    with figure_style() as new_figure:
        figure = new_figure(figsize=(WIDTH_INCH, 0.35 + WIDTH_INCH * 0.93 * sheet.shape[0] / sheet.shape[1]))
        axes = figure.subplots()
        image = axes.imshow(sheet, cmap=style.DIFFERENCE_MAP, vmin=-reach, vmax=reach, interpolation="nearest")
        axes.set_axis_off()
        bar = figure.colorbar(image, ax=axes, pad=0.01, fraction=0.012, aspect=18)
        bar.set_label("weight")
        bar.outline.set_visible(False)
        return to_svg(figure)


def measured_products(fidelity: Fidelity) -> str:
    """Return measured against ideal products and the distribution of what is left between them, as SVG."""
    with figure_style() as new_figure:
        figure = new_figure(figsize=(WIDTH_INCH, 3.9))
        left, right = figure.subplots(1, 2, width_ratios=[1.0, 1.15])
        _scatter(left, fidelity)
        _residuals(right, fidelity)
        return to_svg(figure)


def _scatter(axes: Any, fidelity: Fidelity) -> None:
    reach = 1.06 * max(float(np.abs(products.ideal).max()) for products in fidelity.products)
    axes.plot([-reach, reach], [-reach, reach], color="#222222", lw=0.7, zorder=3)
    for products, color in zip(fidelity.products, style.SERIES * len(fidelity.products), strict=False):
        axes.plot(
            products.ideal,
            products.measured,
            "o",
            ms=2.2,
            mew=0,
            color=color,
            alpha=0.5,
            label=products.name,
            rasterized=True,
        )
    axes.set(
        title="Products",
        xlabel="ideal (weight units)",
        ylabel="measured (weight units)",
        xlim=(-reach, reach),
        ylim=(-reach, reach),
    )
    axes.set_aspect("equal")
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", markerscale=2, handletextpad=0.2)


def _residuals(axes: Any, fidelity: Fidelity) -> None:
    residual = fidelity.residual
    spread = float(residual.std())
    # Bins of half a converter step would beat against its grid; a third of the spread does not.
    reach = 4.5 * spread
    bins = np.linspace(-reach, reach, 46)
    axes.hist(residual, bins, density=True, color=style.ARRAY, alpha=0.8, lw=0, label=f"measured (s.d. {spread:.3f})")
    if fidelity.noise is not None:
        expected = expected_spread(fidelity.noise, fidelity.unit)
        x: FloatArray = np.linspace(-reach, reach, 200)
        axes.plot(
            x, np.exp(-0.5 * (x / expected) ** 2) / (expected * math.sqrt(2 * math.pi)), color="#222222", lw=1.2,
            label=f"noise and converter step (s.d. {expected:.3f})",
        )  # fmt: skip
    axes.set(title="Measured minus ideal", xlabel="residual (weight units)", ylabel="density", xlim=(-reach, reach))
    axes.set_ylim(0, 1.35 * axes.get_ylim()[1])
    axes.legend(loc="upper left")
    axes.text(
        0.98, 0.80, f"{residual.size:,} values\nmean {residual.mean():+.4f}\none code {fidelity.unit:.3f}".replace(",", "\u2009"),
        transform=axes.transAxes, ha="right", va="top",
    )  # fmt: skip


def expected_spread(read_noise: float, step: float) -> float:
    """Return the standard deviation of a sample: noise before the converter, and the rounding to its step."""
    return math.sqrt(read_noise**2 + step**2 / 12)
