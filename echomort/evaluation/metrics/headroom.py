"""What a model recovers of what could be known, measured against the true risks of a generated archive."""

from collections.abc import Iterator

from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.judged import JudgedModel
from echomort.evaluation.metric import Metric, MetricFamily
from echomort.evaluation.resampling import recovered

SOFT_AUC = Metric("soft_auc", "AUC against true risks", 3, "higher", 1)
HEADROOM = {
    "oracle_heart": Metric("headroom_heart", "Of the heart's headroom", 0, "higher", 1, as_percent=True),
    "oracle_heart_age": Metric(
        "headroom_heart_age", "Of the headroom of heart and age", 0, "higher", 1, as_percent=True
    ),
    "oracle_all": Metric("headroom_all", "Of all headroom", 0, "higher", 1, as_percent=True),
}
"""Oracle -> the share of its lead over chance that a model recovers."""


def headroom(model: JudgedModel) -> Iterator[Bootstrapped]:
    """Yield the noise-free AUC and the share of each oracle's lead that it comes to, where the truth is known."""
    one = model.scored
    if not model.has_ranking or not model.is_whole or one.chance is None:
        return
    yield Bootstrapped(one, SOFT_AUC, model.areas.of(one, soft=True))
    for name, oracle in model.oracles.items():
        best = model.areas.of(oracle.on_rows_of(one), soft=True)
        yield Bootstrapped(one, HEADROOM[name], recovered(model.areas.of(one, soft=True), best))


METRIC_FAMILY = MetricFamily((SOFT_AUC, *HEADROOM.values()), 70, of_model=headroom)
