"""The scores of each model as arrays, ready to be drawn."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from echomort.report.drawing.figures import Curve
from echomort.report.words import ModelWords, counted, model_words

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
        from echomort.evaluation.calibration import recalibrated_risks

        if self.fold is None or len(np.unique(self.fold)) < 2 or not self.has_both_classes:
            return None
        return recalibrated_risks(self.labels, self.logits, self.fold)

    @property
    def has_both_classes(self) -> bool:
        """Whether somebody died and somebody lived."""
        return bool(0 < self.labels.sum() < len(self.labels))

    @property
    def called(self) -> np.ndarray | None:
        """Who is called high risk (n,) bool, by Youden's threshold on the other folds; None where they give none."""
        from echomort.evaluation.thresholds import out_of_fold_decisions

        if self.fold is None:
            return None
        try:
            return out_of_fold_decisions(self.labels, self.logits, self.fold)
        except ValueError:  # one fold only, or one outcome only in the others
            return None

    @property
    def people(self) -> str:
        """``410 patients, 103 deaths``."""
        patients, deaths = self.counts
        return f"{counted(patients, 'patient')}, {counted(deaths, 'death')}"

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


def drawn(scores: Mapping[str, ModelScores], *kinds: str) -> list[tuple[str, ModelScores]]:
    """Return the models of ``kinds``, in their order, whose patients have both outcomes."""
    found = [(model, score) for kind in kinds for model, score in scores.items() if score.words.kind == kind]
    return [(model, score) for model, score in found if score.has_both_classes]


def risk_curve(score: ModelScores, risks: np.ndarray, note: str = "") -> Curve:
    """Return ``risks`` (n,) of a model's patients, ready to be drawn."""
    return Curve(score.words.label, score.words.kind, score.labels, risks, note)


def recalibrated_curve(score: ModelScores) -> Curve:
    """Return a model's recalibrated risks, or those as scored where there are no folds."""
    risks = score.recalibrated
    return risk_curve(score, score.probabilities if risks is None else risks)
