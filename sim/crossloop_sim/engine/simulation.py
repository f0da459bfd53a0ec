"""One running simulation of a compiled design."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from crossloop_sim.engine.errors import EngineError

EVENTS_ROOM = 4096
SENT_ROOM = 65536
PROBES_ROOM = 65536
NEVER = 2**64 - 1


class Reason(IntEnum):
    """Why `NativeSimulation.run` came back."""

    BUDGET = 0
    """`max_cycles` have passed."""
    CONVERSION = 1
    """The design asked for samples; its request is the last event. Answer with `give_samples`."""
    FRAME = 2
    """The design sent a frame delimiter (0x00) and no byte is waiting for it."""
    EVENTS_FULL = 3
    """The event buffer, or that of a probe, is full. Take both and go on."""
    BYTES_FULL = 4
    """The buffer of sent bytes is full. Take the bytes and go on."""
    IDLE = 5
    """For `idle_cycles` nothing happened at any pin."""


class _Shared(ctypes.Structure):
    """Same order as cl_shared in harness.c."""

    _fields_ = [
        ("cycle", ctypes.c_uint64),
        ("events", ctypes.c_void_p),
        ("events_room", ctypes.c_uint64),
        ("events_count", ctypes.c_uint64),
        ("sent", ctypes.c_void_p),
        ("sent_room", ctypes.c_uint64),
        ("sent_count", ctypes.c_uint64),
        ("queue", ctypes.c_void_p),
        ("queue_count", ctypes.c_uint64),
        ("queue_next", ctypes.c_uint64),
        ("samples", ctypes.c_void_p),
        ("samples_count", ctypes.c_uint64),
        ("samples_next", ctypes.c_uint64),
        ("emergency_stop", ctypes.c_uint64),
        ("compliance", ctypes.c_uint64),
        ("divisor", ctypes.c_uint64),
        ("quiet", ctypes.c_uint64),
        ("framing_errors", ctypes.c_uint64),
        ("probes", ctypes.c_void_p),
        ("probes_room", ctypes.c_uint64),
        ("probes_count", ctypes.c_uint64),
    ]


@dataclass(frozen=True)
class Pins:
    """What the pins of the controller show; bits of lines that do not exist are 0."""

    tile: int
    """The tile that is connected."""
    states: npt.NDArray[np.uint64]
    """Low and high bits of the line states by family, shape (4, 2, W): one bit per line, lowest lines in the first word."""
    gates: npt.NDArray[np.uint64]
    """Pulse gates by family, shape (4, W)."""


class NativeSimulation:
    """Steps one instance of a design, in the time of its clock.

    Parameters
    ----------
    library : Path
        What `build_native` made.
    divisor : int
        Clock cycles per bit of the UART; 0 for a design that takes whole bytes.
    events_room : int
        Events that fit before `Reason.EVENTS_FULL`.
    probe_words : int
        64-bit words of the design's probe; 0 for a design without one.
    """

    def __init__(
        self, library: Path, *, divisor: int = 0, events_room: int = EVENTS_ROOM, probe_words: int = 0
    ) -> None:
        if events_room < 16:
            raise EngineError(f"events_room must be at least 16 events, not {events_room}")
        self._library = ctypes.CDLL(str(library))
        self._library.cl_create.restype = ctypes.c_void_p
        self._library.cl_destroy.argtypes = [ctypes.c_void_p]
        self._library.cl_reset.argtypes = [ctypes.c_void_p]
        self._library.cl_record_words.restype = ctypes.c_uint64
        self._run = self._library.cl_run
        self._run.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64]
        self._run.restype = ctypes.c_int
        self._context = self._library.cl_create()
        if not self._context:
            raise EngineError("no memory for another simulation; close some that are no longer used")
        self._shared = _Shared.from_address(self._context)
        words = self._library.cl_record_words()
        self._events = np.zeros((events_room, words), np.uint64)
        self._sent = np.zeros(SENT_ROOM, np.uint8)
        self._queue: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._samples: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._wanted = 0
        self._shared.events, self._shared.events_room = self._events.ctypes.data, events_room
        self._shared.sent, self._shared.sent_room = self._sent.ctypes.data, SENT_ROOM
        self._probes = np.zeros((PROBES_ROOM if probe_words else 0, 1 + probe_words), np.uint64)
        self._shared.probes, self._shared.probes_room = self._probes.ctypes.data, len(self._probes)
        self._shared.divisor = divisor
        self.reset()

    def close(self) -> None:
        """Free the instance; also done when the object goes away."""
        if self._context:
            self._library.cl_destroy(self._context)
            self._context = None

    def __del__(self) -> None:
        if getattr(self, "_context", None):
            self.close()

    @property
    def cycle(self) -> int:
        """Rising clock edges since reset. An event of cycle n is what the pins show after edge n."""
        return int(self._shared.cycle)

    @property
    def pending_bytes(self) -> int:
        """Bytes that `send` queued and the design has not taken."""
        return int(self._shared.queue_count - self._shared.queue_next)

    @property
    def pending_samples(self) -> int:
        """Samples that `give_samples` queued and the design has not taken."""
        return int(self._shared.samples_count - self._shared.samples_next)

    @property
    def framing_errors(self) -> int:
        """Characters without a stop bit on `uart_tx`."""
        return int(self._shared.framing_errors)

    def send(self, data: bytes) -> None:
        """Queue bytes for the design, one per cycle (or per character time of the UART)."""
        left = self._queue[self._shared.queue_next :]
        self._queue = np.concatenate([left, np.frombuffer(data, np.uint8)])
        self._shared.queue, self._shared.queue_count = self._queue.ctypes.data, len(self._queue)
        self._shared.queue_next = 0

    def run(self, max_cycles: int, *, stop_on_frame: bool = True, idle_cycles: int | None = None) -> Reason:
        """Step until somebody must answer.

        Parameters
        ----------
        max_cycles : int
            Clock cycles after which to come back at the latest.
        stop_on_frame : bool
            Come back after a frame delimiter when no byte waits for the design.
        idle_cycles : int, optional
            Come back when for so many cycles no byte, sample, level or pin change happened.

        Raises
        ------
        EngineError
            When the samples of the last conversion were not given.
        """
        if self._wanted:
            raise EngineError(
                f"the design waits for {self._wanted} samples since cycle {self.cycle}: call give_samples before run"
            )
        quiet = NEVER if idle_cycles is None else idle_cycles
        reason = Reason(self._run(self._context, min(max_cycles, NEVER), quiet, int(stop_on_frame)))
        if reason is Reason.CONVERSION:
            self._wanted = int(self._events[self._shared.events_count - 1, 3])
        return reason

    def events(self) -> npt.NDArray[np.uint64]:
        """Return the events since the last call, shape (n, 4 + 8 * W), and clear the buffer.

        The array is a view of the buffer: use it, or copy it, before the next `run`.
        """
        view = self._events[: self._shared.events_count]
        self._shared.events_count = 0
        return view

    def probes(self) -> npt.NDArray[np.uint64]:
        """Return the probe's values since the last call, shape (n, 1 + words): cycle, value; then clear the buffer.

        A value is noted when it changes, and once after each call. The array is a view, as that of `events`.
        """
        view = self._probes[: self._shared.probes_count]
        self._shared.probes_count = 0
        return view

    def pins(self) -> Pins:
        """Return what the pins show now; after power-on also what no event has told."""
        words = (self._events.shape[1] - 4) // 8
        # Behind what is shared, cl_context in harness.c has: model, frame_due, running, tripped, tile, states[8][W], gates[4][W].
        own = (ctypes.c_uint64 * (5 + 12 * words)).from_address(self._context + ctypes.sizeof(_Shared))
        lines = np.array(own[5:], np.uint64).reshape(12, words)
        return Pins(own[4], lines[:8].reshape(4, 2, words), lines[8:])

    def take_bytes(self) -> bytes:
        """Return what the design has sent since the last call."""
        data = self._sent[: self._shared.sent_count].tobytes()
        self._shared.sent_count = 0
        return data

    def give_samples(self, payloads: npt.ArrayLike) -> None:
        """Queue the samples of a conversion; the first is presented at the next edge.

        Parameters
        ----------
        payloads : array_like of int, shape (count,)
            Sample payloads, channel 0 first: the code's two's complement in the low bits, the saturation flag on top.
        """
        new = np.asarray(payloads, dtype=np.uint64).ravel()
        if self._wanted and len(new) != self._wanted:
            raise EngineError(f"the conversion asked for {self._wanted} samples, not {len(new)}: give one per channel")
        self._wanted = 0
        self._samples = np.concatenate([self._samples[self._shared.samples_next :], new])
        self._shared.samples, self._shared.samples_count = self._samples.ctypes.data, len(self._samples)
        self._shared.samples_next = 0

    def set_emergency_stop(self, active: bool) -> None:  # noqa: FBT001 - it is the level of a pin
        """Set the emergency stop input from the next edge on."""
        self._shared.emergency_stop = int(active)

    def set_compliance(self, active: bool) -> None:  # noqa: FBT001 - it is the level of a pin
        """Set the compliance input from the next edge on."""
        self._shared.compliance = int(active)

    def reset(self) -> None:
        """Return to power-on: cycle 0, memories initial, queues and buffers empty."""
        self._wanted = 0
        self._queue, self._samples = np.zeros(0, np.uint8), np.zeros(0, np.uint64)
        self._library.cl_reset(self._context)
