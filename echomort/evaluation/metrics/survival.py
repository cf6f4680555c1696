"""Survival of the predicted classes, and figures that keep the patients whose outcome is not known."""

from collections.abc import Iterator

from echomort.evaluation import survival
from echomort.evaluation.inputs import expit
from echomort.evaluation.interval import bare
from echomort.evaluation.judged import JudgedModel, JudgedModels
from echomort.evaluation.metric import Metric, MetricFamily
from echomort.evaluation.scored import Scored
from echomort.vocabulary.metric_table import MetricRow

HAZARD_RATIO = Metric("hazard_ratio", "Hazard ratio of the predicted classes", 2, "higher")
LOG_RANK_P = Metric("log_rank_p", "p, log-rank", 3)
IPCW_AUC = Metric("ipcw_auc", "AUC, weighted for censoring", 3, "higher", 1)
IPCW_BRIER = Metric("ipcw_brier", "Brier, weighted for censoring", 3, "lower", 0)


def of_classes(model: JudgedModel) -> Iterator[MetricRow]:
    """Yield the hazard ratio of those called high risk against the others, and their log-rank test."""
    if not model.has_decisions:
        return
    one = model.scored
    days, event = one.rows["days"], one.rows["event"].astype(bool)
    ratio = survival.hazard_ratio(days, event, model.called, model.settings.confidence)
    yield one.row(HAZARD_RATIO, ratio.interval)
    test = survival.log_rank(days, event, model.called)
    yield one.row(LOG_RANK_P, bare(test.p_value, "classes predicted out of fold, log-rank"))


def weighted_for_censoring(judged: JudgedModels) -> Iterator[MetricRow]:
    """Yield AUC and Brier score of death within the horizon for everybody who was followed, labelled or not."""
    for model in judged.whole.values():
        followed = model.followed.subset(model.followed.rows["days"].notna().to_numpy())
        if len(followed.rows):
            yield from _weighted(followed, judged.horizon)


def _weighted(followed: Scored, horizon: int) -> Iterator[MetricRow]:
    days, event = followed.rows["days"], followed.rows["event"].astype(bool)
    method = f"inverse probability of censoring weights at {horizon} days"
    yield followed.row(IPCW_AUC, bare(survival.ipcw_auc(days, event, followed.score, horizon), method))
    if followed.is_odds:
        error = survival.ipcw_brier(days, event, expit(followed.score), horizon)
        yield followed.row(IPCW_BRIER, bare(error, method))


METRIC_FAMILY = MetricFamily(
    (HAZARD_RATIO, LOG_RANK_P, IPCW_AUC, IPCW_BRIER), 60, of_model=of_classes, of_models=weighted_for_censoring
)
