"""Platt calibration: from a score to a probability."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Platt:
    """The calibration map: risk = sigmoid(slope x logit + intercept)."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, logits: np.ndarray, labels: np.ndarray) -> "Platt":
        """Fit on out-of-fold ``logits`` (n,) and ``labels`` (n,) with Platt's smoothed targets, which keep the slope
        finite where the labels are separable (Platt 1999, Advances in Large Margin Classifiers, eq. 11)."""
        from sklearn.linear_model import LogisticRegression

        died, survived = int(labels.sum()), int(len(labels) - labels.sum())
        targets = np.where(labels == 1, (died + 1) / (died + 2), 1 / (survived + 2))
        column = np.concatenate([logits, logits])[:, None]
        repeated_labels = np.repeat([1, 0], len(logits))
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8)
        model.fit(column, repeated_labels, sample_weight=np.concatenate([targets, 1 - targets]))
        return cls(float(model.coef_[0, 0]), float(model.intercept_[0]))

    def logit(self, logits: ArrayLike) -> np.ndarray:
        """Return the calibrated logits."""
        return self.slope * np.asarray(logits, dtype=np.float64) + self.intercept

    def risk(self, logits: ArrayLike) -> np.ndarray:
        """Return the probabilities of death within the horizon."""
        return sigmoid(self.logit(logits))


def sigmoid(logits: ArrayLike) -> np.ndarray:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(logits, dtype=np.float64)))
