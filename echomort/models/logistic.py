"""Logistic regression with a ridge penalty on standardised columns."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Coefficients:
    """Logistic regression on standardised columns; every list has one number a column."""

    columns: tuple[str, ...]
    mean: list[float]
    scale: list[float]
    coefficients: list[float]
    intercept: float

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """Return the log odds (n,) of the rows of ``matrix`` (n, columns)."""
        return np.asarray((matrix - self.mean) / self.scale @ np.array(self.coefficients) + self.intercept)


def fit_logistic(matrix: np.ndarray, labels: np.ndarray, columns: tuple[str, ...], ridge: float) -> Coefficients:
    """Fit ``labels`` (n,) 0 or 1 on ``matrix`` float64 (n, columns), without gaps; ``ridge`` is the penalty of the
    coefficients, the intercept has none."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = matrix.mean(axis=0), matrix.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    model = LogisticRegression(C=1 / ridge, solver="newton-cholesky").fit((matrix - mean) / scale, labels)
    return Coefficients(columns, mean.tolist(), scale.tolist(), model.coef_[0].tolist(), float(model.intercept_[0]))
