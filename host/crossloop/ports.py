"""Serial ports of this machine, and whether this user may open them."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Port:
    """One serial port."""

    device: str
    """Path."""
    description: str
    """What the system knows about it."""
    usable: bool
    """Whether this user may read and write it."""

    @property
    def advice(self) -> str:
        """What to do, or "ok"."""
        if self.usable:
            return "ok"
        return "no permission: add yourself to the port's group (usually dialout) and log in again"


def list_ports() -> list[Port]:
    """Return the serial ports that the system lists, sorted by path."""
    from serial.tools.list_ports import comports

    return sorted(
        (Port(port.device, port.description, os.access(port.device, os.R_OK | os.W_OK)) for port in comports()),
        key=lambda port: port.device,
    )
