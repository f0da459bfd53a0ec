"""A tile as training algorithms see it: products and pulsed outer-product updates at the speed of the CPU, no pins and no time."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import RangeError, ShapeError
from crossloop_sim import noise
from crossloop_sim.blas import single_threaded
from crossloop_sim.devices.constant import ConstantStep
from crossloop_sim.devices.device import Draws
from crossloop_sim.devices.linear import LinearStep
from crossloop_sim.devices.pulsed import Plane, PulsedDevice
from crossloop_sim.devices.soft_bounds import SoftBounds
from crossloop_sim.tile import kernels

Vector = npt.NDArray[np.float32]

_GAMMA = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


@dataclass(frozen=True, kw_only=True)
class TileSettings:
    """Converters and update rules. Defaults are aihwkit's presets for IO and update. Source: aihwkit, IOParameters and UpdateParameters."""

    input_step: float = 1 / 63
    """Step of the input converter, of inputs scaled to -1 to 1: 7 bits."""
    output_step: float = 20 / 255
    """Step of the output converter, in outputs of one full weight at full input: 9 bits over the bound."""
    output_bound: float = 20.0
    """Largest output."""
    output_noise: float = 0.1
    """Standard deviation of an output."""
    halvings: int = 3
    """How often the inputs are halved when an output is cut off."""
    slots: int = 31
    """Most slots of an update."""
    choose_slots: bool = True
    """Whether an update takes only the slots its largest product needs."""
    balance: bool = True
    """Whether probabilities are shared so that the largest of rows and of columns are equal (update management)."""
    form: str = "sequential"
    """sequential: every coincidence is a step; counted: all coincidences of a cell at once, see `kernels`."""

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.type == "float" and not (math.isfinite(value) and value >= 0):
                raise RangeError(f"tile setting {setting.name} must be finite and not negative, not {value!r}")
        for name in ("input_step", "output_step", "output_bound"):
            if getattr(self, name) == 0:
                raise RangeError(f"tile setting {name} must be above 0")
        if not 1 <= self.slots <= kernels.SLOTS:
            raise RangeError(f"tile setting slots must be from 1 to {kernels.SLOTS}, not {self.slots!r}")
        if not 0 <= self.halvings <= 20:
            raise RangeError(f"tile setting halvings must be from 0 to 20, not {self.halvings!r}")
        if self.form not in {"sequential", "counted"}:
            raise RangeError(f"tile setting form must be sequential or counted, not {self.form!r}")


