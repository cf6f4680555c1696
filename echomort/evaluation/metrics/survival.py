"""Survival of the predicted classes."""

from collections.abc import Iterator

from echomort.evaluation import survival
from echomort.evaluation.evaluated import EvaluatedModel
from echomort.evaluation.interval import without_limits
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import MetricFamily
from echomort.vocabulary.metric_table import MetricRow

HAZARD_RATIO = Metric("hazard_ratio", "Hazard ratio of the predicted classes", 2, "higher")
LOG_RANK_P = Metric("log_rank_p", "p, log-rank", 3)


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


METRIC_FAMILY = MetricFamily((HAZARD_RATIO, LOG_RANK_P), 60, of_model=predicted_classes)
