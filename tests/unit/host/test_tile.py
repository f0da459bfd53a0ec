"""A tile speaks volts, siemens, amperes and seconds; what has no exact code is refused with its neighbours."""

import numpy as np
import pytest

from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.microops import Opcode

STEP_A = 200e-9 / 256  # the widest range: 200 nA full scale, 9 bits
TOP_V = 63 * 0.5 / 64  # the highest level: 7 bits, 0.5 V full scale


@pytest.fixture
def tile(session):
    return session.tile(1)


def test_conductance_is_current_over_voltage(device, tile):
    device.answer = lambda channels: 10 * (1 + np.arange(channels))
    assert tile.read_all().shape == (5, 4)
    assert tile.read_all(v_read_v=0.25)[2] == pytest.approx(np.array([10, 20, 30, 40]) * STEP_A / 0.25)
    assert tile.read_row(2)[3] == pytest.approx(40 * STEP_A / TOP_V)
    assert tile.read_cell(4, 1, v_read_v=-0.25) == pytest.approx(20 * STEP_A / -0.25)


def test_averages_leave_saturated_conversions_out(device, tile):
    answers = iter([[0x80FF, 10, 7, 0x80FF], [20, 30, 7, 0x80FF]])
    device.answer = lambda _channels: next(answers)
    row = tile.read_row(0, averages=2, v_read_v=0.25) * 0.25 / STEP_A
    assert row[:3] == pytest.approx([20, 20, 7])
    assert np.isnan(row[3])


def test_a_product_is_in_amperes_of_its_range(device, tile):
    device.answer = lambda channels: np.full(channels, 0x7FF6)  # -10
    assert tile.multiply(np.zeros(5), range_index=1) == pytest.approx(np.full(4, -10 * 50e-9 / 256))
    assert tile.multiply(np.zeros(5), pair=True).shape == (2,)
    assert tile.multiply_transposed(np.zeros(4)).shape == (5,)


def test_pairs_are_driven_with_opposite_voltages(device, tile):
    device.log.clear()
    tile.multiply_transposed([0.25, -0.0625], pair=True)
    assert [value for what, value in device.log if what == "levels"] == [(1, [32, -32, -8, 8])]


def test_volts_without_a_code_are_rounded_only_on_request(device, tile):
    values = np.full(5, 0.0050)  # 0.64 steps
    with pytest.raises(
        RangeError, match=r"v_row_v\[0\] of 0.005 V is not a multiple.*nearest are 0 and 0.0078125 V.*quantise"
    ):
        tile.multiply(values)
    device.log.clear()
    tile.multiply(values, quantise="nearest")
    tile.multiply(values, quantise="toward_zero")
    assert [value[1] for what, value in device.log if what == "levels"] == [[1] * 5, [0] * 5]


def test_an_update_has_signs_and_pairs(device, tile):
    tile.update([0.5, -0.25, 0, 0, 127 / 128], [0.125, -1 / 128], pair=True, slots=5)
    banks = dict(value for what, value in device.log if what == "bank")
    assert banks[1] == bytes([127, 0, 0, 0x80 | 32, 64])
    assert banks[2] == bytes([1, 0x80 | 1, 0x80 | 16, 16])


def test_probabilities_without_a_code_are_rounded_only_on_request(device, tile):
    with pytest.raises(
        RangeError, match=r"x\[1\] of 0.3 is not a multiple of 1/128.*0.296875 and 0.3046875; quantise="
    ):
        tile.update([0, 0.3, 0, 0, 0], np.zeros(4))
    with pytest.raises(
        RangeError, match=r"delta\[0\] of 1 is not a multiple of 1/128 up to 127/128.*magnitudes are 0.9921875"
    ):
        tile.update(np.zeros(5), [1.0, 0, 0, 0])
    tile.update([0, 0.3, -0.3, 0, 0], [1.0, -1.0, 0, 0], quantise="toward_zero")
    banks = dict(value for what, value in device.log if what == "bank")
    assert banks[1] == bytes([0, 0, 0x80 | 38, 38, 0])
    assert banks[2] == bytes([0, 0, 255, 127])


