"""The linear baseline: logistic regression on the same images. What a network scores above it, its hidden layer has earned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crossloop.protocol.errors import ToolError
from crossloop.training.data import Digits, Part

PENALTIES = (0.1, 1.0, 10.0, 100.0)
"""Inverse strengths of the L2 penalty to choose among, on the validation images."""


@dataclass(frozen=True)
class LinearAccuracy:
    """Accuracies of the chosen logistic regression."""

    test: float
    validation: float


def linear_accuracy(data: Digits) -> LinearAccuracy:
    """Return the accuracies of the logistic regression whose penalty is best on the validation images.

    Raises
    ------
    ToolError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise ToolError(
            "the linear baseline needs scikit-learn, which is not installed; pip install 'crossloop[report]'"
        ) from None

    # The model has its own intercept: the constant last input is left out.
    def fit(penalty: float) -> Any:
        return LogisticRegression(C=penalty, max_iter=5000).fit(data.train.inputs[:, :-1], data.train.labels)

    def score(model: Any, part: Part) -> float:
        return float(model.score(part.inputs[:, :-1], part.labels))

    validation, model = max(
        ((score(model, data.validation), model) for model in map(fit, PENALTIES)), key=lambda pair: pair[0]
    )
    return LinearAccuracy(score(model, data.test), validation)
