"""The evaluation of a finished model on patients whom it has not seen: what `echomort validate` reports.

Discrimination, the figures that allow for censoring, each rung of the recalibration ladder, net benefit, and how
performance differs between groups and clusters of patients. The model stays as it is: nothing is chosen on these
patients but the maps of the ladder, each fitted on other patients than it is judged on.
"""

import math
from collections.abc import Iterator, Mapping, Set
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
from echomort.evaluation.metrics.censoring import (
    AUC_IF_LOST,
    DEATH_SHARE,
    DEATH_SHARE_IF_LOST,
    EXPECTED_SHARE,
    IPCW_AUC,
    IPCW_BRIER,
    IPCW_IPA,
    LOST,
    censored_figures,
    follow_up,
)
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
from echomort.evaluation.small_counts import releasable, tells_few_apart
from echomort.evaluation.subgroups import MISSING, subgroups
from echomort.evaluation.thresholds import decisions
from echomort.evaluation.too_few import SUPPRESSED, has_too_few_outcomes, suppressed
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import COLUMNS, OUT_OF_FOLD, MetricRow
from echomort.vocabulary.model_names import CHAMPION

CLUSTERS = ("site", "vendor", "year")
"""Columns of the frame over whose groups performance is pooled."""
AGAINST_SCORES = "the champion against each clinical score"
"""The family of comparisons of a validation."""

NEARLY_THE_SAME = f"{SUPPRESSED}: its patients are another score's, but for a few"
"""Why a clinical score has no figure: the difference would tell how many of the few died."""
CURVE = np.linspace(0.01, 0.5, 50)
"""Thresholds (risks) of the decision curve: 1 to 50 %. Chosen here: higher ones have few patients."""
OF_THE_LOST = (LOST, DEATH_SHARE_IF_LOST, AUC_IF_LOST)
"""Metrics that tell how many of those who are lost before the horizon died: a validation does not release them."""
OF_THE_FOLLOWED = tuple(one.name for one in (IPCW_AUC, IPCW_BRIER, IPCW_IPA, DEATH_SHARE, EXPECTED_SHARE))
"""Metrics of all who are followed, whose deaths are not counted in the table."""

IPA = Metric("ipa", "IPA", 3, "higher", 1)
MEAN_AUC = Metric("mean_auc", "AUC, mean of clusters", 3, "higher", 1)
NEXT_AUC = Metric("next_auc", "AUC, a further cluster", 3, "higher", 1)
AUC_TAU = Metric("auc_tau", "AUC, s.d. between clusters (logit)", 2, "lower", 0)
MEAN_RATIO = Metric("mean_observed_expected", "Observed / expected, mean of clusters", 2, None, 1)
NEXT_RATIO = Metric("next_observed_expected", "Observed / expected, a further cluster", 2, None, 1)
RATIO_TAU = Metric("observed_expected_tau", "Observed / expected, s.d. between clusters (log)", 2, "lower", 0)
CLUSTERS_OF = {mean: Metric(f"{mean.name}_clusters", "Clusters", 0) for mean in (MEAN_AUC, MEAN_RATIO)}
"""Mean over clusters -> how many are pooled in it."""

Decision = tuple[str, float]
"""A rung of the ladder and a threshold."""


@dataclass(frozen=True)
class Validated:
    """The rows of the metric table, the ladder that was climbed, and the labels and log odds (n,) of the patients.

    ``released``: the decisions whose consequences may be shown (:mod:`echomort.evaluation.small_counts`).
    """

    rows: pd.DataFrame
    ladder: Ladder
    died: Booleans
    log_odds: Floats
    fold: np.ndarray
    released: frozenset[Decision]


def validate(frame: pd.DataFrame, scores: pd.DataFrame, settings: Evaluation, horizon: int) -> Validated:
    """Evaluate the served risks of a finished model.

    ``frame`` is as in :func:`echomort.evaluation.evaluate` but for ``fold``, which is given here. ``scores``:
    study_key, model, logit; the model :data:`CHAMPION` has the log odds of the served risk, clinical scores are
    compared with it. Raises :class:`ValueError` without deaths or survivors that have a risk.
    """
    evaluated = collect_models(frame.assign(fold=validation_folds(frame)), scores, None, settings, horizon)
    scored = evaluated.models[CHAMPION].scored
    if not scored.is_binary:
        raise ValueError("a validation needs deaths and survivors")
    rungs = dict(rung_risks(scored.died, scored.score, scored.rows["fold"]))
    released = frozenset(releasable(scored.died, _decisions_of(rungs), settings.suppress_below_events))
    figures = list(_figures(evaluated, rungs, released))
    rows = [figure for figure in figures if isinstance(figure, MetricRow)]
    plan = Resampling(settings.bootstrap, settings.confidence, settings.seed)
    rows += bootstrapped_rows([figure for figure in figures if isinstance(figure, Bootstrapped)], plan)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    # The deaths among those who are followed, less those among the labelled, are those of the few who are lost.
    table["events"] = table["events"].astype("Int64").mask(table["metric"].isin(OF_THE_FOLLOWED))
    ladder = climb(scored.died, scored.score, settings.confidence)
    return Validated(table, ladder, scored.died, scored.score, scored.rows["fold"].to_numpy(), released)


