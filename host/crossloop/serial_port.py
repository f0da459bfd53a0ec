"""The serial line to a board, or to any target that `crossloop serve` puts on a pseudo-terminal."""

from __future__ import annotations

import contextlib
import termios
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from crossloop.protocol.errors import LinkError, TargetError

BAUD = 1_000_000
"""Default of every board: divides the usual clocks exactly and is exact on every USB bridge."""

_GONE = (OSError, termios.error, TypeError)
"""What pyserial raises when a device vanishes: SerialException is an OSError, and a closed descriptor shows as TypeError."""


class SerialTransport:
    """A `Transport` over pyserial; the port is locked, so that two programs never share it.

    Parameters
    ----------
    url : str
        The target's URL, for messages.
    device : str
        Path of the port.
    baud : int
        Bits per second.

    Raises
    ------
    LinkError
        If the port is missing, busy or not allowed.
    """

    simulated = False

    def __init__(self, url: str, device: str, baud: int) -> None:
        import serial

        self.name = url
        self._device = device
        try:
            self._port: Any = serial.Serial(device, baud, exclusive=True, timeout=0, write_timeout=2.0)
        except (OSError, termios.error, ValueError) as error:
            raise LinkError(_cannot_open(device, baud, error)) from error
        # An FTDI bridge otherwise holds short replies back for 16 ms; pseudo-terminals and other bridges have no such timer.
        with contextlib.suppress(ValueError, NotImplementedError, OSError, AttributeError):
            self._port.set_low_latency_mode(True)
        with contextlib.suppress(*_GONE):
            self._port.reset_input_buffer()

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._require_open()
        try:
            self._port.write(data)
        except _GONE as error:
            raise self._gone(error) from error

    def read(self, timeout_s: float) -> bytes:
        """Return bytes that have arrived, waiting up to `timeout_s` seconds for the first."""
        self._require_open()
        try:
            self._port.timeout = timeout_s
            first: bytes = self._port.read(1)
            if not first:
                return b""
            waiting = self._port.in_waiting
            return first + self._port.read(waiting) if waiting else first
        except _GONE as error:
            raise self._gone(error) from error

    def close(self) -> None:
        """Release the port."""
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(*_GONE):
                port.close()

    def _require_open(self) -> None:
        if self._port is None:
            raise LinkError(f"{self.name} is closed; open it again with crossloop.connect()")

    def _gone(self, error: Exception) -> LinkError:
        return LinkError(
            f"{self._device} is gone ({error}); plug it in again and connect anew. The state of the array is unknown"
        )


def open_serial(url: str, **options: Any) -> SerialTransport:
    """Open `serial:///dev/ttyUSB0?baud=1000000`.

    Raises
    ------
    TargetError
        If the URL is malformed.
    LinkError
        If the port cannot be opened.
    """
    if options:
        raise TargetError(f"target {url!r} takes no options {', '.join(options)}; the baud rate stands in the URL")
    return SerialTransport(url, *parse_serial(url))


def parse_serial(url: str) -> tuple[str, int]:
    """Return path and baud rate that a URL names.

    Raises
    ------
    TargetError
        If the URL is malformed.
    LinkError
        If there is no such port.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    device = parts.path
    if parts.netloc or not device.startswith("/"):
        raise TargetError(f"target {url!r} names no port; write serial:///dev/ttyUSB0?baud={BAUD} (three slashes)")
    unknown = sorted(set(query) - {"baud"})
    if unknown:
        raise TargetError(f"target {url!r} has unknown options {', '.join(unknown)}; known is baud")
    text = query.get("baud", str(BAUD))
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise TargetError(
            f"target {url!r} has baud {text!r}; it must be a whole number of bits per second, like {BAUD}"
        )
    if not Path(device).exists():
        raise LinkError(
            f"{device} does not exist; plug the board in, and see 'crossloop doctor' for the ports of this machine"
        )
    return device, int(text)


def _cannot_open(device: str, baud: int, error: Exception) -> str:
    path = Path(device)
    text = str(error)
    if "exclusively lock" in text or "Resource temporarily unavailable" in text or "busy" in text.lower():
        return f"{device} is busy: another program has it open; close that program first"
    if "Permission denied" in text:
        return f"{device} is not readable for this user; add yourself to the group {_group(path)} and log in again"
    return f"{device} cannot be opened at {baud} baud ({error}); check that it is a serial port and the baud rate"


def _group(path: Path) -> str:
    try:
        return path.group()
    except (KeyError, OSError):
        return "dialout"
