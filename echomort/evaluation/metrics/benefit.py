"""Net benefit of recalibrated risks, at a few thresholds."""

from collections.abc import Iterator

from echomort.evaluation.benefit import decision_statistic, net_benefit_treat_all
from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.evaluated import EvaluatedModel
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import MetricFamily
from echomort.evaluation.resampling import column
from echomort.vocabulary.metric_table import RECALIBRATED

NET_BENEFIT = Metric("net_benefit", "Net benefit", 3, "higher")

THRESHOLDS = (0.05, 0.1, 0.2, 0.3)
"""Risks (0 to 1) at which net benefit is reported. Chosen here, to span the usual shares of one-year deaths."""


def benefit(model: EvaluatedModel) -> Iterator[Bootstrapped]:
    """Yield the net benefit at each of :data:`THRESHOLDS`."""
    if not model.has_decisions or model.recalibrated is None:
        return
    scored = model.scored
    for threshold in THRESHOLDS:
        treat_all = f"treat all {net_benefit_treat_all(scored.died, threshold):.4f}, treat none 0"
        gain = column(decision_statistic(scored.died, model.recalibrated, [threshold]))
        yield Bootstrapped(scored, NET_BENEFIT, gain, threshold_subset(threshold), RECALIBRATED, treat_all)


def threshold_subset(threshold: float) -> str:
    """Return the subset of the metric table for figures at ``threshold`` (0 to 1)."""
    return f"threshold {threshold:.2f}"


METRIC_FAMILY = MetricFamily((NET_BENEFIT,), 40, of_model=benefit)
