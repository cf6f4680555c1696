"""What the models of a study add to age and sex, and to age, sex and ejection fraction, on the same patients.

The AUC is compared by DeLong's test. IPA and net benefit are of the risks after recalibration on the other folds, of
both models alike. IPA, the scaled Brier score, is the share of the Brier score of one risk for all that a model saves
(Kattan MW, Gerds TA, Diagn Progn Res 2018;2:7).
"""

from collections.abc import Iterator
from itertools import chain

import numpy as np

from echomort.evaluation.benefit import benefits
from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.evaluated import EvaluatedModel, EvaluatedModels
from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import Figures, MetricFamily
from echomort.evaluation.metrics.benefit import THRESHOLDS, threshold_subset
from echomort.evaluation.metrics.comparisons import Pair, bootstrap_rows, delong_rows, paired, within_fold_rows
from echomort.evaluation.resampling import Statistic, difference, improvement, weighted_mean
from echomort.evaluation.scored import ScoredRows
from echomort.vocabulary.baselines import AGE_SEX, AGE_SEX_LVEF
from echomort.vocabulary.metric_table import COMPARISON
from echomort.vocabulary.model_names import BEST_FIRST

IPA_DIFFERENCE = Metric("ipa_difference", "Difference of the IPA", 3, "higher")
NET_BENEFIT_DIFFERENCE = Metric("net_benefit_difference", "Difference of the net benefit", 3, "higher")

REFERENCES = AGE_SEX, AGE_SEX_LVEF
ADDED_VALUE = "each model against age and sex, without and with LVEF"
"""The family of these comparisons, for Holm's correction."""


def added_value(evaluated: EvaluatedModels) -> Figures:
    """Yield the differences in AUC, IPA and net benefit of each of ``BEST_FIRST`` from each of :data:`REFERENCES`."""
    by_model = {name: paired(evaluated, name, _with_references(evaluated, name)) for name in BEST_FIRST}
    for name, found in by_model.items():
        for pair in found:
            yield from bootstrap_rows(pair, evaluated.aucs)
            yield from _of_risks(pair, evaluated.models[name], evaluated.models[pair.second.model])
    pairs = list(chain.from_iterable(by_model.values()))
    yield from delong_rows(pairs, ADDED_VALUE)
    yield from within_fold_rows(pairs)


def _with_references(evaluated: EvaluatedModels, model: str) -> list[EvaluatedModel]:
    return [evaluated.models[name] for name in (model, *REFERENCES) if name in evaluated.models]


def _of_risks(pair: Pair, model: EvaluatedModel, reference: EvaluatedModel) -> Iterator[Bootstrapped]:
    risk, against = _risks(model, pair.first), _risks(reference, pair.second)
    if risk is None or against is None:
        return
    died = pair.first.died
    gain = difference(_ipa(died, risk), _ipa(died, against))
    yield Bootstrapped(pair.first, IPA_DIFFERENCE, gain, evaluation=COMPARISON)
    for threshold in THRESHOLDS:
        gained = weighted_mean(benefits(died, risk, threshold) - benefits(died, against, threshold))
        yield Bootstrapped(pair.first, NET_BENEFIT_DIFFERENCE, gained, threshold_subset(threshold), COMPARISON)


def _risks(model: EvaluatedModel, rows: ScoredRows) -> Floats | None:
    """Return the recalibrated risks (n,) of ``rows``, which are some of the model's own; None where it has none."""
    if not model.scored.has_folds or model.recalibrated is None:
        return None
    return model.recalibrated[model.scored.rows["study_key"].isin(rows.rows["study_key"]).to_numpy()]


def _ipa(died: Booleans, risk: Floats) -> Statistic:
    share = weighted_mean(died)

    def of_one_risk(weights: Floats) -> Floats:
        return share(weights) * (1 - share(weights))

    return improvement(weighted_mean(np.square(risk - died)), of_one_risk)


METRIC_FAMILY = MetricFamily((IPA_DIFFERENCE, NET_BENEFIT_DIFFERENCE), 95, of_models=added_value)
