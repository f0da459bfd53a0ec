"""Puts any target on a pseudo-terminal, so that a program that knows only serial ports can work with it.

Device time passes no faster than real time, in steps: a little whenever bytes come from the client (enough to answer), then as much as the
wall clock shows, until the line has been quiet for longer than any dead-man time. So a client that falls silent while the outputs are armed
sees the device trip, and an idle server costs nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import time
import tty
from pathlib import Path
from types import TracebackType
from typing import Self

from crossloop.connection import connect
from crossloop.protocol.errors import TargetError
from crossloop.protocol.transport import Transport

ANSWER_S = 1e-3
"""Device time that passes at once when bytes arrive."""
STEP_S = 20e-3
"""Most device time that passes without looking at the client; less on a target that is slower than real time."""
TURN_S = 2e-3
"""Wall time that such a step should take at most."""
QUIET_S = 4.0
"""Device time for which a silent line is followed; more than the longest sensible dead-man time of 3 s."""
SHORTEST_STEP_S = 1e-5
"""Least device time of a step, however slow the target."""
POLL_S = 2e-3
"""How often the client is looked at while device time passes."""
ABSENT_S = 50e-3
"""How often to look whether a client has come."""

_CHUNK = 4096


def rehearse(url: str) -> None:
    """Run every kind of operation on a twin of a simulated target; what is compiled at first use is then there before a client waits."""
    if url.startswith("serial:"):
        return
    with connect(url) as session:
        session.arm()
        tile = session.tile(0)
        tile.read_row(0)
        tile.pulse(0, 0, 1)
        rows, columns = tile.shape
        tile.update([0.5] * rows, [0.5] * columns, slots=1)


class PtyServer:
    """A pseudo-terminal in front of a target. A context manager: at its end terminal, link and target are gone.

    Parameters
    ----------
    transport : Transport
        The target; closed at the end.
    link : Path, optional
        Where to put a symbolic link to the terminal; one that dangles from an earlier run is replaced.

    Attributes
    ----------
    path : str
        Path of the terminal that clients open.

    Raises
    ------
    TargetError
        If something else is at the place of the link.
    """

    def __init__(self, transport: Transport, link: Path | None = None) -> None:
        self._transport = transport
        self._link = link
        self._master, slave = os.openpty()
        try:
            tty.setraw(slave)
            self.path = os.ttyname(slave)
            if link is not None:
                _place_link(link, self.path)
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)  # from now on only clients hold it open, so that their hanging up shows
        os.set_blocking(self._master, False)
        self._outgoing = b""
        self._quiet_s = QUIET_S
        self._step_s = ANSWER_S
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._link is not None and self._link.is_symlink() and str(self._link.readlink()) == self.path:
            self._link.unlink()
        os.close(self._master)
        self._transport.close()

    def run(self) -> None:
        """Serve until `end` is called."""
        while not self._ended:
            self.serve_once()

    def end(self) -> None:
        """Let `run` return after its present turn; may be called from a signal handler or another thread."""
        self._ended = True

    def serve_once(self) -> None:
        """Serve one turn: bytes both ways, and the device time that belongs to it."""
        begin = time.monotonic()
        present = self._wait()
        data = self._from_client() if present else b""
        if data:
            self._transport.write(data)
            self._quiet_s = 0.0
            self._advance(min(ANSWER_S, self._step_s))
        elif self._quiet_s < QUIET_S:
            awaited_s = time.monotonic() - begin if present and not self._slow else self._step_s
            self._advance(min(awaited_s, self._step_s))
        self._to_client(present=present)

    @property
    def _slow(self) -> bool:
        """Whether the target is slower than real time; it then gets all the time there is."""
        return self._step_s < TURN_S

    def _wait(self) -> bool:
        """Wait for the client's bytes or for the next turn; return whether a client is there."""
        busy = self._quiet_s < QUIET_S
        poll = select.poll()
        poll.register(self._master, select.POLLIN | (select.POLLOUT if self._outgoing else 0))
        events = poll.poll(0 if busy and self._slow else POLL_S * 1e3 if busy else ABSENT_S * 1e3)
        hung_up = any(event & select.POLLHUP and not event & select.POLLIN for _descriptor, event in events)
        if hung_up and not busy:
            time.sleep(ABSENT_S)  # poll returns at once as long as nobody is there
        return not hung_up

    def _from_client(self) -> bytes:
        try:
            return os.read(self._master, _CHUNK)
        except OSError as error:
            if error.errno not in {errno.EIO, errno.EAGAIN}:
                raise
            return b""  # nobody there, or nothing to read

    def _advance(self, time_s: float) -> None:
        """Let device time pass, or less if an answer comes."""
        if time_s <= 0:
            return
        begin = time.monotonic()
        answer = self._transport.read(time_s)
        if answer:
            self._outgoing += answer
            self._quiet_s = 0.0
        else:
            self._quiet_s += time_s
            took_s = max(time.monotonic() - begin, 1e-6)  # wall time for all of the device time
            self._step_s = min(STEP_S, max(SHORTEST_STEP_S, time_s * TURN_S / took_s))

    def _to_client(self, *, present: bool) -> None:
        if not present:
            self._outgoing = b""  # a client that comes later must not find answers to another one
        elif self._outgoing:
            with contextlib.suppress(BlockingIOError):
                self._outgoing = self._outgoing[os.write(self._master, self._outgoing) :]


def _place_link(link: Path, path: str) -> None:
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        raise TargetError(f"{link} exists and is no symbolic link; choose another --link, nothing was changed")
    try:
        link.symlink_to(path)
    except OSError as error:
        raise TargetError(f"cannot make the link {link} ({error.strerror}); choose another --link") from error
