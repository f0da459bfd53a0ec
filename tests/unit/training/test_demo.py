"""The demo on arrays written in plain numpy: report, summary, an interruption, the displays."""

import io
import json
import re
import signal
from collections.abc import Iterator

import pytest
from rich.console import Console

from crossloop.demo import report, training_run
from crossloop.demo.figures import wilson
from crossloop.demo.progress import BarDisplay, PlainDisplay
from crossloop.demo.run import run_demo
from crossloop.demo.training_run import run_training
from crossloop.protocol.errors import RangeError
from crossloop.protocol.parameters import Parameters
from crossloop.training import data
from crossloop.training.choice import choose_rate
from crossloop.training.observer import EpochRecord

KEYS = {
    "target", "engine", "seeds", "test_accuracy", "float_accuracy", "linear_accuracy", "untrained_accuracy", "samples_per_s",
    "rtl_cycles", "cycles_per_s", "compile_s", "wall_s",
}  # fmt: skip


@pytest.fixture
def on_numpy(monkeypatch, numpy_arrays, tiny_digits):
    """The demo with numpy arrays behind every URL, and two hundred images."""
    opened = []

    def open_session(url, _progress):
        arrays = numpy_arrays(Parameters(rows=65, columns=64, tiles=2), noise=1.2)
        arrays.url = url
        arrays.interrupt_at = open_session.interrupt_at
        opened.append(arrays)
        return arrays

    open_session.interrupt_at = -1
    monkeypatch.setattr(training_run, "open_session", open_session)
    monkeypatch.setattr(data, "load_digits", lambda: tiny_digits)
    return open_session, opened


@pytest.fixture
def quiet():
    return PlainDisplay(io.StringIO())


def test_a_whole_demo_writes_one_self_contained_page_and_the_summary(on_numpy, quiet, tmp_path) -> None:
    _, opened = on_numpy
    page, figures = tmp_path / "report.html", tmp_path / "summary.json"
    result = run_demo("model:", seeds=(0, 1), epochs=2, learning_rate=0.08, report=page, summary=figures, display=quiet)
    values = json.loads(figures.read_text(encoding="utf-8"))
    assert values.keys() >= KEYS
    assert values["seeds"] == [0, 1]
    assert values["rtl_cycles"] == 2000
    assert values["cycles_per_s"] == 2000.0
    each = [run["test_accuracy"] for run in values["per_seed"]]
    assert values["test_accuracy"] == pytest.approx(sum(each) / 2)
    assert values["test_accuracy"] > values["untrained_accuracy"]
    assert not result.interrupted
    assert [arrays.events for arrays in opened] == [["armed", "closed"]] * 2
    text = page.read_text(encoding="utf-8")
    assert text.count("<figure") == 5
    assert not re.search(r"<(script|link|iframe)|(src|href)=\"(?!#|data:)", text)
    names = re.findall(r'\bid="([^"]+)"', text)
    assert len(names) == len(set(names))
    for used in re.findall(r'href="#([^"]+)"', text):
        assert used in names
    assert f"{100 * values['test_accuracy']:.1f} %" in text


def test_an_interrupted_demo_reports_what_was_reached_and_closes_the_session(on_numpy, quiet, tmp_path) -> None:
    open_session, opened = on_numpy
    # Initial updates, untrained accuracies, the first epoch with its validation, then into the second.
    open_session.interrupt_at = 64 + 2 * 120 + 3 * 200 + 1 + 2 * 60 + 100
    page, figures = tmp_path / "report.html", tmp_path / "summary.json"
    result = run_demo("model:", seeds=(0, 1), epochs=3, learning_rate=0.08, report=page, summary=figures, display=quiet)
    assert result.interrupted
    assert opened[0].events == ["armed", "closed"]
    assert len(opened) == 1
    values = json.loads(figures.read_text(encoding="utf-8"))
    assert values["interrupted"] is True
    assert values["test_accuracy"] is None
    assert len(values["per_seed"][0]["validation_accuracy"]) == 1
    text = page.read_text(encoding="utf-8")
    assert "This run was interrupted" in text
    assert "Figure 1." in text


@pytest.fixture
def at_a_terminal() -> Iterator[None]:
    """Let Ctrl-C be heard: whoever starts the tests in the background hands on that it is not."""
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, inherited)


@pytest.mark.usefixtures("at_a_terminal")
def test_ctrl_c_waits_for_the_end_of_the_image() -> None:
    display = PlainDisplay(io.StringIO())
    with display.interrupt:
        signal.raise_signal(signal.SIGINT)  # in the middle of an image: nothing happens yet
        with pytest.raises(KeyboardInterrupt):
            display.image()
        display.image()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)  # impatience counts
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_training_writes_its_results(on_numpy, quiet, tmp_path) -> None:
    output = tmp_path / "training.json"
    result = run_training("model:", epochs=1, learning_rate=0.08, seed=4, output=output, display=quiet)
    values = json.loads(output.read_text(encoding="utf-8"))
    assert values["complete"] is True
    assert values["test_accuracy"] == result.test_accuracy
    assert values["target"].endswith("seed=4")
    assert [record["epoch"] for record in values["epochs"]] == [1]


def test_the_learning_rate_with_the_best_validation_accuracy_is_chosen(numpy_arrays, tiny_digits) -> None:
    choice = choose_rate(
        lambda: numpy_arrays(Parameters(rows=65, columns=64, tiles=2)),
        tiny_digits, layers=(64, 32, 10), seed=0, rates=(0.08, 1e-5), epochs=1,
    )  # fmt: skip
    assert choice.rate == 0.08
    assert choice.validation[0.08] > choice.validation[1e-5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": (32, 10)}, r"layers must begin with 64 inputs \(pixels\) or 15"),
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"learning_rate": -1.0}, "learning_rate must be above 0, not -1.0"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_a_target_is_opened(on_numpy, quiet, options, message) -> None:
    with pytest.raises(RangeError, match=message):
        run_training("model:", **{"learning_rate": 0.08, **options}, display=quiet)
    assert not on_numpy[1]


def test_plain_lines_tell_rate_accuracy_and_remaining_time() -> None:
    stream = io.StringIO()
    display = PlainDisplay(stream)
    display.every_s = 0.0
    display.plan("seed 0", 1000)
    display.stage("epoch 1/2", 500)
    for index in range(100):
        display.image(index % 4 != 0)
    last = stream.getvalue().splitlines()[-1]
    assert re.search(r"seed 0, epoch 1/2: 100/1000  \d+ images/s  accuracy 75.0%  remaining \d+:\d\d$", last)


def test_an_epoch_is_one_line() -> None:
    stream = io.StringIO()
    PlainDisplay(stream).epoch(EpochRecord(3, 0.05, 0.91, 0.955, 1000, 2.0, 10))
    assert "epoch  3  train  91.0%  validation  95.5%    500 images/s  rate 0.05" in stream.getvalue()


def test_a_terminal_gets_a_bar_and_the_notes_above_it() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with BarDisplay(console) as display:
        display.plan("seed 0", 10)
        display.stage("test", 10)
        for _ in range(10):
            display.image()
        display.note("a [note] as it is")
    assert "a [note] as it is" in console.file.getvalue()


def test_wilson_interval_of_a_textbook_case() -> None:
    # 81 of 263, Newcombe, Statist. Med. 17:857 (1998), table I, method 3.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_numbers_that_do_not_exist_are_dashes() -> None:
    assert report._percent(None) == report._count(None) == report._millions(None) == "–"
