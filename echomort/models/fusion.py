"""Stacking: one score from the scores of several models, learnt on scores that those models gave out of fold.

The stack of fold k is fitted on the other folds only; their scores come from models that never saw the rows they score.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from echomort.core.verified import parse_card
from echomort.models.rows import HELD_OUT, Rows, mean_fold_auc
from echomort.settings import Fusion, Settings
from echomort.vocabulary.model_names import EHR, VIDEO_EHR

KEYS = ("kind", "columns", "folds")


class Stacker(Protocol):
    """What one fold's rows taught."""

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """Return (n,) logits for (n, columns) scores, NaN where a model gave none."""
        ...


@dataclass(frozen=True)
class LogisticStacker:
    """Ridge logistic regression on standardised scores; a missing one counts as the mean, and says that it is missing
    where that occurred in training. Every list has one number a column, but for ``coefficients``, which goes on with
    one a flagged column."""

    mean: list[float]
    scale: list[float]
    flagged: list[int]
    coefficients: list[float]
    intercept: float

    @classmethod
    def fit(cls, matrix: np.ndarray, labels: np.ndarray, settings: Fusion) -> "LogisticStacker":
        """Fit on ``matrix`` float64 (n, columns)."""
        from sklearn.linear_model import LogisticRegression

        seen = ~np.isnan(matrix)
        count = np.maximum(seen.sum(0), 1)
        mean = np.where(seen, matrix, 0).sum(0) / count
        scale = np.sqrt(np.where(seen, (matrix - mean) ** 2, 0).sum(0) / count)
        blank = cls(
            mean=mean.tolist(),
            scale=np.where(scale > 0, scale, 1).tolist(),
            flagged=[int(column) for column in np.flatnonzero(~seen.all(0) & seen.any(0))],
            coefficients=[],
            intercept=0.0,
        )
        model = LogisticRegression(C=1 / settings.ridge, solver="newton-cholesky", tol=1e-8).fit(
            blank.design(matrix), labels
        )
        fitted = {"coefficients": model.coef_[0].tolist(), "intercept": float(model.intercept_[0])}
        return cls(**{**asdict(blank), **fitted})

    def design(self, matrix: np.ndarray) -> np.ndarray:
        """Return the standardised scores, then one column of 0 and 1 a flagged column."""
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
    """XGBoost's own JSON."""

    @classmethod
    def fit(cls, matrix: np.ndarray, labels: np.ndarray, settings: Fusion) -> "TreeStacker":
        """Fit on ``matrix`` (n, columns)."""
        import xgboost as xgb
        from threadpoolctl import threadpool_limits

        data = xgb.QuantileDMatrix(matrix.astype(np.float32), labels, nthread=1)
        fixed = {"objective": "binary:logistic", "min_child_weight": 5, "nthread": 1, "seed": 1}
        chosen = {"max_depth": settings.depth, "learning_rate": settings.learning_rate}
        with threadpool_limits(1):
            return cls(xgb.train({**fixed, **chosen}, data, settings.rounds).save_raw("json").decode())

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """Return the logits."""
        from echomort.models.tabular import load_booster, predict_logits

        return predict_logits(load_booster(self.content.encode()), matrix.astype(np.float32))


STACKERS: dict[str, type[LogisticStacker] | type[TreeStacker]] = {"logistic": LogisticStacker, "xgboost": TreeStacker}


@dataclass(frozen=True)
class FusionModel:
    """One stacker a fold, over the scores named by ``columns``."""

    kind: str
    columns: tuple[str, ...]
    folds: dict[int, Stacker]

    def score(self, scores: pd.DataFrame) -> np.ndarray:
        """Return one logit a row, float64 (n,): the mean over the folds' stackers. An absent column is all missing."""
        matrix = scores.reindex(columns=list(self.columns)).to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(np.mean([stacker.logits(matrix) for stacker in self.folds.values()], axis=0))

    def to_json(self) -> bytes:
        """Return the model as JSON: coefficients, or XGBoost's own text."""
        folds = {str(fold): asdict(stacker) for fold, stacker in self.folds.items()}  # type: ignore[call-overload]
        return (json.dumps({"kind": self.kind, "columns": self.columns, "folds": folds}, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> "FusionModel":
        """Return what :meth:`to_json` wrote, or raise :class:`UserError`. Verify the content before."""
        card: dict[str, Any] = parse_card(content, KEYS, "the stack")
        stacker = STACKERS[card["kind"]]
        folds: dict[int, Stacker] = {int(fold): stacker(**fields) for fold, fields in card["folds"].items()}
        return cls(card["kind"], tuple(card["columns"]), folds)


@dataclass(frozen=True)
class FusionResult:
    """Scores in the order of the rows, and the model that gave them."""

    scores: np.ndarray
    """Logits, float64 (n,): a row of fold k by the stack that never saw fold k, a held-out row by the mean of all."""
    model: FusionModel


def stack(
    scores: pd.DataFrame, labels: Sequence[int], folds: Sequence[int], patients: Sequence[str], settings: Fusion
) -> FusionResult:
    """Combine out-of-fold ``scores`` (one column a model, logits, NaN where it gave none; one row a study).

    The rows of fold -1 hold scores of models that never saw them either; they are scored and never fitted on. Raises
    :class:`UserError` where no honest fit is possible.
    """
    return stack_rows(scores, Rows.of(labels, folds, patients), settings)


def stack_rows(scores: pd.DataFrame, rows: Rows, settings: Fusion) -> FusionResult:
    """Do the same for :class:`Rows`."""
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


def permuted_null(features: pd.DataFrame, views: pd.DataFrame, rows: Rows, settings: Settings) -> pd.DataFrame:
    """Return what chance gives: one row a permutation, the mean fold AUC of models refitted on shuffled labels.

    Labels change owner by patient (:meth:`Rows.permuted`), ``settings.evaluation.permutations`` times. Columns: ehr
    (the trees on ``features``), video (the stack of ``views``, the view models' out-of-fold logits, which are not
    retrained), video_ehr (the stack of both). An honest pipeline's mean lies at 0.5. Held-out rows take no part.
    """
    from echomort.models.tabular import encode, fit_rows

    inside = rows.folds != HELD_OUT
    matrix, views, rows = encode(features)[inside], views[inside].reset_index(drop=True), rows.only(inside)
    generator = np.random.default_rng(settings.evaluation.seed)
    areas = []
    for _ in range(settings.evaluation.permutations):
        shuffled = rows.permuted(generator)
        ehr = fit_rows(matrix, tuple(map(str, features.columns)), shuffled, settings.tabular).scores
        both = stack_rows(views.assign(ehr=ehr), shuffled, settings.fusion).scores
        area = {EHR: mean_fold_auc(ehr, shuffled), VIDEO_EHR: mean_fold_auc(both, shuffled)}
        if len(views.columns):
            area["video"] = mean_fold_auc(stack_rows(views, shuffled, settings.fusion).scores, shuffled)
        areas.append(area)
    return pd.DataFrame(areas)
