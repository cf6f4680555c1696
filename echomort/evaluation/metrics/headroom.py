"""The share of the achievable AUC that a model reaches, measured against the true risks of a synthetic archive."""

from collections.abc import Iterator

from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.evaluated import EvaluatedModel
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import MetricFamily
from echomort.evaluation.resampling import headroom_share

SOFT_AUC = Metric("soft_auc", "AUC against true risks", 3, "higher", 1)
HEADROOM = {
    "oracle_heart": Metric("headroom_heart", "Of the heart's headroom", 0, "higher", 1, as_percent=True),
    "oracle_heart_age": Metric(
        "headroom_heart_age", "Of the headroom of heart and age", 0, "higher", 1, as_percent=True
    ),
    "oracle_all": Metric("headroom_all", "Of all headroom", 0, "higher", 1, as_percent=True),
}
"""Oracle -> the metric: the share of its AUC above 0.5 that a model recovers."""


def headroom(model: EvaluatedModel) -> Iterator[Bootstrapped]:
    """Yield the AUC against true risks and the share of each oracle's headroom, where the truth is known."""
    scored = model.scored
    if not model.has_all_metrics or scored.true_risk is None:
        return
    yield Bootstrapped(scored, SOFT_AUC, model.aucs.auc(scored, soft=True))
    for name, oracle in model.oracles.items():
        best = model.aucs.auc(oracle.on_rows_of(scored), soft=True)
        yield Bootstrapped(scored, HEADROOM[name], headroom_share(model.aucs.auc(scored, soft=True), best))


METRIC_FAMILY = MetricFamily((SOFT_AUC, *HEADROOM.values()), 70, of_model=headroom)
