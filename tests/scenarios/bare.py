"""What a line and a host can do to a device below every library: spoilt frames, odd sequence numbers, odd limits, stops and silence.

Each takes a `Line` to a device just after its reset and a seeded generator. Frames are written by hand, from docs/reference.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from benches import wire
from benches.wire import Answer

from crossloop.protocol import microops as m
from crossloop.protocol.commands import Command
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.microops import LineState, MicroOp
from crossloop.protocol.parameters import ALL_LINES
from crossloop.protocol.registers import ACCESS, Access, Register
from crossloop.protocol.streams import Family
from scenarios.raw import gap

PATIENCE_S = 50e-3
"""Device time after which an answer will not come any more."""
OPEN_LIMITS = {
    Register.LEVEL_MIN: -64, Register.LEVEL_MAX: 63, Register.WIDTH_CAP: 80_000, Register.DEAD_MAN: 60_000,
    Register.GATE_LEVEL_MIN: -64, Register.GATE_LEVEL_MAX: 63,
}  # fmt: skip


class Line:
    """Bytes to and from a device, by hand.

    Parameters
    ----------
    transport : Transport
        A simulated target.
    sequence : int
        First sequence number.
    """

    def __init__(self, transport, sequence: int = 1) -> None:
        self.transport, self.world = transport, transport.world
        self.sequence = sequence

    def send(self, data: bytes, count: int = 1) -> list[Answer]:
        """Send bytes and return the answers of the device, so many at least."""
        self.transport.write(data)
        got = bytearray()
        while got.count(0) < count:
            more = self.transport.read(PATIENCE_S)
            assert more, f"{got.count(0)} of {count} answers to {data.hex()}"
            got += more
        return wire.answers(bytes(got))

    def hello(self) -> None:
        """Open a session with the present number."""
        (answer,) = self.send(wire.frame(wire.HELLO, self.sequence))
        assert (answer.kind, answer.sequence) == (wire.IDENTITY, self.sequence)

    def request(self, *commands: bytes) -> bytes:
        """Return the next request."""
        self.sequence += 1
        return wire.frame(wire.REQUEST, self.sequence - 1, b"".join(commands))

    def ask(self, *commands: bytes) -> Answer:
        """Send the next request and return its reply."""
        (answer,) = self.send(self.request(*commands))
        assert (answer.kind, answer.sequence) == (wire.REPLY, (self.sequence - 1) % wire.MODULUS)
        return answer

    def read(self, register: int) -> int:
        """Return a register's value."""
        answer = self.ask(command(Command.READ_REGISTER, register))
        assert answer.status == Status.OK, answer
        return int.from_bytes(answer.payload[-4:], "little")

    def write(self, register: int, value: int) -> int:
        """Write a register; return the status."""
        return self.ask(write(register, value)).status

    def run(self, *ops: MicroOp) -> Answer:
        """Load a program to the start of its memory and run it."""
        return self.ask(*program(*ops))

    def open(self, token: int, **limits: int) -> None:
        """Open a session, write every limit that has none yet, and arm."""
        self.hello()
        for register, value in OPEN_LIMITS.items():
            self.write(register, limits.get(register.name.lower(), value))
        assert self.ask(command(Command.ARM, count=token)).status == Status.OK


def command(opcode: int, argument: int = 0, count: int = 0, address: int = 0) -> bytes:
    """Return the header of a command."""
    return struct.pack("<BBHH", opcode, argument, count, address)


def write(register: int, value: int) -> bytes:
    """Return a command that writes a register."""
    return command(Command.WRITE_REGISTER, register) + struct.pack("<I", value & 0xFFFFFFFF)


