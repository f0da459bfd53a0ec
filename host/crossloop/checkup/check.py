"""What one check of a self-test found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "FAILED"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """A check that is over."""

    name: str
    """What was looked at."""
    outcome: Outcome
    """How it ended."""
    text: str
    """What was found, for people."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    """What was found, for programs; units are in the names."""

    @property
    def as_dict(self) -> dict[str, Any]:
        """Everything in plain types, for JSON."""
        return {"check": self.name, "outcome": self.outcome.value, "text": self.text, **self.figures}


def judged(name: str, faults: list[str], text: str, **figures: Any) -> Check:
    """Return a check that failed if there are faults, and says so in their words; otherwise one that is ok and says `text`."""
    return Check(name, Outcome.FAILED if faults else Outcome.OK, "; ".join(faults) or text, figures)
