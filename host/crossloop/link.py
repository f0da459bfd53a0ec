"""The link: requests go out, replies come back, exactly once and in order, whatever the line does to the bytes.

Requests are pipelined up to the device's credit. A request that stays unanswered is sent again with the same sequence number, which the
device answers from its reply cache; so a repetition never pulses twice. While the host waits it kicks the dead-man timer.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence

from crossloop.flight import ATTEMPTS, BAD_FRAMES, RETRY_S, SEQUENCE_MASK, Flight, Patience
from crossloop.framing import DELIMITER_BYTE, KICK_FRAME, STOP_FRAME, ReplyReader, encode
from crossloop.protocol.errors import STATUS_ADVICE, LinkError, RangeError, Status
from crossloop.protocol.frames import CRC, REQUEST_HEADER, FrameKind, Reply
from crossloop.protocol.identity import unpack_identity
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.transport import Transport

KICK_S = 0.05
"""How often a waiting host kicks until it knows the dead-man time: a quarter of the default of 200 ms."""


class Link:
    """The host's end of the line to one controller.

    Parameters
    ----------
    transport : Transport
        What carries the bytes.
    first_sequence : int, optional
        First sequence number. By default random for a device that may remember an earlier session, 1 for a simulated one.

    Attributes
    ----------
    kick_s : float
        Longest silence of the host while it waits, in seconds.
    generation : int
        Number of sessions opened on this link; a change says that the device was disarmed and may have lost half a request.
    resent : int
        Request frames sent more than once.
    """

    def __init__(self, transport: Transport, first_sequence: int | None = None) -> None:
        if first_sequence is None:
            first_sequence = 1 if transport.simulated else secrets.randbits(32)
        self.transport = transport
        self.kick_s = KICK_S
        self.generation = 0
        self.resent = 0
        self._next = first_sequence & SEQUENCE_MASK
        self._credit = 1
        self._payload_bytes = 0
        self._reader = ReplyReader(4096)
        self._received: list[Reply] = []
        self._heard = False
        self._unsettled = False
        self._broken: str | None = None
        self._sending = threading.Lock()
        self._waiting = threading.Lock()
        self._last_sent_s = 0.0

    @property
    def bad_frames(self) -> int:
        """Frames from the device that did not check and were dropped."""
        return self._reader.bad_frames

    @property
    def idle_s(self) -> float:
        """Seconds since the host last sent anything."""
        return time.monotonic() - self._last_sent_s

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._broken is not None

    def settle(self) -> None:
        """Make the link usable after an exchange that an error or Ctrl-C left half done."""
        if self._unsettled:
            self.recover()

    def open(self) -> Parameters:
        """Open a session: the device disarms, forgets the old sequence and says who it is.

        Raises
        ------
        LinkError
            If nothing that looks like a controller answers.
        IdentityError
            If the device is of another release.
        """
        with self._waiting:
            self._reader.clear()
            self._received.clear()
            hello = encode(FrameKind.HELLO, self._next)
            reply = self._call(hello, FrameKind.IDENTITY, self._next)
        parameters = unpack_identity(reply.payload)
        self._credit = max(1, reply.credit)
        self._payload_bytes = parameters.frame_bytes - REQUEST_HEADER.size - CRC.size
        self._reader.resize(parameters.frame_bytes)
        self._unsettled = False
        self.generation += 1
        return parameters

    def exchange(self, payloads: Sequence[bytes], patience_s: Sequence[float] = ()) -> list[Reply]:
        """Send request payloads and return their replies in order.

        Parameters
        ----------
        payloads : sequence of bytes
            Payload of each request frame.
        patience_s : sequence of float, optional
            How long each request is expected to run on the device, in seconds; added to the time until the link is given up.

        Returns
        -------
        list of Reply
            One per payload; after a reply that reports an error no further request is sent, and the list ends early.

        Raises
        ------
        LinkError
            If the device stays silent, forgets the session, or the line stays noisy. What was under way may have been executed or not.
        RangeError
            If a payload does not fit into a frame; nothing was sent.
        """
        for payload in payloads:
            if len(payload) > self._payload_bytes:
                raise RangeError(
                    f"request payload of {len(payload)} bytes is longer than the {self._payload_bytes} bytes that this device takes; "
                    "split it over several frames, nothing was sent"
                )
        if self._broken:
            raise LinkError(self._broken)
        self.settle()
        with self._waiting:
            self._unsettled = (
                True  # stays set when an exception or Ctrl-C leaves this block: then nobody knows what was executed
            )
            flight = Flight(
                self._next,
                [encode(FrameKind.REQUEST, (self._next + i) & SEQUENCE_MASK, p) for i, p in enumerate(payloads)],
            )
            self._fly(flight, sum(patience_s))
            self._next = (self._next + flight.sent) & SEQUENCE_MASK
            self._unsettled = False
        return [reply for reply in flight.replies if reply is not None]

    def recover(self) -> None:
        """Stop whatever runs and open a new session after an exchange that was left half done; the outputs are disarmed."""
        self.stop()
        self._next = (self._next + 0x1_0000) & SEQUENCE_MASK  # never a number that the abandoned requests carried
        self.open()

    def kick(self) -> None:
        """Keep the dead-man timer alive."""
        self._send(KICK_FRAME)

    def stop(self) -> None:
        """Trip the safety gate at once; works while a program runs, and from another thread than the one that waits for it.

        Raises
        ------
        LinkError
            If the device does not confirm.
        """
        if not self._waiting.acquire(blocking=False):
            self._send(DELIMITER_BYTE + STOP_FRAME)  # the thread that waits will see its program end as tripped
            return
        try:
            self._call(STOP_FRAME, FrameKind.STOPPED, None)
        finally:
            self._waiting.release()

    def close(self) -> None:
        """Release the port; later calls raise LinkError."""
        self._broken = f"the session to {self.transport.name} is closed; open a new one with crossloop.connect()"
        self.transport.close()

    def _send(self, data: bytes) -> None:
        with self._sending:
            self.transport.write(data)
            self._last_sent_s = time.monotonic()

    def _receive(self, timeout_s: float) -> Reply | None:
        """Return the next frame that checks, or None after `timeout_s` seconds of silence, after noise, or when a frame takes longer.

        `_heard` then tells whether bytes of a frame came: that is no silence, so nothing is repeated, however slow the line is.
        """
        self._heard = False
        begin_s, noise = time.monotonic(), self.bad_frames
        while not self._received:
            data = self.transport.read(timeout_s)
            if not data:
                break
            self._received = self._reader.feed(data)
            self._heard = self.bad_frames == noise
            if not self._heard or time.monotonic() - begin_s > timeout_s:
                break
        return self._received.pop(0) if self._received else None

    def _call(self, frame: bytes, answer: FrameKind, sequence: int | None) -> Reply:
        """Send a frame outside the sequence until its answer comes."""
        noise = self.bad_frames
        refused: Status | None = None
        for _attempt in range(ATTEMPTS):
            self._send(DELIMITER_BYTE + frame)
            waited_s = 0.0
            while waited_s < RETRY_S and self.bad_frames - noise <= BAD_FRAMES:
                reply = self._receive(RETRY_S)
                if reply is None:
                    waited_s += 0.0 if self._heard else RETRY_S
                elif reply.kind is answer and sequence in {None, reply.sequence}:
                    return reply
                elif reply.kind is FrameKind.REFUSAL:
                    refused = reply.status
        raise self._silence(ATTEMPTS, refused, self.bad_frames - noise)

    def _fly(self, flight: Flight, patience_s: float) -> None:
        """Send the frames of a flight within the credit and collect their replies."""
        patience = Patience(patience_s, self.bad_frames)
        while not flight.done:
            fresh = flight.launch(self._credit)
            if fresh:
                self._send(fresh)
            base, spoiled = flight.base, self.bad_frames
            reply = self._receive(self.kick_s)
            flight.answered(self.bad_frames - spoiled)
            again = False
            if reply is not None:
                self._take(flight, reply, patience)
            elif self.bad_frames == spoiled:  # silence
                self._send(KICK_FRAME)
                again = not self._heard and patience.waited(self.kick_s)
            if flight.stuck and not self._received:
                again = patience.refused()
            if flight.base != base:
                patience.renew(self.bad_frames)
            elif patience.over(self.bad_frames):
                raise self._silence(patience.attempts, patience.refusal, self.bad_frames - patience.noise)
            elif again:
                self.resent += flight.sent - flight.base
                self._send(DELIMITER_BYTE + flight.repeat())

    def _take(self, flight: Flight, reply: Reply, patience: Patience) -> None:
        if reply.kind is FrameKind.REPLY:
            flight.land(reply)
        elif reply.kind is FrameKind.REFUSAL:
            if reply.status is Status.SEQUENCE_STALE and flight.expects(reply.sequence):
                return  # the line repeated an old frame; the device still waits for one of ours
            flight.answered()
            status = patience.refusal = reply.status
            if status in {Status.NO_SESSION, Status.SEQUENCE_STALE}:
                raise LinkError(f"{self.transport.name} refused the request: {status.name}; {STATUS_ADVICE[status]}")

    def _silence(self, attempts: int, refused: Status | None, bad_frames: int) -> LinkError:
        name = self.transport.name
        if refused is Status.BUSY:
            return LinkError(f"{name} still runs a program of another session; {STATUS_ADVICE[Status.BUSY]}")
        if bad_frames:
            return LinkError(
                f"{name} sent {bad_frames} frames that do not check and no correct answer; check that a crossloop controller is on this "
                "port, and the baud rate (?baud= in the URL) and the cable"
            )
        said = f", its last refusal was {refused.name} ({STATUS_ADVICE[refused]})" if refused is not None else ""
        return LinkError(
            f"{name} did not answer {attempts} times{said}; check power, cable and baud rate, then connect again. "
            "The state of the array is unknown"
        )
