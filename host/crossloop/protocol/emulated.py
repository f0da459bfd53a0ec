"""The `emulated` front end: a fixed-point array inside the FPGA; its cells, its noise, its law and the time that it takes.

Gateware and integer model share these numbers and the tables made of them; docs/emulated.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import GAP_MAX
from crossloop.protocol.parameters import RANGES, GateLines, Parameters

STATE_BITS = 16
"""A cell's conductance in steps of its range, without a sign."""
STATE_MIDDLE = 1 << (STATE_BITS - 1)
"""State of a cell that works, after configuration of the FPGA."""
RATE_BITS = 4
"""How fast a cell moves to a bound; 0 in both directions: the cell is stuck."""
BOUND_BITS = 3
"""Bits of a bound's code k: the upper bound is 2**12 (9 + k) - 1, the lower one 2**12 (7 - k)."""
BOUND_SHIFT = STATE_BITS - BOUND_BITS - 1

DRAW_BITS = 15
"""A draw is the number of ones among so many fresh bits of the generator: mean 7.5, standard deviation 1.94."""
WIDTH_MAX = 255
"""Cycles of a pulse that act; the rest of a longer one does nothing."""
CUT_SHIFT = 8
"""distance to the bound * rate * draw is cut by so many bits ..."""
STEP_SHIFT = 18
"""... and that times the width in cycles is rounded to a multiple of 2**(STEP_SHIFT - CUT_SHIFT), which is the cell's step."""

READ_BACK_RANGE = RANGES - 1
"""Converter range that answers bytes of the exact sum instead of a rounded and noisy code."""
RANGE_SHIFT = 2
"""Each range multiplies by 2**RANGE_SHIFT what the one before it multiplies by."""
FULL_CELLS = 4
"""The widest range's full scale: so many cells at their highest conductance and a full level."""
SAMPLE_BITS_MIN = 9
"""Read-back answers bytes, which need a sign beside them."""

NOISE_BITS = 40
"""Bits of the noise generator."""
NOISE_STEP = 16
"""Fresh bits per draw."""
NOISE_SHIFTS = (24, 22, 5, 3)
"""The fresh bits of a state s are the low ones of s >> 24 ^ s >> 22 ^ s >> 5 ^ s >> 3, and push the oldest ones out: sixteen steps of the
register whose next bit is the XOR of those 40, 38, 21 and 19 steps ago. Its period is 2**40 - 1. Source of the taps: Xilinx XAPP052."""

CONVERTER_NOISE_CODES: float = DRAW_BITS**0.5 / 8
"""Standard deviation of a converter code: a draw has the deviation sqrt(DRAW_BITS) / 2 and counts in quarters of a code."""

STUCK_ONE_IN = 128
"""One cell in so many is stuck, half of them at each bound."""

FRONT_END_FIELDS = frozenset({
    "level_write_cycles", "level_settle_cycles", "switch_settle_cycles", "route_cycles", "conversion_cycles", "line_cycles",
    "gap_min_cycles",
})  # fmt: skip
"""Build parameters that the array decides."""

_WORD = (1 << 32) - 1
_FRACTION = 18


@dataclass(frozen=True)
class Cell:
    """One cell as it is built in."""

    rate_up: int
    """How fast it moves to its upper bound, 2 to 14; 0 if stuck."""
    rate_down: int
    """How fast it moves to its lower bound, 1 to 15; 0 if stuck."""
    upper: int
    """Code of the upper bound, 0 to 7."""
    lower: int
    """Code of the lower bound, 0 to 7."""
    start: int
    """State after configuration."""

    @property
    def word(self) -> int:
        """The cell in the table: rate_up bits 3..0, rate_down bits 7..4, upper bits 10..8, lower bits 13..11."""
        return self.rate_up | self.rate_down << 4 | self.upper << 8 | self.lower << 11

    @property
    def upper_bound(self) -> int:
        """Highest state."""
        return ((1 << BOUND_BITS) + 1 + self.upper << BOUND_SHIFT) - 1

    @property
    def lower_bound(self) -> int:
        """Lowest state."""
        return (1 << BOUND_BITS) - 1 - self.lower << BOUND_SHIFT


def mixed(value: int) -> int:
    """Return a 32-bit integer hash. Source: C. Wellons, "Prospecting for Hash Functions" (2018), the function `lowbias32`."""
    value &= _WORD
    value = (value ^ value >> 16) * 0x7FEB352D & _WORD
    value = (value ^ value >> 15) * 0x846CA68B & _WORD
    return value ^ value >> 16


def cell(seed: int, number: int) -> Cell:
    """Return a cell of the table.

    Two hashes make it. rate_up is 2 plus four numbers of two bits (mean 8, standard deviation 2.24); rate_down differs from it by -1, 0, 0
    or 1; a bound's code is the number of ones among seven bits (mean 3.5, standard deviation 1.32).
    """
    first = mixed(mixed(seed) + 2 * number)
    second = mixed(mixed(seed) + 2 * number + 1)
    rate_up = 2 + sum(first >> shift & 3 for shift in (0, 2, 4, 6))
    rate_down = rate_up + (-1, 0, 0, 1)[first >> 8 & 3]
    upper, lower = (first >> 16 & 0x7F).bit_count(), (first >> 24 & 0x7F).bit_count()
    found = Cell(rate_up, rate_down, upper, lower, STATE_MIDDLE)
    if second % STUCK_ONE_IN:
        return found
    return replace(found, rate_up=0, rate_down=0, start=found.upper_bound if second >> 16 & 1 else found.lower_bound)


