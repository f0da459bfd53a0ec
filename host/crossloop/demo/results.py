"""What a demo has found out, ready for the report and the summary."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from crossloop.demo.measure import Fidelity, FloatArray, IntArray
from crossloop.training.analog import AnalogSettings
from crossloop.training.choice import Choice
from crossloop.training.observer import EpochRecord


@dataclass
class SeedResult:
    """One training in the arrays with its float twin; what was not reached is None."""

    seed: int
    url: str
    """The target as it was opened."""
    float_accuracy: float
    """Test accuracy of the float network of this seed."""
    float_validation: list[float]
    """Its validation accuracy after every epoch."""
    untrained_accuracy: float | None = None
    untrained_validation: float | None = None
    test_accuracy: float | None = None
    epochs: list[EpochRecord] = field(default_factory=list)
    before_s: list[FloatArray] = field(default_factory=list)
    """Conductances of every layer before the training."""
    after_s: list[FloatArray] = field(default_factory=list)
    """Conductances after it."""
    pulses: list[IntArray] | None = None
    """Pulses per cell."""
    fidelity: Fidelity | None = None
    settings: AnalogSettings | None = None
    """How the arrays were driven."""
    identity: dict[str, str] = field(default_factory=dict)
    """What the device says it is."""
    statistics: dict[str, Any] = field(default_factory=dict)
    """Figures of the simulation; empty for a device."""
    counters: dict[str, int] = field(default_factory=dict)
    """Pulses as the device counted them."""
    clock_hz: int = 0
    """Clock of the controller."""
    program_cycles: int = 0
    """Controller cycles of all programs, as reported by the device."""

    @property
    def images(self) -> int:
        """Images trained on."""
        return sum(record.images for record in self.epochs)

    @property
    def train_s(self) -> float:
        """Wall time of the training."""
        return sum(record.train_s for record in self.epochs)

    @property
    def train_cycles(self) -> int:
        """Controller cycles of the training's programs."""
        return sum(record.train_cycles for record in self.epochs)


@dataclass
class DemoResult:
    """Everything a demo has found out."""

    target: str
    seeds: tuple[int, ...]
    layers: tuple[int, ...]
    epochs: int
    choice: Choice
    float_choice: Choice
    linear_accuracy: float
    linear_validation: float
    parts: tuple[int, int, int]
    """Training, validation and test images."""
    environment: dict[str, str] = field(default_factory=dict)
    """Versions, machine, commit, command."""
    runs: list[SeedResult] = field(default_factory=list)
    interrupted: bool = False
    """Whether the user ended the demo early."""
    wall_s: float = 0.0

    def values(self, read: Callable[[SeedResult], float | None]) -> list[float]:
        """Return one figure of every run that has it."""
        return [value for run in self.runs if (value := read(run)) is not None]

    def median(self, read: Callable[[SeedResult], float | None]) -> float | None:
        """Return the median of a figure over the seeds, None when no run has it."""
        values = self.values(read)
        return statistics.median(values) if values else None

    @property
    def settings(self) -> AnalogSettings | None:
        """How the arrays were driven; None before the first training."""
        return next((run.settings for run in self.runs if run.settings), None)

    @property
    def test_accuracy(self) -> float | None:
        """Median test accuracy of the networks in the arrays."""
        return self.median(lambda run: run.test_accuracy)

    @property
    def float_accuracy(self) -> float | None:
        """Median test accuracy of the float networks."""
        return self.median(lambda run: run.float_accuracy)

    @property
    def untrained_accuracy(self) -> float | None:
        """Median test accuracy of the networks in the arrays before their training."""
        return self.median(lambda run: run.untrained_accuracy)

    @property
    def samples_per_s(self) -> float | None:
        """Training images per second of wall time, everything included but the looks at validation images."""
        seconds = sum(run.train_s for run in self.runs)
        return sum(run.images for run in self.runs) / seconds if seconds else None

    @property
    def simulated_cycles(self) -> int | None:
        """Cycles that the simulation stepped, link and waiting included; None for a device."""
        found = self.values(lambda run: run.statistics.get("cycles"))
        return int(sum(found)) if found else None

    @property
    def cycles_per_s(self) -> float | None:
        """Simulated cycles per second of simulation, plant included; None for a device."""
        seconds = sum(self.values(lambda run: run.statistics.get("run_s")))
        return (self.simulated_cycles or 0) / seconds if seconds else None

    @property
    def compile_s(self) -> float | None:
        """Time that compiling the gateware takes or, when the build was in the cache, took; None for a device."""
        found = self.values(lambda run: run.statistics.get("compile_s"))
        return max(found) if found else None

    @property
    def compile_cached(self) -> bool:
        """Whether no seed had to compile anything."""
        return all(run.statistics.get("cached", True) for run in self.runs)

    @property
    def engine(self) -> str:
        """What executed the gateware."""
        return next((str(run.statistics["engine"]) for run in self.runs if "engine" in run.statistics), "device")
