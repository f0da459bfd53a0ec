"""The demo's figures as JSON for programs and as a table for the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crossloop.demo.results import DemoResult


def summary_values(result: DemoResult) -> dict[str, Any]:
    """Return the summary; accuracies are fractions and medians over the seeds, None what was not reached or does not exist."""
    return {
        "target": result.target,
        "engine": result.engine,
        "seeds": list(result.seeds),
        "test_accuracy": result.test_accuracy,
        "float_accuracy": result.float_accuracy,
        "linear_accuracy": result.linear_accuracy,
        "untrained_accuracy": result.untrained_accuracy,
        "samples_per_s": result.samples_per_s,
        "rtl_cycles": result.simulated_cycles,
        "cycles_per_s": result.cycles_per_s,
        "compile_s": result.compile_s,
        "compile_cached": result.compile_cached,
        "wall_s": result.wall_s,
        "epochs": result.epochs,
        "learning_rate": result.choice.rate,
        "learning_rate_validation": {f"{rate:g}": value for rate, value in result.choice.validation.items()},
        "float_learning_rate": result.float_choice.rate,
        "interrupted": result.interrupted,
        "per_seed": [
            {
                "seed": run.seed,
                "test_accuracy": run.test_accuracy,
                "float_accuracy": run.float_accuracy,
                "untrained_accuracy": run.untrained_accuracy,
                "validation_accuracy": [record.validation for record in run.epochs],
                "samples_per_s": run.images / run.train_s if run.train_s else None,
                "program_cycles": run.program_cycles,
            }
            for run in result.runs
        ],
        "environment": result.environment,
    }


def write_summary(path: Path, result: DemoResult) -> None:
    """Write the summary as JSON."""
    path.write_text(json.dumps(summary_values(result), indent=2) + "\n", encoding="utf-8")


def final_table(result: DemoResult) -> str:
    """Return the accuracies and rates as lines of text."""

    def percent(value: float | None) -> str:
        return "not reached" if value is None else f"{100 * value:.1f} %"

    over = (
        f"median of seeds {', '.join(map(str, result.seeds))}" if len(result.seeds) > 1 else f"seed {result.seeds[0]}"
    )
    lines = [
        f"test accuracy ({over}, {result.parts[2]} images)",
        f"  network in the arrays    {percent(result.test_accuracy)}",
        f"  float network            {percent(result.float_accuracy)}",
        f"  logistic regression      {percent(result.linear_accuracy)}",
        f"  untrained, in the arrays {percent(result.untrained_accuracy)}",
    ]
    if result.samples_per_s:
        lines.append(f"{result.samples_per_s:.0f} training images per second, {result.wall_s:.0f} s altogether")
    if result.simulated_cycles and result.cycles_per_s:
        lines.append(
            f"{result.simulated_cycles / 1e6:.1f} million cycles on {result.engine} at {result.cycles_per_s / 1e6:.2f} million per second"
        )
    return "\n".join(lines)
