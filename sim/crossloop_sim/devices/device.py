"""What every cell model is: settings, the numbers its kernels read, and how its cells are drawn."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import RangeError
from crossloop_sim import noise
from crossloop_sim.devices.kernel import Kernel, observe_state

FloatArray = npt.NDArray[np.float64]


class Draws:
    """The random numbers from which the cells of one tile are drawn, one stream per cell and purpose.

    A cell keeps its numbers in an array of another size.

    Parameters
    ----------
    seed : int
        Seed of the plant.
    tile : int
        Which array.
    rows, columns : int
        Its size.
    """

    def __init__(self, seed: int, tile: int, rows: int, columns: int) -> None:
        self.cells = rows * columns
        """Number of cells."""
        self._key = (seed, tile, rows, columns)
        self._spread = self.streams(noise.Purpose.SPREAD)
        self._initial = self.streams(noise.Purpose.INITIAL)

    def streams(self, purpose: noise.Purpose) -> npt.NDArray[np.uint64]:
        """Return the random stream of every cell for a purpose, shape (cells,)."""
        seed, tile, rows, columns = self._key
        index = np.arange(rows, dtype=np.uint64)[:, None] << np.uint64(20) | np.arange(columns, dtype=np.uint64)
        return noise.starts(noise.key_of(seed, purpose), (index | np.uint64(tile << 40)).ravel())

    def spread(self, n: int) -> FloatArray:
        """Return draw n of device-to-device spread: normal deviates, shape (cells,)."""
        return noise.deviates(self._spread, n)

    def spread_uniform(self, n: int) -> FloatArray:
        """Return draw n of device-to-device spread, uniform in [0, 1), shape (cells,). Use another n than for `spread`."""
        return noise.uniforms(self._spread, 2 * n)

    def initial(self) -> FloatArray:
        """Return normal deviates for initial states, shape (cells,)."""
        return noise.deviates(self._initial, 0)

    def initial_uniform(self) -> FloatArray:
        """Return numbers uniform in [-1, 1) for initial states, shape (cells,)."""
        return 2 * noise.uniforms(self._initial, 0) - 1


@dataclass(frozen=True, kw_only=True)
class Device(ABC):
    """A kind of cell. Subclasses add settings, planes and kernels; settings are checked when they are made.

    A cell's conductance is G = g_mid_s + w*g_half_s, so w = -1 and +1 are g_min_s and g_max_s. The unit of w is a choice of the model.
    """

    planes: ClassVar[type[IntEnum]]
    """Names of the planes of `cells`; the first is W."""
    pulse: ClassVar[Kernel]
    """Kernel that applies a pulse, see `crossloop_sim.devices.kernel`."""
    observe: ClassVar[Kernel] = observe_state
    """Kernel that says what a conversion meets."""
    age: ClassVar[Kernel | None] = None
    """Kernel, of the form of `observe`, that makes what time has done part of the state before a pulse begins; None: nothing."""
    at_least_zero: ClassVar[tuple[str, ...]] = ()
    """Settings that must not be negative."""
    above_zero: ClassVar[tuple[str, ...]] = ("v_threshold_v",)
    """Settings that must be above 0."""

    g_min_s: float = 1 / (24e6 * 4.5)
    """Conductance of w = -1 in siemens; below 0 where w = -1 is out of reach.

    Source: mean resistance 24 Mohm, on/off ratio 8: mean*2/9 (Gokmen and Vlasov 2016).
    """
    g_max_s: float = 8 / (24e6 * 4.5)
    """Conductance of w = +1 in siemens. Source: as g_min_s."""
    v_threshold_v: float = 0.7
    """Smallest voltage, either sign, that counts as a pulse of a cell. A choice between half (0.47 V) and full (0.94 V) coincidence."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "float" and not (isinstance(value, int | float) and math.isfinite(value)):
                raise RangeError(f"plant setting {field.name} must be a finite number, not {value!r}")
        for name in self.at_least_zero:
            if getattr(self, name) < 0:
                raise RangeError(f"plant setting {name} must not be negative, not {getattr(self, name)!r}")
        for name in (*Device.above_zero, *self.above_zero):
            if getattr(self, name) <= 0:
                raise RangeError(f"plant setting {name} must be above 0, not {getattr(self, name)!r}")
        if self.g_mid_s <= 0:
            raise RangeError(
                f"plant settings g_min_s and g_max_s must have a mean above 0 S, not {self.g_min_s!r} and {self.g_max_s!r}"
            )
        if self.g_max_s <= self.g_min_s:
            raise RangeError(f"plant setting g_max_s of {self.g_max_s!r} S must be above g_min_s, {self.g_min_s!r} S")

    @abstractmethod
    def constants(self) -> FloatArray:
        """Return the numbers that the kernels read, shape (n,)."""

    @abstractmethod
    def populate(self, draws: Draws) -> FloatArray:
        """Draw cells.

        Returns
        -------
        ndarray
            Shape (planes, cells), C order.
        """

    @property
    def g_mid_s(self) -> float:
        """Conductance of w = 0 in siemens."""
        return (self.g_max_s + self.g_min_s) / 2

    @property
    def g_half_s(self) -> float:
        """Conductance of one unit of w in siemens."""
        return (self.g_max_s - self.g_min_s) / 2

    @property
    def w_floor(self) -> float:
        """Lowest w a cell may have: 1 % of the conductance of w = 0. Bounds spread widely, conductances stay positive."""
        return -0.99 * self.g_mid_s / self.g_half_s

    def set_w(self, cells: FloatArray, w: FloatArray) -> None:
        """Put cells, shape (planes, cells), into states w as far as their own bounds allow: set-up, not a pulse."""
        cells[0] = np.maximum(w, self.w_floor)
