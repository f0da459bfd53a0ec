"""The figures about learning: accuracy over the epochs with its baselines, weights and pulses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from crossloop.demo import style
from crossloop.demo.results import DemoResult, SeedResult
from crossloop.demo.style import WIDTH_INCH, figure_style, to_svg


def learning_curve(result: DemoResult) -> str:
    """Return the accuracies after every epoch beside those on the test images, as SVG."""
    with figure_style() as new_figure:
        figure = new_figure(figsize=(WIDTH_INCH, 3.5))
        left, right = figure.subplots(1, 2, width_ratios=[2.1, 1.0])
        _curves(left, result)
        _test_accuracies(right, result)
        return to_svg(figure)


def _curves(axes: Any, result: DemoResult) -> None:
    runs = [run for run in result.runs if run.epochs]
    for position, run in enumerate(runs):
        first = position == 0
        epochs = [record.epoch for record in run.epochs]
        axes.plot(
            range(1, len(run.float_validation) + 1), _percent(run.float_validation), color=style.FLOAT, lw=1.0, alpha=0.8,
            label="float network, validation" if first else None,
        )  # fmt: skip
        axes.plot(
            epochs, _percent([record.train for record in run.epochs]), color=style.ARRAY, lw=1.0, ls=(0, (2, 1.5)),
            label="arrays, training (before each update)" if first else None,
        )  # fmt: skip
        axes.plot(
            epochs, _percent([record.validation for record in run.epochs]), color=style.ARRAY, marker="o", ms=3.5,
            label="arrays, validation" if first else None,
        )  # fmt: skip
    axes.axhline(
        100 * result.linear_validation,
        color=style.LINEAR,
        lw=1.0,
        ls=(0, (5, 2)),
        label="logistic regression, validation",
    )
    lowest = min([100.0, *(100 * min(record.validation, record.train) for run in runs for record in run.epochs)])
    axes.set(
        title="Accuracy by epoch", xlabel="epoch", ylabel="accuracy (%)",
        xlim=(0.7, result.epochs + 0.3), ylim=(math.floor(lowest) - 1, 100.3), xticks=range(1, result.epochs + 1),
    )  # fmt: skip
    axes.grid(visible=True, axis="y")
    axes.legend(loc="lower right")


def _test_accuracies(axes: Any, result: DemoResult) -> None:
    groups = [
        ("untrained,\nin the arrays", style.UNTRAINED, result.values(lambda run: run.untrained_accuracy)),
        ("logistic\nregression", style.LINEAR, [result.linear_accuracy]),
        ("float\nnetwork", style.FLOAT, result.values(lambda run: run.float_accuracy)),
        ("network in\nthe arrays", style.ARRAY, result.values(lambda run: run.test_accuracy)),
    ]
    for position, (_, color, values) in enumerate(groups):
        if not values:
            continue
        middle = float(np.median(values))
        axes.barh(position, 100 * middle, height=0.62, color=color, lw=0)
        low, high = wilson(middle, result.parts[2])
        axes.plot([100 * low, 100 * high], [position, position], color="#222222", lw=1.0)
        axes.text(102, position, f"{100 * middle:.1f}", va="center", ha="left", fontweight="bold")
        if len(values) > 1:
            axes.plot(_percent(values), [position] * len(values), "o", ms=3.2, mfc="white", mec="#222222", mew=0.7)
    axes.set(
        title=f"Test, {result.parts[2]} images (%)",
        xlim=(0, 100),
        yticks=range(4),
        yticklabels=[group[0] for group in groups],
    )
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)


def wilson(fraction: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a fraction of `count` images. Source: Wilson, J. Am. Stat. Assoc. 22:209 (1927)."""
    centre = (fraction + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(fraction * (1 - fraction) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return centre - half, centre + half


def histograms(run: SeedResult, weight_unit_s: float) -> str:
    """Return the distributions of the weights before and after, and of the pulses per cell, of every layer, as SVG."""
    layers = len(run.before_s)
    panels = 2 if run.pulses else 1
    with figure_style() as new_figure:
        figure = new_figure(figsize=(WIDTH_INCH, 2.35 * panels))
        grid = figure.subplots(panels, layers, squeeze=False)
        for index in range(layers):
            _weights(grid[0, index], index, run, weight_unit_s)
            if run.pulses:
                _pulses(grid[1, index], index, run.pulses[index])
        return to_svg(figure)


def _weights(axes: Any, index: int, run: SeedResult, weight_unit_s: float) -> None:
    pairs = (
        ((g_s[:, 0::2] - g_s[:, 1::2]) / weight_unit_s).ravel() for g_s in (run.before_s[index], run.after_s[index])
    )
    before, after = (weights[np.isfinite(weights)] for weights in pairs)  # a device may have cells that cannot be read
    reach = 1.05 * max(float(np.abs(before).max()), float(np.abs(after).max()), 0.1)
    bins = np.linspace(-reach, reach, 61)
    axes.hist(before, bins, color=style.UNTRAINED, alpha=0.9, label=f"before (s.d. {before.std():.2f})")
    axes.hist(after, bins, histtype="step", color=style.ARRAY, lw=1.4, label=f"after (s.d. {after.std():.2f})")
    axes.set(title=f"Layer {index + 1}: weights", xlabel="weight (units of half a cell's range)", ylabel="pairs")
    axes.legend(loc="upper left")


def _pulses(axes: Any, index: int, pulses: Any) -> None:
    counts = pulses.ravel()
    axes.hist(counts, 60, color=style.ARRAY, alpha=0.85, lw=0)
    axes.axvline(float(np.median(counts)), color="#222222", lw=0.9)
    axes.text(
        0.98, 0.93, f"median {np.median(counts):,.0f}\nlargest {counts.max():,}\nall cells {counts.sum():,}".replace(",", "\u2009"),
        transform=axes.transAxes, ha="right", va="top",
    )  # fmt: skip
    axes.set(title=f"Layer {index + 1}: pulses", xlabel="full pulses per cell", ylabel="cells")


def _percent(values: list[float]) -> list[float]:
    return [100 * value for value in values]
