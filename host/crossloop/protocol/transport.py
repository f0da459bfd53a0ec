"""The seam of bytes: what carries frames between host and controller."""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """A byte link to a controller. Simulated targets and the serial port offer the same four calls.

    A simulated target also has an attribute `world` through which tests and reports look behind the pins; the host library itself
    never needs it.
    """

    @property
    def name(self) -> str:
        """The target's URL."""

    @property
    def simulated(self) -> bool:
        """Whether no physical device stands behind this link as far as the host can know."""

    def write(self, data: bytes) -> None:
        """Send bytes; raises LinkError when the link is gone."""

    def read(self, timeout_s: float) -> bytes:
        """Return bytes that have arrived, at least one unless `timeout_s` seconds (device time, in a simulation) pass; b'' then.

        Raises LinkError when the link is gone.
        """

    def close(self) -> None:
        """Release the link; further calls raise LinkError."""
