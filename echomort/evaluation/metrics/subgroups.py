"""The same figures within groups of patients, none where a group is small, and the gaps between groups."""

import math
from collections.abc import Iterator

from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.calibration import observed_expected
from echomort.evaluation.discrimination import delong_interval
from echomort.evaluation.inputs import Booleans
from echomort.evaluation.interval import bare
from echomort.evaluation.judged import JudgedModel
from echomort.evaluation.metric import Figures, Metric, MetricFamily
from echomort.evaluation.metrics.calibration import OBSERVED_EXPECTED
from echomort.evaluation.metrics.decisions import SENSITIVITY, SPECIFICITY
from echomort.evaluation.metrics.discrimination import AUC
from echomort.evaluation.resampling import largest_gap
from echomort.evaluation.scored import Scored
from echomort.evaluation.subgroups import MISSING, subgroups, too_few
from echomort.evaluation.thresholds import decisions
from echomort.vocabulary.metric_table import RECALIBRATED, MetricRow

SENSITIVITY_GAP = Metric("sensitivity_gap", "Sensitivity, highest less lowest", 0, "lower", 0, as_percent=True)
SPECIFICITY_GAP = Metric("specificity_gap", "Specificity, highest less lowest", 0, "lower", 0, as_percent=True)


def within_groups(model: JudgedModel) -> Figures:
    """Yield AUC, sensitivity, specificity and calibration of every group, and the largest gaps between groups."""
    if not model.has_decisions:
        return
    for subset, member in subgroups(model.scored.rows[model.scored.subgroup_columns]):
        yield from _group(model, subset, member)
    for variable in model.scored.subgroup_columns:
        yield from _gaps(model, variable)


def _group(model: JudgedModel, subset: str, member: Booleans) -> Iterator[MetricRow]:
    part, least = model.scored.subset(member), model.settings.suppress_below_events
    if too_few(part.died, least):
        yield part.row(AUC, bare(math.nan, f"suppressed: fewer than {least} deaths or survivors"), subset)
        return
    yield from _figures(part, model.called[member], subset, model.settings.confidence)
    if model.recalibrated is not None:
        ratio = observed_expected(part.died, model.recalibrated[member], model.settings.confidence)
        yield part.row(OBSERVED_EXPECTED, ratio, subset, RECALIBRATED)


def _figures(part: Scored, called: Booleans, subset: str, confidence: float) -> Iterator[MetricRow]:
    yield part.row(AUC, delong_interval(part.died, part.score, confidence), subset)
    figures = decisions(part.died, called, confidence)
    yield part.row(SENSITIVITY, figures.sensitivity, subset)
    yield part.row(SPECIFICITY, figures.specificity, subset)


def _gaps(model: JudgedModel, variable: str) -> Iterator[Bootstrapped]:
    """Between the groups of a variable that are known and large enough to be shown."""
    one = model.scored
    members = [
        member
        for subset, member in subgroups(one.rows[[variable]])
        if subset != f"{variable}={MISSING}" and not too_few(one.died[member], model.settings.suppress_below_events)
    ]
    if len(members) < 2:
        return
    right = model.called == one.died
    for metric, among in ((SENSITIVITY_GAP, one.died), (SPECIFICITY_GAP, ~one.died)):
        yield Bootstrapped(one, metric, largest_gap(right, [member & among for member in members]), variable)


METRIC_FAMILY = MetricFamily((SENSITIVITY_GAP, SPECIFICITY_GAP), 80, of_model=within_groups)
