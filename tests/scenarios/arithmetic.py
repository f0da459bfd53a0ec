"""Programs that compute: registers, vectors, branches and micro-ops with indexed fields, legal ones and such as the device must refuse."""

from __future__ import annotations

import contextlib

import numpy as np

from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.arithmetic import REDUCTIONS, Condition, Elementwise, Function
from crossloop.protocol.errors import CommandError
from crossloop.protocol.microops import MicroOp, Opcode
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop.session import Session
from scenarios.raw import RawProgram, gap
from scenarios.sequences import random_micro_op

STEPS = 24
"""Micro-ops per program, those of the frame around them not counted."""


def _number(rng: np.random.Generator) -> int:
    """A 32-bit number: small, of a word's size, or any."""
    limit = int(rng.choice([3, 200, 1 << 15, 1 << 31]))
    return int(rng.integers(-limit, limit))


def random_arithmetic(rng: np.random.Generator, parameters: Parameters) -> list[MicroOp]:
    """Return one micro-op that moves no pin, with what it needs before it."""

    def below(limit: int) -> int:
        return int(rng.integers(limit))

    words = parameters.vector_words
    register = below(ar.REGISTERS)
    match below(10):
        case 0:
            return [ar.set_register(register, _number(rng))]
        case 1 | 2:
            constant = _number(rng) if below(2) else None
            function = Function(below(len(Function)))
            return [ar.compute(function, register, below(16), y=below(16), constant=constant)]
        case 3:
            return [ar.set_register(1, below(words // 2)), ar.load(register, below(words // 2), 1)]
        case 4:
            return [ar.store(register, below(words))]
        case 5:
            constant = below(65536) - 32768 if below(2) else None
            return [
                ar.branch(1 + below(4), Condition(below(len(Condition))), below(16), y=below(16), constant=constant),
                *(ar.set_register(below(16), _number(rng)) for _ in range(3)),
            ]
        case 6:
            return [ar.point(below(words // 2), scale=below(16))]
        case 7:
            # An indexed micro-op that may or may not be legal.
            return [
                ar.set_register(2, below(4)),
                ar.index(b=2 if below(2) else None, c=2 if below(2) else None),
                random_micro_op(rng, parameters),
            ]
        case _:
            function = Elementwise(below(len(Elementwise)))
            count = 1 + below(words // 4)
            number = below(16) if below(2) or function in REDUCTIONS else None
            return [ar.vector(function, count, below(words // 2), below(3 * words // 4), register=number)]


def compute_at_random(session: Session, rng: np.random.Generator) -> None:
    """Random programs, after each of them the registers and the whole vector memory."""
    parameters = session.parameters
    for _ in range(10):
        session.arm()
        scale = int(rng.choice([4, 300, 32768]))
        session.write_words(0, rng.integers(-scale, scale, parameters.vector_words))
        body = [step for _ in range(STEPS) for step in random_arithmetic(rng, parameters)]
        with contextlib.suppress(CommandError):
            session.execute(RawProgram((*body, m.halt())))
        session.arm()
        session.execute(RawProgram((*(ar.store(number, number) for number in range(16)), m.halt())))
        session.read_words(0, parameters.vector_words)


def refuse_bad_arithmetic(session: Session, rng: np.random.Generator) -> None:
    """Micro-ops outside their limits, each refused with its own status, at the end of a short program."""
    words = session.parameters.vector_words
    lines = session.parameters.rows
    convert = m.convert(Family.ROWS, 1, settle_cycles=2, integrate_cycles=2)
    bad = [
        MicroOp(Opcode.COMPUTE, 15 << 4),
        MicroOp(Opcode.BRANCH, 7),
        MicroOp(Opcode.VECTOR, 31, 1),
        MicroOp(Opcode.VECTOR, Elementwise.SUM | 1 << 7, 1),
        MicroOp(Opcode.VECTOR, Elementwise.COPY, 0),
        ar.vector(Elementwise.COPY, 2, words - 1, 0),
        ar.vector(Elementwise.COPY, 2, 0, words - 1),
        ar.load(3, words),
        ar.load(3, -1, 4),
        ar.store(3, words),
        ar.branch(-10),
        ar.branch(session.parameters.program_ops),
        ar.branch(1, leave=True),
        ar.sample(m.convert(Family.ROWS, lines, settle_cycles=2, integrate_cycles=2)),
        ar.streams(Family.ROWS, lines + 1, 0),
        ar.streams(Family.ROWS, lines, words - lines + 1),
    ]
    pointed = [
        ar.vector(Elementwise.ADD, 2, 0, 0),
        ar.vector(Elementwise.LOOKUP, 1, 0, 0),
        ar.sample(m.MicroOp(convert.opcode, convert.a, 2 if lines > 1 else 1, convert.c)),
    ]
    for op in (*bad, *pointed):
        session.arm()
        before = [
            ar.set_register(4, int(rng.integers(0, 1 << 20)) * 0),
            ar.point(words - 1 if op in pointed else words - lines + 1),
        ]
        with contextlib.suppress(CommandError):
            session.execute(RawProgram((*before, op, m.halt())))


def sample_and_drive(session: Session, rng: np.random.Generator) -> None:
    """Conversions into the vector memory, once and summed, and stream banks filled from it: an outer product of what was read."""
    parameters = session.parameters
    rows, columns = parameters.rows, parameters.columns
    session.arm()
    session.write_words(0, rng.integers(-60, 61, rows))
    converting = m.convert(Family.COLUMNS, columns, settle_cycles=5, integrate_cycles=5, range_index=1)
    out = rows
    session.execute(
        RawProgram((
            m.levels(Family.ROWS, rows),
            m.connect(Family.ROWS, m.LineState.DRIVE),
            m.connect(Family.COLUMNS, m.LineState.SENSE),
            ar.point(out),
            ar.sample(converting),
            ar.sample(converting, add=True),
            ar.point(out, scale=2),
            ar.vector(Elementwise.MAGNITUDE, columns, out, out),
            ar.vector(Elementwise.MAGNITUDE, rows, 0, 0),
            ar.streams(Family.COLUMNS, columns, out),
            ar.streams(Family.ROWS, rows, 0),
            m.level(Family.ROWS, m.ALL_LINES, 50),
            m.level(Family.COLUMNS, m.ALL_LINES, -50),
            m.connect(Family.ROWS, m.LineState.DRIVE),
            m.connect(Family.COLUMNS, m.LineState.DRIVE),
            m.coincide(20, 4, gap(parameters, 4), row_sign=0, column_sign=0),
            m.coincide(20, 4, gap(parameters, 4), row_sign=1, column_sign=1),
            m.halt(),
        ))
    )  # fmt: skip
    session.read_words(0, rows + columns)
