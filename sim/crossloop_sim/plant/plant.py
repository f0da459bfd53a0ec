"""The plant: the simulated analog world behind the pins of the `direct` front end.

Ideal lines are handled by compiled code, whole batches of events at a time. Lines with resistance, filters, and cells that are not ohmic
need the state of the circuit between events, so then events are taken one by one.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from crossloop.protocol.converters import Levels, Samples
from crossloop.protocol.errors import RangeError, ShapeError
from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import CROSSING, Family
from crossloop_sim import noise
from crossloop_sim.array import Currents
from crossloop_sim.devices.device import Draws, FloatArray
from crossloop_sim.devices.kernel import W, observe_state
from crossloop_sim.events import Events, Kind, line_words, record_tap
from crossloop_sim.frontend.channels import channel_errors
from crossloop_sim.frontend.filter import Filter
from crossloop_sim.plant import kernels, ledger
from crossloop_sim.plant.configuration import PlantConfiguration
from crossloop_sim.plant.wired import WiredLines, line_states

_NO_CELLS = np.empty(0)


class Plant:
    """Arrays of cells, ideal wires and a front end, driven by event records.

    Nothing of it runs per clock, and every random number is keyed by (seed, tile, cell, pulse) or (seed, conversion, channel): the result
    depends on the events only, not on how they are cut into batches.

    Parameters
    ----------
    parameters : Parameters
        Geometry, clock and scales of the controller's build.
    configuration : PlantConfiguration
        Cells and noise.
    """

    def __init__(self, parameters: Parameters, configuration: PlantConfiguration | None = None) -> None:
        self._parameters = parameters
        self._configuration = configuration or PlantConfiguration()
        p, c = parameters, self._configuration
        device = c.device
        lines = max(p.rows, p.columns)
        draws = [Draws(c.seed, tile, p.rows, p.columns) for tile in range(p.tiles)]
        # Cells are numbered row by row.
        self._cells = np.ascontiguousarray([device.populate(draw) for draw in draws], np.float64)
        self._cycle_streams = np.array([draw.streams(noise.Purpose.CYCLE) for draw in draws])
        self._read_streams = np.array([draw.streams(noise.Purpose.CELL_READ) for draw in draws])
        self._counts = np.zeros((p.tiles, 3, p.rows * p.columns), np.int64)
        self._line_counts = np.zeros((p.tiles, 2, kernels.FAMILIES, lines), np.int64)
        self._conversions = np.zeros((p.tiles, 2), np.int64)
        self._tap_hz = p.clock_hz * p.gate_taps
        by_line = (kernels.FAMILIES, lines)
        self._levels = np.zeros(by_line)
        self._volts = np.zeros(by_line)
        self._pins = np.zeros((4 * kernels.FAMILIES, line_words(p)), np.uint64)  # every line floats after reset
        self._since = np.zeros(by_line, np.int64)
        self._driven = np.zeros(by_line, np.uint8)
        self._target = np.zeros(by_line)
        self._changed = np.zeros(by_line, np.uint8)
        self._order = np.zeros(kernels.FAMILIES * lines, np.int64)
        self._now = np.array(
            [0, *map(p.lines, Family), 1, 0, 0, 0, -1, 0, 0, 0, 0, p.gate_lines, p.gate_taps], np.int64
        )
        self._constants = np.array([
            Levels.of(p).step_v, Levels.of(p, Family.GATES).step_v, device.v_threshold_v, 1 / self._tap_hz, c.front_end.limit_a,
            device.g_mid_s, device.g_half_s, c.front_end.read_noise / c.front_end.output_bound, c.transistor.v_gate_threshold_v,
            c.transistor.gate_k_a_per_v2, *Samples.of(p).steps_a,
        ])  # fmt: skip
        self._model = np.ascontiguousarray(device.constants(), np.float64)
        # The plane itself where no kernel has to be asked.
        self._pulse = device.pulse.address
        self._age = device.age.address if device.age else 0
        self._ages = device.observe is not observe_state
        self._seen = np.empty(p.rows * p.columns)
        self._errors = channel_errors(c.front_end, c.seed, lines)
        ideal = c.wires.ideal and c.iv == "ohmic"
        if p.gate_lines and not ideal:
            raise RangeError(
                "plant with gate lines must have ideal wires and ohmic cells; resistance together with transistors is in "
                "crossloop_sim.array, outside the pins; nothing was opened"
            )
        self._wired = None if ideal else WiredLines(p, c.wires, c.iv)
        self._now[kernels.WIRED] = self._wired is not None
        delays_s = np.full((len(CROSSING), lines), c.front_end.t_filter_s) + (
            0.0 if self._wired is None else self._wired.delays_s()
        )
        self._filter = Filter(delays_s) if delays_s.any() else None
        self._tap = 0
        if c.front_end.dummy_g_s > 0:
            self._put_dummy(draws[-1])
        self._read_key = noise.key_of(c.seed, noise.Purpose.READ)
        self._seconds = 0.0

    @property
    def parameters(self) -> Parameters:
        """The controller's build."""
        return self._parameters

    @property
    def configuration(self) -> PlantConfiguration:
        """Cells and noise."""
        return self._configuration

    @property
    def seconds(self) -> float:
        """Wall time spent in `apply` and `convert`."""
        return self._seconds

    def apply(self, events: Events) -> None:
        """Apply event records in order; CONVERSION and TRIP records change nothing.

        Parameters
        ----------
        events : ndarray
            Shape (n, record_words), cycles never falling, also not from one call to the next.
        """
        begin = time.perf_counter()
        if self._filter is None and self._wired is None:
            if len(events):
                self._apply(_rows(events))
        else:
            for event in _rows(events):
                tap = record_tap(event, self._parameters.gate_taps)
                self._pass_time(tap)
                self._apply(event[None])
                if self._filter is not None and event[1] == Kind.RUN and event[2]:
                    # Between runs there is time to settle, however long it is.
                    self._filter.outputs_a[:] = 0.0
                if self._wired is not None:
                    self._wired.restart(self._since, tap)
                    self._wired.forget()
        self._seconds += time.perf_counter() - begin

    def _apply(self, events: Events) -> None:
        kernels.apply(
            self._pulse, self._age, events, self._levels, self._volts, self._pins, self._since, self._driven, self._cells,
            self._cycle_streams, self._counts, self._line_counts, self._now, self._constants, self._model, self._target, self._changed,
            self._order, _NO_CELLS if self._wired is None else self._wired.volt_taps.reshape(-1),
        )  # fmt: skip

    def _pass_time(self, tap: int) -> None:
        """Let the cells see their voltages, and the filters follow the currents, up to a tap."""
        if self._wired is not None and tap > self._tap and self._now[kernels.LIVE] != 0:
            self._wired.pass_taps(self._point(self._cells[self._now[kernels.TILE], W]), tap - self._tap)
        if self._filter is not None and tap > self._tap:
            for family in CROSSING:
                currents_a = self._line_currents(family, int(self._now[kernels.ROWS + family]), tap)
                self._filter.advance(family, currents_a, (tap - self._tap) / self._tap_hz)
        self._tap = tap

    def _line_currents(self, family: int, lines: int, tap: int) -> FloatArray:
        """Return what flows into the first lines of a family in amperes; lines that are not sensed give none."""
        state = self._observed(tap) if self._ages else self._cells[self._now[kernels.TILE], W]
        if self._wired is not None:
            if self._ages:
                self._wired.forget()
            point = self._point(state)
            into = (point.row_near_a + point.row_far_a, point.column_near_a + point.column_far_a)[family][:lines]
            states = line_states(self._pins, family, lines)
            return np.where([line is LineState.SENSE for line in states], into, 0.0)
        currents_a: FloatArray = kernels.line_currents(
            family, lines, self._volts, self._pins, state, self._now, self._constants
        )
        return currents_a

    def rest(self, cycles: int) -> None:
        """Let the cells age by some cycles in which no program runs."""
        self._now[kernels.ORIGIN] -= cycles * self._parameters.gate_taps

    def convert(self, event: Events) -> npt.NDArray[np.int64]:
        """Answer a conversion strobe; every earlier record must have been applied.

        Parameters
        ----------
        event : ndarray
            The CONVERSION record, shape (record_words,).

        Returns
        -------
        ndarray
            One sample word per channel: code & (2**sample_bits - 1) | saturated << sample_bits.
        """
        begin = time.perf_counter()
        family, channels, range_index, pair = (int(value) for value in event[2:6])
        key, bits = self._read_key, self._parameters.sample_bits
        words: npt.NDArray[np.int64]
        if self._ages or self._filter is not None or self._wired is not None:
            lines = min(2 * channels if pair else channels, int(self._now[kernels.ROWS + family]))
            tap = record_tap(event, self._parameters.gate_taps)
            self._pass_time(tap)
            filtered = self._filter
            amperes = (
                self._line_currents(family, lines, tap) if filtered is None else filtered.outputs_a[family, :lines]
            )
            words = kernels.digitise(
                amperes, family, channels, range_index & 3, bool(pair), bits, key, self._errors, self._now, self._constants,
                self._conversions,
            )  # fmt: skip
        else:
            words = kernels.convert(
                family, channels, range_index & 3, bool(pair), bits, key, self._volts, self._pins, self._cells, self._errors, self._now,
                self._constants, self._conversions,
            )  # fmt: skip
        self._seconds += time.perf_counter() - begin
        return words

    def _point(self, state: FloatArray) -> Currents:
        """Return the operating point of the wired lines, with w of every cell."""
        assert self._wired is not None
        device = self._configuration.device
        # Reading noise may make a small conductance negative, which no circuit has.
        cell_s = np.maximum(device.g_mid_s + device.g_half_s * state, 0.0)
        return self._wired.point(self._volts, self._pins, cell_s)

    def _put_dummy(self, draws: Draws) -> None:
        """Make the last tile an array of resistors."""
        front_end, device, tiles = self._configuration.front_end, self._configuration.device, self._parameters.tiles
        if tiles < 2:
            raise RangeError(
                "plant setting dummy_g_s makes the last tile an array of resistors: give the build at least 2 tiles"
            )
        g_s = front_end.dummy_g_s * (1 + front_end.dummy_tolerance * draws.spread(0))
        self._cells[-1, W] = (g_s - device.g_mid_s) / device.g_half_s
        self._now[kernels.DUMMY] = tiles - 1

    def _observed(self, tap: int) -> FloatArray:
        """Return w of every cell of the connected tile as a conversion at this tap meets it, shape (cells,)."""
        if self._now[kernels.TILE] == self._now[kernels.DUMMY]:
            return self._cells[-1, W]
        number = int(self._conversions[self._now[kernels.TILE]].sum())
        kernels.observe(
            self._configuration.device.observe.address, self._cells, self._read_streams, self._now, self._model,
            int(kernels.age_taps(tap, self._now)) / self._tap_hz, number, self._seen,
        )  # fmt: skip
        return self._seen

    def weights(self, tile: int = 0) -> FloatArray:
        """Return a copy of the normalised states, shape (rows, columns), before anything that time and reading add."""
        return self._by_cell(self._cells[tile, W])

    def conductance_s(self, tile: int = 0) -> FloatArray:
        """Return the conductances in siemens, shape (rows, columns): what a look behind the pins would show."""
        device = self._configuration.device
        return device.g_mid_s + device.g_half_s * self.weights(tile)

    def set_conductance_s(self, tile: int, conductance_s: npt.ArrayLike) -> None:
        """Put the cells into given states; each cell's own bounds still hold, and nothing enters the ledger.

        Parameters
        ----------
        tile : int
            Which array.
        conductance_s : array_like
            Conductances in siemens, of a shape that broadcasts to (rows, columns).

        Raises
        ------
        ShapeError
            If the shape does not fit.
        RangeError
            If the tile is made of resistors.
        """
        shape = (self._parameters.rows, self._parameters.columns)
        try:
            wanted = np.broadcast_to(np.asarray(conductance_s, np.float64), shape)
        except ValueError:
            raise ShapeError(
                f"conductances of shape {np.shape(conductance_s)} do not fit the {shape} cells of a tile; nothing was changed"
            ) from None
        device = self._configuration.device
        if tile == self._now[kernels.DUMMY]:
            raise RangeError(
                f"tile {tile} is made of resistors (dummy_g_s); their conductances cannot be set; nothing was changed"
            )
        device.set_w(self._cells[tile], ((wanted - device.g_mid_s) / device.g_half_s).ravel())

    def cell_fields(self, tile: int = 0) -> dict[str, FloatArray]:
        """Return copies of the cells' planes by name (those of the model, `w` among them), shape (rows, columns)."""
        return {
            plane.name.lower(): self._by_cell(self._cells[tile, plane]) for plane in self._configuration.device.planes
        }

    def _by_cell(self, values: FloatArray) -> FloatArray:
        return values.reshape(self._parameters.rows, self._parameters.columns).copy()

    def channel_errors(self) -> FloatArray:
        """Return gain and offset (a fraction of full scale) of every channel, shape (2, 2, lines of the longer family)."""
        return self._errors.copy()

    def filtered_a(self) -> FloatArray:
        """Return the outputs of the channels' filters in amperes, shape (2, lines of the longer family); all 0 without a filter."""
        return np.zeros_like(self._volts[:2]) if self._filter is None else self._filter.outputs_a.copy()

    def voltages_v(self) -> tuple[FloatArray, FloatArray]:
        """Return the voltages of rows and of columns in volts, at their near ends; floating lines carry no current."""
        if self._wired is not None:
            point = self._point(self._cells[self._now[kernels.TILE], W])
            return point.row_v[:, 0], point.column_v[-1]
        volts = self._volts.copy()
        kernels.potentials(volts, self._pins, self._cells[self._now[kernels.TILE], W], self._now, self._constants)
        return volts[0, : self._parameters.rows], volts[1, : self._parameters.columns]

    def ideal_product(self, sensed: Family, levels_v: npt.ArrayLike, tile: int = 0) -> FloatArray:
        """Return the currents of the sensed family in amperes, without quantisation, range or noise.

        Parameters
        ----------
        sensed : Family
            COLUMNS: rows are driven, I = G^T v. ROWS: columns are driven, I = G v.
        levels_v : array_like
            Voltages of the driven family in volts, shape (driven lines,).
        tile : int
            Which array.
        """
        g_s = self.conductance_s(tile)
        product: FloatArray = (g_s.T if sensed is Family.COLUMNS else g_s) @ np.asarray(levels_v, np.float64)
        return product

    def ledger(self, tile: int = 0) -> ledger.Ledger:
        """Return every pulse that the cells of a tile have seen."""
        counts = self._counts[tile].reshape(-1, self._parameters.rows, self._parameters.columns)
        return ledger.build(counts, self._line_counts[tile], self._conversions[tile])


def _rows(events: Any) -> Events:
    """Return records as the kernels are compiled for: a C-ordered, writeable array of shape (n, words)."""
    if events.ndim == 2 and events.flags.c_contiguous and events.flags.writeable and events.dtype == np.uint64:
        array: Events = events
        return array
    return np.array(events, np.uint64, ndmin=2)
