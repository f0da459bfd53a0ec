"""Requests over the limits of width, rest and voltage: every one is refused, and nothing above a limit shows at the pins."""

from __future__ import annotations

import numpy as np
import pytest
from pins.monitor import Monitor
from scenarios.raw import send_raw

import crossloop
from crossloop.protocol import commands
from crossloop.protocol import microops as m
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.microops import LineState, MicroOp, Opcode
from crossloop.protocol.parameters import ALL_LINES
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import Family

SEED = 20261125
QUERY = "rows=3&columns=2&gate_lines=1&vector_words=64&program_ops=64"
WIDTH_CAP = 500
LIMITS = crossloop.Limits(
    v_level_max_v=0.25,
    v_level_min_v=-0.125,
    v_gate_max_v=2.5,
    width_cap_s=WIDTH_CAP / 50e6,
    duty_cap=0.5,
    dead_man_s=0.2,
)
LOW, HIGH, GATE_MAX = -16, 32, 32
"""The limits in codes: 1/128 V a step, 78.125 mV of gate lines."""
DRIVE = m.connect(Family.ROWS, LineState.DRIVE)


def _beyond(rng: np.random.Generator, low: int, high: int) -> int:
    """Return a number outside low..high: near, somewhere in 16 bits, or anywhere in 32 bits."""
    reach = int(rng.choice([3, 1 << 15, 1 << 31])) - 1
    above = rng.random() < 0.5
    return int(rng.integers(high + 1, max(high + 2, reach)) if above else rng.integers(-max(-low + 2, reach) - 1, low))


def _too_high(rng: np.random.Generator) -> tuple[list[MicroOp], TripCause]:
    family = Family(int(rng.integers(3)))
    low, high = (0, GATE_MAX) if family is Family.GATES else (LOW, HIGH)
    code = _beyond(rng, low, high) & 0xFFFFFFFF
    return [MicroOp(Opcode.LEVEL, family, ALL_LINES, code)], TripCause.LEVEL_WINDOW


def _too_wide(rng: np.random.Generator) -> tuple[list[MicroOp], TripCause]:
    width = int(rng.integers(WIDTH_CAP + 1, 1 << int(rng.choice([9, 10, 12, 16])) | WIDTH_CAP + 2))
    short = min(width, 0xFFFF)
    op = [
        m.pulse(int(rng.integers(1, 9)), width, int(rng.integers(1, 999))),
        m.coincide(int(rng.integers(1, 9)), short, 5, row_sign=0, column_sign=1),
        m.convert(Family.COLUMNS, 1, settle_cycles=short - 1, integrate_cycles=1),
    ][int(rng.integers(3))]
    return [op], TripCause.PULSE_WIDTH


def _too_soon(rng: np.random.Generator) -> tuple[list[MicroOp], TripCause]:
    width = int(rng.integers(20, WIDTH_CAP))
    gap = int(rng.integers(1, width))
    if rng.random() < 0.5:
        return [m.pulse(2, width, gap)], TripCause.DUTY
    # The next micro-op's pulse comes seven cycles after the gap.
    return [m.pulse(1, width, max(1, gap - 9)), m.pulse(1, 1, 1)], TripCause.DUTY


KINDS = (_too_high, _too_wide, _too_soon)


def _refused(target: str, tries: int) -> list[int]:
    """Try, and return how many tries of each kind were refused for the right reason."""
    rng = np.random.default_rng(SEED)
    found = [0] * len(KINDS)
    session = crossloop.connect(f"{target}:?{QUERY}&transcript=1", limits=LIMITS)
    build = session.parameters
    monitor = Monitor(
        lines=(3, 2, 3), break_cycles=build.break_cycles, windows=((LOW, HIGH), (LOW, HIGH), (0, GATE_MAX)), width_cap=WIDTH_CAP,
        duty_rest=16,
    )  # fmt: skip
    for number in range(tries):
        kind = number % len(KINDS)
        ops, cause = KINDS[kind](rng)
        image = b"".join(op.encode() for op in (DRIVE, *ops, m.halt()))
        reply = send_raw(session, commands.arm(number % 60_000 + 1), commands.write_program(image, 0), commands.run(0))
        answer = send_raw(session, commands.read_register(Register.TRIP_CAUSE))
        found[kind] += reply.status is Status.TRIPPED and answer.payload[-4:] == int(cause).to_bytes(4, "little")
    monitor.follow(session.transport.world.transcript.pins)  # type: ignore[attr-defined]
    session.close()
    return found


@pytest.mark.parametrize("target", ["model", "rtl"])
def test_every_request_over_a_limit_is_refused(target: str) -> None:
    assert _refused(target, 900) == [300] * 3


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("target", ["model", "rtl"])
def test_a_hundred_thousand_requests_over_a_limit_are_refused(target: str) -> None:
    assert _refused(target, 100_002) == [33_334] * 3