def test_a_write_voltage_is_split_over_row_and_column(device, tile):
    tile.pulse(2, 3, 7, v_write_v=0.5)
    tile.pulse(2, 3, 7, polarity=-1)
    signed = [[c - 2**32 if c >> 31 else c for op, _, _, c in run if op == Opcode.LEVEL] for run in device.runs()]
    assert signed == [[32, -32], [-63, 63]]


def test_pulse_counts_give_every_cell_its_number_in_few_requests(device, tile):
    counts = np.array([[0, 0, 0, 0], [1, 2, 3, -5], [0, 0, 0, 0], [-600, 0, 600, 1], [7, 7, 7, 7]])
    device.frames.clear()
    tile.pulse_counts(counts)
    given = np.zeros((5, 4), int)
    masks = {1: b"", 2: b""}
    for what, value in device.log:
        if what == "bank":
            masks[value[0]] = value[1][::-1]
        elif what == "run":
            pulse = next(op for op in value if op[0] == Opcode.PULSE)
            row_level = next(op[3] for op in value if op[0] == Opcode.LEVEL and op[1] == 0)
            for row, row_byte in enumerate(masks[1]):
                for column, column_byte in enumerate(masks[2]):
                    if row_byte & column_byte & 0x80:
                        given[row, column] += pulse[2] * (-1 if row_level >> 31 else 1)
    assert given.tolist() == counts.tolist()
    assert len(device.frames) <= 3


def test_programming_reads_and_pulses_towards_the_target(device, tile):
    device.answer = lambda channels: np.full(channels, 32)  # 32 steps at 0.25 V
    found = 32 * STEP_A / 0.25
    target = np.full((5, 4), found)
    target[0, 0] += 10e-9
    target[3, 2] -= 4e-9
    done = tile.program(target, step_s=1e-9, v_read_v=0.25)
    assert done.pulses[0, 0] == 10
    assert done.pulses[3, 2] == -4
    assert np.count_nonzero(done.pulses) == 2
    assert done.error_s[0, 0] == pytest.approx(-10e-9)


def nan_at(shape, index):
    values = np.zeros(shape)
    values[index] = np.nan
    return values


