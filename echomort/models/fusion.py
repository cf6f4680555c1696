"""Stacking: one score from the scores of several models.

The stacker of fold k is fitted on the other folds, on scores by models that left out fold k too
(:mod:`echomort.models.cross_fit`): no label of fold k has any influence on the scores that fold k gets.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from echomort.core.verified import parse_card
from echomort.models.cross_fit import CrossFit, width
from echomort.models.rows import HELD_OUT, LabelledRows
from echomort.settings import Fusion

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

        data = xgb.QuantileDMatrix(matrix.astype(np.float32), labels, nthread=1)
        constants = {"objective": "binary:logistic", "min_child_weight": 5, "nthread": 1, "seed": 1}
        chosen = {"max_depth": settings.depth, "learning_rate": settings.learning_rate}
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

    scores: CrossFit
    model: FusionModel


def fit_stack(parts: Mapping[str, CrossFit], rows: LabelledRows, settings: Fusion) -> FusionResult:
    """Fit one stacker for each fold on the scores of ``parts`` (model -> its scores of the rows), and score every row.

    A row of fold k is scored by the stacker of fold k, a held-out row by the mean over all. What may be learnt from for
    fold k (:attr:`CrossFit.without`) comes from stackers that were fitted without fold k and the row's own.
    """
    scores = np.column_stack([part.logits for part in parts.values()])
    stackers: dict[int, Stacker] = {}
    logits, without = np.full(len(scores), np.nan), np.full((len(scores), width(rows.folds)), np.nan)
    for fold in rows.trained_folds:
        learnt = np.column_stack([part.without[:, fold] for part in parts.values()])
        stackers[fold] = _fit_stacker(learnt, rows, settings, fold)
        logits[rows.folds == fold] = stackers[fold].logits(scores[rows.folds == fold])
        for other in set(rows.trained_folds) - {fold}:
            inside = rows.folds == other
            without[inside, fold] = _fit_stacker(learnt, rows, settings, fold, other).logits(learnt[inside])
    held_out = rows.folds == HELD_OUT
    logits[held_out] = np.mean([stacker.logits(scores[held_out]) for stacker in stackers.values()], axis=0)
    return FusionResult(CrossFit(logits, without), FusionModel(settings.model, tuple(parts), stackers))


def _fit_stacker(learnt: np.ndarray, rows: LabelledRows, settings: Fusion, *left_out: int) -> Stacker:
    from threadpoolctl import threadpool_limits

    training = rows.training(*left_out)
    with threadpool_limits(1):  # a second thread does not pay on a table this small
        return STACKERS[settings.model].fit(learnt[training], rows.labels[training], settings)
