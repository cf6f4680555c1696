"""Imputation for models that can't use missing values, fitted on the training rows.

The order is that of the method: values beyond both outlier rules become missing, columns with too many missing values
are removed, the others are imputed by chained equations, and last the diastolic function by one logistic regression a
grade. Codes and the grades of valves get their commonest value, which is ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from echomort.ehr.variables import DIASTOLIC, UNGRADED, Variable, catalogue
from echomort.models.chained_equations import ChainedEquations
from echomort.models.outliers import OutlierRule, tested_columns
from echomort.settings import Tabular

FEWEST_CLASSES = 2
"""Grades of the diastolic function in the training rows, at least: a classifier needs two."""


@dataclass(frozen=True)
class Grades:
    """One logistic regression a grade of the diastolic function, on the other columns, standardised.

    ``classes`` (g,) are the grades; ``means`` and ``scales`` (columns,) standardise; ``weights`` (g, columns) and
    ``intercepts`` (g,) are the regressions.
    """

    classes: np.ndarray
    means: np.ndarray
    scales: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray

    @classmethod
    def fit(cls, others: np.ndarray, grade: np.ndarray) -> "Grades":
        """Fit on ``others`` float64 (n, columns) and their ``grade`` (n,), of at least two kinds."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(others)
        standard, classes = scaler.transform(others), np.unique(grade)
        models = [LogisticRegression().fit(standard, grade == one) for one in classes]
        weights, intercepts = (
            np.array([getattr(model, part)[0] for model in models]) for part in ("coef_", "intercept_")
        )
        return cls(classes, scaler.mean_, scaler.scale_, weights, intercepts)

    def predict(self, others: np.ndarray) -> np.ndarray:
        """Return the likeliest grade (n,) of each row of ``others`` float64 (n, columns)."""
        scores = (others - self.means) / self.scales @ self.weights.T + self.intercepts
        return np.asarray(self.classes[scores.argmax(axis=1)])


@dataclass(frozen=True)
class Imputer:
    """Imputation fitted on training rows. ``kept`` (columns,) bool says which columns remain, ``names`` names them."""

    names: tuple[str, ...]
    kept: np.ndarray
    outliers: OutlierRule
    common: np.ndarray
    """The commonest value of each remaining column that holds codes or one value only; NaN for quantities."""
    chained: ChainedEquations | None
    """The chained equations over the remaining quantities (None without any)."""
    grades: Grades | None
    """Of the diastolic function, ``UNGRADED`` left out (None without two grades)."""

    @classmethod
    def fit(
        cls, matrix: np.ndarray, names: Sequence[str], settings: Tabular, site_variables: Sequence[Variable] = ()
    ) -> "Imputer":
        """Fit on ``matrix`` float (n, columns), NaN where missing. ``names`` are the columns: variables of the
        catalogue, or of the ``site_variables``."""
        codes = CODES | {variable.name for variable in site_variables if variable.is_code}
        outliers = OutlierRule.fit(matrix, tested_columns(names, settings, site_variables))
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
        chained = ChainedEquations.fit(quantities, settings.imputation_rounds) if quantities.shape[1] else None
        without_grades = replace(unfitted, chained=chained)
        return replace(without_grades, grades=_fit_grades(without_grades, clean))

    @property
    def quantities(self) -> np.ndarray:
        """Which remaining columns (bool) are quantities: neither codes nor the diastolic function."""
        return np.asarray(np.isnan(self.common) & np.array([name != DIASTOLIC for name in self.names], dtype=bool))

    def impute(self, matrix: np.ndarray) -> np.ndarray:
        """Return the remaining columns, float64 (n, kept), without missing values."""
        clean = self.outliers.without_outliers(matrix)[:, self.kept]
        return self._impute_grade(self.impute_all_but_grade(clean), clean)

    def impute_all_but_grade(self, clean: np.ndarray) -> np.ndarray:
        """Return the remaining columns with codes and quantities imputed; the grade is not."""
        imputed = np.where(np.isnan(clean) & ~np.isnan(self.common), self.common, clean)
        if self.chained is not None and len(imputed):
            imputed[:, self.quantities] = self.chained.impute(imputed[:, self.quantities])
        return imputed

    def _impute_grade(self, imputed: np.ndarray, clean: np.ndarray) -> np.ndarray:
        if DIASTOLIC not in self.names:
            return imputed
        position = self.names.index(DIASTOLIC)
        unknown = np.isnan(clean[:, position])
        grade = np.full(len(imputed), float(np.nan_to_num(_commonest(clean[:, position]))))
        if self.grades is not None and unknown.any():
            grade[unknown] = self.grades.predict(np.delete(imputed, position, axis=1)[unknown])
        imputed = imputed.copy()
        imputed[unknown, position] = grade[unknown]
        return imputed


CODES = frozenset(variable.name for variable in catalogue() if variable.is_code and variable.name != DIASTOLIC)
"""Shipped variables whose values are codes or grades, the diastolic function left out."""


def _is_constant(values: np.ndarray) -> bool:
    """Whether there is one value only: the chained equations have no limits for such a column, and need none."""
    return bool(np.nanmin(values) == np.nanmax(values))


def _commonest(values: np.ndarray) -> float:
    present = values[~np.isnan(values)]
    if not len(present):
        return np.nan
    found, counts = np.unique(present, return_counts=True)
    return float(found[counts.argmax()])


def _fit_grades(imputer: Imputer, clean: np.ndarray) -> Grades | None:
    if DIASTOLIC not in imputer.names:
        return None
    position = imputer.names.index(DIASTOLIC)
    present = ~np.isnan(clean[:, position]) & (clean[:, position] != UNGRADED)
    grade = clean[present, position]
    if len(np.unique(grade)) < FEWEST_CLASSES:
        return None
    others = np.delete(imputer.impute_all_but_grade(clean), position, axis=1)[present]
    return Grades.fit(others, grade)
