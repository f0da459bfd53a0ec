"""Cells without an array around them: a probe station for the models."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import float64, int64, njit, types, uint64

from crossloop.protocol.errors import RangeError, ShapeError
from crossloop_sim.devices.device import Device, Draws, FloatArray
from crossloop_sim.devices.kernel import observe_at, pulse_at
from crossloop_sim.noise import Purpose


class Population:
    """Cells of one kind, pulsed directly, each behind its own probe.

    Parameters
    ----------
    device : Device
        The kind of cell.
    cells : int
        How many.
    seed : int
        Seed of every spread and every noise.
    """

    def __init__(self, device: Device, cells: int = 1, *, seed: int = 0) -> None:
        if cells < 1:
            raise RangeError(f"a population needs at least 1 cell, not {cells!r}")
        draws = Draws(seed, 0, cells, 1)
        self.device = device
        """The kind of cell."""
        self.planes = np.ascontiguousarray(device.populate(draws), np.float64)
        """State of every cell, shape (planes, cells); the rows are named by `device.planes`."""
        self.pulses = np.zeros(cells, np.int64)
        """Pulses each cell has had, shape (cells,)."""
        self.now_s = 0.0
        """Time since the population was made, in seconds."""
        self._observations = np.zeros(cells, np.int64)
        self._constants = np.ascontiguousarray(device.constants(), np.float64)
        self._pulse = device.pulse.address
        self._age = device.age.address if device.age else 0
        self._cycle = draws.streams(Purpose.CYCLE)
        self._read = draws.streams(Purpose.CELL_READ)

    def __len__(self) -> int:
        return self.pulses.size

    def pulse(
        self,
        v_v: npt.ArrayLike,
        t_s: npt.ArrayLike,
        count: int = 1,
        *,
        limit_a: npt.ArrayLike = math.inf,
        gap_s: float = 0.0,
    ) -> FloatArray:
        """Apply pulses; cells at 0 V get none. Voltages below `v_threshold_v` do nothing.

        Parameters
        ----------
        v_v : array_like
            Voltage in volts, shape () or (cells,).
        t_s : array_like
            Duration in seconds, shape () or (cells,).
        count : int
            How many, one after the other.
        limit_a : array_like
            Current limit in amperes, shape () or (cells,).
        gap_s : float
            Pause after each pulse in seconds.

        Returns
        -------
        ndarray
            How long the last pulse lasted in each cell, in seconds, shape (cells,).

        Raises
        ------
        ShapeError
            If a shape does not fit.
        RangeError
            If a value is not a number, a duration or limit is not above 0, or `count` or `gap_s` is negative. Nothing is pulsed then.
        """
        v, t, limit = (self._per_cell(name, x) for name, x in (("v_v", v_v), ("t_s", t_s), ("limit_a", limit_a)))
        for name, values in (("t_s", t), ("limit_a", limit)):
            if not (values > 0).all():
                raise RangeError(f"{name} must be above 0, not {values.min()!r}; nothing was pulsed")
        if count < 0 or not (math.isfinite(gap_s) and gap_s >= 0):
            raise RangeError(f"count {count!r} and gap_s {gap_s!r} s must not be negative; nothing was pulsed")
        lasted = np.zeros(len(self))
        step = float(t.max()) + gap_s
        for _ in range(count):
            self.now_s += step
            _pulse_all(
                self._pulse, self._age, self.planes, self._constants, v, t, limit, self.now_s - gap_s, self.device.v_threshold_v,
                self._cycle, self.pulses, lasted,
            )  # fmt: skip
        return lasted

    def wait(self, t_s: float) -> None:
        """Let time pass, in seconds."""
        if not (math.isfinite(t_s) and t_s >= 0):
            raise RangeError(f"t_s must be 0 or more seconds, not {t_s!r}")
        self.now_s += t_s

    def read_w(self) -> FloatArray:
        """Read every cell once: normalised conductance with everything that time and reading add, shape (cells,)."""
        w = np.empty(len(self))
        _observe_all(
            self.device.observe.address, self.planes, self._constants, self.now_s, self._read, self._observations, w
        )
        self._observations += 1
        return w

    def read_s(self) -> FloatArray:
        """Read every cell once: conductance in siemens, shape (cells,)."""
        return self.device.g_mid_s + self.device.g_half_s * self.read_w()

    def set_w(self, w: npt.ArrayLike) -> None:
        """Put every cell into a state, shape () or (cells,), as far as its own bounds allow."""
        self.device.set_w(self.planes, self._per_cell("w", w))

    def _per_cell(self, name: str, value: npt.ArrayLike) -> FloatArray:
        array = np.asarray(value, np.float64)
        if array.shape not in ((), (len(self),)):
            raise ShapeError(
                f"{name} of shape {array.shape} does not fit {len(self)} cells; give one number or one per cell"
            )
        if np.isnan(array).any():
            raise RangeError(f"{name} must be numbers, not NaN; nothing was changed")
        return np.broadcast_to(array, (len(self),)).copy()


@njit(
    types.void(
        int64, int64, float64[:, ::1], float64[::1], float64[::1], float64[::1], float64[::1], float64, float64, uint64[::1], int64[::1],
        float64[::1],
    ),
    cache=True,
)  # fmt: skip
def _pulse_all(pulse_address: int, age_address: int, cells: Any, constants: Any, v: Any, t: Any, limit: Any, now_s: float,
               threshold: float, streams: Any, pulses: Any, lasted: Any) -> None:  # fmt: skip
    """Apply one pulse to every cell; addresses are those of the kernels."""
    pulse, age, ages = pulse_at(pulse_address), observe_at(age_address), age_address != 0
    for cell in range(pulses.size):
        if v[cell] != 0.0 and abs(v[cell]) >= threshold:
            if ages:
                age(cells, cell, constants, now_s - t[cell], streams[cell], 0)
            lasted[cell] = pulse(
                cells, cell, constants, v[cell], t[cell], now_s, limit[cell], streams[cell], pulses[cell]
            )
            pulses[cell] += 1


@njit(types.void(int64, float64[:, ::1], float64[::1], float64, uint64[::1], int64[::1], float64[::1]), cache=True)
def _observe_all(
    address: int, cells: Any, constants: Any, now_s: float, streams: Any, observations: Any, w: Any
) -> None:
    """Observe every cell; `address` is that of the kernel."""
    observe = observe_at(address)
    for cell in range(w.size):
        w[cell] = observe(cells, cell, constants, now_s, streams[cell], observations[cell])
