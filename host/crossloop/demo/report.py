"""The demo's report: what was trained, how well, at what cost, and on what exactly."""

from __future__ import annotations

from pathlib import Path

from crossloop.demo import array_figures, figures, page
from crossloop.demo.figures import wilson
from crossloop.demo.measure import Fidelity
from crossloop.demo.results import DemoResult, SeedResult
from crossloop.demo.target import is_simulated
from crossloop.training.analog import AnalogSettings
from crossloop.training.array_network import INITIAL_UPDATES
from crossloop.training.data import PIXELS
from crossloop.training.optimiser import scheduled_rate

_TITLE = "A neural network trained inside memristor arrays"

_CONTROLLERS = {
    "model": "the controller is its bit-exact Python model",
    "rtl": "the controller is its own gateware, compiled to native code and stepped cycle by cycle",
    "netlist": "the controller is its own gateware, synthesised for a board, the netlist stepped cycle by cycle",
    "bitstream": "the controller is a board's bitstream, read back into a netlist that is stepped cycle by cycle",
}
"""What stands in for the controller in a simulation, by the target's scheme."""


_BORDER = "Rows of border pixels, which are blank in nearly every image, keep their initial weights. "


def write_report(path: Path, result: DemoResult, settings: AnalogSettings) -> None:
    """Write the report; what was not reached is left out and said so."""
    path.write_text(page.page(_TITLE, _parts(result, settings)), encoding="utf-8")


def _parts(result: DemoResult, settings: AnalogSettings) -> list[str]:
    parts = [f"<h1>{_TITLE}</h1>", page.paragraph(_lead(result), "lead")]
    if result.interrupted:
        parts.append(
            page.paragraph("This run was interrupted: the report shows what was reached until then.", "warning")
        )
    parts.append(page.tiles(_headline(result)))
    shown = next((run for run in result.runs if run.epochs), None)
    if shown is not None:
        parts += _figures(result, shown, settings)
    parts += [page.heading("Seed by seed"), _by_seed(result)]
    parts += [page.heading("How it was trained"), *(page.paragraph(text) for text in _method(result, settings))]
    if shown is not None:
        parts += [page.heading("Cycles and time"), *_time(shown)]
    parts += [page.heading("Identity of the run"), _identity(result)]
    parts.append("<footer>Written by crossloop. The figures of this page as JSON: demo-summary.json.</footer>")
    return parts


def _lead(result: DemoResult) -> str:
    network = "-".join(map(str, result.layers))
    controller = _CONTROLLERS.get(result.target.partition(":")[0])
    if is_simulated(result.target):
        where = f"the arrays are simulated cell by cell, and {controller or 'the controller is simulated'}"
    elif controller:
        where = f"{controller}, and the arrays are emulated in it"
    else:
        where = f"the controller is a device at {result.target}"
    return (
        f"A {network} tanh network learned to read {_images(result)} by online backpropagation. Its weights are pairs of "
        f"cells in {len(result.layers) - 1} crossbar arrays; every forward product, every backward product and every weight update took "
        f"place on the arrays, through the controller. Here {where}."
    )


def _images(result: DemoResult) -> str:
    return (
        "8 × 8 handwritten digits"
        if _sees_pixels(result)
        else "handwritten digits, reduced to means of blocks of pixels"
    )


def _sees_pixels(result: DemoResult) -> bool:
    return result.layers[0] == PIXELS


def _headline(result: DemoResult) -> list[tuple[str, str]]:
    over = (
        f"median of seeds {', '.join(map(str, result.seeds))}" if len(result.seeds) > 1 else f"seed {result.seeds[0]}"
    )
    values = [
        (_percent(result.test_accuracy), f"test accuracy of the network in the arrays, {over}"),
        (_percent(result.float_accuracy), "float network of the same size, same optimiser"),
        (_percent(result.linear_accuracy), "logistic regression on the same images"),
        (_percent(result.untrained_accuracy), "the same arrays before training"),
        (_count(result.samples_per_s), "training images per second of wall time"),
    ]
    if is_simulated(result.target):
        values += [
            (
                _millions(result.cycles_per_s),
                f"controller cycles per second, arrays included (engine: {result.engine})",
            ),
            (_millions(result.simulated_cycles), "controller cycles simulated"),
        ]
    compiling = (
        f", {result.compile_s:.0f} s of it compiling the gateware"
        if result.compile_s and not result.compile_cached
        else ""
    )
    values.append((f"{result.wall_s:.0f} s", f"baselines, choice of the learning rate, all seeds{compiling}"))
    return values


def _figures(result: DemoResult, run: SeedResult, settings: AnalogSettings) -> list[str]:
    shown: list[tuple[str, str | None, str, str]] = [
        ("Learning", figures.learning_curve(result), "Accuracy during and after training", _learning_caption(result))
    ]
    if run.before_s and run.after_s:
        source = "as they are in the simulation" if run.statistics else "as read out"
        shown += [
            (
                "The arrays",
                array_figures.conductance_maps(run),
                "Conductances before and after training",
                (
                    f"Seed {run.seed}, {source}; the last row of every tile holds the biases. Columns 2k and 2k + 1 are the pair of "
                    "output k: where one brightens, the other darkens. "
                    f"{_BORDER if _sees_pixels(result) else ''}The colours span all but the outermost percent of the cells."
                ),
            ),
            (
                "",
                array_figures.hidden_units(run, settings.weight_unit_s),
                "What the hidden units look for",
                "The weights of the first tile, one 8 × 8 image per hidden unit: red pixels excite, blue ones inhibit.",
            ),
            (
                "",
                figures.histograms(run, settings.weight_unit_s),
                "Weights and pulses" if run.pulses else "Weights",
                "Top: weights before and after. Bottom: full pulses that the cells have seen, the initial ones included."
                if run.pulses
                else "Differences of the pairs' conductances, before and after.",
            ),
        ]
    if run.fidelity is not None:
        caption = _products_caption(run, run.fidelity)
        title = "Matrix-vector products, measured against ideal"
        shown.append(("Products", array_figures.measured_products(run.fidelity), title, caption))
    parts, number = [], 0
    for section, svg, title, caption in shown:
        if svg is not None:
            number += 1
            parts += [page.heading(section) if section else "", page.figure(number, svg, title, caption)]
    return parts


