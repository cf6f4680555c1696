"""The evaluation of a finished model on patients whom it has not seen: what `echomort validate` reports.

Discrimination, the figures that allow for censoring, each rung of the recalibration ladder, net benefit, and how
performance differs between groups and clusters of patients. The model stays as it is: nothing is chosen on these
patients but the maps of the ladder, each fitted on other patients than it is judged on.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from echomort.evaluation.benefit import decision_statistic, net_benefit_treat_all
from echomort.evaluation.bootstraps import Bootstrapped, bootstrapped_rows
from echomort.evaluation.calibration import (
    calibration_figures,
    calibration_in_the_large,
    integrated_calibration_index,
    observed_expected,
)
from echomort.evaluation.discrimination import delong_interval
from echomort.evaluation.evaluated import EvaluatedModel, EvaluatedModels, collect_models
from echomort.evaluation.heterogeneity import Pooled, pool_auc, pool_ratio
from echomort.evaluation.inputs import Booleans, Floats, expit
from echomort.evaluation.interval import Interval, normal_quantile, without_limits
from echomort.evaluation.metric import Metric
from echomort.evaluation.metrics.benefit import NET_BENEFIT, THRESHOLDS, threshold_subset
from echomort.evaluation.metrics.calibration import (
    BRIER,
    ICI,
    IN_THE_LARGE,
    LOESS,
    OBSERVED_EXPECTED,
    SLOPE,
)
from echomort.evaluation.metrics.censoring import censored_figures, follow_up
from echomort.evaluation.metrics.comparisons import delong_rows, paired
from echomort.evaluation.metrics.decisions import SENSITIVITY, SPECIFICITY
from echomort.evaluation.metrics.discrimination import AUC, AVERAGE_PRECISION
from echomort.evaluation.recalibration import FOLDS, Ladder, climb, rung_risks
from echomort.evaluation.resampling import (
    Resampling,
    WeightedAveragePrecision,
    column,
    improvement,
    weighted_mean,
)
from echomort.evaluation.subgroups import MISSING, has_too_few_outcomes, subgroups, suppressed
from echomort.evaluation.thresholds import decisions
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import COLUMNS, MetricRow
from echomort.vocabulary.model_names import CHAMPION

CLUSTERS = ("site", "vendor", "year")
"""Columns of the frame over whose groups performance is pooled."""
AGAINST_SCORES = "the champion against each clinical score"
"""The family of comparisons of a validation."""

IPA = Metric("ipa", "IPA", 3, "higher", 1)
MEAN_AUC = Metric("mean_auc", "AUC, mean of clusters", 3, "higher", 1)
NEXT_AUC = Metric("next_auc", "AUC, a further cluster", 3, "higher", 1)
AUC_TAU = Metric("auc_tau", "AUC, s.d. between clusters (logit)", 2, "lower", 0)
MEAN_RATIO = Metric("mean_observed_expected", "Observed / expected, mean of clusters", 2, None, 1)
NEXT_RATIO = Metric("next_observed_expected", "Observed / expected, a further cluster", 2, None, 1)
RATIO_TAU = Metric("observed_expected_tau", "Observed / expected, s.d. between clusters (log)", 2, "lower", 0)


@dataclass(frozen=True)
class Validated:
    """The rows of the metric table, the ladder that was climbed, and the labels and log odds (n,) of the patients."""

    rows: pd.DataFrame
    ladder: Ladder
    died: Booleans
    log_odds: Floats
    fold: np.ndarray


def validate(frame: pd.DataFrame, scores: pd.DataFrame, settings: Evaluation, horizon: int) -> Validated:
    """Evaluate the served risks of a finished model.

    ``frame`` is as in :func:`echomort.evaluation.evaluate` but for ``fold``, which is given here. ``scores``:
    study_key, model, logit; the model :data:`CHAMPION` has the log odds of the served risk, clinical scores are
    compared with it. Raises :class:`ValueError` without deaths or survivors that have a risk.
    """
    evaluated = collect_models(frame.assign(fold=validation_folds(frame)), scores, None, settings, horizon)
    model = evaluated.models[CHAMPION]
    if not model.scored.is_binary:
        raise ValueError("a validation needs deaths and survivors")
    figures = list(_figures(model, evaluated))
    rows = [figure for figure in figures if isinstance(figure, MetricRow)]
    plan = Resampling(settings.bootstrap, settings.confidence, settings.seed)
    rows += bootstrapped_rows([figure for figure in figures if isinstance(figure, Bootstrapped)], plan)
    scored = model.scored
    ladder = climb(scored.died, scored.score, settings.confidence)
    folds = scored.rows["fold"].to_numpy()
    return Validated(pd.DataFrame(rows, columns=list(COLUMNS)), ladder, scored.died, scored.score, folds)


def validation_folds(frame: pd.DataFrame) -> np.ndarray:
    """Return the part (n,) of each row, 0 to ``FOLDS`` - 1: by rank of the study key, deaths and survivors apart, so
    that each part has about as many of both."""
    place = frame.groupby(frame["label"].astype("Float64").fillna(-1))["study_key"].rank(method="first")
    return ((place - 1) % FOLDS).to_numpy(dtype=int)


def _figures(model: EvaluatedModel, evaluated: EvaluatedModels) -> Iterator[MetricRow | Bootstrapped]:
    scored, confidence = model.scored, model.settings.confidence
    yield from follow_up(evaluated)
    for one in evaluated.models.values():
        if one.has_ranking:
            yield one.scored.row(AUC, delong_interval(one.scored.died, one.scored.score, confidence))
            precision = WeightedAveragePrecision(one.scored.died, one.scored.score)
            yield Bootstrapped(one.scored, AVERAGE_PRECISION, precision)
        elif one.is_suppressed:
            yield one.scored.row(AUC, without_limits(math.nan, suppressed(model.settings.suppress_below_events)))
    yield from censored_figures(model)
    for rung, risk in rung_risks(scored.died, scored.score, scored.rows["fold"]):
        yield from _rung(model, rung, risk)
    yield from _decisions(model)
    others = [one for one in evaluated.models.values() if one.has_ranking]
    yield from delong_rows(paired(evaluated, CHAMPION, others), AGAINST_SCORES)
    for variable in scored.subgroup_columns:
        yield from _groups(model, variable)


def _rung(model: EvaluatedModel, rung: str, risk: Floats) -> Iterator[MetricRow | Bootstrapped]:
    scored, died = model.scored, model.scored.died
    found = calibration_figures(died, risk, model.settings.confidence)
    yield scored.row(SLOPE, found.slope, evaluation=rung)
    yield scored.row(IN_THE_LARGE, found.in_the_large, evaluation=rung)
    yield scored.row(OBSERVED_EXPECTED, found.observed_expected, evaluation=rung)
    index = integrated_calibration_index(died, risk)
    yield Bootstrapped(scored, ICI, index, evaluation=rung, how=LOESS, is_distance=True, exact=found.ici)
    error = weighted_mean(np.square(risk - died))
    of_none = weighted_mean(np.square(died.mean() - died))
    yield Bootstrapped(scored, BRIER, error, evaluation=rung)
    yield Bootstrapped(scored, IPA, improvement(error, of_none), evaluation=rung)
    for threshold in thresholds_apart(risk, np.array(THRESHOLDS), model.settings.suppress_below_events):
        gain = column(decision_statistic(died, risk, [threshold]))
        all_treated = f"treat all {net_benefit_treat_all(died, threshold):.4f}, treat none 0"
        yield Bootstrapped(scored, NET_BENEFIT, gain, threshold_subset(threshold), rung, all_treated)


def thresholds_apart(risk: Floats, grid: Floats, least: int) -> Floats:
    """Return the values of ``grid`` (ascending) that have at least ``least`` of ``risk`` (n,) below the first, between
    each two, and at or above the last."""
    kept: list[float] = []
    below = 0
    for threshold in grid:
        under = int((risk < threshold).sum())
        if under - below >= least and len(risk) - under >= least:
            kept.append(float(threshold))
            below = under
    return np.array(kept)


def _decisions(model: EvaluatedModel) -> Iterator[MetricRow]:
    """Yield sensitivity and specificity of acting at fixed risks, as served."""
    scored, risk = model.scored, expit(model.scored.score)
    for threshold in thresholds_apart(risk, np.array(THRESHOLDS), model.settings.suppress_below_events):
        found = decisions(scored.died, risk >= threshold, model.settings.confidence)
        yield scored.row(SENSITIVITY, found.sensitivity, threshold_subset(threshold))
        yield scored.row(SPECIFICITY, found.specificity, threshold_subset(threshold))


def _groups(model: EvaluatedModel, variable: str) -> Iterator[MetricRow]:
    """Yield the figures of each group of ``variable`` as served and, of a cluster, what they are together."""
    scored, least, confidence = model.scored, model.settings.suppress_below_events, model.settings.confidence
    areas, ratios = [], []
    for subset, members in subgroups(scored.rows[[variable]]):
        part, risk = scored.subset(members), expit(scored.score[members])
        if has_too_few_outcomes(part.died, least):
            yield part.row(AUC, without_limits(math.nan, suppressed(least)), subset)
            continue
        area = delong_interval(part.died, part.score, confidence)
        ratio = observed_expected(part.died, risk, confidence)
        yield part.row(AUC, area, subset)
        yield part.row(OBSERVED_EXPECTED, ratio, subset)
        yield part.row(IN_THE_LARGE, calibration_in_the_large(part.died, risk, confidence), subset)
        if subset != f"{variable}={MISSING}":
            areas.append(area)
            ratios.append(ratio)
    if variable in CLUSTERS:
        yield from _pooled(model, variable, areas, ratios)


def _pooled(model: EvaluatedModel, variable: str, areas: list[Interval], ratios: list[Interval]) -> Iterator[MetricRow]:
    confidence = model.settings.confidence
    quantile = normal_quantile(confidence)
    # DeLong's limits may be cut at 1: the lower half of the interval is whole, since no AUC here is near 0.
    errors = [(area.value - area.low) / quantile for area in areas]
    logs = [math.log(ratio.high / ratio.low) / (2 * quantile) for ratio in ratios]
    found: list[tuple[Pooled, tuple[Metric, Metric, Metric]]] = [
        (pool_auc([area.value for area in areas], errors, confidence), (MEAN_AUC, NEXT_AUC, AUC_TAU)),
        (pool_ratio([ratio.value for ratio in ratios], logs, confidence), (MEAN_RATIO, NEXT_RATIO, RATIO_TAU)),
    ]
    for pooled, (mean, further, tau) in found:
        yield model.scored.row(mean, pooled.mean, variable)
        yield model.scored.row(further, pooled.next, variable)
        yield model.scored.row(tau, without_limits(pooled.tau, pooled.mean.method), variable)
