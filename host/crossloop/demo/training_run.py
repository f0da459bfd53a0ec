"""One training of one network on one target, from opening the target to its test accuracy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from crossloop.demo import measure
from crossloop.demo.environment import device, environment
from crossloop.demo.progress import Display, make_display
from crossloop.demo.results import SeedResult
from crossloop.demo.target import model_url, open_session, target_url, world_of
from crossloop.protocol.errors import RangeError
from crossloop.session import Session
from crossloop.training.analog import AnalogSettings
from crossloop.training.array_network import ArrayNetwork
from crossloop.training.choice import Choice, choose_rate
from crossloop.training.data import Digits, digits_for
from crossloop.training.loop import train
from crossloop.training.optimiser import EPOCHS, LAYERS, check_layers


def run_training(
    target: str = "rtl:",
    *,
    layers: Sequence[int] = LAYERS,
    epochs: int = EPOCHS,
    learning_rate: float | None = None,
    seed: int = 0,
    output: Path | None = None,
    settings: AnalogSettings | None = None,
    display: Display | None = None,
) -> SeedResult:
    """Train a network on the digits on any target and tell how good it is.

    Parameters
    ----------
    target : str
        Target URL; a simulated one gets the geometry that the network needs.
    layers : sequence of int
        Inputs, hidden units and classes, see `digits_for`.
    epochs : int
        Passes over the training images.
    learning_rate : float, optional
        First learning rate; by default chosen on the validation images over `model:`.
    seed : int
        Seed of everything random, the simulated cells included.
    output : Path, optional
        JSON file for the results.
    settings : AnalogSettings, optional
        How the arrays are driven.
    display : Display, optional
        Where progress is shown.

    Returns
    -------
    SeedResult
        With `test_accuracy` None when it was interrupted.
    """
    data = problem(layers, epochs)
    with display or make_display() as shown:
        choice = rate_choice(data, target, layers, seed, learning_rate, settings, shown)
        result = SeedResult(seed, target_url(target, layers, seed), float("nan"), [])
        complete = train_on_target(
            result, data, layers=layers, epochs=epochs, rate=choice.rate, settings=settings, display=shown
        )
        if result.test_accuracy is not None:
            shown.note(f"test accuracy {result.test_accuracy:.1%} (untrained {result.untrained_accuracy or 0:.1%})")
        if output is not None:
            _write(output, result, layers, choice, complete=complete)
            shown.note(f"results in {output}")
    return result


def problem(layers: Sequence[int], epochs: int) -> Digits:
    """Return the images for a network; raises RangeError unless they fit it and the number of epochs is positive."""
    data = digits_for(check_layers(layers))
    if epochs < 1:
        raise RangeError(f"epochs must be at least 1, not {epochs!r}")
    return data


def rate_choice(
    data: Digits,
    target: str,
    layers: Sequence[int],
    seed: int,
    given: float | None,
    settings: AnalogSettings | None,
    display: Display,
) -> Choice:
    """Return the given learning rate, or choose one on the validation images over a model of the target."""
    if given is not None:
        if not given > 0:
            raise RangeError(f"learning_rate must be above 0, not {given!r}")
        return Choice(given, {})
    url = model_url(target, layers, seed)
    with display.interrupt:
        choice = choose_rate(
            lambda: open_session(url, display.note), data, layers=layers, seed=seed, settings=settings, observer=display
        )
    tried = ", ".join(f"{rate:g}: {accuracy:.1%}" for rate, accuracy in choice.validation.items())
    display.note(f"learning rate {choice.rate:g}, chosen on the validation images over model: ({tried})")
    return choice


def train_on_target(
    result: SeedResult,
    data: Digits,
    *,
    layers: Sequence[int],
    epochs: int,
    rate: float,
    settings: AnalogSettings | None,
    display: Display,
) -> bool:
    """Open the target of `result`, train, measure, and fill in what was found out.

    Returns
    -------
    bool
        Whether everything was done; False when the user interrupted. The session is disarmed and closed either way.
    """
    display.note(f"opening {result.url}")
    with open_session(result.url, display.note) as session:
        result.identity = device(session)
        result.clock_hz = session.parameters.clock_hz
        network = ArrayNetwork(session, layers, settings)
        result.settings = network.settings
        try:
            with display.interrupt:
                _train(result, session, network, data, epochs, rate, display)
                _measure(result, session, network, data, display)
                display.interrupt.check()
        except KeyboardInterrupt:
            display.note("interrupted: the outputs are disarmed, what was reached is kept")
            return False
        finally:
            _look_behind(result, session, network)
    return True


def _train(
    result: SeedResult,
    session: Session,
    network: ArrayNetwork,
    data: Digits,
    epochs: int,
    rate: float,
    display: Display,
) -> None:
    looks = len(data.validation) + 2 * len(data.test)
    display.plan(f"seed {result.seed}", epochs * (len(data.train) + len(data.validation)) + looks)
    display.stage("untrained", looks)
    session.arm()
    network.initialise(result.seed)
    result.before_s = measure.conductances(session, network)
    result.untrained_validation = network.accuracy(data.validation, display.image)
    result.untrained_accuracy = network.accuracy(data.test, display.image)
    for record in train(session, network, data, epochs=epochs, rate=rate, seed=result.seed, observer=display):
        result.epochs.append(record)


def _measure(result: SeedResult, session: Session, network: ArrayNetwork, data: Digits, display: Display) -> None:
    display.stage("test", len(data.test))
    result.test_accuracy = network.accuracy(data.test, display.image)
    result.after_s = measure.conductances(session, network)
    result.fidelity = measure.fidelity(session, network, data.validation, result.after_s)
    result.counters = asdict(session.counters())


def _look_behind(result: SeedResult, session: Session, network: ArrayNetwork) -> None:
    """Keep what can be known without asking the device, which may have been interrupted."""
    result.program_cycles = session.cycles
    world = world_of(session)
    if world is not None:
        result.statistics = world.statistics()
        result.pulses = measure.pulses(session, network)
        result.after_s = measure.conductances(session, network)


def _write(path: Path, result: SeedResult, layers: Sequence[int], choice: Choice, *, complete: bool) -> None:
    values = {
        "target": result.url,
        "layers": list(layers),
        "seed": result.seed,
        "learning_rate": choice.rate,
        "learning_rate_validation": {f"{rate:g}": accuracy for rate, accuracy in choice.validation.items()},
        "complete": complete,
        "test_accuracy": result.test_accuracy,
        "untrained_accuracy": result.untrained_accuracy,
        "epochs": [asdict(record) for record in result.epochs],
        "samples_per_s": result.images / result.train_s if result.train_s else None,
        "program_cycles": result.program_cycles,
        "simulation": result.statistics,
        "counters": result.counters,
        "device": result.identity,
        "environment": environment(),
    }
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
