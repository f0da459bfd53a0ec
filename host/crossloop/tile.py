"""One array in volts, siemens, amperes and seconds: read it, multiply with it, pulse it, program it, update it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop import counting, cycling, programming, writing
from crossloop.cycling import EnduranceRecord
from crossloop.fabric.reading import Reading
from crossloop.fabric.waveform import STEP_WORDS, Step, Waveform
from crossloop.gaps import gap_cycles, gap_taps
from crossloop.gate_pulses import GatePulses
from crossloop.operation import check_line
from crossloop.operations import PulseTrain, Update
from crossloop.protocol.converters import GateCurrents, Levels
from crossloop.protocol.errors import RangeError
from crossloop.protocol.streams import Family
from crossloop.quantise import Quantise, finite_array, probability_bytes
from crossloop.sensing import INTEGRATE_S, LARGEST_COUNT, SETTLE_S, Sensing, paired
from crossloop.writing import Verified, VoltageLadder

WIDTH_S = 1e-6
"""Default pulse width."""


class Tile(Sensing):
    """One array of a session, made by `session.tile(index)`; the outputs must be armed for every operation.

    Reading and multiplying come from `Sensing`; here is what changes the cells.
    """

    def pulse(
        self,
        row: int,
        column: int,
        count: int,
        *,
        polarity: int = 1,
        v_write_v: float | None = None,
        width_s: float = WIDTH_S,
        gap_s: float | None = None,
    ) -> None:
        """Give one cell counted pulses.

        Parameters
        ----------
        row, column : int
            The cell.
        count : int
            Number of pulses, from 1.
        polarity : {1, -1}
            1 raises the conductance, -1 lowers it.
        v_write_v : float, optional
            Voltage across the cell in volts: half of it on the row, minus half on the column, so that other cells of both see half.
            By default the largest in the window.
        width_s, gap_s : float
            Pulse width, and time after each pulse, in seconds. By default 1 us each, or the shortest gap of the build if that is longer.
        """
        up, down = self.write_levels(v_write_v)
        width, gap = self.pulse_taps(width_s, gap_s)
        if polarity not in {1, -1}:
            raise RangeError(
                f"polarity must be 1 (raise the conductance) or -1 (lower it), not {polarity!r}; nothing was sent"
            )
        check_line("row", row, self.shape[0])
        check_line("column", column, self.shape[1])
        check_line("pulse count minus 1", count - 1, LARGEST_COUNT)
        levels = up if polarity > 0 else down
        self.session.execute(PulseTrain(self.index, int(row), int(column), int(count), levels, width, gap))

    def pulse_gate(
        self,
        line: int,
        count: int,
        *,
        v_gate_v: float | None = None,
        i_gate_a: float | None = None,
        width_s: float = WIDTH_S,
        gap_s: float | None = None,
    ) -> None:
        """Give all cells along a gate line counted pulses, with every row and column at ground: for electrochemical cells.

        Parameters
        ----------
        line : int
            The gate line.
        count : int
            Number of pulses, from 1.
        v_gate_v, i_gate_a : float
            Voltage in volts, or current in amperes, of the pulses; either sign, one of the two.
        width_s, gap_s : float
            Pulse width, and time after each pulse, in seconds. As in `pulse`; in the gap the line is at ground, or floats after a current.
        """
        session = self.session
        if (v_gate_v is None) == (i_gate_a is None):
            raise RangeError("give v_gate_v or i_gate_a, one of the two; nothing was sent")
        if i_gate_a is not None:
            sources = GateCurrents.of(session.parameters)
            code = sources.code(i_gate_a, "i_gate_a")
            session.limit_codes.check_gate_current(code, sources)
        else:
            levels = Levels.of(session.parameters, Family.GATES)
            code = levels.code(float(v_gate_v or 0.0), "v_gate_v")
            session.limit_codes.check_gate(code, levels, "v_gate_v")
        width, gap = self.pulse_taps(width_s, gap_s)
        check_line("pulse count minus 1", count - 1, LARGEST_COUNT)
        session.execute(GatePulses(self.index, int(line), code, i_gate_a is not None, int(count), width, gap))

    def pulse_counts(
        self,
        counts: ArrayLike,
        *,
        v_write_v: float | None = None,
        width_s: float = WIDTH_S,
        gap_s: float | None = None,
    ) -> None:
        """Give every cell its own number of pulses, row by row and in powers of two, so that few requests suffice.

        Parameters
        ----------
        counts : array_like of int
            Pulses per cell, shape (rows, columns); positive raises the conductance, negative lowers it.
        v_write_v, width_s, gap_s
            As in `pulse`.
        """
        up, down = self.write_levels(v_write_v)
        width, gap = self.pulse_taps(width_s, gap_s)
        checked = programming.check_counts(counts, self.shape)
        self.session.execute(*programming.masked_pulses(self.index, checked, up, down, width, gap))

    def pulse_block(
        self,
        counts: ArrayLike,
        *,
        first_row: int = 0,
        pair: bool = False,
        v_write_v: float | None = None,
        width_s: float = WIDTH_S,
        gap_s: float | None = None,
    ) -> None:
        """Give every cell of some rows its own number of pulses in one command; what fits, the vector memory decides.

        Parameters
        ----------
        counts : array_like of int
            Pulses, shape (rows, values) for rows from `first_row` on and columns from 0 on; positive raises the conductance.
        first_row : int
            Row of the first counts.
        pair : bool
            Value k acts on column 2k, and with the opposite sign on column 2k + 1.
        v_write_v, width_s, gap_s
            As in `pulse`.
        """
        operation = counting.counted_pulses(
            self, counts, first_row=first_row, pair=pair, v_write_v=v_write_v, width_s=width_s, gap_s=gap_s
        )
        counting.give(self, operation)

    def program(
        self,
        target_g_s: ArrayLike,
        *,
        step_s: float,
        rounds: int = 1,
        v_read_v: float | None = None,
        averages: int = 1,
        range_index: int = 0,
        v_write_v: float | None = None,
        width_s: float = WIDTH_S,
        gap_s: float | None = None,
    ) -> programming.Programmed:
        """Bring every cell near a target conductance by reading and counted pulses.

        Parameters
        ----------
        target_g_s : array_like
            Wanted conductances in siemens, shape (rows, columns).
        step_s : float
            Nominal change of conductance per pulse, in siemens.
        rounds : int
            How often to read and correct; 1 is open loop.
        v_read_v, averages, range_index
            As in `read_all`.
        v_write_v, width_s, gap_s
            As in `pulse`.

        Returns
        -------
        Programmed
            What was reached.
        """
        target = finite_array("target_g_s", target_g_s, self.shape, "S")
        programming.check_plan(target, step_s, rounds)
        pulses = np.zeros(self.shape, np.int64)
        reached = self.read_all(v_read_v=v_read_v, averages=averages, range_index=range_index)
        for _round in range(rounds):
            counts = programming.counts_for(target, reached, step_s)
            self.pulse_counts(counts, v_write_v=v_write_v, width_s=width_s, gap_s=gap_s)
            pulses += counts
            reached = self.read_all(v_read_v=v_read_v, averages=averages, range_index=range_index)
        return programming.Programmed(reached, reached - target, pulses)

    def write_verify(
        self,
        target_g_s: ArrayLike,
        *,
        tolerance_s: float,
        v_read_v: float,
        up: VoltageLadder,
        down: VoltageLadder,
        origin: tuple[int, int] = (0, 0),
        averages: int = 1,
        confirmations: int = 0,
        wait_s: float = 0.0,
        attempts: int = 60,
        turns: int = 15,
        range_index: int = 0,
        settle_s: float = SETTLE_S,
        integrate_s: float = INTEGRATE_S,
        gap_s: float | None = None,
        v_gate_v: float | None = None,
        passes: int = 1,
        rest_s: float = 0.0,
    ) -> Verified:
        """Bring cells into a window around their targets, one after the other, by a ladder that the device climbs by itself.

        Parameters
        ----------
        target_g_s : array_like
            Wanted conductances in siemens, shape (rows, columns) of the block.
        tolerance_s : float
            Largest accepted difference between reading and target, in siemens.
        v_read_v : float
            Voltage of a reading.
        up, down : VoltageLadder
            Amplitudes and widths of the pulses that raise and that lower the conductance.
        origin : tuple of int
            First row and column of the block.
        averages : int
            Conversions summed for a reading.
        confirmations, wait_s : int, float
            How many further readings must lie in the window, and the time before each, in which cells may relax.
        attempts, turns : int
            Most pulses, and most changes of direction, per cell.
        range_index, settle_s, integrate_s
            As in `read_all`.
        gap_s : float, optional
            As in `pulse`.
        v_gate_v : float, optional
            Voltage of the cell's gate line while it is read, in builds with gate lines; by default the session's.
        passes, rest_s : int, float
            How often to go over the block, and the time after each pass in which cells relax. Later passes deal only with cells that are
            read outside their windows then. The result says how far readings spread about the targets after each pass.

        Returns
        -------
        Verified
            What was reached, with a record of every cell.
        """
        return writing.write_verify(
            self, target_g_s, tolerance_s=tolerance_s, v_read_v=v_read_v, up=up, down=down, origin=origin, averages=averages,
            confirmations=confirmations, wait_s=wait_s, attempts=attempts, turns=turns, range_index=range_index, settle_s=settle_s,
            integrate_s=integrate_s, gap_s=gap_s, v_gate_v=v_gate_v, passes=passes, rest_s=rest_s,
        )  # fmt: skip

    def endure(
        self,
        row: int,
        column: int,
        counts: Sequence[int],
        *,
        v_set_v: float,
        v_reset_v: float,
        v_read_v: float,
        width_s: float = WIDTH_S,
        gap_s: float | None = None,
        level_settle_s: float = 0.0,
        range_index: int = 0,
        settle_s: float = SETTLE_S,
        integrate_s: float = INTEGRATE_S,
    ) -> EnduranceRecord:
        """Cycle one cell between SET and RESET, and read it at the given cycle counts; one command for all of it.

        Parameters
        ----------
        row, column : int
            The cell.
        counts : sequence of int
            Cycle counts of the readings, rising from at least 1; `crossloop.fabric.endurance.log_spaced` makes them.
        v_set_v, v_reset_v : float
            Voltages across the cell, both above 0 V. If the level window has the whole voltages, SET is held on the row and RESET on the
            column, and no level changes between readings: with a front end whose converters take microseconds that decides the rate.
            Otherwise half of each is on the row and half, inverted, on the column. Other cells see at most half of the larger one.
        v_read_v : float
            Voltage of a reading.
        width_s, gap_s : float
            As in `pulse`.
        level_settle_s : float
            Time that the level converters need after a change, beside what the build's front end is known to need.
        range_index, settle_s, integrate_s
            As in `read_all`.

        Returns
        -------
        EnduranceRecord
            The readings, and the rate that was reached.
        """
        return cycling.cycle_cell(
            self, row, column, counts, v_set_v=v_set_v, v_reset_v=v_reset_v, width_s=width_s, gap_s=gap_s,
            level_settle_s=level_settle_s, v_read_v=v_read_v, range_index=range_index, settle_s=settle_s, integrate_s=integrate_s,
        )  # fmt: skip

    def play(
        self, row: int, column: int, steps: Sequence[Step], *, reading: Reading | None = None
    ) -> NDArray[np.int64]:
        """Give one cell a list of pulses, each with its own levels, width and gap; one command for all of them.

        Parameters
        ----------
        row, column : int
            The cell.
        steps : sequence of Step
            The pulses in codes and taps; `crossloop.fabric.waveform` has `staircase` and `spike_pair`.
        reading : Reading, optional
            How to read the cell after each pulse.

        Returns
        -------
        ndarray
            Converter codes after each pulse, shape (n,); empty without a reading.

        Raises
        ------
        RangeError
            If a level, width or gap is outside its limits; nothing was pulsed.
        """
        session = self.session
        operation = Waveform(self.index, (int(row), int(column)), tuple(steps), reading)
        operation.check_data(session.parameters, session.limit_codes)
        words = operation.words(session.parameters)
        session.write_words(operation.first_word, words)
        session.execute(operation)
        if reading is None:
            return np.zeros(0, np.int64)
        return session.read_words(operation.first_word, words.size)[::STEP_WORDS].astype(np.int64)

    def update(
        self,
        x: ArrayLike,
        delta: ArrayLike,
        *,
        pair: bool = False,
        slots: int = 31,
        quantise: Quantise | None = None,
        v_write_v: float | None = None,
        width_s: float = WIDTH_S,
        gap_s: float | None = None,
    ) -> None:
        """Stochastic outer-product update: cell (i, j) gets slots * x[i] * delta[j] pulses on average, raising for a positive product.

        Parameters
        ----------
        x : array_like
            Firing probabilities of the rows with their signs, from -1 to 1 in steps of 1/128, shape (rows,).
        delta : array_like
            Firing probabilities of the columns with their signs, shape (columns,), or (columns // 2,) in pairs.
        pair : bool
            Value k acts on column 2k, and with the opposite sign on column 2k + 1.
        slots : int
            Pulse opportunities per sign pass.
        quantise : {"nearest", "toward_zero"}, optional
            How to round probabilities that are no multiples of 1/128 up to 127/128; they are refused without it.
        v_write_v, width_s, gap_s
            As in `pulse`.
        """
        count = self.shape[1] // 2 if pair else self.shape[1]
        row_bytes = probability_bytes("x", finite_array("x", x, self.shape[:1], "probability"), quantise)
        values = finite_array("delta", delta, (count,), "probability")
        column_bytes = probability_bytes("delta", paired(values) if pair else values, quantise)
        up, down = self.write_levels(v_write_v)
        width, gap = self.pulse_cycles(width_s, gap_s)
        self.session.execute(Update(self.index, row_bytes, column_bytes, slots, width, gap, up, down))

    def write_levels(self, v_write_v: float | None = None) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the level codes (row, column) that raise, and those that lower the conductance, for a voltage across the cell.

        By default for the largest voltage in the window.
        """
        levels, limits = self.session.levels, self.session.limit_codes
        if v_write_v is None:
            half = min(limits.level_max, -limits.level_min)
        else:
            half = levels.code(v_write_v / 2, "half of v_write_v")
            if half <= 0:
                raise RangeError(
                    f"v_write_v must be above 0 V, not {v_write_v!r}; choose the direction by the sign of the pulses"
                )
            limits.check_level(half, levels, "half of v_write_v")
            limits.check_level(-half, levels, "minus half of v_write_v")
        return (half, -half), (-half, half)

    def pulse_cycles(self, width_s: float, gap_s: float | None) -> tuple[int, int]:
        """Return width and gap of coincidence slots, in cycles; RangeError for what is no whole number of them or longer than the cap."""
        clock, limits = self.session.clock, self.session.limit_codes
        width = clock.cycles(width_s, "width_s")
        limits.check_width(width * clock.gate_taps, clock, "width_s")
        return width, gap_cycles(gap_s, self.session.parameters)

    def pulse_taps(self, width_s: float, gap_s: float | None) -> tuple[int, int]:
        """Return pulse width and gap in taps; RangeError for what is no whole number of them or longer than the cap."""
        clock, limits = self.session.clock, self.session.limit_codes
        width = clock.width_taps(width_s)
        limits.check_width(width, clock, "width_s")
        return width, gap_taps(gap_s, self.session.parameters)
