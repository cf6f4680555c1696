"""Survival of the predicted classes, and metrics that keep censored patients by weighting."""

from collections.abc import Iterator

from echomort.evaluation import survival
from echomort.evaluation.evaluated import EvaluatedModel, EvaluatedModels
from echomort.evaluation.inputs import expit
from echomort.evaluation.interval import without_limits
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import MetricFamily
from echomort.evaluation.scored import ScoredRows
from echomort.vocabulary.metric_table import MetricRow

HAZARD_RATIO = Metric("hazard_ratio", "Hazard ratio of the predicted classes", 2, "higher")
LOG_RANK_P = Metric("log_rank_p", "p, log-rank", 3)
IPCW_AUC = Metric("ipcw_auc", "AUC, weighted for censoring", 3, "higher", 1)
IPCW_BRIER = Metric("ipcw_brier", "Brier, weighted for censoring", 3, "lower", 0)


def predicted_classes(model: EvaluatedModel) -> Iterator[MetricRow]:
    """Yield the hazard ratio of predicted high risk against low risk, and the log-rank test."""
    if not model.has_decisions:
        return
    scored = model.scored
    days, event = scored.rows["days"], scored.rows["event"].astype(bool)
    ratio = survival.hazard_ratio(days, event, model.high_risk, model.settings.confidence)
    yield scored.row(HAZARD_RATIO, ratio.interval)
    test = survival.log_rank(days, event, model.high_risk)
    yield scored.row(LOG_RANK_P, without_limits(test.p_value, "classes predicted out of fold, log-rank"))


def weighted_for_censoring(evaluated: EvaluatedModels) -> Iterator[MetricRow]:
    """Yield the AUC and the Brier score of death within the horizon over all rows with follow-up, labelled or not."""
    for model in evaluated.with_all_metrics.values():
        followed = model.followed.subset(model.followed.rows["days"].notna().to_numpy())
        if len(followed.rows):
            yield from _weighted(followed, evaluated.horizon)


def _weighted(followed: ScoredRows, horizon: int) -> Iterator[MetricRow]:
    days, event = followed.rows["days"], followed.rows["event"].astype(bool)
    method = f"inverse probability of censoring weights at {horizon} days"
    yield followed.row(IPCW_AUC, without_limits(survival.ipcw_auc(days, event, followed.score, horizon), method))
    if followed.is_log_odds:
        error = survival.ipcw_brier(days, event, expit(followed.score), horizon)
        yield followed.row(IPCW_BRIER, without_limits(error, method))


METRIC_FAMILY = MetricFamily(
    (HAZARD_RATIO, LOG_RANK_P, IPCW_AUC, IPCW_BRIER), 60, of_model=predicted_classes, of_models=weighted_for_censoring
)
