"""Complete tables for models that can't take gaps: outliers out, gaps filled, all of it learnt on the training rows.

The order is the method's: values beyond both outlier rules become gaps, columns that are nearly all gaps go, what
remains is filled by chained equations, and last the diastolic grade by one logistic regression a grade.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from echomort.ehr.variables import Variable, catalogue
from echomort.settings import Tabular

GRADE = "diastolic_grade"
STANDARD_DEVIATIONS, QUARTILE_RANGES = 3, 3
"""Of the two outlier rules: outside mean +/- 3 SD, and outside the quartiles by 3 interquartile ranges."""

FEWEST_CLASSES = 2


@dataclass(frozen=True)
class OutlierRule:
    """Limits of each column (n_columns,): a value is an outlier if it breaks both rules, so ``low`` and ``high`` are
    those of the more lenient one; infinite where the column is not tested."""

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def fit(cls, matrix: np.ndarray, tested: np.ndarray) -> "OutlierRule":
        """Take the limits of the columns where ``tested`` (bool) from ``matrix`` (n, columns), NaN where missing."""
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
    mean, spread = values.mean(), STANDARD_DEVIATIONS * values.std()
    first, third = np.quantile(values, (0.25, 0.75))
    reach = QUARTILE_RANGES * (third - first)
    return min(mean - spread, first - reach), max(mean + spread, third + reach)


@dataclass(frozen=True)
class Completion:
    """What the training rows taught about gaps; ``kept`` are the columns that remain, in their order."""

    names: tuple[str, ...]
    kept: np.ndarray
    outliers: OutlierRule
    common: np.ndarray
    """The commonest value of each column that remains, for codes; NaN for quantities."""
    chained: Any
    """The chained equations over the quantities that remain (None without any)."""
    grades: Any
    """One logistic regression a diastolic grade (None where it is not among the columns, or never varied)."""

    @classmethod
    def fit(
        cls, matrix: np.ndarray, names: Sequence[str], settings: Tabular, own: Sequence[Variable] = ()
    ) -> "Completion":
        """Learn from ``matrix`` float (n, columns), NaN where missing, of the catalogue's ``names``, the site's ``own``
        variables among them."""
        codes = CODES | {variable.name for variable in own if variable.is_code}
        outliers = OutlierRule.fit(matrix, _tested(names, settings, (*catalogue(), *own)))
        clean = outliers.without_outliers(matrix)
        kept = np.isnan(clean).mean(axis=0) <= settings.max_missing if len(clean) else np.ones(len(names), bool)
        kept &= ~np.isnan(clean).all(axis=0)
        remaining, clean = [name for name, keep in zip(names, kept, strict=True) if keep], clean[:, kept]
        common = np.array(
            [_commonest(clean[:, place]) if name in codes else np.nan for place, name in enumerate(remaining)]
        )
        blank = cls(tuple(remaining), kept, outliers, common, None, None)
        quantities = clean[:, blank.quantities]
        chained = _chained(quantities, settings) if quantities.shape[1] else None
        partly = replace(blank, chained=chained)
        return replace(partly, grades=_graded(partly, clean))

    @property
    def quantities(self) -> np.ndarray:
        """Which of the columns that remain are quantities (bool): neither codes nor the diastolic grade."""
        return np.asarray(np.isnan(self.common) & np.array([name != GRADE for name in self.names], dtype=bool))

    def complete(self, matrix: np.ndarray) -> np.ndarray:
        """Return the columns that remain, float64 (n, kept), without a gap."""
        clean = self.outliers.without_outliers(matrix)[:, self.kept]
        return self._with_grades(self.filled(clean), clean)

    def filled(self, clean: np.ndarray) -> np.ndarray:
        """Return the columns that remain with codes and quantities filled; the grade keeps its gaps."""
        filled = np.where(np.isnan(clean) & ~np.isnan(self.common), self.common, clean)
        if self.chained is not None and len(filled):
            filled[:, self.quantities] = self.chained.transform(filled[:, self.quantities])
        return filled

    def _with_grades(self, filled: np.ndarray, clean: np.ndarray) -> np.ndarray:
        if GRADE not in self.names:
            return filled
        place = self.names.index(GRADE)
        unknown = np.isnan(clean[:, place])
        grade = np.full(len(filled), float(np.nan_to_num(_commonest(clean[:, place]))))
        if self.grades is not None and unknown.any():
            grade[unknown] = self.grades.predict(np.delete(filled, place, axis=1)[unknown])
        filled = filled.copy()
        filled[unknown, place] = grade[unknown]
        return filled


def _tested(names: Sequence[str], settings: Tabular, variables: Sequence[Variable]) -> np.ndarray:
    """Which columns the outlier rules apply to: those without physiological limits, all quantities, or none."""
    limited = {variable.name: variable.low is not None for variable in variables}
    codes = {variable.name for variable in variables if variable.is_code}
    if settings.outliers == "none":
        return np.zeros(len(names), bool)
    every = settings.outliers == "all"
    return np.array([name not in codes and (every or not limited.get(name, False)) for name in names], dtype=bool)


CODES = frozenset(variable.name for variable in catalogue() if variable.is_code)


def _commonest(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan
    found, counts = np.unique(known, return_counts=True)
    return float(found[counts.argmax()])


def _chained(quantities: np.ndarray, settings: Tabular) -> Any:
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
    return _quietly(imputer.fit, quantities)


def _graded(completion: Completion, clean: np.ndarray) -> Any:
    if GRADE not in completion.names:
        return None
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    place = completion.names.index(GRADE)
    known = ~np.isnan(clean[:, place])
    grade = np.round(clean[known, place])
    if len(np.unique(grade)) < FEWEST_CLASSES:
        return None
    others = np.delete(completion.filled(clean), place, axis=1)[known]
    return make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression())).fit(others, grade)


def _quietly(call: Any, *given: Any) -> Any:
    """Rounds are fixed, so that the imputer's remark on early stopping says nothing."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return call(*given)
