"""Two models on the rows that both could score: paired tests of the difference of their AUCs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from echomort.evaluation.agreement import holm
from echomort.evaluation.bootstraps import Areas, Bootstrapped
from echomort.evaluation.discrimination import DeLongTest, delong_test
from echomort.evaluation.interval import Interval, bare
from echomort.evaluation.judged import JudgedModel, JudgedModels
from echomort.evaluation.metric import Figures, Metric, MetricFamily
from echomort.evaluation.resampling import difference
from echomort.evaluation.scored import Scored, common
from echomort.vocabulary.metric_table import COMPARISON, MetricRow
from echomort.vocabulary.model_names import EHR, ORACLES, VIDEO_EHR

AUC_DIFFERENCE = Metric("auc_difference", "Difference", 3, "higher")
DELONG_Z = Metric("delong_z", "z", 2)
DELONG_P = Metric("delong_p", "p", 3)
DELONG_P_HOLM = Metric("delong_p_holm", "p, Holm", 3)
AUC_DIFFERENCE_BOOTSTRAP = Metric("auc_difference_bootstrap", "Difference (bootstrap)", 3, "higher")
SOFT_AUC_DIFFERENCE = Metric("soft_auc_difference", "Difference against true risks", 3, "higher")


@dataclass(frozen=True)
class Pair:
    """Two models on common rows, the first under the name of the pair, and the test of their difference."""

    first: Scored
    second: Scored
    test: DeLongTest


def comparisons(judged: JudgedModels) -> Figures:
    """Yield the full model against each of the others, and the trees on the health record against its baselines."""
    full = _pairs(judged, VIDEO_EHR, list(judged.whole.values()))
    for pair in full:
        yield from _bootstraps(pair, judged.areas)
    yield from _tests(full)
    baselines = [one for one in judged.models.values() if one.kind in ("baseline", "ehr")]
    yield from _tests(_pairs(judged, EHR, baselines))


def _pairs(judged: JudgedModels, reference: str, others: Sequence[JudgedModel]) -> list[Pair]:
    """Return ``reference`` with each of ``others`` whose common rows hold both outcomes: one family of tests."""
    names = {one.scored.model for one in others}
    if reference not in names:
        return []
    found = []
    for name in (one.scored.model for one in others if one.scored.model != reference):
        first, second = common(judged.models[reference].scored, judged.models[name].scored)
        if first.is_binary:
            test = delong_test(first.died, first.score, second.score, judged.settings.confidence)
            found.append(Pair(replace(first, model=f"{reference} vs {name}"), second, test))
    return found


def _bootstraps(pair: Pair, areas: Areas) -> Iterator[Bootstrapped]:
    hard = difference(areas.of(pair.first), areas.of(pair.second))
    yield Bootstrapped(pair.first, AUC_DIFFERENCE_BOOTSTRAP, hard, evaluation=COMPARISON)
    if pair.first.chance is not None:
        soft = difference(areas.of(pair.first, soft=True), areas.of(pair.second, soft=True))
        yield Bootstrapped(pair.first, SOFT_AUC_DIFFERENCE, soft, evaluation=COMPARISON)


def _tests(pairs: Sequence[Pair]) -> Iterator[MetricRow]:
    for pair in pairs:
        first, test = pair.first, pair.test
        gap = Interval(test.difference, test.low, test.high, "DeLong, paired, Wald", test.note)
        yield first.row(AUC_DIFFERENCE, gap, evaluation=COMPARISON)
        yield first.row(DELONG_Z, bare(test.z, "DeLong, paired"), evaluation=COMPARISON)
        yield first.row(DELONG_P, bare(test.p_value, "DeLong, paired, two-sided"), evaluation=COMPARISON)
    yield from _corrected(pairs)


def _corrected(pairs: Sequence[Pair]) -> Iterator[MetricRow]:
    """The oracles are no hypotheses, so they take no part in the correction."""
    family = [pair for pair in pairs if pair.second.model not in ORACLES]
    adjusted = holm([pair.test.p_value for pair in family])
    method = f"DeLong, Holm over {len(family)}"
    for pair, p_value in zip(family, adjusted, strict=True):
        yield pair.first.row(DELONG_P_HOLM, bare(float(p_value), method), evaluation=COMPARISON)


METRIC_FAMILY = MetricFamily(
    (AUC_DIFFERENCE, DELONG_Z, DELONG_P, DELONG_P_HOLM, AUC_DIFFERENCE_BOOTSTRAP, SOFT_AUC_DIFFERENCE),
    90,
    of_models=comparisons,
)
