"""The training loop: epochs of online learning in the arrays, each followed by a look at the validation images."""

from __future__ import annotations

import time
from collections.abc import Iterator

from crossloop.session import Session
from crossloop.training.array_network import ArrayNetwork
from crossloop.training.data import Digits
from crossloop.training.observer import EpochRecord, Observer, Silent
from crossloop.training.optimiser import sample_order, scheduled_rate


def train(
    session: Session,
    network: ArrayNetwork,
    data: Digits,
    *,
    epochs: int,
    rate: float,
    seed: int,
    observer: Observer | None = None,
) -> Iterator[EpochRecord]:
    """Train a network in the arrays, epoch by epoch.

    Weights change on the training part only; the validation part is looked at, the test part is not touched.

    Parameters
    ----------
    session : Session
        The armed session of the network.
    network : ArrayNetwork
        A network with initial weights.
    data : Digits
        The images.
    epochs : int
        Passes over the training images.
    rate : float
        Learning rate of the first epoch, see `scheduled_rate`.
    seed : int
        Seed of the order of images.
    observer : Observer, optional
        Is told of every image.

    Yields
    ------
    EpochRecord
        After every epoch; what is yielded stays true when the training is interrupted later.
    """
    watch = observer or Silent()
    for epoch in range(epochs):
        now = scheduled_rate(rate, epoch, epochs)
        watch.stage(f"epoch {epoch + 1}/{epochs}", len(data.train))
        start_s, start_cycles, right = time.perf_counter(), session.cycles, 0
        for index in sample_order(seed, epoch, len(data.train)):
            hit = network.learn(data.train.inputs[index], int(data.train.labels[index]), now)
            right += hit
            watch.image(hit)
        network.flush()
        train_s, train_cycles = time.perf_counter() - start_s, session.cycles - start_cycles
        watch.stage(f"validation {epoch + 1}/{epochs}", len(data.validation))
        validation = network.accuracy(data.validation, watch.image)
        record = EpochRecord(
            epoch + 1, now, right / len(data.train), validation, len(data.train), train_s, train_cycles
        )
        watch.epoch(record)
        yield record
