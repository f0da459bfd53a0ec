"""Ctrl-C between two images, never in the middle of a frame: the device is then in a known state and can be disarmed."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class HeldInterrupt:
    """Holds the first Ctrl-C back until `check` is called; a second one interrupts at once. Does nothing outside the main thread."""

    def __init__(self) -> None:
        self.asked = False
        self._previous: Any = None
        self._holding = False

    def __enter__(self) -> Self:
        self.asked = False
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._ask)
            self._holding = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._holding:
            signal.signal(signal.SIGINT, self._previous)
            self._holding = False

    def check(self) -> None:
        """Raise KeyboardInterrupt if the user has asked to stop."""
        if self.asked:
            self.asked = False
            raise KeyboardInterrupt

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
