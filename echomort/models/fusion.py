"""Stacking: one score from the out-of-fold scores of several models.

The stack of fold k is fitted on the other folds only. Their scores come from models that were not trained on them.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from echomort.core.verified import parse_card
from echomort.models.rows import HELD_OUT, LabelledRows, mean_fold_auc
from echomort.settings import Fusion, Settings
from echomort.vocabulary.model_names import EHR, VIDEO_EHR

KEYS = ("kind", "columns", "folds")
"""Keys of a stack's JSON."""


class Stacker(Protocol):
    """A stacker that was fitted on the rows outside one fold."""

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """Return logits (n,) of scores (n, columns), which are NaN where a model gave none."""
        ...


@dataclass(frozen=True)
class LogisticStacker:
    """Ridge logistic regression on standardised scores.

    A missing score is replaced by the mean; columns with missing scores in training (``flagged``, by position) get an
    indicator column too. ``mean`` and ``scale`` have one number a column, ``coefficients`` one a column and then one a
    flagged column.
    """

    mean: list[float]
    scale: list[float]
    flagged: list[int]
    coefficients: list[float]
    intercept: float

    @classmethod
    def fit(cls, matrix: np.ndarray, labels: np.ndarray, settings: Fusion) -> "LogisticStacker":
        """Fit on ``matrix`` float64 (n, columns)."""
        from sklearn.linear_model import LogisticRegression

        present = ~np.isnan(matrix)
        count = np.maximum(present.sum(0), 1)
        mean = np.where(present, matrix, 0).sum(0) / count
        scale = np.sqrt(np.where(present, (matrix - mean) ** 2, 0).sum(0) / count)
        unfitted = cls(
            mean=mean.tolist(),
            scale=np.where(scale > 0, scale, 1).tolist(),
            flagged=[int(column) for column in np.flatnonzero(~present.all(0) & present.any(0))],
            coefficients=[],
            intercept=0.0,
        )
        model = LogisticRegression(C=1 / settings.ridge, solver="newton-cholesky", tol=1e-8).fit(
            unfitted.design(matrix), labels
        )
        fitted = {"coefficients": model.coef_[0].tolist(), "intercept": float(model.intercept_[0])}
        return cls(**{**asdict(unfitted), **fitted})

    def design(self, matrix: np.ndarray) -> np.ndarray:
        """Return the standardised scores, then one 0/1 column (1: missing) for each flagged column."""
        missing = np.isnan(matrix)
        standardised = np.where(missing, 0, (matrix - self.mean) / self.scale)
        return np.hstack([standardised, missing[:, self.flagged].astype(float)])

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """Return the logits."""
        return np.asarray(self.design(matrix) @ np.array(self.coefficients) + self.intercept)


@dataclass(frozen=True)
class TreeStacker:
    """A few shallow trees."""

    content: str
    """The model in XGBoost's JSON format."""

    @classmethod
    def fit(cls, matrix: np.ndarray, labels: np.ndarray, settings: Fusion) -> "TreeStacker":
        """Fit on ``matrix`` (n, columns)."""
        import xgboost as xgb
        from threadpoolctl import threadpool_limits

        data = xgb.QuantileDMatrix(matrix.astype(np.float32), labels, nthread=1)
        constants = {"objective": "binary:logistic", "min_child_weight": 5, "nthread": 1, "seed": 1}
        chosen = {"max_depth": settings.depth, "learning_rate": settings.learning_rate}
        with threadpool_limits(1):
            return cls(xgb.train({**constants, **chosen}, data, settings.rounds).save_raw("json").decode())

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """Return the logits."""
        from echomort.models.tabular import load_booster, predict_logits

        return predict_logits(load_booster(self.content.encode()), matrix.astype(np.float32))


STACKERS: dict[str, type[LogisticStacker] | type[TreeStacker]] = {"logistic": LogisticStacker, "xgboost": TreeStacker}
"""Value of the setting ``fusion.model`` -> stacker."""


