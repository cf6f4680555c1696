"""The columns that a network gets of the health record: imputed, coded, standardised, all as fitted in training."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors.numpy import load, save
from threadpoolctl import threadpool_limits

from echomort.core.errors import UserError
from echomort.models.chained_equations import ChainedEquations, Equation
from echomort.models.coding import coded
from echomort.models.imputation import Grades, Imputer
from echomort.models.outliers import OutlierRule
from echomort.settings import Tabular


@dataclass(frozen=True)
class RecordColumns:
    """The ``imputer`` of the variables, and of each column that they become the mean and the inverse of the standard
    deviation of the training rows: 0 where it is constant, so that it counts nothing."""

    imputer: Imputer
    means: np.ndarray
    scales: np.ndarray

    @classmethod
    def fit(
        cls, matrix: np.ndarray, names: Sequence[str], training: np.ndarray, settings: Mapping[str, Any]
    ) -> "RecordColumns":
        """Fit on ``matrix`` float64 (n, variables), NaN where missing, of which ``training`` (n,) bool are the rows to
        learn from.

        ``settings`` are those of section ``tabular`` by name; the others are at their defaults. With
        ``imputation_scope: global`` the imputation learns from all rows, as in the method. Raises :class:`UserError`
        where too few values are known.
        """
        tabular = Tabular.model_validate(dict(settings))
        rows = matrix if tabular.imputation_scope == "global" else matrix[training]
        with threadpool_limits(1):  # sums must not depend on the machine
            imputer = Imputer.fit(rows, names, tabular)
            if not imputer.names:
                problem = "no variable of the record has enough values in the training rows"
                raise UserError(problem, "raise tabular.max_missing, or train without records")
            columns = coded(imputer.impute(matrix[training]), imputer.names)
        deviations = columns.std(axis=0)
        is_constant = columns.min(axis=0) == columns.max(axis=0)  # of equal numbers the deviation may round to more
        return cls(imputer, columns.mean(axis=0), np.where(is_constant, 0, 1 / np.where(is_constant, 1, deviations)))

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.means)

    def columns(self, matrix: np.ndarray) -> np.ndarray:
        """Return the columns, float32 (n, width), of variables float64 (n, variables), NaN where missing."""
        with threadpool_limits(1):
            values = coded(self.imputer.impute(matrix), self.imputer.names)
        return np.asarray((values - self.means) * self.scales, dtype=np.float32)

    def to_bytes(self) -> bytes:
        """Return all of it in the safetensors format; the names are the bytes of a JSON list."""
        imputer = self.imputer
        names = np.frombuffer(json.dumps(imputer.names).encode(), np.uint8)
        own = {"names": names, "kept": imputer.kept, "common": imputer.common}
        parts = _prefixed("own", {**own, "means": self.means, "scales": self.scales})
        parts |= _prefixed("outliers", vars(imputer.outliers))
        parts |= _prefixed("chained", _of_equations(imputer.chained)) if imputer.chained else {}
        parts |= _prefixed("grades", vars(imputer.grades)) if imputer.grades else {}
        return save({name: np.ascontiguousarray(part) for name, part in parts.items()})

    @classmethod
    def of_bytes(cls, content: bytes) -> "RecordColumns":
        """Return what :meth:`to_bytes` made ``content`` of."""
        parts = load(content)
        own, outliers, chained, grades = (_of_prefix(one, parts) for one in ("own", "outliers", "chained", "grades"))
        imputer = Imputer(
            tuple(json.loads(own["names"].tobytes())),
            own["kept"],
            OutlierRule(**outliers),
            own["common"],
            _equations(chained) if chained else None,
            Grades(**grades) if grades else None,
        )
        return cls(imputer, own["means"], own["scales"])


def _prefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def _of_prefix(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = {name: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}
    return {name.removeprefix(f"{prefix}."): array for name, array in found.items()}


def _of_equations(chained: ChainedEquations) -> dict[str, np.ndarray]:
    count = len(chained.means)
    equations = chained.equations
    return {
        "column": np.array([equation.column for equation in equations], np.int64),
        "weights": np.array([equation.weights for equation in equations], float).reshape(-1, count),
        "intercept": np.array([equation.intercept for equation in equations], float),
        "means": chained.means,
        "low": chained.low,
        "high": chained.high,
    }


def _equations(parts: Mapping[str, np.ndarray]) -> ChainedEquations:
    rows = zip(parts["column"].tolist(), parts["weights"], parts["intercept"].tolist(), strict=True)
    equations = tuple(Equation(column, weights, intercept) for column, weights, intercept in rows)
    return ChainedEquations(equations, parts["means"], parts["low"], parts["high"])
