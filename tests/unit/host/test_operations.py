"""Operations become the micro-ops and commands they stand for; expected bytes are written out by hand from the contract."""

import numpy as np
import pytest

from crossloop.operations import Product, PulseTrain, Update
from crossloop.programming import MaskedPulses
from crossloop.protocol.microops import Opcode
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop.reads import ReadLines, read_plan

PARAMETERS = Parameters(rows=5, columns=4, tiles=2)


def opcodes(operation):
    return [op.opcode for op in operation.program(PARAMETERS)]


def update(rows, columns, **changes):
    arguments = {"slots": 10, "width_cycles": 20, "gap_cycles": 30, "up": (30, -31), "down": (-32, 33)} | changes
    return Update(1, np.array(rows, np.uint8), np.array(columns, np.uint8), **arguments)


def test_a_forward_product_drives_rows_and_senses_columns():
    product = Product(
        1, Family.COLUMNS, np.array([1, -2, 3]), 2, pair=True, range_index=2, settle_cycles=7, integrate_cycles=9
    )
    assert [(op.opcode, op.a, op.b, op.c) for op in product.program(PARAMETERS)] == [
        (Opcode.TILE, 1, 0, 0),
        (Opcode.LEVELS, 0, 3, 0),  # rows 0 to 2 from vector word 0
        (Opcode.CONNECT, 0 | 2 << 1 | 1 << 3 | 2 << 5, 3, 0),  # rows: the first 3 DRIVE, others GROUND
        (Opcode.CONNECT, 1 | 3 << 1 | 1 << 3, 0, 0),  # columns: all SENSE
        (Opcode.CONVERT, 1 | 1 << 1 | 2 << 2, 2, 7 | 9 << 16),
        (Opcode.HALT, 0, 0, 0),
    ]


def test_a_transposed_product_drives_columns_and_senses_rows():
    product = Product(0, Family.ROWS, np.zeros(4, int), 5)
    families = [
        (op.opcode, op.a & 1) for op in product.program(PARAMETERS) if op.opcode not in {Opcode.TILE, Opcode.HALT}
    ]
    assert families == [(Opcode.LEVELS, 1), (Opcode.CONNECT, 1), (Opcode.CONNECT, 0), (Opcode.CONVERT, 0)]


def test_narrow_levels_travel_as_bytes_and_wide_ones_as_words():
    product = Product(0, Family.COLUMNS, np.array([1, -2]), 4)
    assert product.data_commands(PARAMETERS) == (bytes([3, 0, 2, 0, 0, 0, 0x01, 0xFE]),)
    wide = Parameters(rows=5, columns=4, level_bits=12)
    assert product.data_commands(wide) == (bytes([4, 0, 2, 0, 0, 0, 0x01, 0x00, 0xFE, 0xFF]),)


def test_firing_probabilities_travel_highest_line_first():
    assert update([1, 0x82], [3, 4, 0x85]).data_commands(PARAMETERS) == (
        bytes([3, 1, 2, 0, 0, 0, 0x82, 1]),
        bytes([3, 2, 3, 0, 0, 0, 0x85, 4, 3]),
    )


@pytest.mark.parametrize(
    ("rows", "columns", "passes"),
    [
        ([5, 0], [7, 0], [(0, 0)]),
        ([0x85, 0], [0x87], [(1, 1)]),
        ([5], [0x87], [(0, 1)]),
        ([0x85], [7], [(1, 0)]),
        ([5, 0x85], [7], [(0, 0), (1, 0)]),
        ([127], [1, 0x81], [(0, 0), (0, 1)]),
        ([255, 1], [0x81, 127], [(0, 0), (1, 1), (0, 1), (1, 0)]),
        ([0x80, 1], [1], [(0, 0)]),  # minus nothing is nothing
    ],
)
def test_only_sign_passes_that_could_fire_are_made(rows, columns, passes):
    made = [(op.a & 1, op.a >> 1) for op in update(rows, columns).program(PARAMETERS) if op.opcode is Opcode.COINCIDE]
    assert made == passes


@pytest.mark.parametrize(("rows", "columns"), [([0, 0x80], [5]), ([5], [0x80, 0]), ([0], [0])])
def test_an_update_that_could_not_fire_sends_nothing(device, session, rows, columns):
    device.frames.clear()
    operation = update(rows, columns)
    assert operation.program(PARAMETERS) == ()
    assert operation.dry_run(PARAMETERS).cycles == 0
    assert session.execute(operation) == [None]
    assert device.frames == []


