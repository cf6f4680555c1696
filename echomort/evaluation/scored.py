"""The rows of an evaluation, with the scores of each model."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from echomort.clinical_scores.scores import clinical_scores
from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.interval import Interval
from echomort.evaluation.metric import Metric
from echomort.models.cross_fit import without_of
from echomort.vocabulary.metric_table import OUT_OF_FOLD, WHOLE, MetricRow
from echomort.vocabulary.model_names import ORACLES

REQUIRED_COLUMNS = ("study_key", "patient_key", "fold", "label", "days", "event")
HEADLINE, FOLLOWED_HEADLINE = "headline", "followed_headline"
"""Columns of the frame: the one study a patient of the labelled ones, and of all that are followed."""
NOT_SUBGROUPS = (*REQUIRED_COLUMNS, HEADLINE, FOLLOWED_HEADLINE, "role")
HEART_FAILURE = "heart_failure"
"""Column of the frame: ``yes`` where heart failure is on record at the study."""


@dataclass(frozen=True)
class ScoredRows:
    """The rows that one model scored.

    ``rows`` are rows of the headline frame, ``score`` (n,) float64 the model's output, higher for a higher risk.
    ``is_log_odds`` says whether that is the log odds of death within the horizon. ``true_risk`` (n,) holds the true
    probabilities where they are known (synthetic archives).
    """

    model: str
    rows: pd.DataFrame
    score: Floats
    is_log_odds: bool
    true_risk: Floats | None = None
    without: Floats | None = None
    """Scores (n, k) to learn from: column j by models that were not trained on fold j either, nor on the row's own
    (:class:`echomort.models.cross_fit.CrossFit`). None where no label has influenced the score."""

    @property
    def died(self) -> Booleans:
        """Labels (n,), true for a death."""
        return np.asarray(self.rows["label"].to_numpy(dtype=float) == 1, dtype=bool)

    @property
    def is_binary(self) -> bool:
        """Whether there are deaths and survivors."""
        return len(self.rows) > 0 and 0 < self.died.sum() < len(self.rows)

    @property
    def has_folds(self) -> bool:
        """Whether the other folds of every fold hold both outcomes, so that thresholds can be chosen on them."""
        folds, died = self.rows["fold"].to_numpy(), self.died
        names = np.unique(folds)
        return len(names) > 1 and all(0 < died[folds != name].sum() < (folds != name).sum() for name in names)

    @property
    def subgroup_columns(self) -> list[str]:
        """The columns whose values make subgroups."""
        return group_columns(self.rows)

    def subset(self, keep: Booleans) -> "ScoredRows":
        """Return the rows where ``keep`` (n,) is true."""
        parts = {name: values[keep] for name in ("true_risk", "without") if (values := getattr(self, name)) is not None}
        return replace(self, rows=self.rows[keep], score=self.score[keep], **parts)

    @property
    def row_set_key(self) -> bytes:
        """A key that is equal for models that scored the same rows."""
        return self.rows.index.to_numpy().tobytes()

    def on_rows_of(self, other: "ScoredRows") -> "ScoredRows":
        """Return this model on the rows of ``other``, all of which it scored."""
        by_study = pd.Series(self.score, index=self.rows["study_key"].to_numpy())
        score = np.asarray(by_study.reindex(other.rows["study_key"]), dtype=np.float64)
        return replace(self, rows=other.rows, score=score, true_risk=other.true_risk, without=None)

    def row(self, metric: Metric, interval: Interval, subset: str = WHOLE, evaluation: str = OUT_OF_FOLD) -> MetricRow:
        """Return one row of the metric table."""
        method = f"{interval.method}; {interval.note}" if interval.note else interval.method
        limits = interval.value, interval.low, interval.high
        counts = len(self.rows), int(self.died.sum())
        return MetricRow(evaluation, self.model, subset, metric.name, *limits, *counts, method)


def group_columns(rows: pd.DataFrame) -> list[str]:
    """Return the columns whose values make groups: those beyond what an evaluation needs, with more than one value that
    is known."""
    return [name for name in rows.columns if name not in NOT_SUBGROUPS and rows[name].nunique() > 1]


def headline_rows(frame: pd.DataFrame, column: str = HEADLINE) -> pd.DataFrame:
    """Return the rows of ``frame`` that ``column`` marks, one study a patient, numbered from 0: labelled rows, or with
    ``FOLLOWED_HEADLINE`` those with follow-up. Without that column, ``HEADLINE`` marks these too; without both, all do.

    Raises :class:`ValueError` for a missing column and for a patient or study that occurs twice.
    """
    missing = [name for name in REQUIRED_COLUMNS if name not in frame.columns]
    if missing:
        raise ValueError(f"the evaluation frame lacks {', '.join(missing)}")
    marked = next((name for name in (column, HEADLINE) if name in frame.columns), None)
    rows = frame[frame[marked].astype(bool)] if marked else frame
    rows = rows[rows["label" if column == HEADLINE else "days"].notna()]
    if rows["patient_key"].duplicated().any() or rows["study_key"].duplicated().any():
        raise ValueError(f"the evaluation needs one study a patient: mark it in a column `{column}`")
    return rows.reset_index(drop=True)


def models_of(scores: pd.DataFrame, rows: pd.DataFrame, truth: pd.DataFrame | None) -> Iterator[ScoredRows]:
    """Yield every model of ``scores`` on those ``rows`` that it applies to and scored.

    Raises :class:`ValueError` for a missing column, and for a score that was not made out of the study's fold.
    """
    needed = {"study_key": {"study_key"}, "model": {"model"}, "logit or score": {"logit", "score"}}
    if missing := [words for words, names in needed.items() if not names & {*scores.columns}]:
        raise ValueError(f"the scores lack {', '.join(missing)}")
    value = "logit" if "logit" in scores.columns else "score"
    folds = rows.set_index("study_key")["fold"]
    usable = scores[scores["study_key"].isin(folds.index) & scores[value].notna()]
    for model, model_scores in usable.groupby("model", sort=False):
        _assert_out_of_fold(model_scores, folds)
        mean = model_scores.groupby("study_key")[value].mean()
        eligible = rows[applicable_rows(str(model), rows)]
        if eligible["study_key"].isin(mean.index).any():
            is_log_odds = value == "logit" and not _ranks_only(str(model))
            scored = _scored_rows(str(model), eligible, mean, truth, is_log_odds)
            yield replace(scored, without=_without(model_scores, scored.rows["study_key"]))


def applicable_rows(model: str, rows: pd.DataFrame) -> Booleans:
    """Return which rows (n,) ``model`` applies to: all, or for scores of heart failure those with heart failure."""
    score = clinical_scores().get(model)
    if score and score.applies_to == "heart failure" and HEART_FAILURE in rows.columns:
        return rows[HEART_FAILURE].eq("yes").to_numpy(dtype=bool)
    return np.ones(len(rows), dtype=bool)


def _ranks_only(model: str) -> bool:
    """Whether ``model`` only ranks: it predicts another outcome, or over another time."""
    score = clinical_scores().get(model)
    return score is not None and not score.predicts_one_year_death


def oracles(rows: pd.DataFrame, truth: pd.DataFrame | None) -> Iterator[ScoredRows]:
    """Yield the oracles, whose scores are columns of the generator's ``truth``; none without a truth."""
    if truth is not None:
        for model, column in ORACLES.items():
            if column in truth.columns:
                yield _scored_rows(model, rows, truth[column], truth, False)


