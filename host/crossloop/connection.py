"""`crossloop.connect`: from a URL to a session."""

from __future__ import annotations

from typing import Any

from crossloop.limits import Limits
from crossloop.session import Session
from crossloop.targets import open_target


def connect(
    url: str,
    *,
    limits: Limits | None = None,
    expected_build: int | None = None,
    first_sequence: int | None = None,
    **options: Any,
) -> Session:
    """Open a session with a target; the same program runs against every one.

    Parameters
    ----------
    url : str
        `model:` (Python model), `rtl:` (compiled gateware), `serial:///dev/ttyUSB0?baud=1000000` (a board, or a target served by
        `crossloop serve`).
    limits : Limits, optional
        What the safety gate may let through. They are written once after the device's reset: without a wish, limits the device
        already holds stay in force, and a fresh device gets the defaults of `Limits`.
    expected_build : int, optional
        Build hash that the device must have; any by default.
    first_sequence : int, optional
        First sequence number on the link, for repeatable transcripts.
    **options
        Handed to the target; `progress`, a function of a sentence, is told when a slow step begins, such as compiling the gateware.

    Returns
    -------
    Session
        Disarmed; use it as a context manager.

    Raises
    ------
    TargetError
        If the URL is unknown, malformed, or its software is not installed.
    LinkError
        If the port is missing, busy or silent.
    IdentityError
        If the device is of another release or build.
    CommandError
        If the device already holds other limits (LIMIT_LOCKED).
    """
    return Session(
        open_target(url, **options), limits=limits, expected_build=expected_build, first_sequence=first_sequence
    )
