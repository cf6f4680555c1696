"""The rows of an evaluation and what each model says of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from echomort.clinical_scores.scores import clinical_scores
from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.interval import Interval
from echomort.evaluation.metric import Metric
from echomort.vocabulary.metric_table import OUT_OF_FOLD, WHOLE, MetricRow
from echomort.vocabulary.model_names import ORACLES

NEEDED = ("study_key", "patient_key", "fold", "label", "days", "event")
NOT_SUBGROUPS = (*NEEDED, "headline", "role")
HEART_FAILURE = "heart_failure"
"""The column that says ``yes`` where heart failure is on record at the study."""


@dataclass(frozen=True)
class Scored:
    """The rows that one model could score: ``rows`` of the headline frame, ``score`` (n,) the ranking, ``is_odds``
    whether it is the log odds of the one-year death, ``chance`` (n,) the true probabilities where they are known."""

    model: str
    rows: pd.DataFrame
    score: Floats
    is_odds: bool
    chance: Floats | None = None

    @property
    def died(self) -> Booleans:
        """Labels (n,)."""
        return np.asarray(self.rows["label"].to_numpy(dtype=float) == 1, dtype=bool)

    @property
    def is_binary(self) -> bool:
        """Whether both classes are there."""
        return len(self.rows) > 0 and 0 < self.died.sum() < len(self.rows)

    @property
    def has_folds(self) -> bool:
        """Whether every fold's complement holds both classes, so that thresholds and maps can come from it."""
        folds, died = self.rows["fold"].to_numpy(), self.died
        names = np.unique(folds)
        return len(names) > 1 and all(0 < died[folds != name].sum() < (folds != name).sum() for name in names)

    @property
    def subgroup_columns(self) -> list[str]:
        """The variables whose values make groups."""
        return [name for name in self.rows.columns if name not in NOT_SUBGROUPS]

    def subset(self, keep: Booleans) -> "Scored":
        """Return the rows where ``keep`` (n,) is true."""
        chance = None if self.chance is None else self.chance[keep]
        return replace(self, rows=self.rows[keep], score=self.score[keep], chance=chance)

    @property
    def row_set(self) -> bytes:
        """A key that models share where they scored the same rows."""
        return self.rows.index.to_numpy().tobytes()

    def on_rows_of(self, other: "Scored") -> "Scored":
        """Return this model on the rows of ``other``, all of which it scored."""
        by_study = pd.Series(self.score, index=self.rows["study_key"].to_numpy())
        score = np.asarray(by_study.reindex(other.rows["study_key"]), dtype=np.float64)
        return replace(self, rows=other.rows, score=score, chance=other.chance)

    def row(self, metric: Metric, interval: Interval, subset: str = WHOLE, evaluation: str = OUT_OF_FOLD) -> MetricRow:
        """Return one row of the metric table."""
        method = f"{interval.method}; {interval.note}" if interval.note else interval.method
        limits = interval.value, interval.low, interval.high
        counts = len(self.rows), int(self.died.sum())
        return MetricRow(evaluation, self.model, subset, metric.name, *limits, *counts, method)


def headline(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of ``frame`` that count, numbered from 0: one study a patient.

    Raises :class:`ValueError` for a missing column and for a patient or study that is there twice.
    """
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise ValueError(f"the evaluation frame lacks {', '.join(missing)}")
    rows = frame[frame["headline"].astype(bool)] if "headline" in frame.columns else frame
    if rows["patient_key"].duplicated().any() or rows["study_key"].duplicated().any():
        raise ValueError("the evaluation needs one study a patient: mark it in a column `headline`")
    return rows.reset_index(drop=True)


def scored_models(rows: pd.DataFrame, scores: pd.DataFrame, truth: pd.DataFrame | None) -> Iterator[Scored]:
    """Yield every model of ``scores`` on the ``rows`` that it is made for and scored.

    Raises :class:`ValueError` for a score that was not made out of the study's fold.
    """
    value = "logit" if "logit" in scores.columns else "score"
    folds = rows.set_index("study_key")["fold"]
    usable = scores[scores["study_key"].isin(folds.index) & scores[value].notna()]
    for model, given in usable.groupby("model", sort=False):
        _assert_out_of_fold(given, folds)
        mean = given.groupby("study_key")[value].mean()
        people = rows[applies(str(model), rows)]
        if people["study_key"].isin(mean.index).any():
            yield _joined(str(model), people, mean, truth, value == "logit" and not _ranks_only(str(model)))


def applies(model: str, rows: pd.DataFrame) -> Booleans:
    """Return the rows (n,) that ``model`` is made for: all, or those with heart failure where that is known."""
    score = clinical_scores().get(model)
    if score and score.applies_to == "heart failure" and HEART_FAILURE in rows.columns:
        return rows[HEART_FAILURE].eq("yes").to_numpy(dtype=bool)
    return np.ones(len(rows), dtype=bool)


def _ranks_only(model: str) -> bool:
    """Whether the model's probabilities are those of another outcome."""
    score = clinical_scores().get(model)
    return score is not None and not score.predicts_one_year_death


def oracles(rows: pd.DataFrame, truth: pd.DataFrame | None) -> Iterator[Scored]:
    """Yield the scores that know what the generator knows, where there is a ``truth``."""
    if truth is not None:
        for model, column in ORACLES.items():
            if column in truth.columns:
                yield _joined(model, rows, truth[column], truth, False)


def _joined(model: str, rows: pd.DataFrame, score: pd.Series, truth: pd.DataFrame | None, is_odds: bool) -> Scored:
    kept = rows[rows["study_key"].isin(score.index)]
    chance = None if truth is None else truth["death_probability"].reindex(kept["study_key"]).to_numpy(dtype=float)
    values = score.reindex(kept["study_key"]).to_numpy(dtype=float)
    if (chance is not None and np.isnan(chance).any()) or np.isnan(values).any():
        raise ValueError("the truth lacks a study that was scored")
    return Scored(model, kept, values, is_odds, chance)


def _assert_out_of_fold(given: pd.DataFrame, folds: pd.Series) -> None:
    if "fold" in given.columns:
        own = folds.reindex(given["study_key"]).to_numpy(dtype=float)
        made = given["fold"].to_numpy(dtype=float)
        if ((own >= 0) & (made >= 0) & (own != made)).any():
            raise ValueError("a score comes from a model that was not held out of the study's fold")


def common(first: Scored, second: Scored) -> tuple[Scored, Scored]:
    """Return both models on the rows that both scored."""
    both = set(first.rows["study_key"]) & set(second.rows["study_key"])
    one, two = (scored.subset(scored.rows["study_key"].isin(both).to_numpy()) for scored in (first, second))
    return one, two
