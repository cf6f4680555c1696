"""Baselines for the trees on all variables: other learners, and parts of the variables.

Two more are logistic regressions on age and sex, and on these with the ejection fraction: what others have to add to.

Every baseline is cross-validated as the trees are. Logistic regression and random forest need imputed data
(:mod:`echomort.models.imputation`); imputation is fitted on the training rows of each fold, unless
``tabular.imputation_scope`` is ``global``.
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
from echomort.ehr.variable_sets import PARTS, VARIABLES
from echomort.ehr.variables import Variable
from echomort.models.coding import coded, coded_columns
from echomort.models.cross_fit import CrossFit, LeftOut, folds_left_out
from echomort.models.imputation import Imputer
from echomort.models.logistic import Coefficients, fit_logistic
from echomort.models.rows import LabelledRows
from echomort.models.tabular import encode, fit_nested
from echomort.settings import Tabular
from echomort.vocabulary.baselines import FEW
from echomort.vocabulary.model_names import baseline

LEARNERS = ("logistic", "random_forest", "xgboost")
"""The learners that ``tabular.baselines`` may name."""
MIN_LEAF_STUDIES = 5
"""Studies in a leaf of the random forest, at least. Chosen here, as for the trees."""


def baseline_names() -> list[str]:
    """Return the names of all possible baselines."""
    return [baseline(learner, part) for learner in LEARNERS for part in VARIABLES if _is_offered(learner, part)]


def _is_offered(learner: str, part: str) -> bool:
    """Whether there is a baseline of ``learner`` on ``part``: on few variables logistic regression alone."""
    return learner == "logistic" or part not in FEW


@dataclass(frozen=True)
class Baselines:
    """Scores by model (``ehr:<learner>:<set>``) in the order of the rows, and of the logistic ones the coefficients by
    the fold left out. Forests and imputers are not kept, since a baseline never scores new studies."""

    scores: Mapping[str, CrossFit]
    coefficients: Mapping[str, Mapping[int, Coefficients]]

    def save(self, folder: Path) -> None:
        """Write ``folder`` atomically: coefficients.json."""
        table = {
            model: {str(fold): asdict(fitted) for fold, fitted in folds.items()}
            for model, folds in self.coefficients.items()
        }
        with atomic_folder(folder) as whole:
            (whole / "coefficients.json").write_text(json.dumps(table, indent=1) + "\n")


def fit_baselines(
    features: pd.DataFrame, rows: LabelledRows, settings: Tabular, site_variables: Sequence[Variable] = ()
) -> Baselines:
    """Cross-fit the learners of ``settings.baselines`` on each set of variables, by the folds of the trees.

    The trees are fitted on parts only, since on all variables they are the model itself. ``site_variables`` that
    ``features`` has belong to the set that they name, and to all.
    """
    scores: dict[str, CrossFit] = {}
    coefficients: dict[str, dict[int, Coefficients]] = {}
    with threadpool_limits(1):  # a second thread does not pay on a table this small
        for part in settings.baseline_variables:
            columns = (*VARIABLES[part], *_site_variables_of(part, site_variables, features))
            table = features.reindex(columns=list(columns))
            learners = [learner for learner in settings.baselines if _is_offered(learner, part)]
            if "xgboost" in learners and part != "all":
                trees = fit_nested(encode(table), columns, rows, settings, site_variables)
                scores[baseline("xgboost", part)] = trees.scores
            imputed = [learner for learner in ("logistic", "random_forest") if learner in learners]
            for learner, cross_fit, fitted in _fit_on_imputed(imputed, table, rows, settings, site_variables):
                scores[baseline(learner, part)] = cross_fit
                if fitted:
                    coefficients[baseline(learner, part)] = fitted
    return Baselines(scores, coefficients)


def _site_variables_of(part: str, site_variables: Sequence[Variable], features: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the ``site_variables`` that are in ``features`` and in the set ``part``."""
    return tuple(
        variable.name
        for variable in site_variables
        if variable.set in PARTS.get(part, ()) and variable.name in features.columns
    )


def imputed_tables(
    table: pd.DataFrame, rows: LabelledRows, settings: Tabular, site_variables: Sequence[Variable] = ()
) -> Iterator[tuple[LeftOut, Imputer, np.ndarray]]:
    """Yield (folds left out, imputer, imputed table float64 (n, kept columns)) for each model.

    The imputer is fitted on the rows of the other folds; with ``imputation_scope="global"`` on all rows, as in the
    method.
    """
    matrix, columns = encode(table).astype(np.float64), tuple(table.columns)
    global_imputer = (
        Imputer.fit(matrix, columns, settings, site_variables) if settings.imputation_scope == "global" else None
    )
    for left_out in folds_left_out(rows.trained_folds):
        imputer = global_imputer or Imputer.fit(matrix[rows.training(*left_out)], columns, settings, site_variables)
        yield left_out, imputer, imputer.impute(matrix)


def _fit_on_imputed(
    learners: Sequence[str],
    table: pd.DataFrame,
    rows: LabelledRows,
    settings: Tabular,
    site_variables: Sequence[Variable],
) -> Iterator[tuple[str, CrossFit, dict[int, Coefficients]]]:
    if not learners:
        return
    logits: dict[str, dict[LeftOut, np.ndarray]] = {learner: {} for learner in learners}
    fitted: dict[LeftOut, Coefficients] = {}
    for left_out, imputer, imputed in imputed_tables(table, rows, settings, site_variables):
        matrix, columns = coded(imputed, imputer.names), coded_columns(imputer.names)
        training = rows.training(*left_out)
        if "logistic" in learners:
            fitted[left_out] = fit_logistic(matrix[training], rows.labels[training], columns, settings.logistic_ridge)
            logits["logistic"][left_out] = fitted[left_out].logits(matrix)
        if "random_forest" in learners:
            forest = _forest(matrix[training], rows.labels[training], settings)
            logits["random_forest"][left_out] = _forest_logits(forest, matrix, settings)
    kept = {fold: fitted[fold,] for fold in rows.trained_folds if fitted}
    for learner in learners:
        yield learner, CrossFit.of_models(rows.folds, logits[learner]), kept if learner == "logistic" else {}


def _forest(matrix: np.ndarray, labels: np.ndarray, settings: Tabular) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        settings.forest_trees,
        min_samples_leaf=MIN_LEAF_STUDIES,
        max_features="sqrt",
        random_state=settings.seed,
        n_jobs=1,
    )
    return forest.fit(matrix, labels)


def _forest_logits(forest: Any, matrix: np.ndarray, settings: Tabular) -> np.ndarray:
    votes = forest.predict_proba(matrix)[:, 1] * settings.forest_trees
    # Half a vote is added to either side, so that log odds are finite.
    return np.asarray(np.log((votes + 0.5) / (settings.forest_trees - votes + 0.5)))
