"""Every micro-op takes as long, and moves its pins when, crossloop.protocol.timing says; for every geometry the same."""

import pytest

from crossloop.protocol import microops, timing
from crossloop.protocol.errors import Status
from crossloop.protocol.microops import LineState, Selection
from crossloop.protocol.streams import Family

GEOMETRIES = [(1, 1), (4, 4), (33, 20)]
DRIVE_ROWS = microops.connect(Family.ROWS, LineState.DRIVE)
DRIVE_COLUMNS = microops.connect(Family.COLUMNS, LineState.DRIVE)


@pytest.fixture(params=GEOMETRIES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
def geometry(request):
    return request.param


def test_every_micro_op_takes_its_documented_cycles(bench, geometry):
    box = bench(*geometry, tiles=3, break_cycles=5)
    box.banks = [bytes([127] * geometry[0]), bytes([127] * geometry[1])]
    channels = geometry[1]
    box.samples = [(k, 0) for k in range(channels)]
    ops = [
        microops.tile(2),
        microops.level(Family.ROWS, 0, 3),
        microops.levels(Family.ROWS, geometry[0], 7),
        DRIVE_ROWS,
        DRIVE_COLUMNS,
        microops.pulse(2, 3, 4),
        microops.pulse(1, 1, 1),
        microops.coincide(3, 2, 1, row_sign=0, column_sign=0),
        microops.coincide(2, 9, 5, row_sign=0, column_sign=0),
        microops.connect(Family.COLUMNS, LineState.SENSE, selection=Selection.FIRST, index=1),
        microops.convert(Family.COLUMNS, channels, settle_cycles=6, integrate_cycles=3),
        microops.convert(Family.COLUMNS, 1, settle_cycles=1, integrate_cycles=1),
        microops.level(Family.COLUMNS, 65535, 3),
    ]
    run = box.run(*ops)
    assert run.faults == [Status.OK] * len(ops)
    assert run.durations() == [timing.duration_cycles(op, box.parameters) for op in ops]


def test_durations_of_product_and_update_do_not_depend_on_the_geometry():
    # By hand, not from the module: 5 + 9 + 3 slots of 8, and 5 + 11 + 6 + 3 + 2 per channel.
    update = microops.coincide(3, 2, 1, row_sign=0, column_sign=0)
    product = microops.convert(Family.COLUMNS, 5, settle_cycles=6, integrate_cycles=3)
    parameters = timing.Parameters(rows=4, columns=9)
    assert timing.duration_cycles(update, parameters) == 38
    assert timing.duration_cycles(product, parameters) == 35


def test_level_strobes_come_at_their_offsets(bench, geometry):
    box = bench(*geometry)
    box.vector = {7 + line: -line for line in range(geometry[0])}
    run = box.run(microops.level(Family.COLUMNS, 0, -5), microops.levels(Family.ROWS, geometry[0], 7), microops.halt())
    start = run.starts[1]
    assert run.levels[0] == (timing.LEVEL_OFFSET, Family.COLUMNS, 0, -5)
    assert run.levels[1:] == [
        (start + timing.LEVELS_OFFSET + line, Family.ROWS, line, -line) for line in range(geometry[0])
    ]


def test_changing_lines_float_for_the_break_time(bench, geometry):
    box = bench(*geometry, break_cycles=3)
    run = box.run(microops.connect(Family.ROWS, LineState.SENSE), DRIVE_ROWS)
    every, columns = ((1 << lines) - 1 for lines in geometry)
    first, second = (start + timing.CONNECT_OFFSET for start in run.starts[:2])
    assert run.changes("row_states_low") == [(0, every), (first, 0), (first + 3, every), (second, 0)]
    assert run.changes("row_states_high") == [(0, 0), (first + 3, every), (second, 0), (second + 3, every)]
    assert run.changes("column_states_low") == [(0, columns)]
    assert run.changes("column_states_high") == [(0, 0)]


def test_tile_floats_every_line_before_it_changes(bench, geometry):
    box = bench(*geometry, tiles=4)
    run = box.run(DRIVE_ROWS, microops.connect(Family.COLUMNS, LineState.SENSE), microops.tile(3))
    at = run.starts[2] + timing.CONNECT_OFFSET
    for name in ("row_states_high", "column_states_low", "column_states_high"):
        assert run.changes(name)[-1] == (at, 0)
    assert run.changes("tile") == [(0, 0), (at + box.parameters.break_cycles, 3)]


def test_pulse_edges_come_at_their_offsets(bench, geometry):
    run = bench(*geometry).run(DRIVE_ROWS, microops.pulse(2, 3, 4))
    first = run.starts[1] + timing.PULSE_OFFSET
    every = (1 << geometry[0]) - 1
    assert run.changes("row_gates") == [(0, 0), (first, every), (first + 3, 0), (first + 7, every), (first + 10, 0)]
    assert run.changes("column_gates") == [(0, 0)]
    assert run.counters["train_pulses"] == 2


@pytest.mark.parametrize(("width", "gap", "length"), [(1, 1, 8), (7, 1, 8), (9, 5, 14)])
def test_slots_come_at_their_offsets(bench, geometry, width, gap, length):
    box = bench(*geometry)
    # Magnitude 127 misses 1 slot in 128; the column stream keeps its lines quiet.
    box.banks = [bytes([127] * geometry[0]), bytes(geometry[1])]
    run = box.run(DRIVE_ROWS, DRIVE_COLUMNS, microops.coincide(3, width, gap, row_sign=0, column_sign=0))
    rises = [cycle for cycle, value in run.changes("row_gates") if value]
    falls = [cycle for cycle, value in run.changes("row_gates")[1:] if not value]
    first = run.starts[2] + timing.COINCIDE_OFFSET
    assert rises == [first + n * length for n in range(3)]
    assert falls == [rise + width for rise in rises]
    assert run.counters["slots"] == 3


def test_conversion_strobe_and_gates_come_at_their_offsets(bench, geometry):
    box = bench(*geometry)
    box.samples = [(1, 0)]
    run = box.run(DRIVE_ROWS, microops.convert(Family.COLUMNS, 1, settle_cycles=6, integrate_cycles=3, range_index=2))
    on = run.starts[1] + timing.CONVERT_OFFSET
    every = (1 << geometry[0]) - 1
    assert run.changes("row_gates") == [(0, 0), (on, every), (on + 10, 0)]
    assert run.conversions == [(on + 9, {"family": Family.COLUMNS, "pair": 0, "range": 2, "count": 1})]
