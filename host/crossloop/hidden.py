"""Transfer from a fast to a slow array in volts, siemens and seconds; what runs in the device is in `crossloop.fabric.hidden`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.dry_run import DryRun
from crossloop.fabric.hidden import HiddenPlaces, HiddenRule, HiddenTransfer
from crossloop.fabric.line_pulses import LinePulses
from crossloop.operation import other
from crossloop.protocol.arithmetic import WORD_MAX
from crossloop.protocol.errors import RangeError
from crossloop.protocol.streams import Family
from crossloop.quantise import finite_array
from crossloop.sensing import INTEGRATE_S, SETTLE_S
from crossloop.tile import WIDTH_S, Tile


class HiddenAccumulators:
    """Digital accumulators between a fast and a slow array of one device; they live in its vector memory, at the end.

    Making one writes accumulators of 0 there. Products, updates and pulses leave them alone; so do other programs of the fabric whose
    data do not reach so far.

    Parameters
    ----------
    fast, slow : Tile
        The array that is updated all the time, and the one that learns from it.
    granularity_s : float
        What a pulse on the slow array takes out of an accumulator, in siemens of the fast array.
    v_read_v : float
        Voltage of the line that is read.
    lines : Family
        ROWS: rows of the fast array are read and rows of the slow one pulsed; COLUMNS: columns.
    count : int, optional
        How many lines, 0, 1, ...; all by default.
    gain : int
        What a converter code counts in an accumulator, for a finer granularity.
    averages : int
        Conversions summed for a reading.
    reference_s : array_like, optional
        What to subtract from readings in siemens, shape (count, values).
    running : int
        References move by 1 / 2**running of the way to each reading (AGAD); 0: they stay.
    chop_every : int
        Transfers of a line after which its chopper flips; 0: never.
    pair : bool
        Value k is column 2k minus column 2k + 1, and its pulses act on both with opposite signs.
    v_write_v, width_s, gap_s
        As in `Tile.pulse`.
    range_index, settle_s, integrate_s
        As in `Tile.read_all`.

    Raises
    ------
    RangeError, ShapeError
        If the device cannot do it; nothing was sent.
    """

    def __init__(
        self,
        fast: Tile,
        slow: Tile,
        *,
        granularity_s: float,
        v_read_v: float,
        lines: Family = Family.ROWS,
        count: int | None = None,
        gain: int = 1,
        averages: int = 1,
        reference_s: ArrayLike | None = None,
        running: int = 0,
        chop_every: int = 0,
        pair: bool = False,
        v_write_v: float | None = None,
        width_s: float = WIDTH_S,
        gap_s: float | None = None,
        range_index: int = 0,
        settle_s: float = SETTLE_S,
        integrate_s: float = INTEGRATE_S,
    ) -> None:
        self.session = session = fast.session
        self.fast, self.slow = fast, slow
        parameters, clock = session.parameters, session.clock
        self._per_siemens = averages * v_read_v / session.samples.steps_a[range_index]
        unit = round(granularity_s * self._per_siemens * gain)
        if not 1 <= unit <= WORD_MAX:
            one = 1 / (self._per_siemens * gain)
            raise RangeError(
                f"granularity_s must be from {one:.6g} to {WORD_MAX * one:.6g} S in this range, not {granularity_s:.6g} S; "
                "choose another range, gain or number of averages, nothing was sent"
            )
        up, down = slow.write_levels(v_write_v)
        width, gap = slow.pulse_taps(width_s, gap_s)
        values = parameters.lines(other(lines)) // (2 if pair else 1)
        self.rule = HiddenRule(
            pulses=LinePulses(
                line=lines, values=values, up=up, down=down, width_taps=width, gap_taps=gap, unit=unit, pair=pair
            ),
            lines=parameters.lines(lines) if count is None else count,
            read_code=session.levels.code(v_read_v, "v_read_v"),
            averages=averages, gain=gain, reference=reference_s is not None or running > 0, running=running, chop_every=chop_every,
            range_index=range_index, settle_cycles=clock.cycles(settle_s, "settle_s", 0xFFFF),
            integrate_cycles=clock.cycles(integrate_s, "integrate_s", 0xFFFF),
        )  # fmt: skip
        self._operation(1).check_data(parameters, session.limit_codes)
        shape = (self.rule.lines, values)
        reference = np.zeros(shape) if reference_s is None else finite_array("reference_s", reference_s, shape, "S")
        self._places = HiddenPlaces(self.rule, parameters.vector_words)
        session.write_words(self._places.cursor, self._first_words(np.rint(reference * self._per_siemens)))

    @property
    def granularity_s(self) -> float:
        """What a pulse takes out of an accumulator, in siemens: the multiple of the accumulators' unit that is nearest to the wish."""
        return self.rule.pulses.unit / (self._per_siemens * self.rule.gain)

    def transfer(self, count: int = 1) -> None:
        """Hand on the next `count` lines, one after the other, in one command; after the last line comes the first again."""
        self.session.execute(self._operation(count))

    def dry_run(self, count: int = 1) -> DryRun:
        """Return the most that `transfer` can take; how many pulses there are depends on the readings."""
        return self.session.dry_run(self._operation(count))

    def choppers(self) -> NDArray[np.int64]:
        """Return the sign of every line, 1 or -1, shape (lines,): updates of the fast array are to be multiplied by it."""
        return np.sign(self._words(self._places.factors, self.rule.lines))

    def hidden(self) -> NDArray[np.int64]:
        """Return the accumulators, shape (lines, values); `granularity_s` is `rule.pulses.unit` of them."""
        values = self.rule.pulses.values
        return self._words(self._places.hidden, self.rule.lines * values).reshape(-1, values)

    def reference(self) -> NDArray[np.float64]:
        """Return the references in siemens, shape (lines, values); all 0 without any."""
        lines, values = self.rule.lines, self.rule.pulses.values
        if not self.rule.reference:
            return np.zeros((lines, values))
        return self._words(self._places.reference, lines * values).reshape(-1, values) / self._per_siemens

    def _operation(self, count: int) -> HiddenTransfer:
        return HiddenTransfer(self.rule, self.fast.index, self.slow.index, count)

    def _words(self, first: int, count: int) -> NDArray[np.int64]:
        return self.session.read_words(first, count).astype(np.int64)

    def _first_words(self, reference: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return what lasts from one transfer to the next as it is at the start, shape (lasting_words,)."""
        places, rule = self._places, self.rule
        words = np.zeros(places.lasting_words, np.int64)
        if rule.reference:
            if np.abs(reference).max() > WORD_MAX:
                raise RangeError(
                    f"reference_s must be within {WORD_MAX / self._per_siemens:.6g} S in this range; choose a wider one, nothing was sent"
                )
            begin = places.reference - places.cursor
            words[begin : begin + reference.size] = reference.ravel()
        begin = places.factors - places.cursor
        words[begin : begin + rule.lines] = rule.gain
        return words
