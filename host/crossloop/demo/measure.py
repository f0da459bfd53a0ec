"""What the report shows of the arrays: conductances, pulses, and products as measured beside the ideal ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossloop.demo.target import world_of
from crossloop.emulated import read_states
from crossloop.protocol.emulated import CONVERTER_NOISE_CODES, state_step_s
from crossloop.session import Session
from crossloop.training.array_network import ArrayNetwork
from crossloop.training.data import Part

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PRODUCTS = 60
"""Images whose products are compared with the ideal ones."""

_READ_AVERAGES = 16
_READ_RANGE = 1


@dataclass(frozen=True)
class Products:
    """One kind of product: measured and ideal outputs in weight units times inputs, shape (values,)."""

    name: str
    measured: FloatArray
    ideal: FloatArray

    @property
    def residual(self) -> FloatArray:
        """Measured minus ideal."""
        return self.measured - self.ideal


@dataclass(frozen=True)
class Fidelity:
    """How well the arrays multiply."""

    products: list[Products]
    unit: float
    """Size of a converter code in the same units."""
    noise: float | None
    """Standard deviation of the converters' noise in the same units; None for a device with an analog array."""
    saturated: int
    """Values at the converter's limit; they are left out of the products."""

    @property
    def residual(self) -> FloatArray:
        """Residuals of all products, shape (values,)."""
        return np.concatenate([products.residual for products in self.products])


def conductances(session: Session, network: ArrayNetwork) -> list[FloatArray]:
    """Return the conductances of the used part of every tile in siemens: exact where the array is simulated or emulated, else measured."""
    world = world_of(session)
    emulated = session.parameters.frontend == "emulated"
    found = []
    for layer in network.layers:
        if emulated:
            whole = read_states(session, layer.tile).astype(np.float64) * state_step_s(session.parameters)
        elif world is not None:
            whole = np.asarray(world.plant.conductance_s(layer.tile), np.float64)
        else:
            whole = session.tile(layer.tile).read_all(averages=_READ_AVERAGES, range_index=_READ_RANGE)
        found.append(whole[: layer.inputs, : 2 * layer.outputs])
    return found


def pulses(session: Session, network: ArrayNetwork) -> list[IntArray] | None:
    """Return the full pulses that every used cell has seen, from the simulation's ledger; None for a device, which counts sums only."""
    world = world_of(session)
    if world is None or not world.keeps_ledger:
        return None
    return [
        np.asarray(world.plant.ledger(layer.tile).pulses, np.int64)[: layer.inputs, : 2 * layer.outputs]
        for layer in network.layers
    ]


def fidelity(session: Session, network: ArrayNetwork, part: Part, conductance_s: list[FloatArray]) -> Fidelity:
    """Measure forward products of every layer and transposed ones of the last, and compute what exact conductances would give.

    The ideal uses the levels as they are sent; what differs is the converters' noise, steps and limits.
    """
    rng = np.random.default_rng(len(part))
    collector = _Collector(session, network)
    last = network.layers[-1]
    for inputs in part.inputs[:PRODUCTS]:
        state = inputs
        for index, layer in enumerate(network.layers):
            values = collector.forward(index, state, conductance_s[index])
            if layer is not last:
                state = np.append(np.tanh(values), 1.0)
        collector.backward(rng.uniform(-1.0, 1.0, last.outputs), conductance_s[-1])
    return collector.result()


class _Collector:
    """Runs products and keeps measured and ideal values by kind."""

    def __init__(self, session: Session, network: ArrayNetwork) -> None:
        self._session, self._network = session, network
        self._unit_s = network.settings.weight_unit_s
        self._values: dict[str, list[tuple[FloatArray, FloatArray]]] = {}
        self._saturated = 0

    def forward(self, index: int, x: FloatArray, conductance_s: FloatArray) -> FloatArray:
        """Measure a layer's forward product and return its outputs."""
        layer = self._network.layers[index]
        operation = layer.forward(x)
        result = self._session.execute(operation)[0]
        levels = operation.codes / layer.codes.level_max
        measured = layer.outputs_of(result)
        self._keep(
            f"layer {index + 1}, forward",
            measured,
            levels @ layer.weights(conductance_s, self._unit_s),
            result.saturated,
        )
        return measured

    def backward(self, d: FloatArray, conductance_s: FloatArray) -> None:
        """Measure the last layer's transposed product."""
        layer = self._network.layers[-1]
        operation, scale = layer.backward(d)
        result = self._session.execute(operation)[0]
        levels = operation.codes[0::2] / layer.codes.level_max
        ideal = layer.weights(conductance_s, self._unit_s)[:-1] @ levels
        self._keep(
            f"layer {layer.tile + 1}, transposed", layer.errors_of(result, scale) / scale, ideal, result.saturated
        )

    def result(self) -> Fidelity:
        """Return everything measured."""
        products = [
            Products(name, np.concatenate([m for m, _ in pairs]), np.concatenate([i for _, i in pairs]))
            for name, pairs in self._values.items()
        ]
        unit = self._network.layers[0].codes.output_unit
        noise = noise_codes(self._session)
        return Fidelity(products, unit, None if noise is None else noise * unit, self._saturated)

    def _keep(self, name: str, measured: FloatArray, ideal: FloatArray, saturated: NDArray[np.bool_]) -> None:
        self._saturated += int(saturated.sum())
        good = ~saturated & np.isfinite(ideal)  # a cell that could not be read has no ideal
        self._values.setdefault(name, []).append((measured[good], ideal[good]))


def noise_codes(session: Session) -> float | None:
    """Return the standard deviation of the converters' noise in codes where it is known: in a simulation or an emulated array."""
    if session.parameters.frontend == "emulated":
        return CONVERTER_NOISE_CODES
    world = world_of(session)
    if world is None:
        return None
    converters = world.plant.configuration.front_end
    return float(converters.read_noise / converters.output_bound * (1 << (session.parameters.sample_bits - 1)))
