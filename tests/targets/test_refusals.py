"""Requests over the limits of width, rest and voltage: every one is refused, and nothing above a limit shows at the pins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pins.monitor import Monitor

import crossloop
from crossloop.protocol import commands
from crossloop.protocol import microops as m
from crossloop.protocol.errors import Status, TripCause
from crossloop.protocol.microops import LineState, MicroOp, Opcode
from crossloop.protocol.parameters import ALL_LINES
from crossloop.protocol.records import unpack_records
from crossloop.protocol.registers import Register
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import gap_min_taps

SEED = 20261125
QUERY = "rows=3&columns=2&gate_lines=1&vector_words=64&program_ops=64"
WIDTH_CAP = 500
"""In taps."""
LIMITS = crossloop.Limits(v_level_max_v=0.25, v_level_min_v=-0.125, v_gate_max_v=2.5, duty_cap=0.5, dead_man_s=0.2)
LOW, HIGH, GATE_MAX = -16, 32, 32
"""The limits in codes: 1/128 V a step, 78.125 mV of gate lines."""
DRIVE = m.connect(Family.ROWS, LineState.DRIVE)


def _beyond(rng: np.random.Generator, low: int, high: int) -> int:
    """Return a number outside low..high: near, somewhere in 16 bits, or anywhere in 32 bits."""
    reach = int(rng.choice([3, 1 << 15, 1 << 31])) - 1
    above = rng.random() < 0.5
    return int(rng.integers(high + 1, max(high + 2, reach)) if above else rng.integers(-max(-low + 2, reach) - 1, low))


def _too_high(rng: np.random.Generator, taps: int) -> tuple[list[MicroOp], TripCause]:
    family = Family(int(rng.integers(3)))
    low, high = (0, GATE_MAX) if family is Family.GATES else (LOW, HIGH)
    code = _beyond(rng, low, high) & 0xFFFFFFFF
    return [MicroOp(Opcode.LEVEL, family, ALL_LINES, code)], TripCause.LEVEL_WINDOW


def _too_wide(rng: np.random.Generator, taps: int) -> tuple[list[MicroOp], TripCause]:
    width = int(rng.integers(WIDTH_CAP + 1, max(1 << int(rng.choice([9, 10, 12, 16, 24])), WIDTH_CAP + 2)))
    # What other micro-ops than PULSE ask for is in cycles.
    cycles = min(-(-width // taps), 0xFFFF)
    op = [
        m.pulse(int(rng.integers(1, 9)), width, int(rng.integers(gap_min_taps(taps), 999))),
        m.coincide(int(rng.integers(1, 9)), cycles, 5, row_sign=0, column_sign=1),
        m.convert(Family.COLUMNS, 1, settle_cycles=cycles - 1, integrate_cycles=1),
    ][int(rng.integers(3))]
    return [op], TripCause.PULSE_WIDTH


def _too_soon(rng: np.random.Generator, taps: int) -> tuple[list[MicroOp], TripCause]:
    least = gap_min_taps(taps)
    width = int(rng.integers(20, WIDTH_CAP))
    gap = int(rng.integers(least, width))
    if rng.random() < 0.5:
        return [m.pulse(2, width, gap)], TripCause.DUTY
    # The next micro-op's pulse comes six cycles after the gap, and after what is left of its last cycle.
    return [m.pulse(1, width, max(least, gap - 7 * taps)), m.pulse(1, 1, least)], TripCause.DUTY


KINDS = (_too_high, _too_wide, _too_soon)


def _refused(target: str, taps: int, tries: int) -> list[int]:
    """Try, and return how many tries of each kind were refused for the right reason; the monitor looks at every pin meanwhile."""
    rng = np.random.default_rng(SEED)
    found = [0] * len(KINDS)
    limits = replace(LIMITS, width_cap_s=WIDTH_CAP / (50e6 * taps))
    session = crossloop.connect(f"{target}:?{QUERY}&gate_taps={taps}&transcript=1", limits=limits)
    build = session.parameters
    monitor = Monitor(
        lines=(3, 2, 3), break_cycles=build.break_cycles, windows=((LOW, HIGH), (LOW, HIGH), (0, GATE_MAX)), width_cap=WIDTH_CAP,
        duty_rest=16, gate_taps=taps,
    )  # fmt: skip
    why = commands.read_register(Register.TRIP_CAUSE)
    refused, kind, cause = False, 0, TripCause.NONE
    for number in range(tries + 1):
        payload = why
        if number < tries:
            ops, coming = KINDS[number % len(KINDS)](rng, taps)
            image = b"".join(op.encode() for op in (DRIVE, *ops, m.halt()))
            payload += commands.arm(number % 60_000 + 1) + commands.write_program(image, 0) + commands.run(0)
        (reply,) = session.link.exchange([payload])
        # The first record says why the try before was refused.
        found[kind] += refused and next(unpack_records(reply.payload)).data == int(cause).to_bytes(4, "little")
        refused, kind, cause = reply.status is Status.TRIPPED, number % len(KINDS), coming
    session.close()
    monitor.follow(session.transport.world.transcript.pins)  # type: ignore[attr-defined]
    assert monitor.trips == tries
    return found


@pytest.mark.parametrize("taps", [1, 2])
@pytest.mark.parametrize("target", ["model", "rtl"])
def test_every_request_over_a_limit_is_refused(target: str, taps: int) -> None:
    assert _refused(target, taps, 900) == [300] * 3


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("taps", [1, 2])
@pytest.mark.parametrize("target", ["model", "rtl"])
def test_a_hundred_thousand_requests_over_a_limit_are_refused(target: str, taps: int) -> None:
    assert _refused(target, taps, 100_002) == [33_334] * 3
