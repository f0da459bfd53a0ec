"""The look of the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from crossloop.protocol.errors import ToolError

UP, DOWN, CELL, OTHER = "#0b6e99", "#c2553d", "#b8b8b8", "#5a8f3c"
"""Colours of up pulses, down pulses, single cells, and a third thing."""

_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans", "font.size": 9.0, "axes.titlesize": 9.5, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.linewidth": 0.7, "axes.edgecolor": "#444444", "axes.spines.top": False, "axes.spines.right": False, "xtick.color": "#444444",
    "ytick.color": "#444444", "xtick.labelsize": 8.5, "ytick.labelsize": 8.5, "legend.frameon": False, "legend.fontsize": 8.5,
    "lines.linewidth": 1.6, "figure.constrained_layout.use": True, "savefig.dpi": 110,
}  # fmt: skip


@contextmanager
def figure(panels: tuple[int, int], size_inch: tuple[float, float], title: str) -> Iterator[tuple[Any, Any]]:
    """Give a figure with rows x columns of axes, without a screen.

    Raises
    ------
    ToolError
        If matplotlib is missing.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ToolError("pictures need matplotlib; install crossloop[report]") from None
    with mpl.rc_context(_SETTINGS):  # type: ignore[arg-type]  # it lists every name it knows
        drawn = Figure(figsize=size_inch)
        FigureCanvasAgg(drawn)
        axes = drawn.subplots(*panels, squeeze=False)
        drawn.suptitle(title, fontsize=10.5, fontweight="bold", x=0.01, ha="left")
        yield drawn, axes
