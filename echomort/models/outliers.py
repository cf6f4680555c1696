"""Outliers: values beyond both rules of the method become missing in models, by limits fitted on the training rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echomort.ehr.variables import Variable, catalogue
from echomort.settings import Tabular

STANDARD_DEVIATIONS, QUARTILE_RANGES = 3, 3
"""The two outlier rules of the method: beyond the mean by 3 standard deviations, and beyond the quartiles by 3
interquartile ranges (preprint, page 16)."""


@dataclass(frozen=True)
class OutlierRule:
    """Limits of each column, ``low`` and ``high`` (columns,). A value is an outlier if it breaks both rules, so each
    limit is that of the more lenient rule; it is infinite where the column is not tested."""

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def fit(cls, matrix: np.ndarray, tested: np.ndarray) -> "OutlierRule":
        """Compute the limits of the columns where ``tested`` (columns,) bool, from ``matrix`` (n, columns), NaN:
        missing."""
        low, high = np.full(matrix.shape[1], -np.inf), np.full(matrix.shape[1], np.inf)
        for column in np.flatnonzero(tested):
            values = matrix[~np.isnan(matrix[:, column]), column].astype(np.float64)
            if len(values):
                low[column], high[column] = _limits(values)
        return cls(low, high)

    def without_outliers(self, matrix: np.ndarray) -> np.ndarray:
        """Return ``matrix`` with outliers as NaN."""
        return np.where((matrix < self.low) | (matrix > self.high), np.nan, matrix)


def tested_columns(names: Sequence[str], settings: Tabular, site_variables: Sequence[Variable] = ()) -> np.ndarray:
    """Return which columns (bool) the outlier rules apply to (``tabular.outliers``): quantities without physiological
    limits, all quantities, or none. ``names`` are variables of the catalogue or of the ``site_variables``; of another
    nothing is known, so it is not tested."""
    if settings.outliers == "none":
        return np.zeros(len(names), bool)
    known = {variable.name: variable for variable in (*catalogue(), *site_variables)}
    is_tested = {
        name: not one.is_code and (settings.outliers == "all" or one.low is None) for name, one in known.items()
    }
    return np.array([is_tested.get(name, False) for name in names], dtype=bool)


def _limits(values: np.ndarray) -> tuple[float, float]:
    mean, deviation = values.mean(), STANDARD_DEVIATIONS * values.std()
    first, third = np.quantile(values, (0.25, 0.75))
    margin = QUARTILE_RANGES * (third - first)
    return min(mean - deviation, first - margin), max(mean + deviation, third + margin)
