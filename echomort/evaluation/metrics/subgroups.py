"""Metrics within groups of patients (suppressed where a group is small), and the gaps between groups."""

import math
from collections.abc import Iterator

from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.calibration import observed_expected
from echomort.evaluation.discrimination import delong_interval
from echomort.evaluation.evaluated import EvaluatedModel
from echomort.evaluation.inputs import Booleans
from echomort.evaluation.interval import without_limits
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import Figures, MetricFamily
from echomort.evaluation.metrics.calibration import OBSERVED_EXPECTED
from echomort.evaluation.metrics.decisions import SENSITIVITY, SPECIFICITY
from echomort.evaluation.metrics.discrimination import AUC
from echomort.evaluation.resampling import largest_gap
from echomort.evaluation.scored import ScoredRows
from echomort.evaluation.subgroups import MISSING, has_too_few_outcomes, subgroups, suppressed
from echomort.evaluation.thresholds import decisions
from echomort.vocabulary.metric_table import RECALIBRATED, MetricRow

SENSITIVITY_GAP = Metric("sensitivity_gap", "Sensitivity, highest less lowest", 0, "lower", 0, as_percent=True)
SPECIFICITY_GAP = Metric("specificity_gap", "Specificity, highest less lowest", 0, "lower", 0, as_percent=True)


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
        ratio = observed_expected(part.died, model.recalibrated[members], model.settings.confidence)
        yield part.row(OBSERVED_EXPECTED, ratio, subset, RECALIBRATED)


def _figures(part: ScoredRows, high_risk: Booleans, subset: str, confidence: float) -> Iterator[MetricRow]:
    yield part.row(AUC, delong_interval(part.died, part.score, confidence), subset)
    figures = decisions(part.died, high_risk, confidence)
    yield part.row(SENSITIVITY, figures.sensitivity, subset)
    yield part.row(SPECIFICITY, figures.specificity, subset)


def _gaps(model: EvaluatedModel, variable: str) -> Iterator[Bootstrapped]:
    """Gaps between the groups of ``variable``, without the missing values and the suppressed groups."""
    scored = model.scored
    groups = [
        members
        for subset, members in subgroups(scored.rows[[variable]])
        if subset != f"{variable}={MISSING}"
        and not has_too_few_outcomes(scored.died[members], model.settings.suppress_below_events)
    ]
    if len(groups) < 2:
        return
    correct = model.high_risk == scored.died
    for metric, cases in ((SENSITIVITY_GAP, scored.died), (SPECIFICITY_GAP, ~scored.died)):
        yield Bootstrapped(scored, metric, largest_gap(correct, [members & cases for members in groups]), variable)


METRIC_FAMILY = MetricFamily((SENSITIVITY_GAP, SPECIFICITY_GAP), 80, of_model=subgroup_figures)
