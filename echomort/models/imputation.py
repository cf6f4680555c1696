"""Imputation for models that can't use missing values, fitted on the training rows.

The order is that of the method: values beyond both outlier rules become missing, columns with too many missing values
are removed, the others are imputed by chained equations, and last the diastolic grade by one logistic regression a
grade.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from echomort.ehr.variables import Variable, catalogue
from echomort.settings import Tabular

GRADE = "diastolic_grade"
"""The variable that is imputed by logistic regression."""
STANDARD_DEVIATIONS, QUARTILE_RANGES = 3, 3
"""The two outlier rules of the method: beyond the mean by 3 standard deviations, and beyond the quartiles by 3
interquartile ranges."""
FEWEST_CLASSES = 2
"""Diastolic grades in the training rows, at least: a classifier needs two."""


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
            values = matrix[~np.isnan(matrix[:, column]), column]
            if len(values):
                low[column], high[column] = _limits(values)
        return cls(low, high)

    def without_outliers(self, matrix: np.ndarray) -> np.ndarray:
        """Return ``matrix`` with outliers as NaN."""
        return np.where((matrix < self.low) | (matrix > self.high), np.nan, matrix)


def _limits(values: np.ndarray) -> tuple[float, float]:
    mean, deviation = values.mean(), STANDARD_DEVIATIONS * values.std()
    first, third = np.quantile(values, (0.25, 0.75))
    margin = QUARTILE_RANGES * (third - first)
    return min(mean - deviation, first - margin), max(mean + deviation, third + margin)


@dataclass(frozen=True)
class Imputer:
    """Imputation fitted on training rows. ``kept`` (columns,) bool says which columns remain, ``names`` names them."""

    names: tuple[str, ...]
    kept: np.ndarray
    outliers: OutlierRule
    common: np.ndarray
    """The commonest value of each remaining column that holds codes or one value only; NaN for quantities."""
    chained: Any
    """The chained equations over the remaining quantities (None without any)."""
    grades: Any
    """One logistic regression a diastolic grade (None where the column is absent or constant)."""

    @classmethod
    def fit(
        cls, matrix: np.ndarray, names: Sequence[str], settings: Tabular, site_variables: Sequence[Variable] = ()
    ) -> "Imputer":
        """Fit on ``matrix`` float (n, columns), NaN where missing. ``names`` are the columns: variables of the
        catalogue, or of the ``site_variables``."""
        codes = CODES | {variable.name for variable in site_variables if variable.is_code}
        outliers = OutlierRule.fit(matrix, _tested(names, settings, (*catalogue(), *site_variables)))
        clean = outliers.without_outliers(matrix)
        kept = np.isnan(clean).mean(axis=0) <= settings.max_missing if len(clean) else np.ones(len(names), bool)
        kept &= ~np.isnan(clean).all(axis=0)
        remaining, clean = [name for name, keep in zip(names, kept, strict=True) if keep], clean[:, kept]
        common = np.array(
            [
                _commonest(clean[:, position]) if name in codes or _is_constant(clean[:, position]) else np.nan
                for position, name in enumerate(remaining)
            ]
        )
        unfitted = cls(tuple(remaining), kept, outliers, common, None, None)
        quantities = clean[:, unfitted.quantities]
        chained = _fit_chained_equations(quantities, settings) if quantities.shape[1] else None
        without_grades = replace(unfitted, chained=chained)
        return replace(without_grades, grades=_fit_grades(without_grades, clean))

    @property
    def quantities(self) -> np.ndarray:
        """Which remaining columns (bool) are quantities: neither codes nor the diastolic grade."""
        return np.asarray(np.isnan(self.common) & np.array([name != GRADE for name in self.names], dtype=bool))

    def impute(self, matrix: np.ndarray) -> np.ndarray:
        """Return the remaining columns, float64 (n, kept), without missing values."""
        clean = self.outliers.without_outliers(matrix)[:, self.kept]
        return self._impute_grade(self.impute_all_but_grade(clean), clean)

    def impute_all_but_grade(self, clean: np.ndarray) -> np.ndarray:
        """Return the remaining columns with codes and quantities imputed; the grade is not."""
        imputed = np.where(np.isnan(clean) & ~np.isnan(self.common), self.common, clean)
        if self.chained is not None and len(imputed):
            imputed[:, self.quantities] = self.chained.transform(imputed[:, self.quantities])
        return imputed

    def _impute_grade(self, imputed: np.ndarray, clean: np.ndarray) -> np.ndarray:
        if GRADE not in self.names:
            return imputed
        position = self.names.index(GRADE)
        unknown = np.isnan(clean[:, position])
        grade = np.full(len(imputed), float(np.nan_to_num(_commonest(clean[:, position]))))
        if self.grades is not None and unknown.any():
            grade[unknown] = self.grades.predict(np.delete(imputed, position, axis=1)[unknown])
        imputed = imputed.copy()
        imputed[unknown, position] = grade[unknown]
        return imputed


def _tested(names: Sequence[str], settings: Tabular, variables: Sequence[Variable]) -> np.ndarray:
    """Return which columns (bool) the outlier rules apply to: quantities without physiological limits, all, or none."""
    has_limits = {variable.name: variable.low is not None for variable in variables}
    codes = {variable.name for variable in variables if variable.is_code}
    if settings.outliers == "none":
        return np.zeros(len(names), bool)
    tests_all = settings.outliers == "all"
    return np.array(
        [name not in codes and (tests_all or not has_limits.get(name, False)) for name in names], dtype=bool
    )


CODES = frozenset(variable.name for variable in catalogue() if variable.is_code)
"""Shipped variables whose values are codes."""


def _is_constant(values: np.ndarray) -> bool:
    """Whether there is one value only: the chained equations have no limits for such a column, and need none."""
    return bool(np.nanmin(values) == np.nanmax(values))


def _commonest(values: np.ndarray) -> float:
    present = values[~np.isnan(values)]
    if not len(present):
        return np.nan
    found, counts = np.unique(present, return_counts=True)
    return float(found[counts.argmax()])


def _fit_chained_equations(quantities: np.ndarray, settings: Tabular) -> Any:
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (registers the next)
    from sklearn.impute import IterativeImputer
    from sklearn.linear_model import Ridge

    imputer = IterativeImputer(
        Ridge(alpha=1.0),
        max_iter=settings.imputation_rounds,
        tol=0,
        random_state=settings.seed,
        min_value=np.nanmin(quantities, axis=0),
        max_value=np.nanmax(quantities, axis=0),
    )
    return _without_convergence_warnings(imputer.fit, quantities)


def _fit_grades(imputer: Imputer, clean: np.ndarray) -> Any:
    if GRADE not in imputer.names:
        return None
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    position = imputer.names.index(GRADE)
    present = ~np.isnan(clean[:, position])
    grade = np.round(clean[present, position])
    if len(np.unique(grade)) < FEWEST_CLASSES:
        return None
    others = np.delete(imputer.impute_all_but_grade(clean), position, axis=1)[present]
    return make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression())).fit(others, grade)


def _without_convergence_warnings(call: Any, *arguments: Any) -> Any:
    """Return ``call(*arguments)`` without convergence warnings: the number of rounds is fixed, so that they mean
    nothing."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return call(*arguments)
