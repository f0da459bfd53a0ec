"""Requests under way: which were sent, which are answered, what to send again, and how long to wait for it."""

from __future__ import annotations

from crossloop.protocol.errors import Status
from crossloop.protocol.frames import SEQUENCE_MODULUS, Reply

RETRY_S = 0.25
"""Silence after which the unanswered requests are sent again (device time, in a simulation)."""
LONGEST_RETRY = 4
"""The silence doubles with every repetition, up to this many times RETRY_S."""
ATTEMPTS = 8
"""Repetitions without any progress after which the link is given up."""
BAD_FRAMES = 64
"""Spoiled frames, either way, without any progress after which the link is given up."""

SEQUENCE_MASK = SEQUENCE_MODULUS - 1
"""Sequence numbers wrap around at 32 bits."""


class Patience:
    """How long a silent or noisy line is put up with."""

    def __init__(self, expected_s: float, noise: int) -> None:
        self.attempts = 0
        self.noise = noise
        self.refusal: Status | None = None
        self._refusals = 0
        self._expected_s = expected_s
        self._total_s = 0.0
        self._silent_s = 0.0

    def waited(self, time_s: float) -> bool:
        """Count silence; return whether it is time to send again. Only what exceeds the expected run time counts as an attempt."""
        self._total_s += time_s
        self._silent_s += time_s
        if self._silent_s < RETRY_S * min(1 << self.attempts, LONGEST_RETRY):
            return False
        self._silent_s = 0.0
        self.attempts += self._total_s > self._expected_s
        return True

    def refused(self) -> bool:
        """Count a repetition that refusals asked for; return True."""
        self._refusals += 1
        return True

    def renew(self, noise: int) -> None:
        """Start counting anew after progress."""
        self.attempts, self._refusals, self.noise, self._silent_s = 0, 0, noise, 0.0

    def over(self, noise: int) -> bool:
        """Return whether to give up."""
        return self.attempts > ATTEMPTS or self._refusals > BAD_FRAMES or noise - self.noise > BAD_FRAMES


class Flight:
    """Requests under way.

    Every frame in the air brings at most one answer: a reply, a refusal, or something spoiled. Only when all have answered and the oldest
    request still has no reply, or after a silence, is it sent again; so a spoiled line is never flooded with repetitions.

    Parameters
    ----------
    first : int
        Sequence number of the first frame.
    frames : list of bytes
        Encoded frames with consecutive sequence numbers.

    Attributes
    ----------
    base : int
        First frame without a reply.
    sent : int
        Number of frames that were sent at least once.
    replies : list
        Reply of each frame, or None.
    """

    def __init__(self, first: int, frames: list[bytes]) -> None:
        self.replies: list[Reply | None] = [None] * len(frames)
        self.base = 0
        self.sent = 0
        self._frames = frames
        self._first = first
        self._goal = len(frames)
        self._in_air = 0

    @property
    def done(self) -> bool:
        """Whether every frame that goes out is answered."""
        return self.base >= self._goal

    @property
    def stuck(self) -> bool:
        """Whether all frames in the air have answered, but not the oldest request."""
        return self._in_air <= 0 and self.base < self.sent

    def launch(self, credit: int) -> bytes:
        """Return the frames that may go out now for the first time."""
        start, self.sent = self.sent, max(self.sent, min(self._goal, self.base + credit))
        self._in_air += self.sent - start
        return b"".join(self._frames[start : self.sent])

    def repeat(self) -> bytes:
        """Return the frames that wait for a reply, to be sent again."""
        self._in_air = self.sent - self.base
        return b"".join(self._frames[self.base : self.sent])

    def answered(self, count: int = 1) -> None:
        """Count answers that are no replies."""
        self._in_air -= count

    def expects(self, sequence: int) -> bool:
        """Return whether a device whose next expected number is `sequence` is in step with these frames."""
        return (sequence - self._first) & SEQUENCE_MASK <= self.sent

    def land(self, reply: Reply) -> None:
        """Take a reply; after one that reports an error no further request goes out."""
        self._in_air -= 1
        index = (reply.sequence - self._first) & SEQUENCE_MASK
        if index >= self.sent or self.replies[index] is not None:
            return  # an answer to a repetition
        self.replies[index] = reply
        if reply.status is not Status.OK:
            self._goal = self.sent
        while self.base < self.sent and self.replies[self.base] is not None:
            self.base += 1