class AnalogTile:
    """Cells of a pulse-driven kind in an array of ideal wires: inputs on rows, outputs on columns.

    Parameters
    ----------
    rows, columns : int
        Size of the array.
    device : PulsedDevice
        Kind of cell: ConstantStep, LinearStep or SoftBounds, without ageing.
    settings : TileSettings
        Converters and update rules.
    seed : int
        Seed of every spread and noise. Results do not depend on the number of threads.

    Raises
    ------
    RangeError
        If the size or the kind of cell cannot be had.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        device: PulsedDevice | None = None,
        settings: TileSettings | None = None,
        *,
        seed: int = 0,
    ) -> None:
        if rows < 1 or columns < 1:
            raise RangeError(f"a tile needs at least 1 row and 1 column, not {rows} x {columns}")
        self.device = device or ConstantStep()
        """Kind of cell."""
        self.settings = settings or TileSettings()
        """Converters and update rules."""
        self.shape = (rows, columns)
        """(rows, columns)."""
        self._cells = _cells(self.device, Draws(seed, 0, rows, columns)).reshape(kernels.PLANES, rows, columns)
        self._seen = self._cells[kernels.SEEN]
        self.counts = np.zeros((2, rows, columns), np.int32)
        """Up and down pulses that every cell has had, shape (2, rows, columns)."""
        self._key = int(noise.key_of(seed, noise.Purpose.CYCLE))
        self._event = 0
        s = self.settings
        self._io = np.array([s.input_step, s.output_step, s.output_bound, s.output_noise, s.halvings], np.float32)
        self._words = (np.zeros(rows, np.uint32), np.zeros(columns, np.uint32))

    def weights(self) -> Vector:
        """Return a copy of the weights as products see them, write noise included, shape (rows, columns)."""
        return self._seen.copy()

    def set_weights(self, weights: npt.ArrayLike) -> None:
        """Put cells into states, shape (rows, columns), as far as their bounds allow."""
        given = np.asarray(weights, np.float32)
        if given.shape != self.shape:
            raise ShapeError(f"weights must have the shape {self.shape}, not {given.shape}; nothing was changed")
        if not np.isfinite(given).all():
            raise RangeError("weights must be finite; nothing was changed")
        np.clip(given, self._cells[kernels.LOWER], self._cells[kernels.UPPER], out=self._cells[kernels.HIDDEN])
        self._seen[:] = self._cells[kernels.HIDDEN]

    def forward(self, x: npt.ArrayLike) -> Vector:
        """Multiply inputs on the rows: y = x W, shape (columns,) or (cases, columns) for x of (rows,) or (cases, rows)."""
        return self._product(x, 0)

    def backward(self, d: npt.ArrayLike) -> Vector:
        """Multiply inputs on the columns: y = W d, shape (rows,) or (cases, rows) for d of (columns,) or (cases, columns)."""
        return self._product(d, 1)

    def _product(self, x: npt.ArrayLike, driven: int) -> Vector:
        given = (
            x
            if type(x) is np.ndarray and x.dtype == np.float32 and x.flags.c_contiguous
            else np.ascontiguousarray(x, np.float32)
        )
        if given.shape[-1:] != (self.shape[driven],) or given.ndim > 2:
            raise ShapeError(
                f"inputs must have the shape ({self.shape[driven]},) or (cases, {self.shape[driven]}), not {given.shape}"
            )
        key = self._next_key()
        if given.ndim == 1:
            out = np.empty(self.shape[1 - driven], np.float32)
            (kernels.backward if driven else kernels.forward)(key, self._seen, given, self._io, out)
            return out
        return self._many(key, given, driven)

    def _many(self, key: int, x: Vector, driven: int) -> Vector:
        driven_x, scales = np.empty_like(x), np.empty(len(x), np.float32)
        kernels.quantise_inputs(x, self.settings.input_step, driven_x, scales)
        with single_threaded():
            y: Vector = driven_x @ (self._seen.T if driven else self._seen)
        clipped = np.zeros(len(x), np.bool_)
        kernels.finish_outputs(key, y, self._io, scales, clipped)
        # Few cases are cut off; each is repeated by itself.
        for case in np.flatnonzero(clipped):
            (kernels.backward if driven else kernels.forward)(
                key + 64 * int(case), self._seen, x[case], self._io, y[case]
            )
        return y

    def update(self, x: npt.ArrayLike, d: npt.ArrayLike, learning_rate: float) -> int:
        """Add learning_rate * outer(x, d) by coincidences of random pulses; return the number of slots.

        Parameters
        ----------
        x, d : array_like
            Shapes (rows,) and (columns,).
        learning_rate : float
            Above 0.

        Source: Gokmen and Vlasov, Front. Neurosci. 10:333 (2016); probabilities, slots and balance as in aihwkit's C++.
        """
        rows, columns = np.asarray(x, np.float32), np.asarray(d, np.float32)
        if rows.shape != self.shape[:1] or columns.shape != self.shape[1:]:
            raise ShapeError(
                f"x and d must have the shapes {self.shape[:1]} and {self.shape[1:]}, not {rows.shape} and {columns.shape}"
            )
        if not (math.isfinite(learning_rate) and learning_rate > 0):
            raise RangeError(f"learning_rate must be above 0, not {learning_rate!r}; nothing was pulsed")
        size_x, size_d = np.abs(rows), np.abs(columns)
        largest_x, largest_d = float(size_x.max()), float(size_d.max())
        if not math.isfinite(largest_x * largest_d):
            raise RangeError("x and d must be finite; nothing was pulsed")
        if largest_x == 0 or largest_d == 0:
            return 0
        factor_x, factor_d, slots = self._probabilities(largest_x, largest_d, learning_rate)
        key = self._next_key()
        kernels.trains(key ^ 0x5555, size_x * np.float32(factor_x), slots, self._words[0])
        kernels.trains(key ^ 0xAAAA, size_d * np.float32(factor_d), slots, self._words[1])
        self._apply(key, rows > 0, columns > 0)
        return slots

    def _probabilities(self, largest_x: float, largest_d: float, learning_rate: float) -> tuple[float, float, int]:
        settings, dw_min = self.settings, self.device.dw_min
        slots = settings.slots
        if settings.choose_slots:
            needed = math.ceil(learning_rate * largest_x * largest_d / dw_min)
            if needed > slots and settings.balance:
                # The gradient is cut at what the slots can give, so that the activation is not.
                largest_d *= slots / needed
            slots = max(1, min(needed, slots))
        amplitude = math.sqrt(learning_rate / (dw_min * slots))
        ratio = math.sqrt(largest_x / largest_d) if settings.balance else 1.0
        return amplitude / ratio, amplitude * ratio, slots

    def pulse(self, counts: npt.ArrayLike) -> None:
        """Give every cell its own number of pulses, shape (rows, columns), up if positive: at most 31 either way, one row after another."""
        given = np.asarray(counts)
        if given.shape != self.shape or not np.issubdtype(given.dtype, np.integer):
            raise ShapeError(
                f"counts must be integers of the shape {self.shape}, not {given.dtype} of {given.shape}; nothing was pulsed"
            )
        if np.abs(given).max(initial=0) > kernels.SLOTS:
            raise RangeError(
                f"counts must be from -{kernels.SLOTS} to {kernels.SLOTS}, not {given.flat[np.abs(given).argmax()]}; nothing was pulsed"
            )
        for row in range(self.shape[0]):
            key = self._next_key()
            self._words[0][:] = 0
            self._words[0][row] = (1 << kernels.SLOTS) - 1
            self._words[1][:] = ((1 << np.abs(given[row]).astype(np.int64)) - 1).astype(np.uint32)
            self._apply(key, np.ones(self.shape[0], np.bool_), given[row] > 0)

    def _apply(self, key: int, row_up: npt.NDArray[np.bool_], column_up: npt.NDArray[np.bool_]) -> None:
        device = self.device
        additive, write = device.c2c_kind == "additive", device.write_noise * device.dw_min
        shared = (key, *self._words, row_up, column_up, self._cells, self.counts, device.c2c, additive, write)
        # With few columns active, stepping those one by one is quicker, and exact.
        if self.settings.form == "sequential" or 4 * np.count_nonzero(self._words[1]) < self.shape[1]:
            kernels.update_sequential(*shared, kernels.QUANTILES)
        else:
            kernels.update_counted(*shared, kernels.ROOTS)

    def _next_key(self) -> int:
        self._event += 1
        # Below 2**63, so that numba always takes it for the same type.
        return (self._key + self._event * _GAMMA & _MASK) >> 1


def _cells(device: PulsedDevice, draws: Draws) -> Vector:
    """Return the planes of cells as the kernels need them."""
    if device.ages or not isinstance(device, ConstantStep | LinearStep | SoftBounds):
        raise RangeError(
            f"a tile takes constant, linear or soft-bounds cells without ageing, not {type(device).__name__}"
            f"{' that ages' if device.ages else ''}; the plant and Population take every kind"
        )
    drawn = device.populate(draws)
    cells = np.zeros((kernels.PLANES, draws.cells), np.float32)
    for ours, theirs in (
        (kernels.HIDDEN, Plane.HIDDEN), (kernels.SEEN, Plane.HIDDEN), (kernels.UP, Plane.UP), (kernels.DOWN, Plane.DOWN),
        (kernels.UPPER, Plane.UPPER), (kernels.LOWER, Plane.LOWER),
    ):  # fmt: skip
        cells[ours] = drawn[theirs]
    if isinstance(device, LinearStep):
        cells[kernels.SLOPE_UP], cells[kernels.SLOPE_DOWN] = drawn[Plane.SHAPE_UP], drawn[Plane.SHAPE_DOWN]
    elif isinstance(device, SoftBounds):
        reference = drawn[Plane.SHAPE_UP]
        cells[kernels.REFERENCE] = reference
        for plane, bound, sign in ((kernels.SLOPE_UP, Plane.UPPER, 1), (kernels.SLOPE_DOWN, Plane.LOWER, -1)):
            whole = drawn[bound] + reference
            works = sign * whole > 0
            cells[plane] = np.where(works, 1 / np.where(works, whole, 1), 0)
    return cells
