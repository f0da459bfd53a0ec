"""The linear baseline: logistic regression on the same images. What a network scores above it, its hidden layer has earned."""

from __future__ import annotations

from typing import Any

import numpy as np

from crossloop.protocol.errors import ToolError
from crossloop.training.data import Digits

PENALTIES = (0.1, 1.0, 10.0, 100.0)
"""Inverse strengths of the L2 penalty to choose among, on the validation images."""


def linear_accuracy(data: Digits) -> float:
    """Return the test accuracy of the logistic regression whose penalty is best on the validation images.

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

    def fit(penalty: float) -> Any:
        # The model has its own intercept: the constant last input is left out.
        return LogisticRegression(C=penalty, max_iter=5000).fit(data.train.inputs[:, :-1], data.train.labels)

    models = [fit(penalty) for penalty in PENALTIES]
    scores = [model.score(data.validation.inputs[:, :-1], data.validation.labels) for model in models]
    return float(models[int(np.argmax(scores))].score(data.test.inputs[:, :-1], data.test.labels))
