"""Counted pulses with signs for the cells of one line, all of them at once: what learning rules end in.

Each cell has a word, and gets as many pulses as a unit fits into it, towards zero: up for a positive word, down for a negative one. The
count is given in binary digits, the largest first. THRESHOLD takes a digit with its sign out of every word, and leaves the rest there; the
cells whose digit is 1, and then those whose digit is -1, get that power of two in pulses, at the same time. So a line takes at most twice
the pulses of its neediest cell, however many cells it has, and a digit that no cell has costs no pulse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop.fabric.assembly import Assembly, Label
from crossloop.gaps import check_gap
from crossloop.limits import LimitCodes
from crossloop.operation import other
from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as m
from crossloop.protocol.arithmetic import WORD_MAX, Condition, Elementwise, Function
from crossloop.protocol.converters import Clock, Levels
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, Selection
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family

DIGITS_MAX = 15
"""Most binary digits of a count: words have no more."""
_BELOW_SIGN = 127
"""Added to a digit, it sets the sign bit of its byte for 1 alone; -1 has it as it is."""


@dataclass(frozen=True, kw_only=True)
class LinePulses:
    """How the cells of a line are pulsed, in codes and taps."""

    line: Family
    """Family of the line; its cells lie along the other one."""
    values: int
    """Words of a line: its cells 0, 1, ..., or pairs of cells with `pair`."""
    up: tuple[int, int]
    """Level codes (rows, columns) of the pulses that raise the conductance."""
    down: tuple[int, int]
    """Level codes of those that lower it."""
    width_taps: int
    """Pulse width in taps."""
    gap_taps: int
    """Time after each pulse in taps."""
    unit: int = 1
    """What a pulse takes out of a word."""
    digits: int = 1
    """Binary digits of a count: a cell gets at most 2**digits - 1 pulses, what is more stays in its word."""
    pair: bool = False
    """Value k acts on cell 2k, and with the opposite sign on cell 2k + 1."""

    @property
    def cells(self) -> int:
        """Cells of a line that can be pulsed."""
        return 2 * self.values if self.pair else self.values

    @property
    def scratch_words(self) -> int:
        """Vector words that the pulses need beside the values."""
        return 4 * self.cells + (self.values if self.pair else 0)

    def prepare(self, code: Assembly, scratch: int) -> None:
        """Fill the constants of the scratch words; once, before any line."""
        for sign, place in ((1, self._ones(scratch)), (-1, self._minus(scratch))):
            code.set("constant", sign)
            code.add(ar.vector(Elementwise.FILL, self.cells, 0, place, register=code.register("constant")))

    def give(self, code: Assembly, scratch: int, words: int, *, line: str, offset: str | None = None) -> None:
        """Append the pulses for one line.

        Parameters
        ----------
        code : Assembly
            Where to; the tile must be selected.
        scratch : int
            Address of `scratch_words` vector words.
        words : int
            Address of the line's values; what is left of them stays there.
        line : str
            Register that holds the line's number.
        offset : str, optional
            Register to be added to the address.
        """
        code.indexed(m.connect(self.line, LineState.DRIVE, selection=Selection.ONE), b=line)
        for digit in reversed(range(self.digits)):
            self._take_digit(code, scratch, words, offset, digit)
            self._pulse(code, scratch, line, digit, 1)
            self._pulse(code, scratch, line, digit, -1)

    def decisions(self, counts: NDArray[np.int64]) -> list[bool]:
        """Return which branches of `give` are taken for known counts of one line, shape (values,), in the program's order."""
        left, taken = counts.copy(), []
        for digit in reversed(range(self.digits)):
            signs = np.where(np.abs(left) >= 1 << digit, np.sign(left), 0)
            left -= signs << digit
            both = self.pair and signs.any()
            taken += [not (both or (signs > 0).any()), not (both or (signs < 0).any())]
        return taken

    def check(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse what the device would refuse in the middle of its work; raises RangeError."""
        levels, clock = Levels.of(parameters), Clock.of(parameters)
        available = parameters.lines(other(self.line))
        for name, value, high in (
            ("cells of a line", self.cells, available), ("digits of a count", self.digits, DIGITS_MAX),
            ("unit of the largest digit", self.unit << max(self.digits - 1, 0), WORD_MAX), ("gap_taps", self.gap_taps, m.GAP_MAX),
        ):  # fmt: skip
            if not 1 <= value <= high:
                raise RangeError(f"{name} must be from 1 to {high}, not {value}; nothing was pulsed")
        for code in (*self.up, *self.down):
            limits.check_level(code, levels, "level of a pulse")
        limits.check_width(self.width_taps, clock, "pulse width")
        check_gap(self.gap_taps, parameters)
        limits.check_train(self.width_taps, self.gap_taps, clock)

    def _signs(self, scratch: int) -> int:
        """Address of one digit with its sign, for every cell."""
        return scratch

    def _mask(self, scratch: int) -> int:
        return scratch + self.cells

    def _ones(self, scratch: int) -> int:
        return scratch + 2 * self.cells

    def _minus(self, scratch: int) -> int:
        return scratch + 3 * self.cells

    def _take_digit(self, code: Assembly, scratch: int, words: int, offset: str | None, digit: int) -> None:
        """Take a digit out of every word."""
        signs = self._signs(scratch)
        found = scratch + 4 * self.cells if self.pair else signs
        code.set("constant", self.unit << digit)
        taking = ar.vector(Elementwise.THRESHOLD, self.values, words, found, register=code.register("constant"))
        if offset is None:
            code.add(taking)
        else:
            code.indexed(taking, c=offset)
        if self.pair:
            in_pairs(code, found, signs, self.values)

    def _pulse(self, code: Assembly, scratch: int, line: str, digit: int, sign: int) -> None:
        """Pulse the cells whose digit has that sign, if there are any."""
        none, cells, signs = Label(), other(self.line), self._signs(scratch)
        # The largest distance of the digits from the opposite sign is 2 if one of them has the sign itself.
        code.add(ar.point(self._minus(scratch) if sign > 0 else self._ones(scratch)))
        code.add(ar.vector(Elementwise.DISTANCE, self.cells, signs, register=code.register("found")))
        code.branch(none, Condition.LESS, "found", 2)
        selecting = signs
        if sign > 0:
            selecting = self._mask(scratch)
            code.set("constant", _BELOW_SIGN)
            code.add(ar.vector(Elementwise.ADD, self.cells, signs, selecting, register=code.register("constant")))
        code.add(ar.streams(cells, self.cells, selecting))
        levels = self.up if sign > 0 else self.down
        code.indexed(m.level(self.line, 0, levels[self.line]), b=line)
        code.add(
            m.level(cells, ALL_LINES, levels[cells]),
            m.connect(cells, LineState.DRIVE, selection=Selection.SIGNED),
            m.pulse(1 << digit, self.width_taps, self.gap_taps),
        )
        code.here(none)


def in_pairs(code: Assembly, source: int, destination: int, count: int, *, flip: int | None = None) -> None:
    """Append a loop that puts each of `count` words twice, the second time with the opposite sign.

    The opposite is the negative number, or with `flip` the exclusive or with it: of bytes of a stream bank, 128.
    """
    code.set("from", source)
    code.set("to", destination)
    code.set("zero", 0)
    code.add(m.loop(count))
    code.load("value", 0, "from")
    code.store("value", 0, "to")
    if flip is None:
        code.compute("value", Function.SUBTRACT, "zero", "value")
    else:
        code.compute("value", Function.XOR, "value", flip)
    code.store("value", 1, "to")
    code.increase("from")
    code.increase("to", 2)
    code.add(m.next_())
