"""One layer of a network on one tile: its products and its update as operations of the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop.operation import Codes
from crossloop.operations import Product, Update
from crossloop.protocol.errors import RangeError
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.streams import Family
from crossloop.training import stochastic
from crossloop.training.analog import AnalogCodes

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ArrayLayer:
    """Differential pairs on the first rows and columns of a tile: row i is input i, columns 2k and 2k + 1 make output k.

    The weight of input i to output k is (G[i, 2k] - G[i, 2k + 1]) / weight unit.
    """

    tile: int
    """Which array."""
    inputs: int
    """Inputs, the bias (last) included."""
    outputs: int
    """Outputs."""
    codes: AnalogCodes
    """How the array is driven."""

    def check(self, parameters: Parameters) -> None:
        """Raise RangeError unless the layer fits the build."""
        if self.inputs > parameters.rows or 2 * self.outputs > parameters.columns or self.tile >= parameters.tiles:
            raise RangeError(
                f"layer {self.tile} with {self.inputs} inputs (bias included) and {self.outputs} outputs needs {self.inputs} rows and "
                f"{2 * self.outputs} columns on tile {self.tile}; this build has {parameters.tiles} tiles of {parameters.rows} x "
                f"{parameters.columns}: choose smaller layers or another build"
            )

    def forward(self, x: FloatArray) -> Product:
        """Return the forward product of inputs from -1 to 1, shape (inputs,).

        The bias input is always 1, so the largest level is always in use: forward products need no noise management.
        """
        return self._product(Family.COLUMNS, self._levels(x, 1.0), self.outputs, pair=True)

    def outputs_of(self, result: Codes) -> FloatArray:
        """Return the outputs that a forward product measured, shape (outputs,)."""
        outputs: FloatArray = np.multiply(result.codes, self.codes.output_unit, dtype=np.float64)
        return outputs

    def backward(self, d: FloatArray) -> tuple[Product, float]:
        """Return the transposed product of errors, shape (outputs,), for all inputs but the bias, and the scale of its result.

        Noise management: the largest error is driven at full level, and the result scaled back, so that small errors do not drown in the
        converters' noise. Source: Gokmen, Onen and Haensch, Front. Neurosci. 11:538 (2017).
        """
        scale = float(np.abs(d).max())
        levels = np.empty(2 * self.outputs, np.int8)
        levels[0::2] = self._levels(d, scale) if scale else 0
        np.negative(levels[0::2], out=levels[1::2])
        return self._product(Family.ROWS, levels, self.inputs - 1, pair=False), scale

    def errors_of(self, result: Codes, scale: float) -> FloatArray:
        """Return the errors that a transposed product measured, shape (inputs - 1,)."""
        errors: FloatArray = np.multiply(result.codes, self.codes.output_unit * scale, dtype=np.float64)
        return errors

    def update(self, x: FloatArray, d: FloatArray, rate: float) -> Update | None:
        """Return the stochastic update by rate * x * d; None when there is nothing to change."""
        pulses = stochastic.encode(x, d, rate=rate, step=self.codes.step, slots_max=self.codes.slots_max)
        return None if pulses is None else self.fire(pulses)

    def fire(self, pulses: stochastic.Coincidences) -> Update:
        """Return the operation that fires given coincidences."""
        level = self.codes.update_level
        return Update(
            self.tile, pulses.row_bytes, pulses.column_bytes, pulses.slots, self.codes.width_cycles, self.codes.gap_cycles,
            up=(level, -level), down=(-level, level),
        )  # fmt: skip

    def weights(self, conductance_s: FloatArray, weight_unit_s: float) -> FloatArray:
        """Return the weights, shape (inputs, outputs), of an array with the given conductances, shape (rows, columns)."""
        used = conductance_s[: self.inputs, : 2 * self.outputs]
        weights: FloatArray = (used[:, 0::2] - used[:, 1::2]) / weight_unit_s
        return weights

    def _levels(self, values: FloatArray, scale: float) -> NDArray[np.int8]:
        levels: NDArray[np.int8] = np.rint(values * (self.codes.level_max / scale)).astype(np.int8)
        return levels

    def _product(self, sensed: Family, levels: NDArray[np.int8], channels: int, *, pair: bool) -> Product:
        return Product(
            self.tile,
            sensed,
            levels,
            channels,
            pair,
            self.codes.range_index,
            self.codes.settle_cycles,
            self.codes.integrate_cycles,
        )