@dataclass(frozen=True)
class FusionModel:
    """One stacker a fold, for the scores named by ``columns``."""

    kind: str
    columns: tuple[str, ...]
    folds: dict[int, Stacker]

    def score(self, scores: pd.DataFrame) -> np.ndarray:
        """Return one logit a row, float64 (n,): the mean over the folds' stackers. An absent column counts as
        missing."""
        matrix = scores.reindex(columns=list(self.columns)).to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(np.mean([stacker.logits(matrix) for stacker in self.folds.values()], axis=0))

    def to_json(self) -> bytes:
        """Return the model as JSON: coefficients, or XGBoost's text."""
        folds = {str(fold): asdict(stacker) for fold, stacker in self.folds.items()}  # type: ignore[call-overload]
        return (json.dumps({"kind": self.kind, "columns": self.columns, "folds": folds}, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> "FusionModel":
        """Return the model that :meth:`to_json` wrote, or raise :class:`UserError`. The caller verifies ``content``."""
        card: dict[str, Any] = parse_card(content, KEYS, "the stack")
        stacker = STACKERS[card["kind"]]
        folds: dict[int, Stacker] = {int(fold): stacker(**fields) for fold, fields in card["folds"].items()}
        return cls(card["kind"], tuple(card["columns"]), folds)


@dataclass(frozen=True)
class FusionResult:
    """Scores in the order of the rows, and the stack."""

    scores: np.ndarray
    """Logits, float64 (n,): of a row of fold k by the stacker of fold k, of a held-out row the mean over all
    stackers."""
    model: FusionModel


def fit_stack(scores: pd.DataFrame, rows: LabelledRows, settings: Fusion) -> FusionResult:
    """Fit one stacker for each fold on the out-of-fold ``scores``, and score every row out of fold.

    ``scores`` has one row a study and one column a model: logits, NaN where the model gave none. Held-out rows are
    scored and never used for fitting.
    """
    matrix = scores.to_numpy(dtype=np.float64, na_value=np.nan)
    stackers: dict[int, Stacker] = {}
    combined = np.zeros(len(matrix))
    held_out = rows.folds == HELD_OUT
    for fold in rows.trained_folds:
        training, inside = rows.training(fold), rows.folds == fold
        stackers[fold] = STACKERS[settings.model].fit(matrix[training], rows.labels[training], settings)
        combined[inside] = stackers[fold].logits(matrix[inside])
        if held_out.any():
            combined[held_out] += stackers[fold].logits(matrix[held_out]) / len(rows.trained_folds)
    return FusionResult(combined, FusionModel(settings.model, tuple(map(str, scores.columns)), stackers))


def permuted_null_aucs(
    features: pd.DataFrame, views: pd.DataFrame, rows: LabelledRows, settings: Settings
) -> pd.DataFrame:
    """Return the AUCs that chance gives: one row a permutation, the mean fold AUC of models refitted on shuffled
    labels.

    Labels are permuted by patient (:meth:`LabelledRows.permuted`), ``settings.evaluation.permutations`` times. Columns:
    ehr (the trees on ``features``), video (the stack of ``views``, the out-of-fold logits of the view models, which are
    not retrained), video_ehr (the stack of both). Without leakage their mean is 0.5. Held-out rows are left out.
    """
    from echomort.models.tabular import encode, fit_folds

    inside = rows.folds != HELD_OUT
    matrix, views, rows = encode(features)[inside], views[inside].reset_index(drop=True), rows.subset(inside)
    generator = np.random.default_rng(settings.evaluation.seed)
    aucs = []
    for _ in range(settings.evaluation.permutations):
        shuffled = rows.permuted(generator)
        ehr = fit_folds(matrix, tuple(map(str, features.columns)), shuffled, settings.tabular).scores
        both = fit_stack(views.assign(ehr=ehr), shuffled, settings.fusion).scores
        aucs_of_permutation = {EHR: mean_fold_auc(ehr, shuffled), VIDEO_EHR: mean_fold_auc(both, shuffled)}
        if len(views.columns):
            aucs_of_permutation["video"] = mean_fold_auc(fit_stack(views, shuffled, settings.fusion).scores, shuffled)
        aucs.append(aucs_of_permutation)
    return pd.DataFrame(aucs)
