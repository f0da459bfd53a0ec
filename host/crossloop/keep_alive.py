"""Keeps an armed device alive while the host computes: the dead-man timer watches the process and the cable, not the user's patience."""

from __future__ import annotations

import threading

from crossloop.link import Link
from crossloop.protocol.errors import LinkError


class KeepAlive:
    """A thread that kicks the dead-man timer whenever the host has been silent for a while.

    Only for devices whose time passes by itself. Nothing is driven between two programs, so an armed but idle device does no harm;
    when the process dies or the cable is pulled the kicks end and the device goes to the safe state.

    Parameters
    ----------
    link : Link
        The link to keep alive.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crossloop keep-alive", daemon=True)
        self._thread.start()

    def end(self, *, wait: bool = True) -> None:
        """Stop kicking."""
        self._ended.set()
        if wait:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._link.kick_s / 2):
            if self._link.idle_s >= self._link.kick_s / 2:
                try:
                    self._link.kick()
                except LinkError:
                    return  # the next call of the user's program reports it
