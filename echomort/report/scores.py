"""The scores of each model as arrays, ready to be drawn."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from echomort.report.words import ModelWords, model_words

OPTIONAL = ("fold", "days", "event")


@dataclass(frozen=True)
class ModelScores:
    """Headline rows of one model: labels 0/1 and log odds, both (n,); fold, days and event where they are known."""

    words: ModelWords
    labels: np.ndarray
    logits: np.ndarray
    fold: np.ndarray | None = None
    days: np.ndarray | None = None
    event: np.ndarray | None = None

    @property
    def probabilities(self) -> np.ndarray:
        """Predicted risks as scored."""
        from echomort.evaluation.inputs import expit

        return expit(self.logits)

    @property
    def recalibrated(self) -> np.ndarray | None:
        """Predicted risks, each fold's map fitted on the other folds; None without folds."""
        from echomort.evaluation.calibration import recalibrated

        if self.fold is None or len(np.unique(self.fold)) < 2 or not self.has_both_classes:
            return None
        return recalibrated(self.labels, self.logits, self.fold)

    @property
    def has_both_classes(self) -> bool:
        """Whether somebody died and somebody lived."""
        return bool(0 < self.labels.sum() < len(self.labels))

    @property
    def counts(self) -> tuple[int, int]:
        """(patients, deaths)."""
        return len(self.labels), int(self.labels.sum())


def by_model(scores: pd.DataFrame) -> Mapping[str, ModelScores]:
    """Return the scores of each model; several rows of a study are averaged, unlabelled ones left out."""
    kept = scores[scores["label"].notna() & scores["logit"].notna()] if len(scores) else scores
    return {str(model): _one(str(model), _one_row_a_study(rows)) for model, rows in kept.groupby("model", sort=True)}


def _one_row_a_study(rows: pd.DataFrame) -> pd.DataFrame:
    if "study_key" not in rows.columns or not rows["study_key"].duplicated().any():
        return rows
    return rows.assign(logit=rows.groupby("study_key")["logit"].transform("mean")).drop_duplicates("study_key")


def _one(model: str, rows: pd.DataFrame) -> ModelScores:
    order = rows.sort_values(["logit", "label"], kind="stable")
    known = {name: order[name].to_numpy() for name in OPTIONAL if name in order and order[name].notna().all()}
    return ModelScores(
        model_words(model), order["label"].to_numpy(dtype=int), order["logit"].to_numpy(dtype=float), **known
    )
