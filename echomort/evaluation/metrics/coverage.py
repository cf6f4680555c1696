"""Whom the figures are of: the share of patients who died, whom a model could score, and whom it could not."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from echomort.evaluation.judged import JudgedModel, JudgedModels
from echomort.evaluation.metric import Metric, MetricFamily
from echomort.evaluation.scored import Scored
from echomort.evaluation.thresholds import proportion
from echomort.vocabulary.metric_table import COLUMNS, COVERAGE, WHOLE, MetricRow

PREVALENCE = Metric("prevalence", "Deaths", 1, as_percent=True)
SCORED_SHARE = Metric("coverage", "Scored", 0, "higher", 1, as_percent=True)
NOT_COMPUTED = Metric("not_computed", "Not computed", 0, "lower", 0, as_percent=True)


def prevalence(judged: JudgedModels) -> Iterator[MetricRow]:
    """Yield the share of the labelled patients who died."""
    labelled = judged.rows[judged.rows["label"].notna()]
    cohort = Scored("cohort", labelled, np.zeros(len(labelled)), False)
    yield cohort.row(PREVALENCE, proportion(int(cohort.died.sum()), len(labelled), judged.settings.confidence))


def scored_share(model: JudgedModel) -> Iterator[MetricRow]:
    """Yield the share of the labelled patients whom the model is made for that it scored."""
    one = model.scored
    yield one.row(SCORED_SHARE, proportion(len(one.rows), model.available, model.settings.confidence))


METRIC_FAMILY = MetricFamily((PREVALENCE, SCORED_SHARE, NOT_COMPUTED), 10, of_cohort=prevalence, of_model=scored_share)


def why_not_scored(scores: pd.DataFrame) -> pd.DataFrame:
    """Return, per clinical score and reason, the share of the labelled headline studies that it applies to but has no
    figure for, as metric rows (the row without a reason counts all of them).

    ``scores``: study_key, score, value, applicable, reason, label. A study that lacks several inputs counts for each.
    """
    from echomort.clinical_scores.studies import coverage, why_not

    applies = scores[scores["applicable"].astype(bool) & scores["label"].notna()]
    people = {str(name): (len(part), int(part["label"].sum())) for name, part in applies.groupby("score")}
    covered = coverage(applies)
    counts = zip(covered["score"], covered["applicable"] - covered["computed"], strict=True)
    reasons = why_not(applies)
    lost = [(score, WHOLE, studies) for score, studies in counts]
    lost += zip(reasons["score"], reasons["reason"], reasons["studies"], strict=True)
    method = "share of labelled studies"
    rows = [
        MetricRow(COVERAGE, score, subset, NOT_COMPUTED.name, studies / n, math.nan, math.nan, n, events, method)
        for score, subset, studies in lost
        for n, events in [people.get(score, (0, 0))]
        if n
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
