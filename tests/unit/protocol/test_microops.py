"""Micro-ops pack as documented, refuse what has no place in their fields, and last as long as documented."""

from __future__ import annotations

import pytest

from crossloop.protocol import microops, timing
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, MicroOp, Opcode, Selection
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family

PARAMETERS = Parameters(break_cycles=4)


def test_pulse_packs_width_and_gap_as_documented() -> None:
    # width 0x012345 in c[23:0], gap 0xABCD: high byte in a, low byte in c[31:24].
    assert microops.pulse(3, 0x012345, 0xABCD).encode() == bytes([8, 0xAB, 3, 0, 0x45, 0x23, 0x01, 0xCD])
    assert microops.pulse_fields(microops.pulse(3, 0x012345, 0xABCD)) == (3, 0x012345, 0xABCD)


def test_connect_packs_family_states_and_selection() -> None:
    op = microops.connect(Family.COLUMNS, LineState.SENSE, others=LineState.GROUND, selection=Selection.ONE, index=9)
    assert op.encode() == bytes([7, 0b01_01_11_1, 9, 0, 0, 0, 0, 0])


def test_level_code_is_twos_complement() -> None:
    assert microops.level(Family.ROWS, 5, -2).encode() == bytes([5, 0, 5, 0, 0xFE, 0xFF, 0xFF, 0xFF])


@pytest.mark.parametrize(
    "op", [microops.halt(), microops.loop(9), microops.convert(Family.ROWS, 4, settle_cycles=2, integrate_cycles=3)]
)
def test_decoding_gives_the_micro_op_back(op: MicroOp) -> None:
    assert MicroOp.decode(op.encode()) == op


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: microops.loop(0), "loop count must be an integer from 1 to 65535"),
        (
            lambda: microops.pulse(1, 1 << 24, 1),
            "pulse width must be an integer from 1 to 16777215 taps, not 16777216",
        ),
        (lambda: microops.pulse(1, 5, 0), "pulse gap"),
        (lambda: microops.coincide(1, 5, 3, row_sign=2, column_sign=0), "row sign"),
        (
            lambda: microops.convert(Family.ROWS, 4, settle_cycles=2, integrate_cycles=3, range_index=4),
            "converter range",
        ),
        (lambda: microops.wait(1.5), "wait must be an integer"),  # type: ignore[arg-type]
    ],
)
def test_value_without_a_place_is_refused(make: object, text: str) -> None:
    with pytest.raises(RangeError, match=text):
        make()  # type: ignore[operator]


def test_durations_do_not_depend_on_geometry() -> None:
    ops = [
        microops.connect(Family.ROWS, LineState.DRIVE),
        microops.pulse(7, 5, 3),
        microops.coincide(10, 4, 4, row_sign=0, column_sign=0),
        microops.convert(Family.COLUMNS, 4, settle_cycles=5, integrate_cycles=5),
    ]
    small = [timing.duration_cycles(op, Parameters(rows=4, columns=4)) for op in ops]
    assert small == [timing.duration_cycles(op, Parameters(rows=64, columns=64)) for op in ops]


def test_durations_grow_as_their_fields_say() -> None:
    def cycles(op: MicroOp) -> int:
        return timing.duration_cycles(op, PARAMETERS)

    assert cycles(microops.wait(100)) - cycles(microops.wait(0)) == 100
    assert cycles(microops.pulse(10, 5, 3)) - cycles(microops.pulse(9, 5, 3)) == 8
    assert (
        cycles(microops.coincide(10, 2, 1, row_sign=0, column_sign=0))
        - cycles(microops.coincide(9, 2, 1, row_sign=0, column_sign=0))
        == 8
    )
    assert timing.serial_cycles(microops.levels(Family.ROWS, 33)) == 33
    assert cycles(MicroOp(Opcode.HALT)) == timing.BASE_CYCLES
