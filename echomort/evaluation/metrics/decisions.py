"""Sensitivity, specificity and predictive values at thresholds that are chosen on the other folds."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from echomort.evaluation.evaluated import EvaluatedModel
from echomort.evaluation.inputs import Booleans
from echomort.evaluation.interval import Interval
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import MetricFamily
from echomort.evaluation.thresholds import decisions
from echomort.vocabulary.metric_table import MetricRow

SENSITIVITY, SPECIFICITY, PPV, NPV = (
    Metric(name, label, 0, "higher", 1, "decisions", as_percent=True)
    for name, label in (("sensitivity", "Sensitivity"), ("specificity", "Specificity"), ("ppv", "PPV"), ("npv", "NPV"))
)
AT_YOUDEN = {metric.name: metric for metric in (SENSITIVITY, SPECIFICITY, PPV, NPV)}

FIXED = "_at_fixed_sensitivity"
"""Suffix of the metrics whose threshold is chosen to reach a fixed sensitivity."""
AT_FIXED_SENSITIVITY = {name: replace(metric, name=f"{name}{FIXED}", section="") for name, metric in AT_YOUDEN.items()}


def operating_points(model: EvaluatedModel) -> Iterator[MetricRow]:
    """Yield the shares at Youden's threshold, and at the threshold for a fixed sensitivity."""
    if not model.has_decisions:
        return
    fixed = f"threshold for sensitivity {model.settings.fixed_sensitivity:g}"
    yield from _shares(model, model.high_risk, AT_YOUDEN, "Youden")
    yield from _shares(model, model.high_risk_at_fixed_sensitivity, AT_FIXED_SENSITIVITY, fixed)


def _shares(
    model: EvaluatedModel, high_risk: Booleans, metrics: Mapping[str, Metric], rule: str
) -> Iterator[MetricRow]:
    figures = decisions(model.scored.died, high_risk, model.settings.confidence)
    for name, metric in metrics.items():
        share: Interval = getattr(figures, name)
        yield model.scored.row(metric, replace(share, method=f"{rule} on the other folds; {share.method}"))


METRIC_FAMILY = MetricFamily((*AT_YOUDEN.values(), *AT_FIXED_SENSITIVITY.values()), 50, of_model=operating_points)
