"""How the current of a cell depends on the voltages at its ends.

A law is given the potentials of the row-side and the column-side node and returns the current from row to column with its two derivatives.
`cell_s` is the conductance of the memristor at small voltages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from crossloop.protocol.errors import CircuitError, RangeError

FloatArray = npt.NDArray[np.float64]
Branch = tuple[FloatArray, FloatArray, FloatArray]
"""Current in amperes, and its derivatives by the row-side and by the column-side potential in siemens."""


@dataclass(frozen=True, kw_only=True)
class Law:
    """A cell's I-V law. Subclasses give `branch`; every setting must be above 0."""

    linear: ClassVar[bool] = False
    """Whether currents are proportional to voltages."""
    two_terminal: ClassVar[bool] = True
    """Whether only the difference of the two potentials matters."""

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if not (math.isfinite(value) and value > 0):
                raise RangeError(f"{type(self).__name__}.{setting.name} must be finite and above 0, not {value!r}")

    def branch(self, cell_s: FloatArray, row_v: FloatArray, column_v: FloatArray, gate_v: FloatArray) -> Branch:
        """Return current and derivatives; all arguments of one shape, `gate_v` the potential of each cell's gate."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Ohmic(Law):
    """I = G V."""

    linear: ClassVar[bool] = True

    def branch(self, cell_s: FloatArray, row_v: FloatArray, column_v: FloatArray, gate_v: FloatArray) -> Branch:  # noqa: ARG002
        """Return current and derivatives."""
        return cell_s * (row_v - column_v), cell_s, -cell_s


@dataclass(frozen=True, kw_only=True)
class Sinh(Law):
    """I = G v0 sinh(V/v0): hopping or tunnelling through a gap. Source: Simmons, J. Appl. Phys. 34:1793 (1963), symmetric barrier."""

    v0_v: float = 0.25
    """Voltage scale of the nonlinearity in volts. A choice: the current is 1.8 times the ohmic one at 0.5 V."""

    def branch(self, cell_s: FloatArray, row_v: FloatArray, column_v: FloatArray, gate_v: FloatArray) -> Branch:  # noqa: ARG002
        """Return current and derivatives."""
        x = (row_v - column_v) / self.v0_v
        slope = cell_s * np.cosh(x)
        return cell_s * self.v0_v * np.sinh(x), slope, -slope


@dataclass(frozen=True, kw_only=True)
class Cubic(Law):
    """I = G (V + V^3/v0^2): the form of CrossSim's RRAM I-V fit."""

    v0_v: float = 1.0
    """Voltage in volts at which the cubic part equals the linear one. A choice."""

    def branch(self, cell_s: FloatArray, row_v: FloatArray, column_v: FloatArray, gate_v: FloatArray) -> Branch:  # noqa: ARG002
        """Return current and derivatives."""
        v = row_v - column_v
        slope = cell_s * (1 + 3 * (v / self.v0_v) ** 2)
        return cell_s * (v + v**3 / self.v0_v**2), slope, -slope


@dataclass(frozen=True, kw_only=True)
class OneSelectorOneResistor(Law):
    """1S1R: an exponential two-terminal selector, I = i0 sinh(V/vs), in series with the memristor, G."""

    i0_a: float = 1e-12
    """Current scale of the selector in amperes. A choice: with vs, 1 uA at 0.55 V and 20 pA at 0.1 V."""
    vs_v: float = 0.038
    """Voltage scale of the selector in volts. A choice: 88 mV per decade."""

    def branch(self, cell_s: FloatArray, row_v: FloatArray, column_v: FloatArray, gate_v: FloatArray) -> Branch:  # noqa: ARG002
        """Return current and derivatives; the node between the two is found by Newton's method on the current."""
        v = np.abs(row_v - column_v)
        # The current is below that of either part alone; from above, Newton's method falls monotonously (the voltage is concave in I).
        with np.errstate(over="ignore"):
            i = np.minimum(cell_s * v, self.i0_a * np.sinh(np.minimum(v / self.vs_v, 700)))
        present = cell_s > 0
        safe_s = np.where(present, cell_s, 1.0)
        for _ in range(100):
            over = i / safe_s + self.vs_v * np.arcsinh(i / self.i0_a) - v
            r_ohm = 1 / safe_s + self.vs_v / np.hypot(i, self.i0_a)
            step = over / r_ohm
            i = np.maximum(i - step, 0)
            if np.abs(step).max(initial=0) <= 1e-15 * np.abs(i).max(initial=0) + 1e-300:
                break
        slope = np.where(present, 1 / (1 / safe_s + self.vs_v / np.hypot(i, self.i0_a)), 0.0)
        return np.where(present, np.copysign(i, row_v - column_v), 0.0), slope, -slope


