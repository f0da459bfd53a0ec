"""Registers, vectors and branches of the golden model, against numpy and numbers worked out by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from crossloop.protocol import arithmetic as ar
from crossloop.protocol import commands
from crossloop.protocol import microops as ops
from crossloop.protocol.arithmetic import Condition, Elementwise, Function
from crossloop.protocol.errors import RangeError, Status
from crossloop.protocol.microops import LineState, Opcode, Selection
from crossloop.protocol.records import unpack_records
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import duration_cycles
from crossloop_sim.events import Kind

WORDS = 1024
ROWS, COLUMNS = Family.ROWS, Family.COLUMNS


def write(bench, first: int, values) -> None:
    for start in range(0, len(values), 100):
        part = np.asarray(values[start : start + 100]).astype("<i2").tobytes()
        assert bench.send(commands.write_words(part, first + start)).status is Status.OK


def read(bench, first: int, count: int) -> np.ndarray:
    (record,) = unpack_records(bench.send(commands.read_words(count, first)).payload)
    return np.frombuffer(record.data, "<i2").astype(np.int64)


def wrapped(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def word(value: int) -> int:
    return (value + 2**15) % 2**16 - 2**15


FUNCTIONS: dict[Function, Callable[[int, int], int]] = {
    Function.ADD: lambda x, y: wrapped(x + y),
    Function.SUBTRACT: lambda x, y: wrapped(x - y),
    Function.AND: lambda x, y: x & y,
    Function.OR: lambda x, y: x | y,
    Function.XOR: lambda x, y: x ^ y,
    Function.MINIMUM: min,
    Function.MAXIMUM: max,
    Function.MULTIPLY: lambda x, y: word(x) * word(y) // 2**3,
}
NUMBERS = [0, 1, -1, 5, -7, 32767, -32768, 70000, 2**31 - 1, -(2**31)]


def stored(register: int, at: int) -> list[ops.MicroOp]:
    """Micro-ops that put both halves of a register into two words."""
    halves = [ar.store(register, at), ar.set_register(14, 1), ar.point(0, scale=15)]
    return [*halves, ar.compute(Function.AND, 13, register, constant=-65536), ar.store(13, at + 1)]


@pytest.mark.parametrize("function", list(Function))
def test_compute_gives_what_its_name_says(bench, function) -> None:
    bench.ready()
    for x in NUMBERS:
        for y in NUMBERS:
            expected = FUNCTIONS[function](x, y)
            reply, _ = bench.run(
                ar.point(0, scale=3),
                ar.set_register(1, x),
                ar.set_register(2, y),
                ar.compute(function, 3, 1, y=2),
                ar.compute(function, 4, 1, constant=y),
                ar.compute(Function.SUBTRACT, 5, 3, constant=expected),
                ar.compute(Function.SUBTRACT, 6, 4, y=3),
                ar.compute(Function.OR, 5, 5, y=6),
                # Any difference in any bit ends at an unknown micro-op instead of HALT.
                ar.branch(2, Condition.EQUAL, 5, constant=0),
                ops.MicroOp(99),
            )
            assert reply.status is Status.OK, (function, x, y)


CONDITIONS: dict[Condition, Callable[[int, int], bool]] = {
    Condition.ALWAYS: lambda _x, _y: True,
    Condition.EQUAL: lambda x, y: x == y,
    Condition.DIFFERENT: lambda x, y: x != y,
    Condition.LESS: lambda x, y: x < y,
    Condition.NOT_LESS: lambda x, y: x >= y,
    Condition.GREATER: lambda x, y: x > y,
    Condition.NOT_GREATER: lambda x, y: x <= y,
}


@pytest.mark.parametrize("condition", list(Condition))
def test_a_branch_is_taken_when_its_condition_holds(bench, condition) -> None:
    bench.ready()
    for x, y in ((3, 3), (-4, 3), (3, -4), (2**31 - 1, -(2**31))):
        program = [ar.set_register(1, x), ar.set_register(2, y), ar.branch(2, condition, 1, y=2), ops.MicroOp(99)]
        taken = bench.run(*program)[0].status is Status.OK
        assert taken == CONDITIONS[condition](x, y), (x, y)
        bench.arm()


def limited(value) -> np.ndarray:
    return np.clip(value, -32768, 32767)


def halved(value, scale: int) -> np.ndarray:
    return np.floor_divide(value, 2**scale)


ELEMENTWISE: dict[Elementwise, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    Elementwise.COPY: lambda s, _o, _k: s,
    Elementwise.ADD: lambda s, o, _k: limited(s + o),
    Elementwise.SUBTRACT: lambda s, o, _k: limited(s - o),
    Elementwise.MINIMUM: lambda s, o, _k: np.minimum(s, o),
    Elementwise.MAXIMUM: lambda s, o, _k: np.maximum(s, o),
    Elementwise.DAMP: lambda s, o, k: limited(s + halved(o - s, k)),
    Elementwise.SELECT: lambda s, o, _k: np.where(o != 0, s, 7),
    Elementwise.MAGNITUDE: lambda s, _o, k: np.minimum(halved(np.abs(s), k), 127) + 128 * (s < 0),
    Elementwise.MULTIPLY: lambda s, o, k: limited(halved(s * o, k)),
    Elementwise.SQUARES: lambda s, o, k: limited(halved(s * s - o * o, k)),
    Elementwise.FILL: lambda _s, o, _k: o,
}


@pytest.mark.parametrize("scale", [0, 3, 15])
@pytest.mark.parametrize("function", ELEMENTWISE)
def test_a_vector_function_does_the_same_as_numpy(bench, function, scale) -> None:
    rng = np.random.default_rng(function)
    bench.ready()
    for limit in (4, 300, 32768):
        s, o = rng.integers(-limit, limit, (2, 80))
        s[:4] = o[:4] = (-32768, 32767, 0, -1) if limit == 32768 else 0
        write(bench, 100, s)
        write(bench, 200, o)
        write(bench, 300, np.full(80, 7))
        assert bench.run(ar.point(200, scale=scale), ar.vector(function, 80, 100, 300))[0].status is Status.OK
        assert read(bench, 300, 80).tolist() == ELEMENTWISE[function](s, o, scale).tolist()
        if function not in ar.WITHOUT_OPERAND:
            bench.run(ar.set_register(9, int(o[5])), ar.vector(function, 80, 100, 300, register=9))
            assert (
                read(bench, 300, 80).tolist()
                == np.where(
                    (function == Elementwise.SELECT) & (o[5] == 0),
                    read(bench, 300, 80),
                    ELEMENTWISE[function](s, o[5], scale),
                ).tolist()
            )


def test_reductions_end_in_a_register(bench) -> None:
    rng = np.random.default_rng(5)
    s, o = rng.integers(-32768, 32768, (2, 90))
    expected = {
        Elementwise.SUM: int(s.sum()),
        Elementwise.DISTANCE: int(np.abs(s - o).max()),
        Elementwise.PRODUCT: wrapped(int(halved(s * o, 9).sum())),
    }
    bench.ready()
    write(bench, 0, s)
    write(bench, 100, o)
    for function, total in expected.items():
        reply, _ = bench.run(
            ar.point(100, scale=9),
            ar.vector(function, 90, 0, register=3),
            ar.compute(Function.SUBTRACT, 3, 3, constant=total),
            ar.branch(2, Condition.EQUAL, 3, constant=0),
            ops.MicroOp(99),
        )
        assert reply.status is Status.OK, function


def test_a_table_is_looked_up_with_its_ends_held(bench) -> None:
    bench.ready()
    table = np.round(1000 * np.tanh(np.arange(-128, 128) / 40)).astype(int)
    write(bench, 500, table)
    s = np.array([-32768, -2049, -2048, -16, -1, 0, 15, 16, 2047, 2048, 32767])
    write(bench, 0, s)
    bench.run(ar.point(500, scale=4), ar.vector(Elementwise.LOOKUP, s.size, 0, 20))
    assert read(bench, 20, s.size).tolist() == table[np.clip(s >> 4, -128, 127) + 128].tolist()


def test_a_hidden_accumulator_gives_up_what_it_has_collected(bench) -> None:
    bench.ready()
    write(bench, 0, [99, 100, 250, -99, -100, -250, 0])
    bench.run(ar.set_register(2, 100), ar.vector(Elementwise.THRESHOLD, 7, 0, 10, register=2))
    assert read(bench, 10, 7).tolist() == [0, 1, 1, 0, -1, -1, 0]
    assert read(bench, 0, 7).tolist() == [99, 0, 150, -99, 0, -150, 0]


def test_indices_add_registers_to_the_next_micro_op_only(bench) -> None:
    bench.ready()
    bench.run(
        ar.set_register(1, 2),
        ar.set_register(2, -9),
        ar.index(b=1, c=2),
        ops.level(ROWS, 1, 4),
        ops.level(ROWS, 1, 4),
        ar.index(b=1),
        ops.connect(COLUMNS, LineState.SENSE, selection=Selection.ONE, index=0),
        ar.index(c=1),
        ops.pulse(1, 5, 3),
    )
    assert [(e.b, np.int64(np.uint64(e.words[0]))) for e in bench.plant.of(Kind.LEVEL)] == [(3, -5), (1, 4)]
    assert bench.plant.of(Kind.STATES)[-1].words[2:] == (0b111, 0b100)


def test_a_loop_may_be_left_early(bench) -> None:
    reply, records = bench.ready().run(
        ar.set_register(1, 0),
        ops.loop(100),
        ar.compute(Function.ADD, 1, 1, constant=1),
        ar.branch(3, Condition.EQUAL, 1, constant=5, leave=True),
        ops.next_(),
        ops.MicroOp(99),
        ar.store(1, 0),
    )
    assert reply.status is Status.OK
    assert read(bench, 0, 1).tolist() == [5]
    # SET and LOOP; five times COMPUTE and BRANCH, four times NEXT; STORE and HALT.
    assert records[-1].cycle == 5 * (2 + 5 * 2 + 4 + 2)


def test_samples_go_to_the_vector_memory_and_are_summed(bench) -> None:
    bench.ready()
    bench.plant.samples = [5, 0x1FF, 0x100]
    converting = ops.convert(COLUMNS, 3, settle_cycles=4, integrate_cycles=6)
    reply, records = bench.run(ar.point(40), ar.sample(converting), ar.sample(converting, add=True))
    assert reply.status is Status.OK
    assert len(records) == 1
    assert read(bench, 40, 3).tolist() == [10, -2, -512]
    assert records[0].cycle == 5 + 2 * (5 + 11 + 10 + 3 * 3) + 5


def test_streams_are_filled_from_vector_words(bench) -> None:
    bench.ready()
    write(bench, 7, [127, 0, 127, 127])
    connect = [ops.connect(ROWS, LineState.DRIVE), ops.connect(COLUMNS, LineState.DRIVE)]
    bench.run(ar.streams(ROWS, 4, 7), *connect, ops.coincide(200, 3, 2, row_sign=0, column_sign=0))
    fired = [gates for _cycle, gates, _ in bench.plant.gates() if gates]
    assert set(np.bitwise_or.accumulate(fired)[-1:]) == {0b1101}
    assert len(fired) > 190


TIMES = {
    "set": ([ar.set_register(1, 5)], 5),
    "compute": ([ar.compute(Function.ADD, 1, 2, y=3)], 5),
    "multiply": ([ar.compute(Function.MULTIPLY, 1, 2, y=3)], 5 + 19),
    "load": ([ar.load(1, 5)], 5 + 1),
    "store": ([ar.store(1, 5)], 5),
    "branch": ([ar.branch(1)], 5),
    "index": ([ar.index(b=1)], 5),
    "point": ([ar.point(4)], 5),
    "vector": ([ar.vector(Elementwise.ADD, 9, 0, 20)], 5 + 6 * 9),
    "vector of thresholds": ([ar.vector(Elementwise.THRESHOLD, 9, 0, 20)], 5 + 6 * 9),
    "vector of products": ([ar.vector(Elementwise.SQUARES, 9, 0, 20)], 5 + 24 * 9),
    "streams": ([ar.streams(ROWS, 4, 0)], 5 + 1 + 4),
}


@pytest.mark.parametrize(("program", "cycles"), TIMES.values(), ids=TIMES.keys())
def test_arithmetic_takes_the_promised_cycles(bench, program, cycles) -> None:
    reply, records = bench.ready().run(*program)
    assert reply.status is Status.OK
    assert records[-1].cycle == cycles + 5
    assert sum(duration_cycles(op, bench.parameters) for op in program) == cycles


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ar.set_register(16, 0), "register must be an integer from 0 to 15"),
        (lambda: ar.branch(40000), "distance must be an integer from -32768 to 32767 micro-ops"),
        (lambda: ar.vector(Elementwise.ADD, 4096, 0, 0), "count must be an integer from 1 to 4095 words"),
        (lambda: ar.point(0, scale=16), "scale must be an integer from 0 to 15 bits"),
        (lambda: ar.load(1, -1), "address must be an integer from 0"),
    ],
)
def test_a_field_without_a_place_is_refused(make, text) -> None:
    with pytest.raises(RangeError, match=text):
        make()


def test_every_micro_op_has_a_number_of_its_own() -> None:
    assert len({int(opcode) for opcode in Opcode}) == len(Opcode)
