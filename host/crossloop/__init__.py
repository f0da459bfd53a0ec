"""crossloop: hardware in the loop for analog memristive crossbar arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossloop.calibration import Calibration as Calibration
    from crossloop.calibration import calibrate as calibrate
    from crossloop.connection import connect as connect
    from crossloop.emulated import read_states as read_states
    from crossloop.limits import Limits as Limits
    from crossloop.operations import Product as Product
    from crossloop.operations import PulseTrain as PulseTrain
    from crossloop.operations import Update as Update
    from crossloop.program import Program as Program
    from crossloop.protocol.errors import CrossloopError as CrossloopError
    from crossloop.protocol.microops import LineState as LineState
    from crossloop.protocol.streams import Family as Family
    from crossloop.session import Session as Session
    from crossloop.tile import Tile as Tile

_HOMES = {
    "Calibration": "crossloop.calibration",
    "calibrate": "crossloop.calibration",
    "connect": "crossloop.connection",
    "read_states": "crossloop.emulated",
    "Limits": "crossloop.limits",
    "Product": "crossloop.operations",
    "PulseTrain": "crossloop.operations",
    "Update": "crossloop.operations",
    "Program": "crossloop.program",
    "CrossloopError": "crossloop.protocol.errors",
    "LineState": "crossloop.protocol.microops",
    "Family": "crossloop.protocol.streams",
    "Session": "crossloop.session",
    "Tile": "crossloop.tile",
}

__all__ = [  # noqa: PLE0604  names are resolved lazily, in the order of the table
    *_HOMES,
]


def __getattr__(name: str) -> Any:
    # Resolved on first use: `import crossloop.protocol` must not pull in numpy, and the command line must start quickly.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'crossloop' has no attribute {name!r}")