def _scored_rows(
    model: str, rows: pd.DataFrame, score: pd.Series, truth: pd.DataFrame | None, is_log_odds: bool
) -> ScoredRows:
    kept = rows[rows["study_key"].isin(score.index)]
    true_risk = None if truth is None else truth["death_probability"].reindex(kept["study_key"]).to_numpy(dtype=float)
    values = score.reindex(kept["study_key"]).to_numpy(dtype=float)
    if (true_risk is not None and np.isnan(true_risk).any()) or np.isnan(values).any():
        raise ValueError("the truth lacks a study that was scored")
    return ScoredRows(model, kept, values, is_log_odds, true_risk)


def _without(model_scores: pd.DataFrame, studies: pd.Series) -> Floats | None:
    """Return the scores to learn from, one row for each of ``studies``; None where the model has none."""
    if "without" not in model_scores.columns or model_scores["without"].isna().all():
        return None
    values = pd.DataFrame(without_of(model_scores["without"]), index=model_scores["study_key"])
    return values.groupby(level=0).mean().reindex(studies).to_numpy(dtype=float)


def _assert_out_of_fold(model_scores: pd.DataFrame, folds: pd.Series) -> None:
    if "fold" in model_scores.columns:
        study_fold = folds.reindex(model_scores["study_key"]).to_numpy(dtype=float)
        scored_by = model_scores["fold"].to_numpy(dtype=float)
        if ((study_fold >= 0) & (scored_by >= 0) & (study_fold != scored_by)).any():
            raise ValueError("a score comes from a model that was not held out of the study's fold")


def common_rows(first: ScoredRows, second: ScoredRows) -> tuple[ScoredRows, ScoredRows]:
    """Return both models on the rows that both scored."""
    both = set(first.rows["study_key"]) & set(second.rows["study_key"])
    in_first, in_second = (scored.rows["study_key"].isin(both).to_numpy() for scored in (first, second))
    return first.subset(in_first), second.subset(in_second)
