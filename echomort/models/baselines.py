"""What the trees on all variables are measured against: other learners, and parts of the variables.

Every baseline is fitted inside the folds as the trees are. Logistic regression and random forest need complete data
(:mod:`echomort.models.imputation`), learnt on the training rows of each fold unless the settings ask for the whole.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from echomort.core.files import atomic_folder
from echomort.ehr.variables import Variable, VariableSet, names
from echomort.models.imputation import Completion
from echomort.models.rows import HELD_OUT, Rows
from echomort.models.tabular import encode, fit_rows
from echomort.settings import Tabular
from echomort.vocabulary.model_names import baseline

PARTS: Mapping[str, tuple[VariableSet, ...]] = {
    "clinical": ("clinical", "diagnosis"),
    "echo": ("echo",),
    "all": ("echo", "clinical", "diagnosis"),
}
"""Set of a baseline -> the sets of the catalogue that make it up."""
SETS: Mapping[str, tuple[str, ...]] = {name: names(*sets) for name, sets in PARTS.items()}
"""The 100 clinical variables, the 58 of the echo, and the 158 together."""


LEARNERS = ("logistic", "random_forest", "xgboost")


def model_names() -> list[str]:
    """Return the names of all baselines that there may be."""
    return [baseline(learner, part) for learner in LEARNERS for part in SETS]


@dataclass(frozen=True)
class FoldCoefficients:
    """Logistic regression of one fold on standardised, completed columns: one number a column in every list."""

    columns: tuple[str, ...]
    mean: list[float]
    scale: list[float]
    coefficients: list[float]
    intercept: float


@dataclass(frozen=True)
class Baselines:
    """Out-of-fold logits by model (``ehr:<learner>:<set>``) in the order of the rows, and the coefficients by fold of
    the logistic ones. Forests and the tables' completion are not kept: a baseline is never served."""

    scores: Mapping[str, np.ndarray]
    coefficients: Mapping[str, Mapping[int, FoldCoefficients]]

    def save(self, folder: Path) -> None:
        """Write ``folder`` atomically: coefficients.json."""
        table = {
            model: {str(fold): asdict(one) for fold, one in folds.items()} for model, folds in self.coefficients.items()
        }
        with atomic_folder(folder) as whole:
            (whole / "coefficients.json").write_text(json.dumps(table, indent=1) + "\n")


def fit_baselines(features: pd.DataFrame, rows: Rows, settings: Tabular, own: Sequence[Variable] = ()) -> Baselines:
    """Fit the learners of ``settings.baselines`` on each set of variables (the trees on parts only: on all they are
    the model itself), one model a fold, and score every row by models that never saw its patient. The site's ``own``
    variables that ``features`` has are of the set that they name, and of all."""
    scores: dict[str, np.ndarray] = {}
    coefficients: dict[str, dict[int, FoldCoefficients]] = {}
    with threadpool_limits(1):  # a small table gives a second thread nothing to do
        for part in settings.baseline_variables:
            columns = (*SETS[part], *_own_of(part, own, features))
            table = features.reindex(columns=list(columns))
            if "xgboost" in settings.baselines and part != "all":
                scores[baseline("xgboost", part)] = fit_rows(encode(table), columns, rows, settings).scores
            for learner, logits, fitted in _complete_case(table, rows, settings, own):
                scores[baseline(learner, part)] = logits
                if fitted:
                    coefficients[baseline(learner, part)] = fitted
    return Baselines(scores, coefficients)


def _own_of(part: str, own: Sequence[Variable], features: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the site's ``own`` variables in the set ``part`` that the models are given at all."""
    return tuple(one.name for one in own if one.set in PARTS[part] and one.name in features.columns)


def completed_folds(
    table: pd.DataFrame, rows: Rows, settings: Tabular, own: Sequence[Variable] = ()
) -> Iterator[tuple[int, Completion, np.ndarray]]:
    """Yield (fold, completion, completed table float64 (n, kept)) for each fold's model.

    The completion is learnt on the rows that the fold's model may see; with ``imputation_scope="global"`` on all of
    them, as the method did.
    """
    matrix, columns = encode(table).astype(np.float64), tuple(table.columns)
    whole = Completion.fit(matrix, columns, settings, own) if settings.imputation_scope == "global" else None
    for fold in rows.trained_folds:
        completion = whole or Completion.fit(matrix[rows.training(fold)], columns, settings, own)
        yield fold, completion, completion.complete(matrix)


def _complete_case(
    table: pd.DataFrame, rows: Rows, settings: Tabular, own: Sequence[Variable]
) -> Iterator[tuple[str, np.ndarray, dict[int, FoldCoefficients]]]:
    learners = [learner for learner in ("logistic", "random_forest") if learner in settings.baselines]
    if not learners:
        return
    scores = {learner: np.zeros(len(table)) for learner in learners}
    fitted: dict[int, FoldCoefficients] = {}
    for fold, completion, matrix in completed_folds(table, rows, settings, own):
        training = rows.training(fold)
        if "logistic" in learners:
            fitted[fold] = _logistic(matrix[training], rows.labels[training], completion.names, settings)
            _put(scores["logistic"], rows, fold, _apply(fitted[fold], matrix))
        if "random_forest" in learners:
            forest = _forest(matrix[training], rows.labels[training], settings)
            _put(scores["random_forest"], rows, fold, _forest_logits(forest, matrix, settings))
    for learner in learners:
        yield learner, scores[learner], fitted if learner == "logistic" else {}


def _put(scores: np.ndarray, rows: Rows, fold: int, logits: np.ndarray) -> None:
    inside, held_out = rows.folds == fold, rows.folds == HELD_OUT
    scores[inside] = logits[inside]
    scores[held_out] += logits[held_out] / len(rows.trained_folds)


def _logistic(matrix: np.ndarray, labels: np.ndarray, columns: tuple[str, ...], settings: Tabular) -> FoldCoefficients:
    from sklearn.linear_model import LogisticRegression

    mean, scale = matrix.mean(axis=0), matrix.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    model = LogisticRegression(C=1 / settings.logistic_ridge, solver="newton-cholesky").fit(
        (matrix - mean) / scale, labels
    )
    return FoldCoefficients(columns, mean.tolist(), scale.tolist(), model.coef_[0].tolist(), float(model.intercept_[0]))


def _apply(model: FoldCoefficients, matrix: np.ndarray) -> np.ndarray:
    return np.asarray((matrix - model.mean) / model.scale @ np.array(model.coefficients) + model.intercept)


def _forest(matrix: np.ndarray, labels: np.ndarray, settings: Tabular) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        settings.forest_trees, min_samples_leaf=5, max_features="sqrt", random_state=settings.seed, n_jobs=1
    )
    return forest.fit(matrix, labels)


def _forest_logits(forest: Any, matrix: np.ndarray, settings: Tabular) -> np.ndarray:
    votes = forest.predict_proba(matrix)[:, 1] * settings.forest_trees
    return np.asarray(
        np.log((votes + 0.5) / (settings.forest_trees - votes + 0.5))
    )  # never infinite, whatever the votes
