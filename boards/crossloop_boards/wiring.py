"""Front-end pins as resources of a platform."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from amaranth.build import Pins, Resource, Subsignal

from crossloop.protocol.errors import RangeError

RESOURCE = "front_end"
"""Name of the resource that holds every front-end pin."""
_PLACE = re.compile(r"(?P<connector>[a-z_]+)_(?P<number>\d+):(?P<pins>.+)")


def pins_of(places: str, direction: str) -> Pins:
    """Return the pins that a text names: `CONNECTOR_NUMBER:1 2 3`, or package pins `A1 B2`."""
    found = _PLACE.fullmatch(places.strip())
    if found:
        return Pins(found["pins"], dir=direction, conn=(found["connector"], int(found["number"])))
    return Pins(places, dir=direction)


def front_end_resource(widths: Mapping[str, tuple[str, int]], places: Mapping[str, str], board: str) -> Resource:
    """Return the resource with every front-end pin.

    Parameters
    ----------
    widths : mapping
        Direction ("i" or "o") and width of every pin of the front end.
    places : mapping
        Where they go, see `FrontEndWiring.pins`.
    board : str
        Its name, for messages.

    Raises
    ------
    RangeError
        If a pin is not wired, is wired with another width, or does not exist.
    """
    unknown = sorted(set(places) - set(widths))
    missing = sorted(set(widths) - set(places))
    if unknown or missing:
        raise RangeError(
            f"wiring of board {board}: "
            + "; ".join(
                text
                for text in (
                    f"no places for {', '.join(missing)}" if missing else "",
                    f"unknown pins {', '.join(unknown)}" if unknown else "",
                )
                if text
            )
            + "; every pin of the front end is named once"
        )
    parts: list[Any] = []
    for name, (direction, width) in widths.items():
        pins = pins_of(places[name], direction)
        if len(pins.names) != width:
            raise RangeError(
                f"wiring of board {board}: {name} has {width} bits and {len(pins.names)} places ({places[name]!r}); name one per bit, "
                "lowest line first"
            )
        parts.append(Subsignal(name, pins))
    return Resource(RESOURCE, 0, *parts)
