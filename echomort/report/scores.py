"""The scores of each model as arrays, for the figures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from echomort.evaluation.too_few import has_too_few
from echomort.report.drawing.figures import Curve
from echomort.report.words import ModelWords, counted, model_words

OPTIONAL = ("fold", "days", "event", "without")


@dataclass(frozen=True)
class ModelScores:
    """The headline rows of one model: labels 0/1 and log odds, both (n,); fold, days and event where they are known;
    ``without``, where it is, are lists of the scores to learn from, by the fold that the result is applied to."""

    words: ModelWords
    labels: np.ndarray
    logits: np.ndarray
    fold: np.ndarray | None = None
    days: np.ndarray | None = None
    event: np.ndarray | None = None
    without: np.ndarray | None = None

    @property
    def probabilities(self) -> np.ndarray:
        """Predicted risks as scored."""
        from echomort.evaluation.inputs import expit

        return expit(self.logits)

    @property
    def recalibrated(self) -> np.ndarray | None:
        """Predicted risks after recalibration on the other folds; None without folds."""
        from echomort.evaluation.calibration import recalibrated_risks

        if self.fold is None or len(np.unique(self.fold)) < 2 or not self.has_both_classes:
            return None
        return recalibrated_risks(self.labels, self.logits, self.fold, self.scores_to_learn_from)

    @property
    def has_both_classes(self) -> bool:
        """Whether somebody died and somebody lived."""
        return bool(0 < self.labels.sum() < len(self.labels))

    @property
    def high_risk(self) -> np.ndarray | None:
        """Patients (n,) bool predicted to die, by Youden's threshold on the other folds; None where they allow none."""
        from echomort.evaluation.thresholds import out_of_fold_decisions

        if self.fold is None:
            return None
        try:
            return out_of_fold_decisions(self.labels, self.logits, self.fold, without=self.scores_to_learn_from)
        except ValueError:  # a single fold, or other folds with one outcome only
            return None

    @property
    def scores_to_learn_from(self) -> np.ndarray | None:
        """``without`` as an array (n, folds), NaN in the column of a row's own fold."""
        if self.without is None:
            return None
        return np.stack([np.ma.filled(np.ma.asarray(row, dtype=np.float64), np.nan) for row in self.without])

    @property
    def counts_text(self) -> str:
        """``410 patients, 103 deaths``."""
        patients, deaths = self.counts
        return f"{counted(patients, 'patient')}, {counted(deaths, 'death')}"

    @property
    def counts(self) -> tuple[int, int]:
        """(patients, deaths)."""
        return len(self.labels), int(self.labels.sum())


def scores_by_model(scores: pd.DataFrame, least: int = 1) -> Mapping[str, ModelScores]:
    """Return the labelled scores by model; several rows of a study are averaged. Models with fewer than ``least``
    deaths or survivors are left out: nothing is drawn of them."""
    kept = scores[scores["label"].notna() & scores["logit"].notna()] if len(scores) else scores
    found = {
        str(model): _model_scores(str(model), _one_row_a_study(rows))
        for model, rows in kept.groupby("model", sort=True)
    }
    return {model: one for model, one in found.items() if not has_too_few(*one.counts, least)}


def _one_row_a_study(rows: pd.DataFrame) -> pd.DataFrame:
    if "study_key" not in rows.columns or not rows["study_key"].duplicated().any():
        return rows
    return rows.assign(logit=rows.groupby("study_key")["logit"].transform("mean")).drop_duplicates("study_key")


def _model_scores(model: str, rows: pd.DataFrame) -> ModelScores:
    order = rows.sort_values(["logit", "label"], kind="stable")
    known = {name: order[name].to_numpy() for name in OPTIONAL if name in order and order[name].notna().all()}
    return ModelScores(
        model_words(model), order["label"].to_numpy(dtype=int), order["logit"].to_numpy(dtype=float), **known
    )


def with_both_outcomes(scores: Mapping[str, ModelScores], *kinds: str) -> list[tuple[str, ModelScores]]:
    """Return (name, scores) of the models of ``kinds``, in their order, without those that lack deaths or survivors."""
    found = [(model, score) for kind in kinds for model, score in scores.items() if score.words.kind == kind]
    return [(model, score) for model, score in found if score.has_both_classes]


def risk_curve(score: ModelScores, risks: np.ndarray, note: str = "") -> Curve:
    """Return the curve of ``risks`` (n,), a model's risks for its patients."""
    return Curve(score.words.label, score.words.kind, score.labels, risks, note)


def recalibrated_curve(score: ModelScores) -> Curve:
    """Return the curve of a model's recalibrated risks, or of those as scored where there are no folds."""
    risks = score.recalibrated
    return risk_curve(score, score.probabilities if risks is None else risks)
