"""The link: sessions, sequence numbers, request slots, and the replies kept for repetition.

All bytes of one `receive` arrive before a program has made progress: a request with a RUN is executed once the bytes are used up, or when
the next request needs it done; requests without RUN are executed as soon as they are complete. So a HELLO right behind a RUN finds it busy,
and a frame beyond the credit finds no slot, as on the device.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from crossloop.protocol.commands import COMMAND_HEADER, Command
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.frames import SEQUENCE_MODULUS, FrameKind, pack_reply
from crossloop.protocol.identity import pack_identity
from crossloop.protocol.parameters import Parameters
from crossloop_sim.golden.dispatcher import Dispatcher
from crossloop_sim.golden.framing import Deframer, Frame, encode
from crossloop_sim.golden.registers import RegisterFile
from crossloop_sim.golden.safety import SafetyGate

_HALF = SEQUENCE_MODULUS // 2
_COUNTED = frozenset({Status.CRC_MISMATCH, Status.LENGTH_MISMATCH, Status.UNKNOWN_KIND})


class Link:
    """Answers frames, and has each request executed exactly once."""

    def __init__(
        self, parameters: Parameters, gate: SafetyGate, registers: RegisterFile, dispatcher: Dispatcher
    ) -> None:
        self._slots = parameters.request_slots
        self._identity = pack_identity(parameters)
        self._gate = gate
        self._registers = registers
        self._dispatcher = dispatcher
        self._deframer = Deframer(parameters.frame_bytes)
        self._first: int | None = None
        self._expected = 0
        self._waiting: deque[Frame] = deque()
        self._replies: dict[int, bytes] = {}
        self._output = bytearray()
        self._kinds: dict[int, Callable[[Frame], None]] = {
            FrameKind.HELLO: self._hello,
            FrameKind.REQUEST: self._request,
            FrameKind.KICK: lambda _frame: None,
            FrameKind.STOP: self._stop,
        }

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the host; return those of the device."""
        self._output = bytearray()
        for frame in self._deframer.feed(data):
            self._execute_quick_ones()
            if isinstance(frame, Status):
                self._refuse(frame)
            else:
                self._gate.frame_seen()
                self._kinds[frame.kind](frame)
        while self._waiting:
            self._execute(self._waiting.popleft())
        return bytes(self._output)

    def _send(self, kind: FrameKind, status: Status, sequence: int, detail: int = 0, payload: bytes = b"") -> bytes:
        frame = encode(pack_reply(kind, status, sequence, self._slots, detail, payload))
        self._output += frame
        return frame

    def _refuse(self, status: Status) -> None:
        if status in _COUNTED:
            self._registers.bad_frames += 1
        self._send(FrameKind.REFUSAL, status, self._expected)

    def _hello(self, frame: Frame) -> None:
        if frame.sequence != self._first:
            if self._waiting:
                self._refuse(Status.BUSY)
                return
            self._first = self._expected = frame.sequence
            self._replies.clear()
            self._gate.disarm()
        self._send(FrameKind.IDENTITY, Status.OK, frame.sequence, payload=self._identity)

    def _stop(self, _frame: Frame) -> None:
        self._gate.trip(TripCause.STOP_FRAME)
        self._send(FrameKind.STOPPED, Status.OK, self._expected)

    def _request(self, frame: Frame) -> None:
        if self._first is None:
            self._refuse(Status.NO_SESSION)
            return
        ahead = (frame.sequence - self._expected) % SEQUENCE_MODULUS
        if ahead == 0:
            self._accept(frame)
        elif SEQUENCE_MODULUS - ahead <= self._slots:
            # A repetition. If its reply is not ready it will come by itself.
            self._output += self._replies.get(frame.sequence, b"")
        else:
            self._refuse(Status.SEQUENCE_GAP if ahead <= _HALF else Status.SEQUENCE_STALE)

    def _accept(self, frame: Frame) -> None:
        if len(self._waiting) == self._slots:
            self._refuse(Status.OVERFLOW)
            return
        self._expected = (frame.sequence + 1) % SEQUENCE_MODULUS
        self._replies.pop((frame.sequence - self._slots) % SEQUENCE_MODULUS, None)
        self._waiting.append(frame)

    def _execute(self, frame: Frame) -> None:
        status, detail, payload = self._dispatcher.execute(frame.payload)
        self._replies[frame.sequence] = self._send(FrameKind.REPLY, status, frame.sequence, detail, payload)

    def _execute_quick_ones(self) -> None:
        """Execute the requests that are over before another frame can have arrived."""
        while self._waiting and not may_run(self._waiting[0].payload):
            self._execute(self._waiting.popleft())


def may_run(payload: bytes) -> bool:
    """Return whether a request may start a program; a RUN's header found inside other commands' data counts too."""
    header = COMMAND_HEADER.pack(Command.RUN, 0, 0, 0)[:4]
    return header in payload
