"""Durations and pin cycles, against numbers that were worked out by hand from docs/reference (break_cycles = 4)."""

import pytest

from crossloop.protocol import microops as ops
from crossloop.protocol.errors import Status
from crossloop.protocol.microops import LineState, Selection
from crossloop.protocol.streams import Family
from crossloop_sim.events import Kind

ROWS, COLUMNS = Family.ROWS, Family.COLUMNS

# What a program takes, HALT's 5 cycles included.
DURATIONS = {
    "halt": ([], 5),
    "wait": ([ops.wait(10)], 5 + 10 + 5),
    "loop of three waits": ([ops.loop(3), ops.wait(2), ops.next_()], 5 + 3 * (7 + 5) + 5),
    "nested loops": ([ops.loop(2), ops.loop(5), ops.next_(), ops.next_()], 5 + 2 * (5 + 5 * 5 + 5) + 5),
    "level": ([ops.level(ROWS, 1, -5)], 7 + 5),
    "levels": ([ops.levels(COLUMNS, 3)], 11 + 5),
    "connect": ([ops.connect(ROWS, LineState.DRIVE)], 11 + 5),
    "connect again": ([ops.connect(ROWS, LineState.DRIVE)] * 2, 2 * 11 + 5),
    "tile": ([ops.tile(1)], 11 + 5),
    "pulse": ([ops.pulse(3, 20, 7)], 5 + 1 + 3 * 27 + 5),
    "coincide": ([ops.coincide(5, 10, 6, row_sign=0, column_sign=0)], 5 + 9 + 5 * 16 + 5),
    "coincide in shortest slots": ([ops.coincide(5, 2, 1, row_sign=0, column_sign=0)], 5 + 9 + 5 * 8 + 5),
    "convert": ([ops.convert(COLUMNS, 3, settle_cycles=30, integrate_cycles=20)], 5 + 11 + 50 + 2 * 3 + 5),
}


@pytest.mark.parametrize(("program", "cycles"), DURATIONS.values(), ids=DURATIONS.keys())
def test_a_program_takes_the_promised_cycles(bench, program, cycles) -> None:
    reply, records = bench.ready().run(*program)
    assert reply.status is Status.OK
    assert records[-1].cycle == cycles
    assert [(e.cycle, e.a) for e in bench.plant.of(Kind.RUN)] == [(0, 1), (cycles, 0)]


def test_levels_strobe_one_line_per_cycle(bench) -> None:
    bench.ready().run(ops.level(ROWS, 65535, -3), ops.levels(COLUMNS, 3, 2))
    strobes = [(e.cycle, e.a, e.b, e.words[0]) for e in bench.plant.of(Kind.LEVEL)]
    assert strobes == [(6, 0, 65535, 2**64 - 3), (15, 1, 0, 0), (16, 1, 1, 0), (17, 1, 2, 0)]


def test_connect_floats_changing_lines_before_it_makes_them(bench) -> None:
    # Lines are at ground (state 1, plane 0) after the session was opened.
    bench.ready().run(ops.connect(ROWS, LineState.DRIVE, selection=Selection.ONE, index=2))
    float_phase, made = bench.plant.of(Kind.STATES)
    assert (float_phase.cycle, float_phase.words) == (6, (0b1011, 0b0000, 0b111, 0))
    assert (made.cycle, made.words) == (10, (0b1011, 0b0100, 0b111, 0))


def test_connecting_the_same_states_changes_no_pin(bench) -> None:
    bench.ready().run(ops.connect(ROWS, LineState.GROUND), ops.connect(COLUMNS, LineState.GROUND))
    assert not bench.plant.of(Kind.STATES)


def test_connecting_to_float_has_one_change_only(bench) -> None:
    bench.ready().run(ops.connect(COLUMNS, LineState.FLOAT))
    assert [(e.cycle, e.words) for e in bench.plant.of(Kind.STATES)] == [(6, (0b1111, 0, 0, 0))]


def test_tile_changes_while_everything_floats(bench) -> None:
    bench.ready().run(ops.tile(1), ops.tile(1))
    assert [(e.cycle, e.kind, e.a) for e in bench.plant.of(Kind.STATES, Kind.TILE)] == [
        (6, Kind.STATES, 0),
        (10, Kind.TILE, 1),
    ]


def test_a_train_gates_every_driven_line_of_both_families(bench) -> None:
    connect = [
        ops.connect(ROWS, LineState.DRIVE, selection=Selection.FIRST, index=3),
        ops.connect(COLUMNS, LineState.DRIVE, selection=Selection.ONE, index=1),
    ]
    bench.ready().run(*connect, ops.pulse(2, 20, 7))
    first = 2 * 11 + 6
    assert bench.plant.gates() == [
        (first, 0b111, 0b010),
        (first + 20, 0, 0),
        (first + 27, 0b111, 0b010),
        (first + 47, 0, 0),
    ]


def test_a_train_without_driven_lines_shows_nothing_but_is_counted(bench) -> None:
    bench.ready().run(ops.pulse(7, 20, 7))
    assert not bench.plant.of(Kind.GATES)
    assert bench.model.registers[12] == 7


def test_a_conversion_strobes_in_the_last_cycle_of_its_gates(bench) -> None:
    bench.plant.samples = [5, 0x1FF, 0x300]
    _, records = bench.ready().run(
        ops.connect(ROWS, LineState.DRIVE),
        ops.connect(COLUMNS, LineState.SENSE),
        ops.convert(COLUMNS, 3, settle_cycles=30, integrate_cycles=20, range_index=2),
    )
    start = 2 * 11 + 6
    assert bench.plant.gates() == [(start, 0b1111, 0), (start + 51, 0, 0)]
    (strobe,) = bench.plant.of(Kind.CONVERSION)
    assert (strobe.cycle, strobe.a, strobe.b, strobe.words[:2]) == (start + 50, 1, 3, (2, 0))
    codes, done = records
    assert (codes.cycle, codes.operation, codes.flags, codes.count) == (start + 50, 2, 0b1001, 3)
    # Codes of 9 bits become 15 bits; bit 15 says that the converter was at its limit.
    assert codes.data == bytes.fromhex("0500 ff7f 00ff")
    assert (done.operation, done.flags) == (3, 0)


def test_long_trains_reach_the_plant_in_order_and_completely(bench) -> None:
    bench.ready().run(ops.connect(ROWS, LineState.DRIVE), ops.pulse(5000, 2, 1))
    edges = bench.plant.gates()
    assert len(edges) == 10_000
    assert [edge[0] for edge in edges[::2]] == [17 + 3 * n for n in range(5000)]


@pytest.mark.parametrize("size", [4, 8, 16, 32, 64])
def test_engine_cycles_do_not_depend_on_the_size_of_the_array(make_bench, size) -> None:
    bench = make_bench(rows=size, columns=size, frame_bytes=1024)
    bench.ready()
    product = ops.convert(COLUMNS, size, settle_cycles=30, integrate_cycles=20)
    assert bench.run(product)[1][-1].cycle - 2 * size == 5 + 11 + 50 + 5
    assert bench.run(ops.coincide(9, 10, 5, row_sign=0, column_sign=0))[1][-1].cycle == 5 + 9 + 9 * 15 + 5
