"""Choosing the learning rate of the network in the arrays: a few short trainings on a model of them, judged on the validation images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crossloop.session import Session
from crossloop.training.analog import AnalogSettings
from crossloop.training.array_network import ArrayNetwork
from crossloop.training.data import Digits
from crossloop.training.loop import train
from crossloop.training.observer import Observer, Silent
from crossloop.training.optimiser import LEARNING_RATES

CHOICE_EPOCHS = 4
"""Epochs of each of the short trainings; the schedule is the whole one, made shorter."""


@dataclass(frozen=True)
class Choice:
    """A chosen learning rate and what it was chosen on."""

    rate: float
    validation: dict[float, float]
    """Validation accuracy by learning rate; empty when the rate was given."""


def choose_rate(
    connect: Callable[[], Session],
    data: Digits,
    *,
    layers: Sequence[int],
    seed: int,
    rates: Sequence[float] = LEARNING_RATES,
    epochs: int = CHOICE_EPOCHS,
    settings: AnalogSettings | None = None,
    observer: Observer | None = None,
) -> Choice:
    """Train shortly with every rate and take the one with the best validation accuracy, the smaller one of equals.

    Parameters
    ----------
    connect : callable
        Opens a session with fresh arrays for every training.
    data : Digits
        The images; the test part is not touched.
    layers, seed, settings
        As in the training that the rate is for.
    rates : sequence of float
        Candidates.
    epochs : int
        Epochs of each training.
    observer : Observer, optional
        Is told of every stage and image.
    """
    watch = observer or Silent()
    images = epochs * (len(data.train) + len(data.validation))
    watch.plan("choosing the learning rate", len(rates) * images)
    validation: dict[float, float] = {}
    for rate in sorted(rates):
        watch.stage(f"learning rate {rate:g}", images)
        with connect() as session:
            session.arm()
            network = ArrayNetwork(session, layers, settings)
            network.initialise(seed)
            quiet = _ImagesOnly(watch)
            *_, last = train(session, network, data, epochs=epochs, rate=rate, seed=seed, observer=quiet)
            validation[rate] = last.validation
    return Choice(max(validation, key=lambda rate: validation[rate]), validation)


class _ImagesOnly(Silent):
    """Passes the images of a short training on, not its epochs: to the watcher it is one stage."""

    def __init__(self, watch: Observer) -> None:
        self._watch = watch

    def image(self, right: bool | None = None) -> None:  # noqa: FBT001  as in Observer
        """Count an image."""
        self._watch.image(right)
