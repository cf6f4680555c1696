"""What acting on a recalibrated risk is worth, at a few thresholds."""

from collections.abc import Iterator

from echomort.evaluation.benefit import net_benefit, net_benefit_treat_all
from echomort.evaluation.interval import bare
from echomort.evaluation.judged import JudgedModel
from echomort.evaluation.metric import Metric, MetricFamily
from echomort.vocabulary.metric_table import RECALIBRATED, MetricRow

NET_BENEFIT = Metric("net_benefit", "Net benefit", 3, "higher")

THRESHOLDS = (0.05, 0.1, 0.2, 0.3)
"""Risks at which net benefit is given as a figure (ours): about those of the outcome, from rare to common."""


def benefit(model: JudgedModel) -> Iterator[MetricRow]:
    """Yield the net benefit at each of :data:`THRESHOLDS`."""
    if not model.has_decisions or model.recalibrated is None:
        return
    one = model.scored
    for threshold in THRESHOLDS:
        everyone = f"treat all {net_benefit_treat_all(one.died, threshold):.4f}, treat none 0"
        gain = bare(net_benefit(one.died, model.recalibrated, threshold), everyone)
        yield one.row(NET_BENEFIT, gain, f"threshold {threshold:.2f}", RECALIBRATED)


METRIC_FAMILY = MetricFamily((NET_BENEFIT,), 40, of_model=benefit)
