"""A byte link that counts what passes it."""

from __future__ import annotations

from crossloop.protocol.transport import Transport


class CountedTransport:
    """A `Transport` in front of another one.

    Parameters
    ----------
    inner : Transport
        What carries the bytes.

    Attributes
    ----------
    passed : int
        Bytes so far, both ways.
    """

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.passed = 0

    @property
    def name(self) -> str:
        """The target's URL."""
        return self._inner.name

    @property
    def simulated(self) -> bool:
        """Whether no physical device stands behind this link as far as the host can know."""
        return self._inner.simulated

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.passed += len(data)
        self._inner.write(data)

    def read(self, timeout_s: float) -> bytes:
        """Return bytes that have arrived."""
        data = self._inner.read(timeout_s)
        self.passed += len(data)
        return data

    def close(self) -> None:
        """Release the link."""
        self._inner.close()