def _learning_caption(result: DemoResult) -> str:
    text = "Left: after every epoch, all seeds. Dashed: images of the epoch itself, each classified before its update."
    if result.test_accuracy is None:
        return f"{text} Right: test images; the training did not get that far."
    low, high = wilson(result.test_accuracy, result.parts[2])
    points = "; white dots: single seeds" if len(result.seeds) > 1 else ""
    return (
        f"{text} Right: test images, shown to the trained arrays once. Whiskers: 95 % Wilson interval for {result.parts[2]} images "
        f"(the arrays: {100 * low:.1f} to {100 * high:.1f} %){points}."
    )


def _products_caption(run: SeedResult, fidelity: Fidelity) -> str:
    left_out = f"; {fidelity.saturated} at the converter's limit are left out" if fidelity.saturated else ""
    source = "the conductances" if run.statistics else "the conductances as read out"
    expected = "; the curve is what the converters' noise and step alone give" if fidelity.noise is not None else ""
    return (
        f"Trained arrays of seed {run.seed}, validation images and random errors{left_out}. Ideal: the same levels times {source}, "
        f"computed exactly. Right: all residuals{expected}."
    )


def _by_seed(result: DemoResult) -> str:
    header = ["seed", "arrays, test", "float, test", "difference", "untrained, test", "arrays, validation", "images/s"]
    rows = []
    for run in result.runs:
        difference = "–" if run.test_accuracy is None else _points(run.test_accuracy - run.float_accuracy)
        rows.append([
            str(run.seed), _percent(run.test_accuracy), _percent(run.float_accuracy), difference, _percent(run.untrained_accuracy),
            _percent(run.epochs[-1].validation if run.epochs else None), _count(run.images / run.train_s if run.train_s else None),
        ])  # fmt: skip
    return page.table(header, rows)


def _method(result: DemoResult, settings: AnalogSettings) -> list[str]:
    train, validation, test = result.parts
    choice = result.choice
    tried = ", ".join(f"{rate:g}: {_percent(value)}" for rate, value in choice.validation.items())
    chosen = f"by short trainings over model: with the first seed ({tried})" if tried else "by the user"
    return [
        (
            f"The images are scikit-learn's digits, split once: {train} for training, {validation} for validation, {test} for "
            "testing. Weights change on the training images only; learning rates are chosen on the validation images; the test images "
            "are shown once to the untrained and once to the trained network, and nothing is decided by them."
        ),
        (
            "One image takes three round trips: the update of the image before and the first layer's product; the second layer's product; "
            "the transposed product that brings the errors back. The host computes tanh, softmax and the cross entropy's error between "
            "them. Errors are scaled to full level for the transposed product and back (noise management)."
        ),
        (
            f"Updates are stochastic outer products: rows and columns fire in up to {settings.slots_max} slots with probabilities set "
            f"by update management, and only cells where both fire see {2 * settings.v_update_v:g} V for "
            f"{settings.t_pulse_s * 1e9:g} ns. Both cells of a pair move, in opposite directions. The four sign passes follow one another."
        ),
        f"Initial weights are made by {INITIAL_UPDATES} updates with random signs from the cells' fabricated state.",
        (
            f"Learning rate {choice.rate:g}, chosen {chosen}; it falls linearly over the {result.epochs} epochs to "
            f"{scheduled_rate(choice.rate, result.epochs - 1, result.epochs):.3g}. The float network has the same size, initial spread, "
            f"order of images and schedule, and its own best learning rate of {result.float_choice.rate:g}."
        ),
    ]


def _time(run: SeedResult) -> list[str]:
    clock = run.clock_hz
    per_image = run.train_cycles / run.images
    simulated_s = run.train_cycles / clock
    texts = [
        (
            f"The programs of one training image take {per_image:.0f} cycles on average, {per_image / clock * 1e6:.1f} µs at "
            f"{clock / 1e6:g} MHz; all {len(run.epochs)} epochs together {simulated_s:.2f} s of controller time. The controller reports "
            "these cycles itself, and the host's dry run predicts them exactly."
        ),
    ]
    if run.counters:
        texts.append(
            "Counted by the controller: "
            + ", ".join(f"{_count(value)} {name.replace('_', ' ')}" for name, value in run.counters.items())
            + "."
        )
    if run.statistics:
        texts.append(
            f"Simulation: {_millions(run.statistics['cycles'])} cycles in {run.statistics['run_s']:.1f} s with seed {run.seed}, of which "
            f"the arrays took {run.statistics['plant_s']:.1f} s."
        )
    return [page.paragraph(text) for text in texts]


def _identity(result: DemoResult) -> str:
    run = result.runs[0] if result.runs else None
    values = {
        "target": run.url if run else result.target,
        "engine": result.engine,
        "simulated": "yes" if is_simulated(result.target) else "no",
        "seeds": ", ".join(map(str, result.seeds)),
        **(run.identity if run else {}),
        **result.environment,
    }
    return page.facts(values, code=("target", "build hash", "command", "git commit"))


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f} points".replace("-", "−")


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}".replace(",", "\u202f")


def _millions(value: float | None) -> str:
    return "–" if value is None else f"{value / 1e6:.1f} M" if value >= 1e7 else f"{value / 1e6:.2f} M"
