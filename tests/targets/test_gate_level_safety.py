"""The safe state at the pins of the synthesised netlist: whatever is missing, every gate is off and every line at GROUND."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from cobs import cobs

from crossloop.protocol import commands, frames
from crossloop.protocol import microops as m
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.frames import FrameKind, Reply
from crossloop.protocol.microops import LineState, MicroOp
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.records import unpack_records
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import SAFE_OFFSET
from crossloop_hdl.core import UartCore
from crossloop_sim.engine.build import NativeDesign, build_native
from crossloop_sim.engine.gates.build import build_gates
from crossloop_sim.engine.simulation import NativeSimulation, Reason
from crossloop_sim.events import Kind

BUILD = Parameters(
    rows=2, columns=2, arithmetic=False, coincidence=False, vector_words=16, program_ops=16, frame_bytes=128, request_slots=1, loop_depth=1
)  # fmt: skip
"""The smallest controller there is, so that its netlist is built quickly."""
DIVISOR = 4
BYTE_CYCLES = 10 * DIVISOR
DEAD_MAN = 8_000
LONG = 100_000
"""Cycles of a wait, much longer than all that could still happen."""
ENDLESS = 10**9
ACTIVE = (
    m.level(Family.ROWS, ALL_LINES, 40), m.connect(Family.ROWS, LineState.DRIVE), m.connect(Family.COLUMNS, LineState.DRIVE),
    m.loop(65535), m.pulse(65535, 30, 20), m.next_(), m.halt(),
)  # fmt: skip
"""Pulses on all rows for minutes of device time."""


class Board:
    """A controller whose pins are watched and whose serial line is in the test's hand."""

    def __init__(self, design: NativeDesign) -> None:
        self.simulation: NativeSimulation = design.instantiate(divisor=DIVISOR)
        self.events: list[np.ndarray] = []
        self.sequence = 1

    def run(self, cycles: int, *, stop_on_frame: bool = False) -> None:
        """Let device time pass."""
        end = self.simulation.cycle + cycles
        while self.simulation.cycle < end:
            reason = self.simulation.run(end - self.simulation.cycle, stop_on_frame=stop_on_frame)
            self.events += list(self.simulation.events().copy())
            if reason is Reason.FRAME:
                return

    def exchange(self, kind: FrameKind, payload: bytes = b"") -> Reply:
        """Send a frame and return its answer."""
        self.simulation.take_bytes()
        self.simulation.send(self.frame(kind, payload))
        self.run(LONG, stop_on_frame=True)
        return frames.unpack_reply(cobs.decode(self.simulation.take_bytes().rstrip(b"\0")))

    def frame(self, kind: FrameKind, payload: bytes = b"") -> bytes:
        """Return the next frame as it goes over the line."""
        encoded: bytes = cobs.encode(frames.pack_request(kind, self.sequence, payload)) + b"\0"
        self.sequence += kind is FrameKind.REQUEST
        return encoded

    def open(self) -> None:
        """Open a session, in which request numbers begin with that of the HELLO."""
        assert self.exchange(FrameKind.HELLO).kind is FrameKind.IDENTITY

    def request(self, *parts: bytes) -> Reply:
        """Let commands be executed."""
        return self.exchange(FrameKind.REQUEST, b"".join(parts))

    def set_up(self) -> None:
        """Open a session, and write limits and the program."""
        self.open()
        limits = {
            Register.LEVEL_MIN: -64, Register.LEVEL_MAX: 63, Register.WIDTH_CAP: 1000, Register.DEAD_MAN: DEAD_MAN,
        }  # fmt: skip
        reply = self.request(*(commands.write_register(register, value) for register, value in limits.items()))
        assert reply.status is Status.OK
        assert self.request(commands.write_program(_image(ACTIVE), 0)).status is Status.OK

    def start(self) -> None:
        """Arm, start the program, and wait until it pulses; then lines are driven and gates go on and off."""
        self.set_up()
        self.simulation.send(self.frame(FrameKind.REQUEST, commands.arm(1) + commands.run(0)))
        self.run(2_000)
        assert any(event[1] == Kind.GATES and event[4:].any() for event in self.events)
        assert not self.is_safe

    def hold_low(self) -> None:
        """Let the line fall to 0 and stay there: a start bit that does not end."""
        self.simulation._shared.divisor = ENDLESS
        self.simulation.send(b"\0")

    @property
    def is_safe(self) -> bool:
        """Whether all gates are off and every row and column is at GROUND."""
        pins = self.simulation.pins()
        lines = [(1 << BUILD.lines(family)) - 1 for family in (Family.ROWS, Family.COLUMNS)]
        grounded = LineState.GROUND & 1, LineState.GROUND >> 1
        return not pins.gates.any() and all(
            pins.states[family, bit, 0] == all_lines * grounded[bit]
            for family, all_lines in enumerate(lines)
            for bit in (0, 1)
        )

    @property
    def never_drove(self) -> bool:
        """Whether since power-on no gate was on, no level was written, and every line was at FLOAT or GROUND."""
        words = self.simulation.pins().states.shape[2]
        high = [4 + 2 * words * family + words + word for family in Family for word in range(words)]
        return not any(
            event[1] == Kind.LEVEL
            or (event[1] == Kind.GATES and event[4:].any())
            or (event[1] == Kind.STATES and event[high].any())
            for event in self.events
        )

    def trip_cycle(self) -> int:
        """Return when the safety gate tripped; it must have done so once."""
        trips = [int(event[0]) for event in self.events if event[1] == Kind.TRIP]
        assert len(trips) == 1
        return trips[0]

    def end_is_orderly(self) -> bool:
        """Whether with the trip all gates were off, and soon afterwards every line at GROUND, for good."""
        trip = self.trip_cycle()
        after = [event for event in self.events if event[0] >= trip]
        gates = [event for event in after if event[1] == Kind.GATES]
        late = trip + SAFE_OFFSET + BUILD.break_cycles
        return (
            all(event[0] == trip and not event[4:].any() for event in gates)
            and all(event[0] <= late for event in after)
            and self.is_safe
        )


