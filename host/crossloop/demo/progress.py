"""Live progress: a bar when there is a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from crossloop.demo.interrupt import HeldInterrupt
from crossloop.training.observer import EpochRecord

PLAIN_EVERY_S = 5.0
"""Time between two plain lines."""
_BAR_EVERY_S = 0.1
_WINDOW_S = 2.0
_FEW = 50


class Display:
    """Counts images and says how fast, how well and how long still; what it looks like is up to the subclasses."""

    every_s = PLAIN_EVERY_S

    def __init__(self) -> None:
        self.title = ""
        self.detail = ""
        self.done = self.total = self.hits = self.judged = 0
        self._marks: list[tuple[float, int]] = []
        self._due_s = 0.0
        self.interrupt = HeldInterrupt()
        """Ctrl-C takes effect when an image is counted, where the interrupt is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def plan(self, title: str, images: int) -> None:
        """Start a piece of work of several stages."""
        self.title, self.done, self.total = title, 0, images
        now = time.perf_counter()
        self._marks = [(now, 0)]
        self._due_s = now + self.every_s

    def stage(self, title: str, images: int) -> None:  # noqa: ARG002  the plan has counted them
        """Start a stage."""
        self.detail, self.hits, self.judged = title, 0, 0

    def image(self, right: bool | None = None) -> None:  # noqa: FBT001  as in Observer
        """Count an image; show where we are when it is time. Raises KeyboardInterrupt when the user has asked to stop."""
        self.interrupt.check()
        self.done += 1
        if right is not None:
            self.judged += 1
            self.hits += right
        now = time.perf_counter()
        if now >= self._due_s:
            self._due_s = now + self.every_s
            self._marks.append((now, self.done))
            while len(self._marks) > 2 and self._marks[1][0] < now - _WINDOW_S:
                del self._marks[0]
            self.show()

    def epoch(self, record: EpochRecord) -> None:
        """Tell the figures of an epoch."""
        self.note(
            f"epoch {record.epoch:2d}  train {record.train:6.1%}  validation {record.validation:6.1%}  "
            f"{record.images / record.train_s:5.0f} images/s  rate {record.rate:.4g}"
        )

    @property
    def per_s(self) -> float:
        """Images per second lately."""
        (first_s, first), (last_s, last) = self._marks[0], self._marks[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0

    @property
    def remaining(self) -> str:
        """Time that the work still takes at this rate."""
        if self.done < _FEW:
            return "-:--"  # the first images wait for compilers and caches
        seconds = round(max(self.total - self.done, 0) / self.per_s)
        return f"{seconds // 60}:{seconds % 60:02d}"

    @property
    def accuracy(self) -> str:
        """Fraction of this stage's training images that were classified rightly."""
        return f"{self.hits / self.judged:.1%}" if self.judged else ""

    def note(self, text: str) -> None:
        """Tell something worth a line."""
        raise NotImplementedError

    def show(self) -> None:
        """Show where we are."""
        raise NotImplementedError

    def close(self) -> None:
        """End the display."""


class PlainDisplay(Display):
    """Lines of text, one every few seconds.

    Parameters
    ----------
    stream : file, optional
        Where to write; standard output by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream or sys.stdout
        self._begin_s = time.perf_counter()

    def note(self, text: str) -> None:
        """Write a line."""
        for line in text.splitlines():
            print(f"[{time.perf_counter() - self._begin_s:5.0f} s] {line}", file=self._stream, flush=True)

    def show(self) -> None:
        """Write where we are."""
        accuracy = f"  accuracy {self.accuracy}" if self.judged else ""
        self.note(
            f"{self.title}, {self.detail}: {self.done}/{self.total}  {self.per_s:.0f} images/s{accuracy}  remaining {self.remaining}"
        )


class BarDisplay(Display):
    """A bar that is redrawn in place, with the notes scrolling above it."""

    every_s = _BAR_EVERY_S

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def plan(self, title: str, images: int) -> None:
        """Start a bar."""
        super().plan(title, images)
        self.close()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn(
                "{task.percentage:>3.0f} %  {task.fields[rate]} images/s  {task.fields[accuracy]}  remaining {task.fields[remaining]}"
            ),
            console=self._console,
            refresh_per_second=8,
            transient=True,
        )
        self._task = self._progress.add_task(title, total=images, rate="...", accuracy="", remaining="-:--")
        self._progress.start()

    def note(self, text: str) -> None:
        """Write a line above the bar."""
        self._console.print(text, markup=False, highlight=False)

    def show(self) -> None:
        """Move the bar."""
        if self._progress is not None:
            self._progress.update(
                self._task, completed=self.done, description=f"{self.title}, {self.detail}", rate=f"{self.per_s:.0f}",
                accuracy=f"accuracy {self.accuracy}" if self.judged else "", remaining=self.remaining,
            )  # fmt: skip

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def make_display() -> Display:
    """Return a bar when standard output is a terminal that can redraw lines, plain lines otherwise."""
    console = Console()
    return BarDisplay(console) if console.is_terminal and not console.is_dumb_terminal else PlainDisplay()
