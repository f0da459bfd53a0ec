"""A bench around the golden model: a host that only packs frames, and a plant that only writes down."""

from dataclasses import dataclass

import numpy as np
import pytest
from cobs import cobs

from crossloop.protocol import commands, frames, microops
from crossloop.protocol.errors import Status
from crossloop.protocol.frames import FrameKind
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.records import Record, RecordKind, unpack_records
from crossloop.protocol.registers import Register
from crossloop_sim.events import Kind, words_to_bits
from crossloop_sim.golden import GoldenModel

WIDTH_CAP = 2000
DEAD_MAN = 100_000


@dataclass(frozen=True)
class Seen:
    """An event record, `cycle` counted from the last start of a run."""

    cycle: int
    kind: Kind
    a: int
    b: int
    words: tuple[int, ...]


class Recorder:
    """Writes events down, and answers every conversion with the codes it was given."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.samples: list[int] = []
        self.cycle = 0
        self._start = 0

    def note(self, event: np.ndarray) -> None:
        cycle, kind, a, b, *words = (int(word) for word in event)
        assert cycle >= self.cycle, "device time went back"
        self.cycle = cycle
        if kind == Kind.RUN and a:
            self._start = cycle
        # These builds have no gate or nudge lines: the words of rows and columns are the first half.
        assert not any(words[len(words) // 2 :])
        self.seen.append(Seen(cycle - self._start, Kind(kind), a, b, tuple(words[: len(words) // 2])))

    def apply(self, events: np.ndarray) -> None:
        for event in events:
            self.note(event)

    def convert(self, event: np.ndarray) -> np.ndarray:
        self.note(event)
        return np.array((self.samples + [0] * int(event[3]))[: int(event[3])], np.int64)

    def of(self, *kinds: Kind) -> list[Seen]:
        return [event for event in self.seen if event.kind in kinds]

    def gates(self) -> list[tuple[int, int, int]]:
        """(cycle, row gates, column gates) of every change."""
        half = len(self.seen[0].words) // 4
        return [
            (event.cycle, words_to_bits(event.words[:half]), words_to_bits(event.words[half : 2 * half]))
            for event in self.of(Kind.GATES)
        ]


class Bench:
    """Golden model, recorder, and the host's part of the protocol without retries."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.plant = Recorder()
        self.model = GoldenModel(parameters, self.plant)
        self.sequence = 0
        self.token = 0

    def raw(self, data: bytes) -> list[frames.Reply]:
        return [frames.unpack_reply(cobs.decode(frame)) for frame in self.model.receive(data).split(b"\0")[:-1]]

    @staticmethod
    def frame(payload: bytes, sequence: int, kind: int = FrameKind.REQUEST) -> bytes:
        return cobs.encode(frames.pack_request(kind, sequence, payload)) + b"\0"

    def hello(self, first: int = 0) -> frames.Reply:
        self.sequence = first
        (reply,) = self.raw(self.frame(b"", first, FrameKind.HELLO))
        return reply

    def stop(self) -> frames.Reply:
        (reply,) = self.raw(self.frame(b"", 0, FrameKind.STOP))
        return reply

    def send(self, *payload: bytes) -> frames.Reply:
        (reply,) = self.raw(self.frame(b"".join(payload), self.sequence))
        assert reply.sequence == self.sequence
        self.sequence = (self.sequence + 1) % frames.SEQUENCE_MODULUS
        return reply

    def limits(self, **changes: int) -> None:
        values = {"LEVEL_MIN": -32, "LEVEL_MAX": 31, "WIDTH_CAP": WIDTH_CAP, "DEAD_MAN": DEAD_MAN} | changes
        writes = [commands.write_register(Register[name], value) for name, value in values.items()]
        assert self.send(*writes).status is Status.OK

    def arm(self) -> Status:
        self.token += 1
        return self.send(commands.arm(self.token)).status

    def ready(self, **changes: int) -> "Bench":
        self.hello()
        self.limits(**changes)
        assert self.arm() is Status.OK
        self.plant.seen.clear()
        return self

    def run(self, *ops: microops.MicroOp, halt: bool = True) -> tuple[frames.Reply, list[Record]]:
        """Load the micro-ops at address 0 and run them; return the run's reply and its records."""
        image = b"".join(op.encode() for op in (*ops, *([microops.halt()] if halt else [])))
        room = self.parameters.frame_bytes - 64
        for start in range(0, len(image), room):
            assert self.send(commands.write_program(image[start : start + room], start // 8)).status is Status.OK
        reply = self.send(commands.run(0))
        return reply, list(unpack_records(reply.payload))

    def register(self, register: Register) -> int:
        reply = self.send(commands.read_register(register))
        (record,) = unpack_records(reply.payload)
        assert record.kind is RecordKind.REGISTER
        return int.from_bytes(record.data, "little")


@pytest.fixture
def make_bench():
    """Build a bench of a geometry, 4 rows and 3 columns unless told."""

    def make(**changes: int) -> Bench:
        return Bench(Parameters(**({"rows": 4, "columns": 3, "tiles": 2, "frame_bytes": 256} | changes)))

    return make


@pytest.fixture
def bench(make_bench) -> Bench:
    return make_bench()
