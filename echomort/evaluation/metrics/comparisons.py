"""Paired tests of the difference of two AUCs, on the rows that both models scored.

The tests are of the AUCs on all rows, in which the scales of the folds' models have a part. The difference of the AUCs
within folds, where they have none, stands beside each test, without limits.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from echomort.evaluation.bootstraps import Bootstrapped, SharedAucs
from echomort.evaluation.discrimination import DeLongTest, delong_interval_within, delong_test
from echomort.evaluation.evaluated import EvaluatedModel, EvaluatedModels
from echomort.evaluation.interval import Interval, without_limits
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import Figures, MetricFamily
from echomort.evaluation.paired_tests import holm
from echomort.evaluation.resampling import difference
from echomort.evaluation.scored import ScoredRows, common_rows
from echomort.evaluation.too_few import has_too_few_outcomes
from echomort.vocabulary.baselines import AGE_SEX, AGE_SEX_LVEF
from echomort.vocabulary.metric_table import COMPARISON, MetricRow
from echomort.vocabulary.model_names import BEST_FIRST, EHR, MADE_ELSEWHERE, ORACLES, VIDEO_EHR

AUC_DIFFERENCE = Metric("auc_difference", "Difference", 3, "higher")
AUC_DIFFERENCE_WITHIN = Metric("auc_difference_within_folds", "Within folds", 3, "higher")
DELONG_Z = Metric("delong_z", "z", 2)
DELONG_P = Metric("delong_p", "p", 3)
DELONG_P_HOLM = Metric("delong_p_holm", "p, Holm", 3)
AUC_DIFFERENCE_BOOTSTRAP = Metric("auc_difference_bootstrap", "Difference (bootstrap)", 3, "higher")
SOFT_AUC_DIFFERENCE = Metric("soft_auc_difference", "Difference against true risks", 3, "higher")

AGAINST_ALL, AGAINST_RECORDS = "video and records against each other model", "the records model against its baselines"
AGAINST_EXTERNAL = "the model with the most inputs against models made elsewhere"
"""Families of comparisons: Holm's correction is over the tests of one family."""
HOLM = "DeLong, Holm over "


@dataclass(frozen=True)
class Pair:
    """Two models on the rows that both scored, and the test of their difference; ``first`` bears the pair's name."""

    first: ScoredRows
    second: ScoredRows
    test: DeLongTest


def comparisons(evaluated: EvaluatedModels) -> Figures:
    """Yield video with records against every other model, and the trees on the health record against the baselines on
    records; those on age, sex and LVEF alone have a family of their own (:mod:`.added_value`). Without video with
    records, the model with the most inputs is compared with those made elsewhere."""
    full = paired(evaluated, VIDEO_EHR, list(evaluated.with_all_metrics.values()))
    for pair in full:
        yield from bootstrap_rows(pair, evaluated.aucs)
    yield from delong_rows(full, AGAINST_ALL)
    yield from within_fold_rows(full)
    records = [model for name, model in evaluated.models.items() if name not in (AGE_SEX, AGE_SEX_LVEF)]
    baselines = [model for model in records if model.kind in ("baseline", "ehr")]
    on_records = paired(evaluated, EHR, baselines)
    yield from delong_rows(on_records, AGAINST_RECORDS)
    yield from within_fold_rows(on_records)
    if VIDEO_EHR not in evaluated.models:
        yield from _external(evaluated)


def _external(evaluated: EvaluatedModels) -> Figures:
    """Yield the model with the most inputs against models made elsewhere, where no video with records is compared with
    them."""
    best = next((name for name in BEST_FIRST if name in evaluated.models), None)
    if best is not None:
        external = [model for model in evaluated.models.values() if model.kind in MADE_ELSEWHERE]
        pairs = paired(evaluated, best, [evaluated.models[best], *external])
        yield from delong_rows(pairs, AGAINST_EXTERNAL)
        yield from within_fold_rows(pairs)


