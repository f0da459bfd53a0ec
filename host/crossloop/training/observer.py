"""What a training tells about itself while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of a training in the arrays."""

    epoch: int
    """Number of the epoch, from 1."""
    rate: float
    """Its learning rate."""
    train: float
    """Fraction of its training images that were classified rightly, each before its update."""
    validation: float
    """Fraction of the validation images classified rightly after the epoch."""
    images: int
    """Images trained on in this epoch."""
    train_s: float
    """Wall time of the training, validation not included."""
    train_cycles: int
    """Controller cycles of the training's runs, bytes on the link not included."""


class Observer(Protocol):
    """Follows a training; a progress display, for instance."""

    def plan(self, title: str, images: int) -> None:
        """Start a piece of work of several stages, in which so many images go through a network altogether."""

    def stage(self, title: str, images: int) -> None:
        """Start a stage in which so many images go through the network."""

    def image(self, right: bool | None = None) -> None:  # noqa: FBT001  one event, told a hundred thousand times
        """Count an image of the stage; `right` says how a training image was classified."""

    def epoch(self, record: EpochRecord) -> None:
        """End an epoch."""

    def note(self, text: str) -> None:
        """Tell something worth a line."""


class Silent:
    """An observer that does nothing."""

    def plan(self, title: str, images: int) -> None:
        """Ignore the work."""

    def stage(self, title: str, images: int) -> None:
        """Ignore the stage."""

    def image(self, right: bool | None = None) -> None:  # noqa: FBT001  as in Observer
        """Ignore the image."""

    def epoch(self, record: EpochRecord) -> None:
        """Ignore the epoch."""

    def note(self, text: str) -> None:
        """Ignore the text."""
