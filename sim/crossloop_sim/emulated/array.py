"""The emulated array behind the pins of `model:`, and what stands for it behind those of `rtl:`."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from crossloop.protocol import emulated
from crossloop.protocol.errors import ShapeError, TargetError
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import CROSSING, Family
from crossloop_sim.emulated import kernels
from crossloop_sim.events import Events, line_words
from crossloop_sim.plant import ledger


class EmulatedArray:
    """The integer model, driven by event records.

    Parameters
    ----------
    parameters : Parameters
        The build, as `emulated_parameters` returns it.
    """

    def __init__(self, parameters: Parameters) -> None:
        p = self._parameters = parameters
        shape = (p.tiles, p.rows, p.columns)
        cells = list(emulated.cells(p))
        table = [[cell.rate_up, cell.rate_down, cell.upper_bound, cell.lower_bound] for cell in cells]
        law = (
            emulated.threshold_code(p), emulated.fraction_bits(p), p.sample_bits, emulated.READ_BACK_RANGE, emulated.RANGE_SHIFT,
            emulated.CUT_SHIFT, emulated.STEP_SHIFT, emulated.WIDTH_MAX, emulated.DRAW_BITS, emulated.NOISE_BITS, emulated.NOISE_STEP,
            *emulated.NOISE_SHIFTS,
        )  # fmt: skip
        by_word = (len(CROSSING), line_words(p))
        self._array = kernels.ArrayState(
            states=np.array([cell.start for cell in cells], np.int64).reshape(shape),
            table=np.array(table, np.int64).reshape(*shape, 4),
            levels=np.zeros((len(CROSSING), max(p.rows, p.columns)), np.int64),
            gates=np.zeros(by_word, np.uint64),
            sensed=np.zeros(by_word, np.uint64),
            noise=np.array([emulated.noise_start(p.array_seed)], np.int64),
            now=np.array([0, p.rows, p.columns, 0, 0, 0], np.int64),
            law=np.array(law, np.int64),
            counts=np.zeros((p.tiles, 3, p.rows, p.columns), np.int64),
            line_counts=np.zeros((p.tiles, 2, len(Family), max(p.rows, p.columns)), np.int64),
            conversions=np.zeros((p.tiles, len(CROSSING)), np.int64),
        )
        self._seconds = 0.0

    @property
    def parameters(self) -> Parameters:
        """The controller's build."""
        return self._parameters

    @property
    def seconds(self) -> float:
        """Wall time spent in `apply` and `convert`."""
        return self._seconds

    def apply(self, events: Events) -> None:
        """Apply event records in order, shape (n, record_words)."""
        begin = time.perf_counter()
        if len(events):
            kernels.apply(np.ascontiguousarray(events), *self._array)
        self._seconds += time.perf_counter() - begin

    def convert(self, event: Events) -> npt.NDArray[np.int64]:
        """Return one sample word per channel of a CONVERSION record; every earlier record must have been applied."""
        begin = time.perf_counter()
        family, channels, range_index, pair = event[2:6].tolist()
        words = kernels.convert(family, channels, range_index, pair, *self._array)
        self._seconds += time.perf_counter() - begin
        return words

    def rest(self, cycles: int) -> None:
        """Nothing of the array changes by itself."""

    def states(self, tile: int = 0) -> npt.NDArray[np.int64]:
        """Return a copy of the cells' states, 0 to 65535, shape (rows, columns)."""
        return self._array.states[tile].copy()

    def conductance_s(self, tile: int = 0) -> npt.NDArray[np.float64]:
        """Return the conductances in siemens, shape (rows, columns)."""
        return np.asarray(self.states(tile) * emulated.state_step_s(self._parameters), np.float64)

    def set_conductance_s(self, tile: int, conductance_s: npt.ArrayLike) -> None:
        """Put the cells of a tile into the states nearest to given conductances, shape (rows, columns), as far as their bounds let them.

        Stuck cells stay; nothing enters the ledger.

        Raises
        ------
        ShapeError
            If the shape does not fit.
        """
        shape = (self._parameters.rows, self._parameters.columns)
        try:
            wanted = np.broadcast_to(np.asarray(conductance_s, np.float64), shape)
        except ValueError:
            raise ShapeError(
                f"conductances of shape {np.shape(conductance_s)} do not fit the {shape} cells of a tile; nothing was changed"
            ) from None
        table, states = self._array.table[tile], self._array.states[tile]
        nearest = np.rint(wanted / emulated.state_step_s(self._parameters)).astype(np.int64)
        bounded = np.clip(nearest, table[..., kernels.LOWER], table[..., kernels.UPPER])
        self._array.states[tile] = np.where(table[..., kernels.RATE_UP] > 0, bounded, states)

    def ledger(self, tile: int = 0) -> ledger.Ledger:
        """Return every pulse that the cells of a tile have seen; a pulse into which a conversion fell counts as reading."""
        array = self._array
        return ledger.build(array.counts[tile], array.line_counts[tile], array.conversions[tile])


class ArrayInside:
    """Stands where a plant would, in a simulation whose array is in the gateware: it only lets the events pass.

    Parameters
    ----------
    parameters : Parameters
        The controller's build.
    """

    seconds = 0.0
    """Nothing is spent here."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def apply(self, events: Events) -> None:
        """Do nothing."""

    def convert(self, event: Events) -> npt.NDArray[np.int64]:  # noqa: ARG002
        """Refuse: the gateware answers by itself."""
        raise TargetError("the array is in the gateware, so no plant is asked for samples; report this as a defect")

    def rest(self, cycles: int) -> None:
        """Nothing of the array changes by itself."""

    def conductance_s(self, tile: int = 0) -> npt.NDArray[np.float64]:
        """Refuse: nobody looks into a running design."""
        raise TargetError(
            f"the cells of tile {tile} are in the gateware, where nothing but the link reaches them; read them with crossloop.read_states"
        )

    def ledger(self, tile: int = 0) -> ledger.Ledger:
        """Refuse: the gateware counts no pulses of cells."""
        raise TargetError(
            f"the pulses of the cells of tile {tile} are counted by the integer model only; run the same program on model:"
        )