def program(*ops: MicroOp) -> list[bytes]:
    """Return commands that load and run micro-ops and HALT."""
    image = b"".join(op.encode() for op in ops) + bytes(8)
    return [command(Command.WRITE_PROGRAM, count=len(image) // 8), image, command(Command.RUN)]


def number(rng: np.random.Generator, bits: int = 32) -> int:
    """Return a number of any size up to so many bits."""
    return int(rng.integers(1 << int(rng.integers(1, bits + 1))))


def keep_limits_of_any_value(line: Line, rng: np.random.Generator) -> None:
    """Every limit takes one value, keeps it whatever is written later, and binds with it; other registers as their access says."""
    line.sequence = int(rng.integers(1 << 32))
    line.hello()
    for register, access in ACCESS.items():
        kept = line.read(register)
        assert kept == 0 or register in {Register.ROW_SEED, Register.COLUMN_SEED}
        first, second = (number(rng) if rng.integers(2) else number(rng) ^ 0xFFFFFFFF for _ in range(2))
        status = line.write(register, first)
        if access is Access.READ:
            assert status == Status.READ_ONLY
        else:
            assert status == Status.OK
            kept = line.read(register)
            line.write(register, second)
            assert access is not Access.LIMIT or line.read(register) == kept
    for absent in (len(ACCESS), 31, 128, 255):
        assert line.ask(command(Command.READ_REGISTER, absent)).status == Status.ADDRESS_RANGE
    line.ask(command(Command.ARM, count=1 + number(rng, 15)))
    for _ in range(6):
        family, code = int(rng.integers(len(Family))), number(rng) ^ (0xFFFFFFFF if rng.integers(2) else 0)
        line.run(MicroOp(5, family, 0xFFFF, code))
        # The level sequencer rests also after a level that was refused; a run that begins meanwhile takes longer than the model says.
        line.world.advance(2000)
        line.ask(command(Command.ARM, count=1 + number(rng, 15)))


def spoil_frames(line: Line, rng: np.random.Generator) -> None:
    """Frames cut short, too long, with a wrong checksum, length or kind; each is refused and counted, and the session goes on."""
    largest = line.world.parameters.frame_bytes
    (answer,) = line.send(wire.frame(wire.REQUEST, 5))
    assert (answer.kind, answer.status) == (wire.REFUSAL, wire.NO_SESSION)
    line.sequence = int(rng.integers(1 << 32))
    line.hello()
    bad = 0
    for _ in range(12):
        payload = rng.bytes(int(rng.integers(0, 40)))
        good = wire.frame(wire.REQUEST, line.sequence, payload)
        place = int(rng.integers(1, len(good) - 1))
        spoilt = [
            wire.checked(rng.bytes(int(rng.integers(1, 8)))),
            wire.checked(bytes([wire.REQUEST]) + rng.bytes(largest)),
            wire.frame(wire.REQUEST, line.sequence, payload, length=len(payload) ^ 1 << int(rng.integers(16))),
            wire.frame(int(rng.choice([0, 5, 37, 127, 128, 0x82, 255])), line.sequence, payload),
            good[:place] + bytes([1 + good[place] % 255]) + good[place + 1 :],
            bytes([200, 1, 2]) + b"\0",
        ]
        for frame in spoilt:
            got = line.send(b"\0" * int(rng.integers(3)) + frame)
            assert {answer.kind for answer in got} == {wire.REFUSAL}
            bad += len(got)
        assert line.read(Register.BAD_FRAMES) == bad


def wander_in_sequence(line: Line, rng: np.random.Generator) -> None:
    """Requests from the past and the future, and repetitions: only the expected number is executed, old replies come again."""
    slots = line.world.parameters.request_slots
    for first in (0xFFFFFFFE, int(rng.integers(1 << 32)), 0, 0x7FFFFFFF):
        line.sequence = first
        line.hello()
        line.hello()
        sent = []
        for _ in range(2 * slots + 2):
            sent.append(line.request(command(Command.READ_REGISTER, Register.STATE)))
            (first_reply,) = line.send(sent[-1])
            assert line.send(sent[-1]) == [first_reply]
        expected = line.sequence % wire.MODULUS
        for distance in (slots + 1, 1 << 30, (1 << 31) - 1):
            for ahead, status in ((distance, wire.GAP), (-distance, wire.STALE)):
                (answer,) = line.send(wire.frame(wire.REQUEST, line.sequence + ahead))
                assert (answer.kind, answer.status, answer.sequence) == (wire.REFUSAL, status, expected)
        assert len(line.send(b"".join(sent[-slots:]), slots)) == slots
        line.send(wire.frame(wire.KICK, number(rng)), 0)
        (answer,) = line.send(wire.frame(wire.STOP, number(rng)))
        assert (answer.kind, answer.sequence) == (wire.STOPPED, expected)


def send_odd_commands(line: Line, rng: np.random.Generator) -> None:
    """Commands cut short, unknown, beyond the memories, and more records than a reply holds."""
    parameters = line.world.parameters
    line.open(7)
    words, ops = parameters.vector_words, parameters.program_ops
    odd = [
        (command(Command.READ_REGISTER)[:3], Status.COMMAND_TRUNCATED),
        (command(Command.WRITE_REGISTER, Register.ROW_SEED) + b"\1\2", Status.COMMAND_TRUNCATED),
        (command(Command.WRITE_WORDS, count=4) + bytes(7), Status.COMMAND_TRUNCATED),
        (command(0), Status.UNKNOWN_COMMAND),
        (command(200), Status.UNKNOWN_COMMAND),
        (command(Command.WRITE_BYTES, 3, 1) + b"\1", Status.ADDRESS_RANGE),
        (command(Command.WRITE_BYTES, 1, parameters.rows + 1) + bytes(parameters.rows + 1), Status.ADDRESS_RANGE),
        (command(Command.WRITE_BYTES, 2, parameters.columns + 1) + bytes(parameters.columns + 1), Status.ADDRESS_RANGE),
        (command(Command.WRITE_BYTES, 0, 1, words) + b"\1", Status.ADDRESS_RANGE),
        (command(Command.WRITE_WORDS, 0, 2, words - 1) + bytes(4), Status.ADDRESS_RANGE),
        (command(Command.READ_WORDS, 0, 1, 0xFFFF), Status.ADDRESS_RANGE),
        (command(Command.WRITE_PROGRAM, 0, 1, ops) + bytes(8), Status.ADDRESS_RANGE),
        (command(Command.RUN, 0, 0, ops), Status.ADDRESS_RANGE),
        (command(Command.ARM, count=0), Status.TOKEN_STALE),
        (command(Command.ARM, count=7), Status.TOKEN_STALE),
        *[(command(Command.READ_WORDS, 0, words), Status.REPLY_FULL)] * (2 * words > parameters.frame_bytes),
        (command(Command.READ_REGISTER) * (parameters.frame_bytes // 8), Status.REPLY_FULL),
    ]
    for data, status in odd:
        good = [command(Command.READ_REGISTER, Register.STATE)] * int(rng.integers(3)) if len(data) < 100 else []
        answer = line.ask(*good, data)
        assert answer.status == status, (data[:8], answer)
    assert line.ask(command(Command.DISARM)).status == Status.OK
    assert line.ask(command(Command.RUN)).status == Status.NOT_ARMED


def fall_silent(line: Line, rng: np.random.Generator) -> None:
    """A host that says nothing for the dead-man time finds the device tripped; one that kicks does not."""
    line.open(1, dead_man=40_000)
    for token in (2, 3):
        line.world.advance(35_000)
        line.send(wire.frame(wire.KICK, number(rng)), 0)
        line.world.advance(35_000)
        assert line.read(Register.STATE) == 1
        line.world.advance(45_000)
        assert line.read(Register.TRIP_CAUSE) == TripCause.DEAD_MAN
        assert line.ask(command(Command.ARM, count=token)).status == Status.OK


def press_the_stop(line: Line, rng: np.random.Generator) -> None:
    """The stop input trips an armed device, and no arming helps before it is released."""
    line.open(0xFFFF)
    for _ in range(3):
        token = 1 + number(rng, 15)
        line.world.set_emergency_stop(active=True)
        line.world.advance(10)
        assert line.read(Register.STATE) == 0b110
        assert line.read(Register.TRIP_CAUSE) == TripCause.STOP_INPUT
        assert line.ask(command(Command.ARM, count=token)).status == Status.TRIPPED
        assert line.run().status == Status.TRIPPED
        line.world.set_emergency_stop(active=False)
        line.world.advance(10)
        assert line.ask(command(Command.ARM, count=token)).status == Status.OK
        assert line.read(Register.STATE) == 0b001


def pile_up(line: Line, rng: np.random.Generator) -> None:
    """While a program runs, requests beyond the credit find no slot and a second host finds the device busy; what was taken is executed."""
    line.open(1)
    slots = line.world.parameters.request_slots
    for _ in range(3):
        taken = [line.request(*program(m.wait(20_000)))]
        taken += [line.request(command(Command.READ_REGISTER, Register.STATE)) for _ in range(slots - 1)]
        beyond = wire.frame(wire.REQUEST, line.sequence)
        second = wire.frame(wire.HELLO, number(rng))
        got = line.send(b"".join([*taken, beyond, second]), slots + 2)
        said = [(answer.kind, answer.status) for answer in got]
        assert said == [(wire.REFUSAL, wire.OVERFLOW), (wire.REFUSAL, wire.BUSY), *[(wire.REPLY, wire.OK)] * slots]


def last_for_long(line: Line, rng: np.random.Generator) -> None:
    """Pulses, waits, conversions and trains that need the upper bits of their counters."""
    line.open(1, width_cap=0xFFFFFF, dead_man=0x7FFFFFFF)
    taps = line.world.parameters.gate_taps
    probabilities = [
        command(Command.WRITE_BYTES, bank, lines) + bytes([0x7F]) * lines
        for bank, lines in ((1, line.world.parameters.rows), (2, line.world.parameters.columns))
    ]
    line.ask(*probabilities)
    drive = (
        m.level(Family.ROWS, ALL_LINES, 40), m.connect(Family.ROWS, LineState.DRIVE), m.connect(Family.COLUMNS, LineState.DRIVE),
    )  # fmt: skip
    width = (1 << 17) + number(rng, 16)
    answer = line.run(*drive, m.pulse(1, width, 0xFFFF), m.pulse(3000, 1, gap(line.world.parameters, 1)))
    assert answer.status == Status.OK
    assert line.read(Register.TRAIN_PULSES) == 3001
    answer = line.run(
        *drive, m.coincide(3000, 1, 1, row_sign=0, column_sign=0), m.coincide(2, 0xFFFF, 200, row_sign=0, column_sign=0)
    )
    assert answer.status == Status.OK
    assert line.read(Register.SLOTS) == 3002
    answer = line.run(
        *drive, m.pulse(1, width, 3), m.connect(Family.COLUMNS, LineState.SENSE),
        m.convert(Family.COLUMNS, 1, settle_cycles=0xFFFF, integrate_cycles=0xFFFF),
    )  # fmt: skip
    assert answer.status == Status.OK
    assert line.read(Register.DELIVERED) == taps * (2 * 0xFFFF + 1)
    assert line.run(m.wait(1 << 18)).status == Status.OK


BARE: dict[str, Callable[[Line, np.random.Generator], None]] = {
    "limits of any value": keep_limits_of_any_value,
    "spoilt frames": spoil_frames,
    "sequence numbers": wander_in_sequence,
    "odd commands": send_odd_commands,
    "silence": fall_silent,
    "stop input": press_the_stop,
    "piled requests": pile_up,
    "long times": last_for_long,
}
"""Name and what it does."""

SEED = 20261126


def run_bare(name: str, transport, seed: int = SEED) -> None:
    """Do one of them to a device, with a generator of its own."""
    BARE[name](Line(transport), np.random.default_rng(seed))
