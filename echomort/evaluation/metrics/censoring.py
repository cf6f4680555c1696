"""Figures of all followed patients, also of those who are censored before the horizon (lost).

The weighted figures rest on one assumption: the lost die afterwards as often as those who are followed on. The rows on
what is assumed of the lost show what follows if they do not.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from echomort.evaluation import survival
from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.calibration import recalibrated_risks
from echomort.evaluation.evaluated import EvaluatedModel, EvaluatedModels
from echomort.evaluation.inputs import Booleans, Floats, expit
from echomort.evaluation.interval import Interval, without_limits
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import Figures, MetricFamily
from echomort.evaluation.resampling import WeightedAuc, improvement, reweighted, weighted_mean
from echomort.evaluation.scored import ScoredRows
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED, WHOLE, MetricRow

SECTION = "censoring"

IPCW_AUC = Metric("ipcw_auc", "AUC", 3, "higher", 1, SECTION)
IPCW_BRIER = Metric("ipcw_brier", "Brier", 3, "lower", 0, SECTION)
IPCW_IPA = Metric("ipcw_ipa", "IPA", 3, "higher", 1, SECTION)
DEATH_SHARE = Metric("death_share", "Deaths, Kaplan-Meier", 3)
EXPECTED_SHARE = Metric("expected_share", "Deaths, expected", 3)
LOST = Metric("lost", "Lost before the horizon", 0)
DEATH_SHARE_IF_LOST = Metric("death_share_if_lost", "Deaths, if the lost die", 3)
AUC_IF_LOST = Metric("auc_if_lost", "AUC, if the lost die", 3, "higher", 1)

DAYS = (90, 180, 270, 1826)
"""Days at which models are evaluated beside the horizon: 90, 180 and 270 for the preprint's months, and five years."""
LOST_DIE = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Assumed shares of the lost who die within the horizon. Chosen here, to span what is possible."""
GROUPS = 5
"""Groups of equal size by predicted risk whose deaths are compared with Kaplan-Meier's, at most. Chosen here."""


def follow_up(evaluated: EvaluatedModels) -> Iterator[MetricRow]:
    """Yield the share of deaths within the horizon by Kaplan-Meier, how many are lost, and the share of deaths that
    follows from what is assumed of them."""
    rows = evaluated.followed_rows
    if not len(rows):
        return
    cohort = ScoredRows("cohort", rows, np.zeros(len(rows)), False)
    yield cohort.row(DEATH_SHARE, _death_share(cohort, evaluated.horizon, evaluated.settings.confidence))
    died, lost = _fates(cohort, evaluated.horizon)
    yield cohort.row(LOST, without_limits(float(lost.sum()), "followed, but not to the horizon"))
    for share in LOST_DIE:
        deaths = float((died + lost * share).mean())
        yield cohort.row(DEATH_SHARE_IF_LOST, without_limits(deaths, "assumed"), lost_subset(share))


def censored_figures(model: EvaluatedModel) -> Figures:
    """Yield the figures of one model: at each day, by groups of predicted risk, and by what is assumed of the lost."""
    followed = model.followed
    if not model.has_all_metrics or not len(followed.rows):
        return
    for day in (model.horizon, *DAYS):
        if _reaches(followed, day, model.settings.suppress_below_events):
            yield from _at(model, day)
    if followed.is_log_odds:
        yield from _by_risk(model)
    died, lost = _fates(followed, model.horizon)
    for share in LOST_DIE:
        area = WeightedAuc(died + lost * share, followed.score)(np.ones((1, len(died))))[0]
        yield followed.row(AUC_IF_LOST, without_limits(float(area), "assumed"), lost_subset(share))


def day_subset(day: int) -> str:
    """Return the subset of the metric table for figures at ``day``; the horizon itself has the subset ``all``."""
    return f"day {day}"


def lost_subset(share: float) -> str:
    """Return the subset of the metric table for the assumption that ``share`` (0 to 1) of the lost die."""
    return f"{100 * share:.0f} % of the lost die"


def risk_subset(group: int) -> str:
    """Return the subset of the metric table for a group of predicted risk, from 1, the lowest."""
    return f"risk group {group}"