def test_passes_that_raise_put_rows_above_columns_and_those_that_lower_below():
    program = update([5, 0x85], [7, 0x87]).program(PARAMETERS)
    levels = {}
    seen = []
    for op in program:
        if op.opcode is Opcode.LEVEL:
            assert op.b == 0xFFFF
            levels[op.a] = op.c - 2**32 if op.c >> 31 else op.c
        elif op.opcode is Opcode.COINCIDE:
            seen.append((op.a & 1 ^ op.a >> 1, levels[0], levels[1]))
            assert (op.b, op.c) == (10, 20 | 30 << 16)
    assert seen == [(0, 30, -31), (0, 30, -31), (1, -32, 33), (1, -32, 33)]


def test_an_update_takes_equal_time_at_every_geometry():
    cycles = set()
    for size in (4, 8, 16, 32):
        values = np.full(size, 5, np.uint8)
        operation = Update(0, values, values, 10, 5, 5, (30, -30), (-30, 30))
        cycles.add(operation.dry_run(Parameters(rows=size, columns=size)).cycles)
    assert len(cycles) == 1


def test_a_product_takes_equal_time_at_every_geometry_converters_apart():
    cycles = set()
    for size in (4, 8, 16, 32):
        run = Product(0, Family.COLUMNS, np.zeros(size, int), size).dry_run(Parameters(rows=size, columns=size))
        cycles.add(run.cycles - run.serial_cycles)
    assert len(cycles) == 1


def test_a_pulse_train_connects_one_row_and_one_column():
    train = PulseTrain(1, 3, 2, 500, (31, -31), 50, 300)
    assert [(op.opcode, op.a, op.b, op.c) for op in train.program(PARAMETERS)] == [
        (Opcode.TILE, 1, 0, 0),
        (Opcode.LEVEL, 0, 3, 31),
        (Opcode.LEVEL, 1, 2, 2**32 - 31),
        (Opcode.CONNECT, 0 | 2 << 1 | 1 << 3 | 1 << 5, 3, 0),
        (Opcode.CONNECT, 1 | 2 << 1 | 1 << 3 | 1 << 5, 2, 0),
        (Opcode.PULSE, 1, 500, 50 | (300 - 256) << 24),
        (Opcode.HALT, 0, 0, 0),
    ]
    run = train.dry_run(PARAMETERS)
    assert (run.row_pulses, run.column_pulses) == (500, 500)


def test_masks_travel_as_signs_up_to_the_highest_selected_line():
    pulses = MaskedPulses(0, np.array([0, 1, 0, 0, 0], bool), np.array([1, 0, 1, 0], bool), 8, (9, -9), 5, 5)
    assert pulses.data_commands(PARAMETERS) == (
        bytes([3, 1, 2, 0, 0, 0, 0x80, 0x00]),
        bytes([3, 2, 3, 0, 0, 0, 0x80, 0x00, 0x80]),
    )
    assert pulses.dry_run(PARAMETERS).row_pulses is None  # only the data know how many lines pulse


def test_a_read_drives_one_line_at_a_time():
    read = ReadLines(0, Family.ROWS, 1, 2, 60, averages=3)
    assert opcodes(read) == [
        Opcode.TILE, Opcode.CONNECT,
        Opcode.LEVEL, Opcode.CONNECT, Opcode.LOOP, Opcode.CONVERT, Opcode.NEXT,
        Opcode.LEVEL, Opcode.CONNECT, Opcode.LOOP, Opcode.CONVERT, Opcode.NEXT,
        Opcode.HALT,
    ]  # fmt: skip
    driven = [op.b for op in read.program(PARAMETERS) if op.opcode is Opcode.CONNECT and op.a & 1 == 0]
    assert driven == [1, 2]


@pytest.mark.parametrize(("averages", "reads"), [(1, 1), (11, 1), (12, 2), (13, 2), (55, 5), (56, 10), (500, 50)])
def test_reads_are_split_by_what_a_reply_holds(averages, reads):
    # A reply of 1008 bytes holds a DONE record of 10 and 55 conversions of 10 + 4 * 2.
    plan = list(
        read_plan(
            0, range(5), PARAMETERS, code=1, averages=averages, range_index=0, settle_cycles=1, integrate_cycles=1
        )
    )
    assert len(plan) == reads
    for row in range(5):
        assert sum(read.averages for read in plan if read.first <= row < read.first + read.count) == averages
