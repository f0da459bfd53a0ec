"""Programs of one's own, in volts and seconds: levels, line states, pulses, loops, conversions, with an exact dry run."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop import dry_run as prediction
from crossloop.dry_run import DryRun
from crossloop.gaps import gap_taps
from crossloop.limits import LimitCodes
from crossloop.operation import Codes, Operation, check_line, check_vector, lines_of
from crossloop.operations import check_levels, level_write
from crossloop.protocol import microops as m
from crossloop.protocol.converters import Clock, Levels, Samples
from crossloop.protocol.errors import RangeError
from crossloop.protocol.microops import LineState, MicroOp, Selection
from crossloop.protocol.parameters import ALL_LINES, Parameters
from crossloop.protocol.streams import Family
from crossloop.protocol.timing import BASE_CYCLES
from crossloop.quantise import Quantise, finite_array, level_codes


@dataclass(frozen=True)
class Measurement:
    """One conversion of a program."""

    currents_a: NDArray[np.float64]
    """Currents in amperes, shape (channels,); NaN where the converter was saturated."""
    time_s: float
    """When it was made, in seconds from the start of the run."""


class Program(Operation):
    """A program under construction. Every method returns the program; nothing is sent before `session.execute(program)`.

    The result of its execution is a list of `Measurement`, one per conversion in the order they were made. It begins by selecting its
    array, with every line floating.

    Parameters
    ----------
    parameters : Parameters
        The build it is for.
    tile : int
        Which array.
    """

    def __init__(self, parameters: Parameters, tile: int = 0) -> None:
        check_line("tile", tile, parameters.tiles)
        self._parameters = parameters
        self._levels = Levels.of(parameters)
        self._clock = Clock.of(parameters)
        self._samples = Samples.of(parameters)
        self._ops: list[MicroOp] = [m.tile(tile)]
        self._vectors: list[tuple[int, NDArray[np.int64]]] = []
        self._words = 0

    def level(self, family: Family, level_v: float, line: int | None = None) -> Self:
        """Prepare a level in volts for one line, or for the whole family."""
        if line is not None:
            check_line("line", line, lines_of(family, self._parameters))
        return self._append(m.level(family, ALL_LINES if line is None else int(line), self._levels.code(level_v)))

    def levels(self, family: Family, levels_v: ArrayLike, *, quantise: Quantise | None = None) -> Self:
        """Prepare levels in volts for lines 0, 1, ..., shape (n,); `quantise` names how to round what has no exact code."""
        array = np.asarray(levels_v)
        check_vector("levels_v", array.shape, lines_of(family, self._parameters))
        codes = level_codes("levels_v", finite_array("levels_v", array, array.shape, "V"), self._levels, quantise)
        if self._words + codes.size > self._parameters.vector_words:
            raise RangeError(
                f"the program's level vectors take {self._words + codes.size} words, the device has {self._parameters.vector_words}; "
                "use several programs, nothing was sent"
            )
        self._vectors.append((self._words, codes))
        self._append(m.levels(family, codes.size, self._words))
        self._words += codes.size
        return self

    def connect(
        self,
        family: Family,
        state: LineState,
        *,
        line: int | None = None,
        first: int | None = None,
        others: LineState = LineState.GROUND,
    ) -> Self:
        """Tie the lines of a family to a state: all of them, one `line`, or the `first` ones; the rest go to `others`."""
        count = lines_of(family, self._parameters)
        if line is not None and first is not None:
            raise RangeError("connect takes line or first, not both; nothing was sent")
        if line is not None:
            check_line("line", line, count)
            return self._append(m.connect(family, state, others=others, selection=Selection.ONE, index=int(line)))
        if first is not None:
            check_line("first", first, count + 1)
            return self._append(m.connect(family, state, others=others, selection=Selection.FIRST, index=int(first)))
        return self._append(m.connect(family, state, others=others))

    def pulse(self, count: int, *, width_s: float, gap_s: float | None = None) -> Self:
        """Turn the gates of all driven lines on `count` times, for `width_s` with `gap_s` after each, in seconds; see `Tile.pulse`."""
        return self._append(m.pulse(count, self._clock.width_taps(width_s), gap_taps(gap_s, self._parameters)))

    def convert(
        self,
        family: Family,
        *,
        channels: int | None = None,
        pair: bool = False,
        settle_s: float,
        integrate_s: float,
        range_index: int = 0,
    ) -> Self:
        """Drive the driven lines and convert the currents of `channels` lines (or pairs of lines) of the sensed family; default all."""
        available = lines_of(family, self._parameters) // (2 if pair else 1)
        wanted = available if channels is None else channels
        check_line("channels minus 1", wanted - 1, max(available, 1))
        return self._append(
            m.convert(
                family,
                int(wanted),
                settle_cycles=self._clock.cycles(settle_s, "settle_s", 0xFFFF),
                integrate_cycles=self._clock.cycles(integrate_s, "integrate_s", 0xFFFF),
                pair=pair,
                range_index=range_index,
            )
        )

    def wait(self, time_s: float) -> Self:
        """Do nothing for a time in seconds, the micro-op's own cycles included."""
        cycles = self._clock.cycles(time_s, "wait")
        if cycles < BASE_CYCLES:
            raise RangeError(
                f"wait of {time_s:.6g} s is shorter than the {self._clock.seconds(BASE_CYCLES):.6g} s that a WAIT takes at least; "
                "leave it out, nothing was sent"
            )
        return self._append(m.wait(cycles - BASE_CYCLES))

    @contextmanager
    def loop(self, count: int) -> Iterator[Self]:
        """Repeat what is added inside the `with` block."""
        self._append(m.loop(count))
        yield self
        self._append(m.next_())

    @property
    def key(self) -> Hashable:
        """What the program depends on."""
        return (Program, *self._ops)

    def program(self, parameters: Parameters) -> tuple[MicroOp, ...]:
        """Return the micro-ops; raises RangeError if the device is of another build than the program was made for."""
        if parameters != self._parameters:
            raise RangeError(
                f"the program was made for build {self._parameters.build_hash:016x}, this device is {parameters.build_hash:016x}; "
                "make it anew with session.program(), nothing was sent"
            )
        return (*self._ops, m.halt())

    def dry_run(self, parameters: Parameters | None = None) -> DryRun:
        """Predict time, cycles, pulses and conversions exactly."""
        return prediction.dry_run(self.program(parameters or self._parameters), self._parameters)

    def check_data(self, parameters: Parameters, limits: LimitCodes) -> None:
        """Refuse levels outside the window."""
        for _address, codes in self._vectors:
            check_levels(codes, parameters, limits)

    def data_commands(self, parameters: Parameters) -> tuple[bytes, ...]:
        """Return the writes of the level vectors."""
        return tuple(level_write(codes, address, parameters) for address, codes in self._vectors)

    def result(self, conversions: list[Codes]) -> list[Measurement]:
        """Return the conversions in amperes and seconds."""
        return [
            Measurement(
                np.where(found.saturated, np.nan, found.codes * self._samples.steps_a[found.range_index]),
                self._clock.seconds(found.cycle),
            )
            for found in conversions
        ]

    def _append(self, op: MicroOp) -> Self:
        self._ops.append(op)
        return self
