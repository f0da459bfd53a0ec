"""What a board is: its platform, clock, serial pins, and how front ends are wired to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crossloop.protocol.errors import RangeError
from crossloop.protocol.front_ends import completed
from crossloop.protocol.parameters import Parameters

DEFAULT_BAUD = 1_000_000
"""Of every board's serial line, unless a build says otherwise."""
BAUD_ERROR_MAX = 0.02
"""Largest relative error of a baud rate that a receiver still follows over ten bits. Source: half a bit over ten, halved again."""


@dataclass(frozen=True, kw_only=True)
class FrontEndWiring:
    """One front end on one board: a build that fits, and where its pins go."""

    build: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `Parameters` that differ from their defaults; the clock is the board's."""
    pins: Mapping[str, str] = field(default_factory=dict)
    """Front-end pin and its places, lowest line first: `"pmod_0:1 2 3"` for pins of the platform's connector ("pmod", 0), or bare names of
    package pins. Empty for a front end inside the FPGA."""
    controller: Callable[[Parameters, int], Any] | None = None
    """Makes the component from the build and the clock cycles per bit, for a front end of one's own: the members of `UartCore` that have
    to do with host and safety, and the pins. None for those that crossloop has."""
    base: str = ""
    """Name of the front end that host and build know it as; its own name by default."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """An FPGA board.

    Attributes
    ----------
    name, title : str
        As on the command line, and for people.
    platform : str
        `module:Class` of an Amaranth platform.
    clock_resource : str
        Name of the oscillator's resource.
    oscillator_hz, clock_hz : int
        What it gives, and what the controller runs at; a PLL makes the one of the other where they differ.
    led_resources : tuple of str
        Resources for `running` and `tripped`, where the board has them.
    front_ends : mapping
        Front ends by name; the first is the default.
    synthesis_options, nextpnr_options : str
        Further options for `synth_...`, and for place and route.
    small : bool
        Map to lookup tables for area rather than speed, where the family allows it.
    loader : str
        The board's name for openFPGALoader.
    """

    name: str
    title: str
    platform: str
    clock_resource: str
    oscillator_hz: int
    clock_hz: int
    front_ends: Mapping[str, FrontEndWiring]
    uart_resource: str = "uart"
    baud: int = DEFAULT_BAUD
    led_resources: tuple[str, ...] = ("led", "led")
    synthesis_options: str = ""
    nextpnr_options: str = ""
    small: bool = False
    loader: str = ""

    def parameters(self, front_end: str, **changes: Any) -> Parameters:
        """Return the build for a front end of this board.

        Parameters
        ----------
        front_end : str
            One of `front_ends`.
        **changes
            Fields of `Parameters` that differ from what the board file says.

        Raises
        ------
        RangeError
            If the board has no such front end, or a field is out of its range.
        """
        if front_end not in self.front_ends:
            raise RangeError(
                f"board {self.name} has no wiring for the front end {front_end!r}; it has {', '.join(self.front_ends)}; describe "
                "another in a board file of your own"
            )
        wiring = self.front_ends[front_end]
        return build_parameters(wiring.base or front_end, {"clock_hz": self.clock_hz, **wiring.build, **changes})

    def divisor(self, baud: int) -> int:
        """Return the clock cycles per bit of the serial line.

        Raises
        ------
        RangeError
            If no whole number of cycles comes near enough.
        """
        divisor = round(self.clock_hz / baud) if baud > 0 else 0
        reached = self.clock_hz / divisor if divisor else 0.0
        if divisor < 2 or abs(reached / baud - 1) > BAUD_ERROR_MAX:
            raise RangeError(
                f"baud rate {baud} cannot be made of {self.clock_hz} Hz: {divisor} cycles per bit give {reached:.0f} baud, more than "
                f"{BAUD_ERROR_MAX:.0%} away; choose {self.clock_hz // max(divisor, 2)} baud, or a rate that divides the clock"
            )
        return divisor


def build_parameters(front_end: str, fields: Mapping[str, Any]) -> Parameters:
    """Return a build; its front end says how long what it does takes."""
    return completed(Parameters(frontend=front_end, **fields))