def paired(evaluated: EvaluatedModels, reference: str, others: Sequence[EvaluatedModel]) -> list[Pair]:
    """Return ``reference`` with each of ``others``, where the common rows hold enough deaths and survivors."""
    names = {model.scored.model for model in others}
    if reference not in names:
        return []
    found = []
    for name in (model.scored.model for model in others if model.scored.model != reference):
        first, second = common_rows(evaluated.models[reference].scored, evaluated.models[name].scored)
        if not has_too_few_outcomes(first.died, evaluated.settings.suppress_below_events):
            test = delong_test(first.died, first.score, second.score, evaluated.settings.confidence)
            found.append(Pair(replace(first, model=f"{reference} vs {name}"), second, test))
    return found


def bootstrap_rows(pair: Pair, aucs: SharedAucs) -> Iterator[Bootstrapped]:
    """Yield the difference of the AUCs by bootstrap and, where true risks are known, against them."""
    observed = difference(aucs.auc(pair.first), aucs.auc(pair.second))
    yield Bootstrapped(pair.first, AUC_DIFFERENCE_BOOTSTRAP, observed, evaluation=COMPARISON)
    if pair.first.true_risk is not None:
        soft = difference(aucs.auc(pair.first, soft=True), aucs.auc(pair.second, soft=True))
        yield Bootstrapped(pair.first, SOFT_AUC_DIFFERENCE, soft, evaluation=COMPARISON)


def delong_rows(pairs: Sequence[Pair], family: str) -> Iterator[MetricRow]:
    """Yield DeLong's test of every pair, and its p corrected over the ``family`` that the pairs are."""
    for pair in pairs:
        first, test = pair.first, pair.test
        gap = Interval(test.difference, test.low, test.high, "DeLong, paired, Wald", test.note)
        yield first.row(AUC_DIFFERENCE, gap, evaluation=COMPARISON)
        yield first.row(DELONG_Z, without_limits(test.z, "DeLong, paired"), evaluation=COMPARISON)
        yield first.row(DELONG_P, without_limits(test.p_value, "DeLong, paired, two-sided"), evaluation=COMPARISON)
    yield from _holm_rows(pairs, family)


def within_fold_rows(pairs: Sequence[Pair]) -> Iterator[MetricRow]:
    """Yield the difference of the AUCs within folds of every pair, untested; none with one fold."""
    for first, second in ((pair.first, pair.second) for pair in pairs):
        fold = first.rows["fold"]
        if fold.nunique() > 1:
            one, other = (delong_interval_within(first.died, scored.score, fold).value for scored in (first, second))
            gap = without_limits(one - other, "pairs within a fold, not tested")
            yield first.row(AUC_DIFFERENCE_WITHIN, gap, evaluation=COMPARISON)


def holm_family(method: str) -> tuple[str, int]:
    """Return the family of an adjusted p, and how many tests it has, from the ``method`` of its row."""
    size, _, family = method.removeprefix(HOLM).partition(": ")
    return family, int(size)


def _holm_rows(pairs: Sequence[Pair], family: str) -> Iterator[MetricRow]:
    """Holm's correction. Comparisons with an oracle are left out: they test no hypothesis."""
    tested = [pair for pair in pairs if pair.second.model not in ORACLES]
    p_values = [pair.test.p_value for pair in tested]
    method = f"{HOLM}{sum(not math.isnan(p_value) for p_value in p_values)}: {family}"
    for pair, p_value in zip(tested, holm(p_values), strict=True):
        yield pair.first.row(DELONG_P_HOLM, without_limits(float(p_value), method), evaluation=COMPARISON)


METRIC_FAMILY = MetricFamily(
    (
        *(AUC_DIFFERENCE, AUC_DIFFERENCE_WITHIN, DELONG_Z, DELONG_P, DELONG_P_HOLM),
        *(AUC_DIFFERENCE_BOOTSTRAP, SOFT_AUC_DIFFERENCE),
    ),
    90,
    of_models=comparisons,
)
