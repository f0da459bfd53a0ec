"""The least host there is: one frame out, its answer in; and what it says to a controller."""

from collections.abc import Callable

import pytest
from cobs import cobs

from crossloop.protocol import commands, frames
from crossloop.protocol import microops as ops
from crossloop.protocol.converters import Levels
from crossloop.protocol.errors import Status
from crossloop.protocol.frames import FrameKind
from crossloop.protocol.microops import LineState
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import Family
from crossloop.protocol.transport import Transport
from crossloop_sim.transcript import Transcript


class Host:
    """The least host there is: one frame out, its answer in."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._sequence = 0

    def exchange(self, kind: FrameKind, sequence: int, payload: bytes = b"") -> frames.Reply:
        self.transport.write(cobs.encode(frames.pack_request(kind, sequence, payload)) + b"\0")
        data = b""
        while b"\0" not in data:
            more = self.transport.read(0.01)
            assert more, "no answer"
            data += more
        return frames.unpack_reply(cobs.decode(data.rstrip(b"\0")))

    def open(self) -> frames.Reply:
        self._sequence = 1
        return self.exchange(FrameKind.HELLO, 1)

    def request(self, *parts: bytes) -> frames.Reply:
        reply = self.exchange(FrameKind.REQUEST, self._sequence, b"".join(parts))
        self._sequence += 1
        return reply

    def arm(self, dead_man_cycles: int = 50_000_000) -> None:
        levels = Levels.of(self.transport.world.parameters)
        limits = {
            Register.LEVEL_MIN: levels.code_min, Register.LEVEL_MAX: levels.code_max, Register.WIDTH_CAP: 10_000,
            Register.DEAD_MAN: dead_man_cycles,
        }  # fmt: skip
        reply = self.request(*(commands.write_register(*item) for item in limits.items()), commands.arm(1))
        assert reply.status is Status.OK

    def run(self, *program: ops.MicroOp) -> frames.Reply:
        image = b"".join(op.encode() for op in (*program, ops.halt()))
        return self.request(commands.write_program(image, 0), commands.run(0))

    def product(self, level_code: int) -> frames.Reply:
        """Read the columns with every row at one level."""
        return self.run(
            ops.connect(Family.ROWS, LineState.DRIVE),
            ops.connect(Family.COLUMNS, LineState.SENSE),
            ops.level(Family.ROWS, 65535, level_code),
            ops.convert(Family.COLUMNS, self.transport.world.parameters.columns, settle_cycles=5, integrate_cycles=10),
        )

    def update(self, level_code: int, pulses: int) -> frames.Reply:
        """Pulse every cell, rows at +level and columns at -level."""
        return self.run(
            ops.connect(Family.ROWS, LineState.DRIVE),
            ops.connect(Family.COLUMNS, LineState.DRIVE),
            ops.level(Family.ROWS, 65535, level_code),
            ops.level(Family.COLUMNS, 65535, -level_code),
            ops.pulse(pulses, 4, 4),
        )

    def scenario(self, level_code: int = 40) -> Transcript:
        """Open, arm, update, read, disarm; return the transcript once the lines are at rest."""
        self.open()
        self.arm()
        self.update(60, 3)
        self.product(level_code)
        self.request(commands.disarm())
        self.transport.world.advance(1000)
        return self.transport.world.transcript


@pytest.fixture
def host_of() -> Callable[[Transport], Host]:
    """Makes the host of a transport."""
    return Host
