"""Random programs of legal and illegal micro-ops: none ever breaks a safety property at the pins, and both targets do the same."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pins.monitor import Monitor

import crossloop
from crossloop.protocol import arithmetic as ar
from crossloop.protocol import commands
from crossloop.protocol import microops as m
from crossloop.protocol.errors import Status
from crossloop.protocol.microops import LineState, MicroOp, Opcode, Selection
from crossloop.protocol.registers import Rule
from crossloop.protocol.streams import CROSSING, Family
from crossloop.protocol.timing import gap_min_taps
from crossloop.session import Session
from crossloop_sim import transcript

QUERY = "rows=5&columns=4&gate_lines=1&tiles=2&break_cycles=3&dead_cycles=9&vector_words=512&program_ops=64"
WIDTH_CAP = 40
LIMITS = crossloop.Limits(
    v_level_max_v=0.15625,
    width_cap_s=WIDTH_CAP / 50e6,  # the same time with one tap per cycle and with two
    dead_man_s=0.2,
    v_gate_max_v=0.9375,
    one_gate=True,
    duty_cap=0.8,
)
"""20 of 63 level codes, 12 of gate lines, 40 cycles, rests of a quarter of the gate time: random fields are often outside."""

SMALL = st.integers(0, 12)
BYTE = st.one_of(SMALL, st.integers(0, 255))
HALF = st.one_of(SMALL, st.integers(0, 600), st.just(65535))
LONG = st.one_of(
    SMALL,
    st.integers(-30, 30).map(lambda code: code & 0xFFFFFFFF),
    st.tuples(st.integers(0, 50), st.integers(0, 12)).map(lambda pair: pair[0] | pair[1] << 16),
    st.tuples(st.integers(0, 50), st.integers(0, 12)).map(lambda pair: pair[0] | pair[1] << 24),
)
"""Field c: small numbers, level codes, pairs of times, widths with gaps."""
_LINES = st.sampled_from(
    [Opcode.LEVEL, Opcode.LEVELS, Opcode.CONNECT, Opcode.CONNECT, Opcode.PULSE, Opcode.COINCIDE, Opcode.CONVERT]
)
_OPCODES = st.one_of(_LINES, st.sampled_from([o for o in Opcode if o is not Opcode.BRANCH]), st.integers(21, 255))


def _forward(op: tuple[int, int, int, int]) -> MicroOp:
    opcode, a, b, c = op
    # Few pulses of each train: what counts is their variety.
    count = b % 40 if opcode in {Opcode.PULSE, Opcode.COINCIDE, Opcode.LOOP} else b
    wait = c % 200 if opcode == Opcode.WAIT else c
    return MicroOp(opcode, a, count, wait)  # type: ignore[arg-type]


ANY = st.one_of(
    st.tuples(_OPCODES, BYTE, HALF, LONG).map(_forward),
    # Branches go forwards only: every program ends.
    st.tuples(st.integers(0, 7), BYTE, st.integers(1, 4)).map(lambda f: MicroOp(Opcode.BRANCH, f[0], f[1], f[2] << 16)),
)
"""Any micro-op, most of them illegal somewhere."""
_FAMILIES = st.sampled_from(CROSSING)
_SINGLE_GATE = st.builds(
    m.connect, st.just(Family.GATES), st.just(LineState.DRIVE), others=st.sampled_from([LineState.FLOAT, LineState.GROUND]),
    selection=st.just(Selection.ONE), index=st.integers(0, 4),
)  # fmt: skip


def programs_of(gate_taps: int) -> st.SearchStrategy[list[list[MicroOp]]]:
    """Return lists of programs, most of whose micro-ops the device accepts; after an INDEX they may be illegal all the same."""
    widths = st.integers(1, WIDTH_CAP * gate_taps)
    legal = st.one_of(
        st.builds(m.connect, _FAMILIES, st.sampled_from(LineState), others=st.sampled_from(LineState), selection=st.sampled_from(Selection),
                  index=st.integers(0, 3)),
        st.builds(m.connect, _FAMILIES, st.just(LineState.DRIVE), others=st.sampled_from(LineState)),
        _SINGLE_GATE,
        st.builds(m.level, st.just(Family.GATES), st.integers(0, 4), st.integers(0, 12)),
        st.builds(m.level, _FAMILIES, st.integers(0, 3), st.integers(-20, 20)),
        st.builds(m.pulse, st.integers(1, 5), widths, st.integers(gap_min_taps(gate_taps), 9)),
        st.builds(m.coincide, st.integers(1, 5), st.integers(1, WIDTH_CAP), st.integers(1, 9), row_sign=st.integers(0, 1),
                  column_sign=st.integers(0, 1)),
        st.builds(m.convert, _FAMILIES, st.integers(1, 4), settle_cycles=st.integers(1, 19), integrate_cycles=st.integers(1, 20)),
        st.builds(m.wait, st.integers(0, 60)),
        st.builds(m.tile, st.integers(0, 1)),
        st.builds(ar.set_register, st.integers(0, 2), st.integers(0, 30)),
        st.builds(ar.index, b=st.none() | st.integers(0, 2), c=st.none() | st.integers(0, 2)),
    )  # fmt: skip
    micro_ops = st.integers(0, 9).flatmap(lambda die: ANY if die == 0 else legal)
    return st.lists(st.lists(micro_ops, min_size=1, max_size=12), min_size=1, max_size=12)


def play(session: Session, programs: list[list[MicroOp]]) -> list[Status]:
    """Load and run programs past every check of the host; arm anew after each."""
    said = []
    bank = bytes([127, 200, 64, 255])
    for token, program in enumerate(programs, start=1000):
        image = b"".join(bytes([op.opcode]) + op.encode()[1:] for op in [*program, MicroOp(Opcode.HALT)])
        payload = commands.arm(token) + commands.write_bytes(1, bank) + commands.write_bytes(2, bank)
        (reply,) = session.link.exchange([payload + commands.write_program(image, 0) + commands.run(0)])
        said.append(reply.status)
    return said


def _monitor(session: Session) -> Monitor:
    limits, build = session.limit_codes, session.parameters
    crossing = (limits.level_min, limits.level_max)
    return Monitor(
        lines=(build.rows, build.columns, build.lines(Family.GATES)), break_cycles=build.break_cycles, dead_cycles=build.dead_cycles,
        windows=(crossing, crossing, (limits.gate_min, limits.gate_max)), width_cap=limits.width_cap, duty_rest=limits.duty_rest,
        gate_taps=build.gate_taps, one_gate=bool(limits.rules & Rule.ONE_GATE),
    )  # fmt: skip


def _check(programs: list[list[MicroOp]], gate_taps: int, seen: dict[str, int]) -> None:
    found = []
    for target in ("model", "rtl"):
        session = crossloop.connect(
            f"{target}:?{QUERY}&gate_taps={gate_taps}&transcript=1", limits=LIMITS, first_sequence=1
        )
        said = play(session, programs)
        session.close()
        monitor = _monitor(session)
        monitor.follow(session.transport.world.transcript.pins)  # type: ignore[attr-defined]
        found.append((said, session.transport.world.transcript))  # type: ignore[attr-defined]
    assert found[0][0] == found[1][0]
    assert transcript.difference(found[0][1], found[1][1]) is None
    seen["programs"] += len(programs)
    seen["pulses"] += monitor.pulses
    seen["trips"] += monitor.trips
    seen["refused"] += sum(status is not Status.OK for status in said)


def _run(examples: int, gate_taps: int) -> dict[str, int]:
    seen = {"programs": 0, "pulses": 0, "trips": 0, "refused": 0}

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(programs_of(gate_taps))
    def check(programs: list[list[MicroOp]]) -> None:
        _check(programs, gate_taps, seen)

    check()
    return seen


@pytest.mark.parametrize("gate_taps", [1, 2])
def test_random_programs_never_break_a_safety_property(gate_taps: int) -> None:
    seen = _run(60, gate_taps)
    assert seen["pulses"] > seen["programs"] / 10
    assert seen["trips"] > 10
    assert seen["refused"] > seen["trips"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("gate_taps", [1, 2])
def test_ten_thousand_random_programs_never_break_a_safety_property(gate_taps: int) -> None:
    seen = _run(2200, gate_taps)
    assert seen["programs"] >= 10_000


def test_the_monitor_notices_each_violation() -> None:
    """A monitor that never objects would prove nothing."""
    entry = transcript.Entry
    good = [
        entry(1, 10, "STATES", (0, 0b1, 0, 0, 0, 0)), entry(1, 20, "GATES", (0b1, 0, 0)), entry(1, 30, "GATES", (0, 0, 0)),
    ]  # fmt: skip
    floats = (0,) * 6
    bad = {
        "state is not DRIVE": [entry(1, 20, "GATES", (0b1, 0, 0))],
        "were on for 41": [good[0], good[1], entry(1, 61, "GATES", (0, 0, 0))],
        "change while a gate": [*good[:2], entry(1, 25, "STATES", floats)],
        "level changes while": [*good[:2], entry(1, 25, "LEVEL", (0, 0, 1))],
        "in the dead time": [*good, entry(1, 38, "LEVEL", (0, 0, 1))],
        "level outside": [entry(1, 25, "LEVEL", (0, 0, 21))],
        "outside the window": [entry(1, 25, "LEVEL", (2, 0, -1))],
        "2 gate lines": [entry(1, 25, "STATES", (0, 0, 0, 0, 0, 0b11))],
        "rest after 10": [*good, entry(1, 32, "GATES", (0b1, 0, 0))],
        "without a break": [good[0], entry(1, 40, "STATES", (0b1, 0, 0, 0, 0, 0))],
        "too short": [good[0], entry(1, 40, "STATES", floats), entry(1, 42, "STATES", (0b1, 0, 0, 0, 0, 0))],
        "while tripped": [good[0], entry(1, 15, "TRIP", (1,)), good[1]],
        "while a line is tied": [good[0], entry(1, 15, "TILE", (1,))],
        "at the end": good[:2],
    }

    def monitor() -> Monitor:
        windows = ((-20, 20), (-20, 20), (0, 12))
        return Monitor((5, 4, 5), 3, windows, WIDTH_CAP, dead_cycles=9, duty_rest=4, one_gate=True)

    monitor().follow(good)
    for text, entries in bad.items():
        with pytest.raises(AssertionError, match=text):
            monitor().follow(entries)
    half = [
        entry(1, 10, "STATES", (0, 0b1, 0, 0, 0, 0)),
        entry(1, 20, "GATES", (0b1, 0, 0), 1),
        entry(1, 40, "GATES", (0, 0, 0)),
    ]

    def with_two_taps(width_cap: int, duty_rest: int = 0) -> Monitor:
        return Monitor((5, 4, 5), 3, ((-20, 20),) * 3, width_cap, duty_rest=duty_rest, gate_taps=2)

    with_two_taps(39).follow(half)
    with pytest.raises(AssertionError, match="were on for 39"):
        with_two_taps(38).follow(half)
    again = [
        *half[:2],
        entry(1, 39, "GATES", (0, 0, 0), 1),
        entry(1, 40, "GATES", (0b1, 0, 0), 1),
        entry(1, 41, "GATES", (0, 0, 0)),
    ]
    with pytest.raises(AssertionError, match="no whole cycle"):
        with_two_taps(50).follow(again)
    with pytest.raises(AssertionError, match="rest after 38"):
        with_two_taps(50, 16).follow(again)
