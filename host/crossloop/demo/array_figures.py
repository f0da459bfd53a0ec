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
_OUTSIDE = 0.005
"""Fraction of cells beyond either end of the colour scale, so that a few extreme ones do not hide the rest."""


def conductance_maps(run: SeedResult) -> str:
    """Return the conductances of every tile before and after the training, all maps of one height, as SVG."""
    maps = [
        (f"Tile {index}, {name}", g_s[index] * _NANO)
        for index in range(len(run.before_s))
        for name, g_s in (("before", run.before_s), ("after", run.after_s))
    ]
    everything = np.concatenate([g_ns.ravel() for _, g_ns in maps])
    low, high = (float(limit) for limit in np.nanquantile(everything, [_OUTSIDE, 1 - _OUTSIDE]))
    # All lengths in heights of a map; the figure's height follows from filling the page's width.
    widths = [g_ns.shape[1] / g_ns.shape[0] for _, g_ns in maps]
    left, gap, right, top, bottom, bar = 0.14, 0.13, 0.3, 0.1, 0.17, 0.035
    across = left + sum(widths) + gap * (len(maps) - 1) + right
    down = top + 1 + bottom
    with figure_style() as new_figure:
        figure = new_figure(figsize=(WIDTH_INCH, WIDTH_INCH * down / across), layout="none")
        x, image = left, None
        for (title, g_ns), width in zip(maps, widths, strict=True):
            axes = figure.add_axes((x / across, bottom / down, width / across, 1 / down))
            image = axes.imshow(
                g_ns, cmap=style.CONDUCTANCE_MAP, vmin=low, vmax=high, aspect="auto", interpolation="nearest"
            )
            _map_frame(axes, title, g_ns.shape, first=x == left)
            x += width + gap
        bar_axes = figure.add_axes(((x - gap + 0.04) / across, bottom / down, bar / across, 1 / down))
        figure.colorbar(image, cax=bar_axes, extend="both").set_label("conductance (nS)")
        bar_axes.tick_params(labelsize=8, length=2)
        return to_svg(figure)


def _map_frame(axes: Any, title: str, shape: tuple[int, ...], *, first: bool) -> None:
    rows, columns = shape
    axes.set_title(title)
    axes.set_xlabel("column", labelpad=-4)
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
    mean = f"{residual.mean():+.4f}".replace("-", "−")
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
        0.98, 0.80, f"{residual.size:,} values\nmean {mean}\none code {fidelity.unit:.3f}".replace(",", "\u2009"),
        transform=axes.transAxes, ha="right", va="top",
    )  # fmt: skip


def expected_spread(read_noise: float, step: float) -> float:
    """Return the standard deviation of a sample: noise before the converter, and the rounding to its step."""
    return math.sqrt(read_noise**2 + step**2 / 12)