def cells(parameters: Parameters) -> Iterator[Cell]:
    """Yield all cells, tile by tile and row by row: number (tile * rows + row) * columns + column."""
    for number in range(parameters.tiles * parameters.rows * parameters.columns):
        yield cell(parameters.array_seed, number)


def noise_start(seed: int) -> int:
    """Return the first state of the noise generator; never 0."""
    return mixed(seed ^ 0x9E3779B9) << 8 | 0xA5


def noise_step(state: int) -> int:
    """Return the generator's state after one draw; the draw counts the ones of its low `DRAW_BITS` bits."""
    fresh = 0
    for shift in NOISE_SHIFTS:
        fresh ^= state >> shift
    return (state << NOISE_STEP | fresh & (1 << NOISE_STEP) - 1) & (1 << NOISE_BITS) - 1


def drawn(state: int) -> int:
    """Return the draw that a state of the generator is."""
    return (state & (1 << DRAW_BITS) - 1).bit_count()


def moved(cell: Cell, state: int, draw: int, width_cycles: int, *, up: bool) -> int:
    """Return a cell's state after a pulse.

    Parameters
    ----------
    cell : Cell
        Which.
    state : int
        Its state before.
    draw : int
        The draw of the noise generator that belongs to the pulse, 0 to `DRAW_BITS`.
    width_cycles : int
        Width of the pulse.
    up : bool
        To the upper bound, or to the lower one.
    """
    distance, rate = (cell.upper_bound - state, cell.rate_up) if up else (state - cell.lower_bound, cell.rate_down)
    cut = distance * rate * draw >> CUT_SHIFT
    shift = STEP_SHIFT - CUT_SHIFT
    step = cut * min(width_cycles, WIDTH_MAX) + (1 << shift - 1) >> shift
    return state + step if up else state - step


def threshold_code(parameters: Parameters) -> int:
    """Return the difference of levels that a pulse must exceed to change a cell: no single line can reach it."""
    return 1 << (parameters.level_bits - 1)


def fraction_bits(parameters: Parameters) -> int:
    """Return how many low bits of a sum lie below a code of the widest range."""
    return _FRACTION + parameters.level_bits - parameters.sample_bits


def mean_step(width_cycles: int) -> float:
    """Return the mean fraction of the distance to a bound that a pulse moves a cell; rates have the mean 8, draws half of `DRAW_BITS`."""
    return 8 * DRAW_BITS / 2 * width_cycles / (1 << STEP_SHIFT)


def half_range() -> float:
    """Return the mean distance of a cell's middle to its bounds in states: bounds' codes have the mean 3.5."""
    return (1 << BOUND_SHIFT) * (1 + 3.5)


def sum_bits(parameters: Parameters) -> int:
    """Return the width of the sum of products, with its sign: two lines of a pair, or the converter's limits with the noise on top."""
    lines = max(parameters.rows, parameters.columns)
    return STATE_BITS + 1 + parameters.level_bits + max((lines - 1).bit_length(), 2)


def state_step_s(parameters: Parameters) -> float:
    """Return the conductance of a state of 1 in siemens."""
    full_scale_a = parameters.range_full_scale_pa[0] * 1e-12
    return full_scale_a / (FULL_CELLS * parameters.level_full_scale_uv * 1e-6 * (1 << STATE_BITS))


ROW_CYCLES = 2
"""Walking over fired cells: cycles of a row."""
CELL_CYCLES = 11
"""Walking over fired cells: cycles of a cell that moves; others take fewer."""
WALK_EXTRA = 4
"""Around the walk."""
PRODUCT_EXTRA = 12
"""Cycles of a channel around its sum: range, noise, hand-over."""


def emulated_parameters(parameters: Parameters) -> Parameters:
    """Return a build with the `emulated` front end and the cycles that the array needs.

    Parameters
    ----------
    parameters : Parameters
        Geometry, clock and codes; what it says of the front end is replaced.

    Raises
    ------
    RangeError
        If the array cannot be built.
    """
    lines = max(parameters.rows, parameters.columns)
    gap = parameters.rows * (ROW_CYCLES + CELL_CYCLES * parameters.columns) + WALK_EXTRA
    line_cycles = parameters.level_bits * lines + PRODUCT_EXTRA
    if parameters.gate_lines != GateLines.NONE:
        raise RangeError("the emulated front end has no gate lines; leave gate_lines at 0 or choose another front end")
    if parameters.gate_taps != 1:
        raise RangeError(
            f"the emulated front end counts pulses in whole cycles; leave gate_taps at 1, not {parameters.gate_taps}, or choose another "
            "front end"
        )
    if parameters.sample_bits < SAMPLE_BITS_MIN:
        raise RangeError(
            f"sample_bits of {parameters.sample_bits} is too small for the emulated front end; choose {SAMPLE_BITS_MIN} or more"
        )
    if gap > GAP_MAX:
        raise RangeError(
            f"an emulated array of {parameters.rows} by {parameters.columns} cells takes up to {gap} cycles after a pulse, and a gap has "
            f"at most {GAP_MAX}; use fewer lines"
        )
    scales = parameters.range_full_scale_pa
    if any(scale << RANGE_SHIFT * index != scales[0] for index, scale in enumerate(scales)):
        raise RangeError(
            f"range_full_scale_pa must fall by {1 << RANGE_SHIFT} from range to range for the emulated front end, not {scales!r}"
        )
    return replace(
        parameters, frontend="emulated", level_write_cycles=1, level_settle_cycles=(1 << (max(lines, 2) - 1).bit_length()) + 2,
        switch_settle_cycles=0, route_cycles=0, conversion_cycles=0, line_cycles=line_cycles, gap_min_cycles=gap,
    )  # fmt: skip
