"""The look of the report's figures: one palette, hairline axes, text in the reader's own system font."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from crossloop.protocol.errors import ToolError

ARRAY = "#0b6e99"
"""Colour of the network in the arrays."""
FLOAT = "#6b6b6b"
"""Colour of the float network."""
LINEAR = "#c77c11"
"""Colour of the logistic regression."""
UNTRAINED = "#b0b0b0"
"""Colour of the untrained network."""
SERIES = ("#0b6e99", "#c2553d", "#5a8f3c")
"""Colours of things of equal rank."""
CONDUCTANCE_MAP = "viridis"
DIFFERENCE_MAP = "RdBu_r"

WIDTH_INCH = 9.2
"""Width of a figure across the page."""

_SYSTEM_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"

_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # laid out in this one, which matplotlib ships; the reader's system font takes its place
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.7,
    "axes.edgecolor": "#444444",
    "axes.labelcolor": "#222222",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "crossloop",
    "savefig.dpi": 200,
}


@contextmanager
def figure_style() -> Iterator[Any]:
    """Yield matplotlib.figure.Figure with the report's style in force; no window system is needed, no global state is left.

    Raises
    ------
    ToolError
        If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise ToolError(
            "the report needs matplotlib, which is not installed; pip install 'crossloop[report]'"
        ) from None
    with mpl.rc_context(_SETTINGS):  # type: ignore[arg-type]  # the stubs want literal names
        yield Figure


def to_svg(figure: Any) -> str:
    """Return a figure as an SVG element that scales with the page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # Width and height give way to the page; the viewBox keeps the proportions.
    text = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", text, count=1)
    return text.replace("'DejaVu Sans'", _SYSTEM_FONT).replace("DejaVu Sans", _SYSTEM_FONT)
