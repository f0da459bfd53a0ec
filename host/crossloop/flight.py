"""Requests under way: which were sent, which are answered, what to send again, and how long to wait for it."""

from __future__ import annotations

from crossloop.protocol.errors import Status
from crossloop.protocol.frames import SEQUENCE_MODULUS, Reply

RETRY_S = 0.25
"""Silence after which the unanswered requests are sent again (device time, in a simulation)."""
ATTEMPTS = 10
"""Repetitions without any progress after which the link is given up."""
BAD_FRAMES = 64
"""Spoiled frames without any progress after which the link is given up."""

SEQUENCE_MASK = SEQUENCE_MODULUS - 1
"""Sequence numbers wrap around at 32 bits."""


class Patience:
    """How long a silent or noisy line is put up with."""

    def __init__(self, expected_s: float, noise: int) -> None:
        self.attempts = 0
        self.noise = noise
        self.refusal: Status | None = None
        self._expected_s = expected_s
        self._total_s = 0.0
        self._silent_s = 0.0

    def waited(self, time_s: float) -> bool:
        """Count silence; return whether it is time to send again. Only what exceeds the expected run time counts as an attempt."""
        self._total_s += time_s
        self._silent_s += time_s
        if self._silent_s < RETRY_S:
            return False
        self._silent_s = 0.0
        self.attempts += self._total_s > self._expected_s
        return True

    def renew(self, noise: int) -> None:
        """Start counting anew after progress."""
        self.attempts, self.noise, self._silent_s = 0, noise, 0.0

    def over(self, noise: int) -> bool:
        """Return whether to give up."""
        return self.attempts > ATTEMPTS or noise - self.noise > BAD_FRAMES


class Flight:
    """Frames under way: which were sent, which are answered."""

    def __init__(self, first: int, frames: list[bytes]) -> None:
        self.frames = frames
        self.replies: list[Reply | None] = [None] * len(frames)
        self.base = 0
        self.sent = 0
        self._first = first
        self._goal = len(frames)
        self._repeated = -1

    @property
    def done(self) -> bool:
        """Whether every frame that goes out is answered."""
        return self.base >= self._goal

    def launch(self, credit: int) -> bytes:
        """Return the frames that may go out now for the first time."""
        start, self.sent = self.sent, max(self.sent, min(self._goal, self.base + credit))
        return b"".join(self.frames[start : self.sent])

    def land(self, reply: Reply) -> int | None:
        """Take a reply; return the frame to send again when an earlier reply was lost."""
        index = (reply.sequence - self._first) & SEQUENCE_MASK
        if index >= self.sent or self.replies[index] is not None:
            return None  # an answer to a repetition
        self.replies[index] = reply
        if reply.status is not Status.OK:
            self._goal = self.sent  # no further request after an error
        while self.base < self.sent and self.replies[self.base] is not None:
            self.base += 1
        return self._once(self.base) if index > self.base else None

    def refused(self, sequence: int, *, again: bool) -> int | None:
        """Return the frame from which to send again, given the number the device expects."""
        index = (sequence - self._first) & SEQUENCE_MASK
        if index >= self.sent:
            return None
        if again:
            self._repeated = index
            return index
        return self._once(index)

    def repeat(self) -> int:
        """Return the first unanswered frame."""
        self._repeated = self.base
        return self.base

    def _once(self, index: int) -> int | None:
        """Return the index unless the last repetition began there: one lost frame makes every later one report a gap."""
        if self._repeated == index:
            return None
        self._repeated = index
        return index