REFUSED = {
    "read voltage outside": (
        lambda t: t.read_all(v_read_v=0.6),
        RangeError,
        "v_read_v of 0.6 V is outside -0.5 to 0.492188 V",
    ),
    "read voltage without a code": (
        lambda t: t.read_row(0, v_read_v=0.1),
        RangeError,
        "nearest are 0.09375 and 0.1015625 V",
    ),
    "read voltage NaN": (
        lambda t: t.read_cell(0, 0, v_read_v=float("nan")),
        RangeError,
        "must be a finite number of V, not nan",
    ),
    "read voltage zero": (lambda t: t.read_all(v_read_v=0.0), RangeError, "must not be 0 V"),
    "row outside": (lambda t: t.read_row(5), RangeError, "row must be an integer from 0 to 4, not 5"),
    "row as float": (lambda t: t.read_row(1.0), RangeError, "row must be an integer from 0 to 4, not 1.0"),
    "column outside": (lambda t: t.read_cell(0, 4), RangeError, "column must be an integer from 0 to 3, not 4"),
    "no averages": (lambda t: t.read_all(averages=0), RangeError, "averages"),
    "range outside": (lambda t: t.read_all(range_index=4), RangeError, "range must be an integer from 0 to 3"),
    "settling between cycles": (
        lambda t: t.read_all(settle_s=1.01e-6),
        RangeError,
        "settle_s of 1.01e-06 s is not a multiple",
    ),
    "reading over the cap": (lambda t: t.read_all(integrate_s=100e-6), RangeError, "longer than the cap of 0.0001 s"),
    "voltages of wrong shape": (
        lambda t: t.multiply(np.zeros(4)),
        ShapeError,
        r"v_row_v must have shape \(5,\), not \(4,\)",
    ),
    "voltages NaN": (lambda t: t.multiply(nan_at(5, 3)), RangeError, r"v_row_v\[3\] is nan"),
    "voltages infinite": (lambda t: t.multiply([0, np.inf, 0, 0, 0]), RangeError, r"v_row_v\[1\] is inf"),
    "voltages complex": (lambda t: t.multiply(np.zeros(5, complex)), RangeError, "real numbers in V, not complex128"),
    "voltages as text": (lambda t: t.multiply(["a"] * 5), RangeError, "real numbers in V"),
    "voltage outside": (
        lambda t: t.multiply([0, 0, 2, 0, 0], quantise="nearest"),
        RangeError,
        r"v_row_v\[2\] of 2 V is outside",
    ),
    "unknown rounding": (
        lambda t: t.multiply(np.zeros(5), quantise="up"),
        RangeError,
        "quantise must be None, 'nearest'",
    ),
    "pairs of wrong shape": (
        lambda t: t.multiply_transposed(np.zeros(4), pair=True),
        ShapeError,
        r"shape \(2,\), not \(4,\)",
    ),
    "no pulses": (lambda t: t.pulse(0, 0, 0), RangeError, "pulse count"),
    "polarity zero": (lambda t: t.pulse(0, 0, 1, polarity=0), RangeError, "polarity must be 1 .* or -1"),
    "write voltage odd": (
        lambda t: t.pulse(0, 0, 1, v_write_v=0.0078125),
        RangeError,
        "half of v_write_v of 0.00390625 V is not",
    ),
    "write voltage outside": (
        lambda t: t.pulse(0, 0, 1, v_write_v=1.5),
        RangeError,
        "half of v_write_v of 0.75 V is outside",
    ),
    "write voltage negative": (lambda t: t.pulse(0, 0, 1, v_write_v=-0.5), RangeError, "must be above 0 V"),
    "width over the cap": (
        lambda t: t.pulse(0, 0, 1, width_s=101e-6),
        RangeError,
        "width_s of 0.000101 s is longer than the cap",
    ),
    "gap zero": (lambda t: t.pulse(0, 0, 1, gap_s=0.0), RangeError, "gap_s of 0 s is outside"),
    "counts as floats": (
        lambda t: t.pulse_counts(np.zeros((5, 4))),
        RangeError,
        "counts must be integers, not float64",
    ),
    "counts of wrong shape": (lambda t: t.pulse_counts(np.zeros((4, 5), int)), ShapeError, r"\(5, 4\), not \(4, 5\)"),
    "counts too large": (lambda t: t.pulse_counts(np.full((5, 4), 70000)), RangeError, "not 70000"),
    "target negative": (lambda t: t.program(np.full((5, 4), -1e-9), step_s=1e-9), RangeError, "must not be negative"),
    "step zero": (
        lambda t: t.program(np.zeros((5, 4)), step_s=0.0),
        RangeError,
        "step_s must be a finite conductance above 0",
    ),
    "no rounds": (
        lambda t: t.program(np.zeros((5, 4)), step_s=1e-9, rounds=0),
        RangeError,
        "rounds must be at least 1",
    ),
    "probability above one": (
        lambda t: t.update(np.full(5, 1.5), np.zeros(4)),
        RangeError,
        r"x\[0\] of 1.5 is outside -1 to 1",
    ),
    "probability NaN": (lambda t: t.update(np.zeros(5), nan_at(4, 1)), RangeError, r"delta\[1\] is nan"),
    "probabilities of wrong shape": (
        lambda t: t.update(np.zeros(4), np.zeros(4)),
        ShapeError,
        r"x must have shape \(5,\)",
    ),
    "no slots": (
        lambda t: t.update(np.full(5, 0.5), np.full(4, 0.5), slots=0),
        RangeError,
        "slots must be an integer from 1",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_nothing_is_sent_and_the_session_goes_on(device, tile, name):
    call, error, message = REFUSED[name]
    device.frames.clear()
    with pytest.raises(error, match=message):
        call(tile)
    assert device.frames == []
    assert tile.read_all().shape == (5, 4)


def test_a_tile_that_does_not_exist_is_refused(session):
    with pytest.raises(RangeError, match="tile must be an integer from 0 to 1, not 2"):
        session.tile(2)


def test_a_saturated_cell_is_not_programmed_blindly(device, tile):
    device.answer = lambda _channels: [1, 2, 0x80FF, 3]
    with pytest.raises(RangeError, match=r"reading of cell \(0, 2\) is saturated; choose a wider range"):
        tile.program(np.zeros((5, 4)), step_s=1e-9)
