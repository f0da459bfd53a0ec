"""From a URL to a byte link. Simulated targets register themselves as entry points, so the host never names a simulator."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from inspect import signature
from typing import Any

from crossloop.protocol.errors import TargetError
from crossloop.protocol.transport import Transport

GROUP = "crossloop.targets"
"""Entry points group: name is the URL's scheme, value a function (url, **options) -> Transport."""

EXTRAS = {"model": "sim", "rtl": "rtl", "netlist": "gates", "bitstream": "gates"}
"""Which extra of the distribution brings a target."""


def schemes() -> list[str]:
    """Return the URL schemes that can be opened here, sorted."""
    return sorted({"serial", *(entry.name for entry in entry_points(group=GROUP))})


def open_target(url: str, *, progress: Callable[[str], None] | None = None, **options: Any) -> Transport:
    """Open the byte link that a URL names.

    Parameters
    ----------
    url : str
        `model:`, `rtl:`, `serial:///dev/ttyUSB0?baud=1000000`, ...
    progress : callable, optional
        Called with a sentence when a slow step begins, by targets that have any (compiling the gateware).
    **options
        Handed to the target.

    Raises
    ------
    TargetError
        If the URL names no target, or its software is not installed.
    LinkError
        If the port is busy or missing.
    """
    entry = find_target(url)
    if entry is None:
        from crossloop.serial_port import open_serial

        return open_serial(url, **options)
    return _open(entry, url, progress, options)


def find_target(url: str) -> EntryPoint | None:
    """Return the entry point that opens a URL, None for the built-in serial port; opens nothing.

    Raises
    ------
    TargetError
        If the URL has no known scheme, or names a malformed port.
    LinkError
        If it names a port that does not exist.
    """
    scheme, colon, _rest = url.partition(":")
    if not colon or not scheme:
        raise TargetError(f"target {url!r} has no scheme; write one of {_listed()}")
    if scheme == "serial":
        from crossloop.serial_port import parse_serial

        parse_serial(url)
        return None
    for entry in entry_points(group=GROUP):
        if entry.name == scheme:
            return entry
    raise TargetError(_unknown(scheme, url))


def _open(entry: EntryPoint, url: str, progress: Callable[[str], None] | None, options: dict[str, Any]) -> Transport:
    try:
        opener = entry.load()
    except ImportError as error:
        extra = EXTRAS.get(entry.name, entry.name)
        raise TargetError(
            f"target {url!r} needs software that is not installed ({error}); install it with: pip install 'crossloop[{extra}]'"
        ) from error
    if progress is not None and "progress" in signature(opener).parameters:
        options["progress"] = progress
    transport: Transport = opener(url, **options)
    return transport


def _unknown(scheme: str, url: str) -> str:
    if scheme in EXTRAS:
        return f"target {url!r} is not installed; install it with: pip install 'crossloop[{EXTRAS[scheme]}]'"
    return f"target {url!r} is unknown: no scheme {scheme!r}; known are {_listed()}"


def _listed() -> str:
    missing = [f"{name}: (pip install 'crossloop[{extra}]')" for name, extra in EXTRAS.items() if name not in schemes()]
    return ", ".join([*(f"{name}:" for name in schemes()), *missing])