@dataclass(frozen=True, kw_only=True)
class OneTransistorOneResistor(Law):
    """1T1R: the memristor on the row side, an NMOS transistor on the column side, its gate on the gate line.

    Square-law transistor without body effect and channel-length modulation. Source: Shichman and Hodges, IEEE J. Solid-State Circuits 3:285
    (1968), SPICE's level 1.
    """

    two_terminal: ClassVar[bool] = False

    v_threshold_v: float = 0.5
    """Threshold voltage in volts. A choice."""
    k_a_per_v2: float = 4e-4
    """Transconductance parameter in A/V^2. A choice: 3.6 kohm at 1.2 V on the gate."""

    def branch(self, cell_s: FloatArray, row_v: FloatArray, column_v: FloatArray, gate_v: FloatArray) -> Branch:
        """Return current and derivatives; the inner node is found by bisection and Newton's method."""
        low, high = np.minimum(row_v, column_v), np.maximum(row_v, column_v)
        lower, upper = low.copy(), high.copy()
        inner = np.where(cell_s > 0, 0.5 * (lower + upper), column_v)
        for _ in range(200):
            through, by_drain, _by_source = self._channel(inner, column_v, gate_v)
            excess = cell_s * (row_v - inner) - through
            lower, upper = np.where(excess > 0, inner, lower), np.where(excess > 0, upper, inner)
            slope = cell_s + by_drain
            newton = inner + np.divide(excess, slope, out=np.zeros_like(excess), where=slope > 0)
            inside = (newton > lower) & (newton < upper)
            new = np.where(inside, newton, 0.5 * (lower + upper))
            done = np.abs(new - inner).max(initial=0) <= 4e-16 * np.abs(high).max(initial=1e-3)
            inner = new
            if done:
                break
        else:
            raise CircuitError(
                "the node between memristor and transistor did not converge; check conductances and gate voltages"
            )
        through, by_drain, by_source = self._channel(inner, column_v, gate_v)
        total = cell_s + by_drain
        share = np.divide(cell_s, total, out=np.zeros_like(total), where=total > 0)
        # Through memristor and channel in series: the inner node moves by share*d(row) - by_source/total*d(column).
        return through, share * by_drain, share * by_source

    def _channel(self, drain_v: FloatArray, source_v: FloatArray, gate_v: FloatArray) -> Branch:
        """Return the current from drain to source and its derivatives; either end may be the higher one."""
        forward = drain_v >= source_v
        vds = np.abs(drain_v - source_v)
        over = np.maximum(gate_v - np.minimum(drain_v, source_v) - self.v_threshold_v, 0.0)
        linear = vds < over
        k = self.k_a_per_v2
        i = np.where(linear, k * (over - vds / 2) * vds, k / 2 * over**2)
        by_vds = np.where(linear, k * (over - vds), 0.0)
        by_vgs = np.where(linear, k * vds, k * over)
        # With the ends exchanged, the drain is the source.
        by_drain = np.where(forward, by_vds, by_vds + by_vgs)
        by_source = np.where(forward, -by_vds - by_vgs, -by_vds)
        return np.where(forward, i, -i), by_drain, by_source


LAWS: dict[str, Law] = {
    "ohmic": Ohmic(),
    "sinh": Sinh(),
    "cubic": Cubic(),
    "1s1r": OneSelectorOneResistor(),
    "1t1r": OneTransistorOneResistor(),
}
"""Laws by name, with their default settings."""
