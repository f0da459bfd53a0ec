"""The self-test of a board, check by check."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

from crossloop.checkup.check import Check, Outcome, judged
from crossloop.checkup.counting import CountedTransport
from crossloop.checkup.emulated_array import array_checks
from crossloop.checkup.line import loop_back
from crossloop.checkup.memory import program_memory, vector_memory
from crossloop.checkup.safe_state import pulses, safe_state
from crossloop.link import Link
from crossloop.protocol.errors import CrossloopError, IdentityError
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.transport import Transport
from crossloop.session import Session

LOOP_BYTES = 65536
"""Bytes there and back, unless something else is asked for."""


def check_board(
    transport: Transport, *, loop_bytes: int = LOOP_BYTES, expected_build: int | None = None
) -> Iterator[Check]:
    """Yield every check of a self-test when it is over; the outputs are disarmed before and after.

    A board with an array inside is armed and its array pulsed; the usual limits are written if none were. Any other board is neither
    armed nor given limits, since nobody knows what hangs on its pins.

    Parameters
    ----------
    transport : Transport
        The board; it stays open.
    loop_bytes : int
        Bytes of the loop-back, from 1.
    expected_build : int, optional
        Build hash that the board must have.

    Raises
    ------
    LinkError
        If nothing answers.
    """
    line = CountedTransport(transport)
    link = Link(line, _fresh())
    try:
        parameters = link.open()
    except IdentityError as error:
        yield judged("identity", [str(error)], "")
        return
    yield identity(parameters, expected_build)
    before = pulses(link)
    for name, check in (
        ("safe state", lambda: safe_state(link)),
        ("loop-back", lambda: loop_back(link, line, parameters, loop_bytes)),
        ("vector memory", lambda: vector_memory(link, parameters)),
        ("safe state", lambda: safe_state(link, before)),
    ):
        yield _guarded(name, check)
    if parameters.frontend != "emulated":
        text = f"what needs armed outputs is left out: nobody knows what hangs on the pins of the {parameters.frontend} front end"
        yield Check("program memory", Outcome.SKIPPED, text)
        return
    yield from _armed_checks(line, pulsed=any(before.values()))


def identity(parameters: Parameters, expected_build: int | None) -> Check:
    """Say who a device is, and compare its build hash with that of a bitstream."""
    text = (
        f"build {parameters.build_hash:016x}, {parameters.frontend} front end, {parameters.rows}x{parameters.columns} lines, "
        f"{parameters.tiles} tiles, {parameters.clock_hz / 1e6:g} MHz"
    )
    faults = []
    if expected_build is not None and expected_build != parameters.build_hash:
        faults = [
            f"build {parameters.build_hash:016x} is not the expected {expected_build:016x}; flash the board again"
        ]
    return judged("identity", faults, text, build_hash=f"{parameters.build_hash:016x}")


def _armed_checks(line: CountedTransport, *, pulsed: bool) -> Iterator[Check]:
    """Yield the checks that need armed outputs, in a session of their own."""
    try:
        session = Session(_StaysOpen(line), first_sequence=_fresh())
        session.arm()
    except CrossloopError as error:
        yield judged("arming", [str(error)], "")
        return
    try:
        yield _guarded("program memory", lambda: program_memory(session.link, session.parameters))
        checks = array_checks(session, pulsed)
        while True:
            try:
                yield next(checks)
            except StopIteration:
                break
            except CrossloopError as error:
                yield judged("array", [str(error)], "")
                break
    finally:
        session.close()
    link = Link(line, _fresh())
    link.open()
    yield _guarded("safe state", lambda: safe_state(link))


def _fresh() -> int:
    """Return the first number of a session that no other session had."""
    return secrets.randbits(32)


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    """Do a check; one that cannot be done has failed."""
    try:
        return check()
    except CrossloopError as error:
        return judged(name, [str(error)], "")


class _StaysOpen(CountedTransport):
    """A link that a session cannot close, since more checks follow."""

    def close(self) -> None:
        """Do nothing."""