def _image(program: tuple[MicroOp, ...]) -> bytes:
    return b"".join(op.encode() for op in program)


@pytest.fixture(scope="module", params=["rtl", "netlist"])
def design(request: pytest.FixtureRequest) -> NativeDesign:
    """The gateware, and the gates that Yosys made of it."""
    core = UartCore(BUILD, DIVISOR)
    return build_native(core) if request.param == "rtl" else build_gates(core, "netlist")


@pytest.fixture
def board(design: NativeDesign) -> Iterator[Board]:
    board = Board(design)
    yield board
    board.simulation.close()


GROUNDED_CYCLES = SAFE_OFFSET + BUILD.break_cycles
"""After power-on lines float for the break time, as before every other state."""


def test_from_power_up_gates_are_off_and_lines_go_to_ground_without_any_host(board: Board) -> None:
    pins = board.simulation.pins()
    assert not pins.gates.any()
    assert not pins.states.any()
    board.run(GROUNDED_CYCLES)
    assert board.is_safe
    board.events.clear()
    board.run(LONG)
    assert board.is_safe
    assert not board.events


def test_a_line_that_is_low_from_the_beginning_does_nothing(board: Board) -> None:
    board.hold_low()
    board.run(LONG)
    assert board.is_safe
    assert board.never_drove


def test_a_reset_while_pulses_run_ends_them_at_once(board: Board) -> None:
    board.start()
    board.simulation.reset()
    assert not board.simulation.pins().gates.any()
    board.events.clear()
    board.run(LONG)
    assert board.is_safe
    assert board.never_drove


@pytest.mark.parametrize("how", ["silent", "low", "in a frame", "in a character"])
def test_an_unplugged_line_ends_a_running_program_by_the_dead_man(board: Board, how: str) -> None:
    board.start()
    begin = next(int(event[0]) for event in board.events if event[1] == Kind.RUN)  # a few cycles after the frame's end
    if how == "low":
        board.hold_low()
    elif how == "in a frame":
        board.simulation.send(board.frame(FrameKind.KICK)[:5])
    elif how == "in a character":
        board.simulation.send(board.frame(FrameKind.KICK)[:5])
        board.run(4 * BYTE_CYCLES + BYTE_CYCLES // 2)
        board.hold_low()
    board.run(DEAD_MAN + LONG)
    assert board.trip_cycle() == pytest.approx(begin + DEAD_MAN, abs=2 * BYTE_CYCLES)
    assert board.end_is_orderly()


def test_a_kick_that_arrives_whole_postpones_the_dead_man(board: Board) -> None:
    """Otherwise the test before could not tell half a frame from a whole one."""
    board.start()
    board.run(DEAD_MAN // 2)
    board.simulation.send(board.frame(FrameKind.KICK))
    board.run(LONG)
    begin = next(int(event[0]) for event in board.events if event[1] == Kind.RUN)
    assert board.trip_cycle() > begin + DEAD_MAN + DEAD_MAN // 4


@pytest.mark.parametrize("left_out", [1, 2, 9])
def test_a_request_that_is_cut_off_arms_and_pulses_nothing(board: Board, left_out: int) -> None:
    board.set_up()
    board.simulation.send(board.frame(FrameKind.REQUEST, commands.arm(1) + commands.run(0))[:-left_out])
    board.run(LONG)
    assert board.is_safe
    assert board.never_drove
    assert not any(event[1] == Kind.RUN for event in board.events)


def test_after_a_break_a_host_that_comes_back_finds_the_cause(board: Board) -> None:
    board.start()
    board.simulation._shared.divisor = 1000  # nine bits of which are longer than the dead-man time
    board.simulation.send(b"\0")
    board.run(10_000)
    board.simulation._shared.divisor = DIVISOR
    board.run(LONG)
    board.trip_cycle()
    board.simulation.send(b"\0")
    board.sequence = 1000
    board.open()
    reply = board.request(commands.read_register(Register.STATE), commands.read_register(Register.TRIP_CAUSE))
    assert [int.from_bytes(record.data, "little") for record in unpack_records(reply.payload)] == [
        2,
        TripCause.DEAD_MAN,
    ]
    assert board.is_safe