def _decisions_of(rungs: Mapping[str, Floats]) -> Iterator[tuple[Decision, Booleans]]:
    """Yield the decisions that a validation would show, the important ones first: those of the tables, as served and on
    the other rungs, then those of the curve."""
    for rung, risk in rungs.items():
        for threshold in THRESHOLDS:
            yield (rung, threshold), risk >= threshold
    for threshold in CURVE:
        yield (OUT_OF_FOLD, float(threshold)), rungs[OUT_OF_FOLD] >= threshold


def validation_folds(frame: pd.DataFrame) -> np.ndarray:
    """Return the part (n,) of each row, 0 to ``FOLDS`` - 1: by rank of the study key, deaths and survivors apart, so
    that each part has about as many of both."""
    place = frame.groupby(frame["label"].astype("Float64").fillna(-1))["study_key"].rank(method="first")
    return ((place - 1) % FOLDS).to_numpy(dtype=int)


def _figures(
    evaluated: EvaluatedModels, rungs: Mapping[str, Floats], released: Set[Decision]
) -> Iterator[MetricRow | Bootstrapped]:
    model = evaluated.models[CHAMPION]
    models, withheld = _released_models(evaluated)
    yield from (row for row in follow_up(evaluated) if row.metric == DEATH_SHARE.name)
    for one in models:
        yield one.scored.row(AUC, delong_interval(one.scored.died, one.scored.score, model.settings.confidence))
        precision = WeightedAveragePrecision(one.scored.died, one.scored.score)
        yield Bootstrapped(one.scored, AVERAGE_PRECISION, precision)
    for one, reason in withheld:
        yield one.scored.row(AUC, without_limits(math.nan, reason))
    left_out = {metric.name for metric in OF_THE_LOST}
    yield from (
        row
        for row in censored_figures(model)
        if (row.metric.name if isinstance(row, Bootstrapped) else row.metric) not in left_out
    )
    for rung, risk in rungs.items():
        yield from _rung(model, rung, risk, released)
    yield from _decisions(model, rungs[OUT_OF_FOLD], released)
    yield from delong_rows(paired(evaluated, CHAMPION, models), AGAINST_SCORES)
    for variable in model.scored.subgroup_columns:
        yield from _groups(model, variable)


def _released_models(evaluated: EvaluatedModels) -> tuple[list[EvaluatedModel], list[tuple[EvaluatedModel, str]]]:
    """Return the models with figures, the champion first, and those without, each with the reason: too few deaths or
    survivors, or on patients that are another model's but for a few."""
    least = evaluated.settings.suppress_below_events
    order = sorted(evaluated.models, key=lambda name: (name != CHAMPION, name))
    shown: list[EvaluatedModel] = []
    withheld: list[tuple[EvaluatedModel, str]] = []
    for one in (evaluated.models[name] for name in order):
        known = [(int(other.scored.died.sum()), int((~other.scored.died).sum())) for other in shown]
        counts = int(one.scored.died.sum()), int((~one.scored.died).sum())
        if not one.has_ranking:
            withheld.append((one, suppressed(least)))
        elif tells_few_apart(counts, known, least):
            withheld.append((one, NEARLY_THE_SAME))
        else:
            shown.append(one)
    return shown, withheld


def _rung(
    model: EvaluatedModel, rung: str, risk: Floats, released: Set[Decision]
) -> Iterator[MetricRow | Bootstrapped]:
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
    for threshold in (one for one in THRESHOLDS if (rung, one) in released):
        gain = column(decision_statistic(died, risk, [threshold]))
        all_treated = f"treat all {net_benefit_treat_all(died, threshold):.4f}, treat none 0"
        yield Bootstrapped(scored, NET_BENEFIT, gain, threshold_subset(threshold), rung, all_treated)


def _decisions(model: EvaluatedModel, risk: Floats, released: Set[Decision]) -> Iterator[MetricRow]:
    """Yield sensitivity and specificity of acting at fixed risks, as served."""
    for threshold in (one for one in THRESHOLDS if (OUT_OF_FOLD, one) in released):
        found = decisions(model.scored.died, risk >= threshold, model.settings.confidence)
        yield model.scored.row(SENSITIVITY, found.sensitivity, threshold_subset(threshold))
        yield model.scored.row(SPECIFICITY, found.specificity, threshold_subset(threshold))


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
        yield model.scored.row(CLUSTERS_OF[mean], without_limits(float(pooled.clusters), pooled.mean.method), variable)
