"""The plant against its peers: circuits against badcrossbar, tiles and training against aihwkit."""

from __future__ import annotations

import plant_circuits
import plant_tile
from report import Report


def measure(report: Report) -> None:
    """Measure both."""
    plant_circuits.measure(report)
    plant_tile.measure(report)
