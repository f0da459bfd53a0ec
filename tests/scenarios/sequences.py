"""Sequences of micro-ops that no library operation makes."""

from __future__ import annotations

import numpy as np

from crossloop.protocol import commands
from crossloop.protocol import microops as m
from crossloop.protocol.commands import Bank
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family
from crossloop.session import Session
from scenarios.raw import RawProgram, gap


def _lines(parameters: Parameters, family: Family) -> int:
    return parameters.columns if family else parameters.rows


def random_micro_op(rng: np.random.Generator, parameters: Parameters) -> MicroOp:
    """Return a micro-op that the device must accept, with random fields."""

    def below(limit: int) -> int:
        return int(rng.integers(limit))

    family = Family(below(2))
    lines = _lines(parameters, family)
    largest = (1 << (parameters.level_bits - 1)) - 1
    code = below(2 * largest + 1) - largest
    match below(8):
        case 0:
            return m.wait(below(30))
        case 1:
            return m.tile(below(parameters.tiles))
        case 2:
            return m.level(family, ALL_LINES if below(3) == 0 else below(lines), code)
        case 3:
            return m.levels(family, 1 + below(lines), below(parameters.vector_words - lines))
        case 4:
            selection = Selection(below(4))
            index = 0 if selection in (Selection.ALL, Selection.SIGNED) else below(lines)
            return m.connect(
                family,
                LineState(below(4)),
                others=LineState(below(4)),
                selection=selection,
                index=index + (selection == Selection.FIRST),
            )
        case 5:
            return m.pulse(1 + below(4), 1 + below(20), gap(parameters, 1 + below(9)))
        case 6:
            pause = gap(parameters, 1 + below(9))
            return m.coincide(1 + below(6), 1 + below(12), pause, row_sign=below(2), column_sign=below(2))
        case _:
            pair = lines > 1 and below(2) == 1
            return m.convert(
                family, 1 + below(lines // (2 if pair else 1)), settle_cycles=1 + below(20), integrate_cycles=1 + below(20),
                pair=pair, range_index=below(4), voltage=below(3) == 0,
            )  # fmt: skip


def run_random_programs(session: Session, rng: np.random.Generator) -> None:
    """Random legal micro-ops one after another, lines in any state, streams and levels random."""
    parameters = session.parameters
    session.arm()
    for _ in range(12):
        levels = rng.integers(-60, 61, min(parameters.vector_words, 256)).astype(np.int8).tobytes()
        before = (
            commands.write_bytes(Bank.VECTOR, levels),
            commands.write_bytes(Bank.ROW_STREAMS, rng.bytes(parameters.rows)),
            commands.write_bytes(Bank.COLUMN_STREAMS, rng.bytes(parameters.columns)),
        )
        body = [random_micro_op(rng, parameters) for _ in range(12)]
        session.execute(RawProgram((*body, m.halt()), before))


def nest_loops(session: Session, rng: np.random.Generator) -> None:
    """Loops as deep as the device allows, with pulses and reads inside."""
    parameters = session.parameters
    depth = parameters.loop_depth
    ops = [
        m.level(Family.ROWS, ALL_LINES, 50),
        m.level(Family.COLUMNS, ALL_LINES, -50),
        m.connect(Family.ROWS, LineState.DRIVE, selection=Selection.ONE, index=0),
        m.connect(Family.COLUMNS, LineState.DRIVE, selection=Selection.ONE, index=0),
        *(m.loop(2) for _ in range(depth)),
        m.pulse(1, 3, gap(parameters, 2)),
        *(step for _ in range(depth) for step in (m.wait(1), m.next_())),
        m.connect(Family.COLUMNS, LineState.SENSE),
        m.loop(3),
        m.convert(Family.COLUMNS, 1, settle_cycles=3, integrate_cycles=4, range_index=2),
        m.next_(),
        m.halt(),
    ]
    session.arm()
    session.execute(RawProgram(tuple(ops)))
