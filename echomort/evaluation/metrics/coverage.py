"""Shares of the patients who died, whom a model scored, and whom it could not score."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from echomort.evaluation.evaluated import EvaluatedModel, EvaluatedModels
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import MetricFamily
from echomort.evaluation.scored import ScoredRows
from echomort.evaluation.thresholds import proportion
from echomort.vocabulary.metric_table import COLUMNS, COVERAGE, WHOLE, MetricRow

PREVALENCE = Metric("prevalence", "Deaths", 1, as_percent=True)
SCORED_SHARE = Metric("coverage", "Scored", 0, "higher", 1, as_percent=True)
NOT_COMPUTED = Metric("not_computed", "Not computed", 0, "lower", 0, as_percent=True)


def prevalence(evaluated: EvaluatedModels) -> Iterator[MetricRow]:
    """Yield the share of the labelled patients who died."""
    labelled = evaluated.rows
    cohort = ScoredRows("cohort", labelled, np.zeros(len(labelled)), False)
    yield cohort.row(PREVALENCE, proportion(int(cohort.died.sum()), len(labelled), evaluated.settings.confidence))


def scored_share(model: EvaluatedModel) -> Iterator[MetricRow]:
    """Yield the share of the eligible labelled patients that the model scored."""
    scored = model.scored
    yield scored.row(SCORED_SHARE, proportion(len(scored.rows), model.eligible, model.settings.confidence))


METRIC_FAMILY = MetricFamily((PREVALENCE, SCORED_SHARE, NOT_COMPUTED), 10, of_cohort=prevalence, of_model=scored_share)


def not_computed_rows(scores: pd.DataFrame) -> pd.DataFrame:
    """Return metric rows: for each clinical score and reason, the share of labelled headline studies to which the score
    applies but for which it was not computed. The row with subset ``all`` counts every reason.

    ``scores``: study_key, score, value, applicable, reason, label. A study with several missing inputs counts for each.
    """
    from echomort.clinical_scores.studies import coverage, rejection_counts

    applicable = scores[scores["applicable"].astype(bool) & scores["label"].notna()]
    counts_by_score = {str(name): (len(part), int(part["label"].sum())) for name, part in applicable.groupby("score")}
    computed = coverage(applicable)
    uncovered = zip(computed["score"], computed["applicable"] - computed["computed"], strict=True)
    reasons = rejection_counts(applicable)
    not_computed = [(score, WHOLE, studies) for score, studies in uncovered]
    not_computed += zip(reasons["score"], reasons["reason"], reasons["studies"], strict=True)
    method = "share of labelled studies"
    rows = [
        MetricRow(COVERAGE, score, subset, NOT_COMPUTED.name, studies / n, math.nan, math.nan, n, events, method)
        for score, subset, studies in not_computed
        for n, events in [counts_by_score.get(score, (0, 0))]
        if n
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
