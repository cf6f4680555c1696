"""Metrics within groups of patients (suppressed where a group is small), the gaps between groups, and their tests."""

import math
from collections.abc import Iterator

import numpy as np

from echomort.evaluation.benefit import benefits, net_benefit
from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.calibration import calibration_in_the_large, observed_expected, smoothed_risks
from echomort.evaluation.discrimination import delong_interval
from echomort.evaluation.evaluated import EvaluatedModel
from echomort.evaluation.gaps import (
    PERMUTATIONS,
    GroupRatio,
    largest_gap,
    mean_of,
    observed_over_expected,
    permutation_p,
    share_among,
)
from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.interval import without_limits
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import Figures, MetricFamily
from echomort.evaluation.metrics.benefit import NET_BENEFIT, threshold_subset
from echomort.evaluation.metrics.calibration import ICI, IN_THE_LARGE, LOESS, OBSERVED_EXPECTED
from echomort.evaluation.metrics.decisions import SENSITIVITY, SPECIFICITY
from echomort.evaluation.metrics.discrimination import AUC
from echomort.evaluation.scored import ScoredRows
from echomort.evaluation.subgroups import MISSING, subgroups
from echomort.evaluation.thresholds import decisions
from echomort.evaluation.too_few import has_too_few_outcomes, suppressed
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED, MetricRow

SENSITIVITY_GAP = Metric("sensitivity_gap", "Sensitivity, highest less lowest", 0, "lower", 0, as_percent=True)
SPECIFICITY_GAP = Metric("specificity_gap", "Specificity, highest less lowest", 0, "lower", 0, as_percent=True)
OBSERVED_EXPECTED_GAP = Metric("observed_expected_gap", "Observed / expected, highest less lowest", 2, "lower", 0)
NET_BENEFIT_GAP = Metric("net_benefit_gap", "Net benefit, highest less lowest", 3, "lower", 0)
GAPS = SENSITIVITY_GAP, SPECIFICITY_GAP, OBSERVED_EXPECTED_GAP, NET_BENEFIT_GAP
GAP_P = {gap.name: Metric(f"{gap.name}_p", f"p, {gap.label}", 3) for gap in GAPS}
"""Gap -> the p value of its permutation test."""

TESTED = "fusion", "video", "ehr"
"""Kinds of models whose gaps are tested: the combined ones. Single views would multiply the tests, and their time."""
GROUP_THRESHOLD = 0.2
"""Risk at which the net benefit of a group is computed: one of those of all patients. Chosen here."""
LEAST_FOR_A_CURVE = 20
"""Deaths, and survivors, below which a group has no ICI: a loess curve of fewer follows chance. Chosen here."""


def subgroup_figures(model: EvaluatedModel) -> Figures:
    """Yield AUC, sensitivity, specificity and calibration of every group, and the largest gaps between groups."""
    if not model.has_decisions:
        return
    for subset, members in subgroups(model.scored.rows[model.scored.subgroup_columns]):
        yield from _group(model, subset, members)
    for variable in model.scored.subgroup_columns:
        yield from _gaps(model, variable)


def _group(model: EvaluatedModel, subset: str, members: Booleans) -> Iterator[MetricRow]:
    part, least = model.scored.subset(members), model.settings.suppress_below_events
    if has_too_few_outcomes(part.died, least):
        yield part.row(AUC, without_limits(math.nan, suppressed(least)), subset)
        return
    yield from _figures(part, model.high_risk[members], subset, model.settings.confidence)
    if model.recalibrated is not None:
        yield from _risks(part, model.recalibrated[members], subset, model.settings.confidence)


def _figures(part: ScoredRows, high_risk: Booleans, subset: str, confidence: float) -> Iterator[MetricRow]:
    yield part.row(AUC, delong_interval(part.died, part.score, confidence), subset)
    figures = decisions(part.died, high_risk, confidence)
    yield part.row(SENSITIVITY, figures.sensitivity, subset)
    yield part.row(SPECIFICITY, figures.specificity, subset)


def _risks(part: ScoredRows, risk: Floats, subset: str, confidence: float) -> Iterator[MetricRow]:
    yield part.row(OBSERVED_EXPECTED, observed_expected(part.died, risk, confidence), subset, RECALIBRATED)
    yield part.row(IN_THE_LARGE, calibration_in_the_large(part.died, risk, confidence), subset, RECALIBRATED)
    gain = net_benefit(part.died, risk, GROUP_THRESHOLD)
    yield part.row(NET_BENEFIT, without_limits(gain, threshold_subset(GROUP_THRESHOLD)), subset, RECALIBRATED)
    if not has_too_few_outcomes(part.died, LEAST_FOR_A_CURVE):
        distance = np.abs(smoothed_risks(part.died, risk) - risk)
        yield part.row(ICI, without_limits(float(distance.mean()), LOESS), subset, RECALIBRATED)


def _gaps(model: EvaluatedModel, variable: str) -> Iterator[MetricRow | Bootstrapped]:
    """Gaps between the groups of ``variable``, without the missing values and the suppressed groups."""
    scored, seed = model.scored, model.settings.seed
    groups = [
        members
        for subset, members in subgroups(scored.rows[[variable]])
        if subset != f"{variable}={MISSING}"
        and not has_too_few_outcomes(scored.died[members], model.settings.suppress_below_events)
    ]
    if len(groups) < 2:
        return
    for metric, evaluation, ratio in _ratios(model):
        yield Bootstrapped(scored, metric, largest_gap(ratio, groups), variable, evaluation)
        if model.kind in TESTED:
            p_value = without_limits(permutation_p(ratio, groups, seed), f"{PERMUTATIONS} permutations of the groups")
            yield scored.row(GAP_P[metric.name], p_value, variable, evaluation)


def _ratios(model: EvaluatedModel) -> Iterator[tuple[Metric, str, GroupRatio]]:
    died, correct = model.scored.died, model.high_risk == model.scored.died
    yield SENSITIVITY_GAP, OUT_OF_FOLD, share_among(correct, died)
    yield SPECIFICITY_GAP, OUT_OF_FOLD, share_among(correct, ~died)
    if model.recalibrated is not None:
        yield OBSERVED_EXPECTED_GAP, RECALIBRATED, observed_over_expected(died, model.recalibrated)
        gains = benefits(died, model.recalibrated, GROUP_THRESHOLD)
        yield NET_BENEFIT_GAP, RECALIBRATED, mean_of(gains)


METRIC_FAMILY = MetricFamily((*GAPS, *GAP_P.values()), 80, of_model=subgroup_figures)
