"""What is done to a design whose coverage is measured: scenarios, bare lines, random programs, stops in the midst of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scenarios
from hypothesis import HealthCheck, given, settings
from scenarios.bare import BARE, SEED, Line, command, program, run_bare
from targets.test_random_programs import LIMITS, play, programs_of

import crossloop
from crossloop.protocol import microops as m
from crossloop.protocol.commands import Command
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.microops import LineState, MicroOp
from crossloop.protocol.parameters import ALL_LINES
from crossloop.protocol.registers import ACCESS, Register
from crossloop.protocol.streams import Family
from crossloop_sim.engine.target import RtlTransport
from crossloop_sim.targets import open_rtl

RANDOM_EXAMPLES = 30
"""Lists of random programs, half of those that the test of the same name plays."""
BARE_SEEDS = {"limits of any value": range(1, 7)}
"""Seeds of those that are done more than once."""


@dataclass(frozen=True)
class Design:
    """A build whose Verilog is measured.

    Attributes
    ----------
    query : str
        Of the URL of `rtl:`.
    models : tuple of str
        Modules that are not the controller: models of the parts around it.
    """

    query: str
    models: tuple[str, ...] = ()


_SMALL = (
    "rows=5&columns=4&gate_lines=1&nudge_lines=1&gate_full_scale_pa=2000&tiles=2&dead_cycles=9"
    "&vector_words=512&program_ops=64&engine=coverage"
)
DESIGNS = {
    "direct front end behind a UART": Design(f"{_SMALL}&break_cycles=3&link=uart&divisor=4"),
    "reference front end": Design(f"{_SMALL}&frontend=reference", models=("top", "top.parts")),
    "reference front end with two taps per cycle": Design(
        f"{_SMALL}&gate_taps=2&frontend=reference", models=("top", "top.parts")
    ),
}
"""The controller with all families of lines and both kinds of gate sources, with each front end. All memories are small, so that programs
reach both their ends.
"""

Progress = Callable[[str], None]


def exercise(design: Design, progress: Progress) -> RtlTransport:
    """Do everything to a design; return a closed transport of it."""
    url = f"rtl:?{design.query}"
    for name in scenarios.SCENARIOS:
        progress(name)
        session = crossloop.connect(url, first_sequence=1)
        scenarios.run(name, session)
        _reset(session.transport)
    for name in BARE:
        progress(name)
        for seed in BARE_SEEDS.get(name, (SEED,)):
            transport = open_rtl(url)
            run_bare(name, transport, seed)
            _reset(transport)
    progress("a stop in the midst of a run")
    transport = open_rtl(url)
    _stop_in_the_midst(Line(transport))
    _reset(transport)
    progress("random programs")
    _play_at_random(url, transport.world.parameters.gate_taps)
    return transport


def _reset(transport: RtlTransport) -> None:
    """Pull the reset line after whatever was done: every register is as after power-on, and a host is answered. Then close."""
    transport.simulation.reset()
    transport._power_up(2 * transport.world.parameters.clock_hz // 1000)
    line = Line(transport)
    line.hello()
    values = {register: line.read(register) for register in ACCESS}
    assert not any(
        value for register, value in values.items() if register not in {Register.ROW_SEED, Register.COLUMN_SEED}
    )
    transport.close()


def _stop_in_the_midst(line: Line) -> None:
    """The stop input, a stop frame and a second host arrive while pulses are running."""
    line.open(1)
    rng = np.random.default_rng(1)
    long = (
        m.level(Family.ROWS, ALL_LINES, 40), m.connect(Family.ROWS, LineState.DRIVE), m.connect(Family.COLUMNS, LineState.DRIVE),
        m.pulse(3, 60_000, 9),
    )  # fmt: skip

    def start(*ops: MicroOp) -> None:
        line.transport.write(line.request(*program(*ops)))
        assert not line.transport.read(4e-4), "the program must be running still"

    def ended(cause: TripCause) -> None:
        (answer,) = line.send(b"")
        assert answer.status == Status.TRIPPED
        assert line.read(Register.TRIP_CAUSE) == cause
        assert 0 < line.read(Register.DELIVERED) < 60_000
        assert line.ask(command(Command.ARM, count=2 + int(rng.integers(1 << 15)))).status == Status.OK

    start(*long)
    line.world.set_emergency_stop(active=True)
    line.world.advance(20)
    line.world.set_emergency_stop(active=False)
    ended(TripCause.STOP_INPUT)
    start(*long)
    line.world.set_compliance(active=True)
    line.world.advance(20)
    line.world.set_compliance(active=False)
    ended(TripCause.COMPLIANCE)


def _play_at_random(url: str, gate_taps: int) -> None:
    @settings(
        max_examples=RANDOM_EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )  # fmt: skip
    @given(programs_of(gate_taps))
    def check(programs: list[list[MicroOp]]) -> None:
        session = crossloop.connect(url, limits=LIMITS, first_sequence=1)
        play(session, programs)
        session.close()

    check()