def _at(model: EvaluatedModel, day: int) -> Figures:
    followed, subset = model.followed, WHOLE if day == model.horizon else day_subset(day)
    days, event = _days(followed)
    weights = survival.censoring_weights(days, event, day)
    died = event & (days <= day)
    area = reweighted(WeightedAuc(died, followed.score), weights)
    yield Bootstrapped(followed, IPCW_AUC, area, subset)
    if not followed.is_log_odds:
        return
    if day == model.horizon:
        yield from _errors(followed, died, weights, expit(followed.score), (subset, OUT_OF_FOLD))
    if len(np.unique(followed.rows["fold"])) > 1:
        risk = recalibrated_risks(died, followed.score, followed.rows["fold"], followed.without, weights)
        yield from _errors(followed, died, weights, risk, (subset, RECALIBRATED))


def _errors(
    followed: ScoredRows, died: Booleans, weights: Floats, risk: Floats, place: tuple[str, str]
) -> Iterator[Bootstrapped]:
    """Yield the Brier score, and the IPA: the share of the error of one risk for all, Kaplan-Meier's, that is saved."""
    share = float((weights * died).mean())
    error, of_none = (
        reweighted(weighted_mean(np.square(died - predicted)), weights)
        for predicted in (risk, np.full(len(died), share))
    )
    yield Bootstrapped(followed, IPCW_BRIER, error, *place)
    yield Bootstrapped(followed, IPCW_IPA, improvement(error, of_none), *place)


def _by_risk(model: EvaluatedModel) -> Iterator[MetricRow]:
    """Yield expected deaths and those of Kaplan-Meier, of all and of groups of equal size by predicted risk."""
    followed, confidence = model.followed, model.settings.confidence
    group = risk_groups(followed.score, followed.died, model.settings.suppress_below_events)
    parts = [(WHOLE, followed)]
    if group.max() > 1:
        parts += [(risk_subset(number), followed.subset(group == number)) for number in range(1, group.max() + 1)]
    for subset, part in parts:
        if len(part.rows):
            expected = without_limits(float(expit(part.score).mean()), "mean of the predicted risks")
            yield part.row(EXPECTED_SHARE, expected, subset)
            yield part.row(DEATH_SHARE, _death_share(part, model.horizon, confidence), subset)


def risk_groups(score: Floats, died: Booleans, least: int) -> NDArray[np.intp]:
    """Return the group (n,) of each patient by predicted risk, from 1, the lowest: ``GROUPS`` of equal size, of which
    neighbours are joined until each has ``least`` deaths and as many others."""
    order = np.argsort(np.argsort(score, kind="stable"), kind="stable")
    part = order * GROUPS // max(len(order), 1)
    number, joined, group = 1, np.zeros(len(part), dtype=bool), np.zeros(len(part), dtype=np.intp)
    for place in range(GROUPS):
        joined |= part == place
        if min((died & joined).sum(), (~died & joined).sum()) >= least:
            group[joined], number, joined = number, number + 1, np.zeros(len(part), dtype=bool)
    group[joined] = max(number - 1, 1)
    return group


def _death_share(part: ScoredRows, horizon: int, confidence: float) -> Interval:
    return survival.death_share(*_days(part), horizon, confidence)


def _reaches(followed: ScoredRows, day: int, least: int) -> bool:
    """Whether enough patients died within ``day`` days, and enough are known to have lived longer."""
    days, event = _days(followed)
    return min(int((event & (days <= day)).sum()), int((days > day).sum())) >= least


def _fates(followed: ScoredRows, horizon: int) -> tuple[Booleans, Booleans]:
    """Return who (n,) died within the horizon, and who is lost before it."""
    days, event = _days(followed)
    return event & (days <= horizon), ~event & (days < horizon)


def _days(followed: ScoredRows) -> tuple[Floats, Booleans]:
    return followed.rows["days"].to_numpy(dtype=float), followed.rows["event"].to_numpy(dtype=bool)


METRIC_FAMILY = MetricFamily(
    (
        *(IPCW_AUC, IPCW_BRIER, IPCW_IPA),
        *(DEATH_SHARE, EXPECTED_SHARE, LOST, DEATH_SHARE_IF_LOST, AUC_IF_LOST),
    ),
    65,
    of_cohort=follow_up,
    of_model=censored_figures,
)
