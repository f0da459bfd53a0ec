"""The demo from beginning to end: baselines, learning rate, one training per seed, report and summary."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from crossloop.demo.environment import environment
from crossloop.demo.progress import Display, make_display
from crossloop.demo.report import write_report
from crossloop.demo.results import DemoResult, SeedResult
from crossloop.demo.summary import final_table, write_summary
from crossloop.demo.target import target_url
from crossloop.demo.training_run import problem, rate_choice, train_on_target
from crossloop.protocol.errors import RangeError
from crossloop.training.analog import AnalogSettings
from crossloop.training.choice import Choice
from crossloop.training.data import Digits
from crossloop.training.float_network import FloatRun, best_float, train_float
from crossloop.training.linear import linear_accuracy
from crossloop.training.optimiser import EPOCHS, LAYERS


def run_demo(
    target: str = "rtl:",
    port: str | None = None,
    seeds: Sequence[int] = (0,),
    epochs: int = EPOCHS,
    *,
    learning_rate: float | None = None,
    layers: Sequence[int] = LAYERS,
    report: Path = Path("demo-report.html"),
    summary: Path = Path("demo-summary.json"),
    settings: AnalogSettings | None = None,
    display: Display | None = None,
) -> DemoResult:
    """Train a network inside the arrays of a target, compare it with its baselines, and write report and summary.

    Parameters
    ----------
    target : str
        Target URL; a simulated one gets the geometry that the network needs, cells of the preset `rpu` and the seed.
    port : str, optional
        Serial port of a board, such as /dev/ttyUSB0; takes the place of `target`.
    seeds : sequence of int
        Seeds; the whole training is repeated with each. Accuracies are medians over them.
    epochs : int
        Passes over the training images.
    learning_rate : float, optional
        First learning rate; by default chosen on the validation images by short trainings over `model:` with the first seed.
    layers : sequence of int
        Inputs, hidden units and classes, see `digits_for`.
    report, summary : Path
        Files to write.
    settings : AnalogSettings, optional
        How the arrays are driven.
    display : Display, optional
        Where progress is shown.

    Returns
    -------
    DemoResult
        With `interrupted` set when the user ended it early; the report then shows what was reached.

    Raises
    ------
    CrossloopError
        If the target cannot be opened, the network does not fit it, or the device refuses or trips.
    """
    begin_s = time.perf_counter()
    url = f"serial://{port}" if port else target
    if not seeds:
        raise RangeError("seeds must name at least one seed; give for instance 0")
    data = problem(layers, epochs)
    with display or make_display() as shown:
        shown.note(
            f"training a {'-'.join(map(str, layers))} tanh network inside the arrays of {url}, seeds {', '.join(map(str, seeds))}"
        )
        result, floats = _baselines(data, url, tuple(seeds), tuple(layers), epochs, shown)
        try:
            result.choice = rate_choice(data, url, layers, seeds[0], learning_rate, settings, shown)
            for seed in seeds:
                _one_seed(result, data, floats[seed], settings, shown)
                if result.interrupted:
                    break
        except KeyboardInterrupt:
            shown.note("interrupted: what was reached is kept")
            result.interrupted = True
        shown.close()
        result.wall_s = time.perf_counter() - begin_s
        shown.note(final_table(result))
        write_summary(summary, result)
        write_report(report, result, settings or result.settings or AnalogSettings())
        shown.note(f"report in {report}, figures in {summary}")
    return result


def _baselines(
    data: Digits, url: str, seeds: tuple[int, ...], layers: tuple[int, ...], epochs: int, display: Display
) -> tuple[DemoResult, dict[int, FloatRun]]:
    """Train what the network in the arrays is compared with: all on the same images, every choice on the validation images."""
    linear = linear_accuracy(data)
    first, tried = best_float(data, layers=layers, epochs=epochs, seed=seeds[0])
    runs = {
        seed: first if seed == seeds[0] else train_float(data, layers=layers, epochs=epochs, rate=first.rate, seed=seed)
        for seed in seeds
    }
    display.note(
        f"baselines trained: logistic regression; float network with learning rate {first.rate:g}, best on the validation images"
    )
    result = DemoResult(
        target=url, seeds=seeds, layers=layers, epochs=epochs, choice=Choice(0.0, {}), float_choice=Choice(first.rate, tried),
        linear_accuracy=linear.test, linear_validation=linear.validation,
        parts=(len(data.train), len(data.validation), len(data.test)), environment=environment(),
    )  # fmt: skip
    return result, runs


def _one_seed(
    result: DemoResult, data: Digits, twin: FloatRun, settings: AnalogSettings | None, display: Display
) -> None:
    """Train with one seed; the result is kept even when the user interrupts."""
    seed = result.seeds[len(result.runs)]
    run = SeedResult(
        seed, target_url(result.target, result.layers, seed), twin.network.accuracy(data.test), twin.validation
    )
    result.runs.append(run)
    complete = train_on_target(
        run,
        data,
        layers=result.layers,
        epochs=result.epochs,
        rate=result.choice.rate,
        settings=settings,
        display=display,
    )
    result.interrupted = not complete
    if run.test_accuracy is not None:
        display.note(
            f"seed {seed}: test accuracy {run.test_accuracy:.1%}, float network {run.float_accuracy:.1%}, "
            f"{run.images / run.train_s:.0f} images/s"
        )
