"""Discrimination: the AUC on all rows, in every fold and within folds, and the average precision.

The model of each fold has a scale of its own, so that the AUC on all rows also ranks the scales of the models. A model
that knows nothing gives each fold about the share of deaths among the others: the fewer its own deaths, the higher its
score, and the AUC on all rows is below 0.5. Within folds it is 0.5.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.discrimination import delong_interval, delong_interval_within
from echomort.evaluation.evaluated import EvaluatedModel
from echomort.evaluation.interval import Interval, without_limits
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import Figures, MetricFamily
from echomort.evaluation.resampling import WeightedAveragePrecision
from echomort.evaluation.scored import ScoredRows
from echomort.vocabulary.metric_table import COLUMNS, NULL, OUT_OF_FOLD, WHOLE, MetricRow
from echomort.vocabulary.model_names import PERMUTED_NULL

AUC = Metric("auc", "AUC", 3, "higher", 1)
AUC_FOLD_MEAN = Metric("auc_fold_mean", "Mean", 3, "higher", 1)
AUC_WITHIN_FOLDS = Metric("auc_within_folds", "Within folds", 3, "higher", 1)
CHANCE_ERROR = Metric("auc_chance_error", "Standard error under chance")
AUC_BOOTSTRAP = Metric("auc_bootstrap", "AUC (bootstrap)", 3, "higher", 1)
AVERAGE_PRECISION = Metric("average_precision", "Average precision", 3, "higher", 1)

NO_LIMITS = "pairs within a fold; no limits, since no variance is known"
"""The method of an AUC within folds whose variance is not known."""


def ranking(model: EvaluatedModel) -> Figures:
    """Yield the AUC with DeLong's limits, overall, by fold and within folds; where a model has all metrics, also by
    bootstrap. With too few deaths or survivors the AUC has no value, and nothing else is yielded."""
    if not model.has_ranking:
        if len(model.scored.rows):
            yield model.scored.row(AUC, without_limits(math.nan, model.why_withheld))
        return
    scored = model.scored
    yield scored.row(AUC, delong_interval(scored.died, scored.score, model.settings.confidence))
    yield from _folds(model)
    yield from within_folds(scored, model.settings.confidence)
    if model.has_all_metrics:
        yield Bootstrapped(scored, AUC_BOOTSTRAP, model.aucs.auc(scored))
        yield Bootstrapped(scored, AVERAGE_PRECISION, WeightedAveragePrecision(scored.died, scored.score))


def _folds(model: EvaluatedModel) -> Iterator[MetricRow]:
    areas: list[float] = []
    for fold in np.unique(model.scored.rows["fold"]):
        part = model.scored.subset((model.scored.rows["fold"] == fold).to_numpy())
        if part.is_binary:
            interval = delong_interval(part.died, part.score, model.settings.confidence)
            areas.append(interval.value)
            yield part.row(AUC, interval, f"fold {fold}")
    if len(areas) > 1:
        yield model.scored.row(AUC_FOLD_MEAN, _mean_of_folds(areas, model.settings.confidence))


def within_folds(
    scored: ScoredRows, confidence: float, subset: str = WHOLE, evaluation: str = OUT_OF_FOLD
) -> Iterator[MetricRow]:
    """Yield the AUC over the pairs of a death and a survivor of the same fold; none with one fold, where it is the AUC
    on all rows. It has no limits where no variance is known."""
    if scored.rows["fold"].nunique() > 1:
        interval = delong_interval_within(scored.died, scored.score, scored.rows["fold"], confidence)
        if interval.note is not None:
            interval = without_limits(interval.value, NO_LIMITS)
        yield scored.row(AUC_WITHIN_FOLDS, interval, subset, evaluation)


def _mean_of_folds(areas: Sequence[float], confidence: float) -> Interval:
    from scipy.stats import t

    mean, spread = float(np.mean(areas)), float(np.std(areas, ddof=1))
    margin = float(t.ppf(0.5 + confidence / 2, len(areas) - 1)) * spread / math.sqrt(len(areas))
    low, high = max(0.0, mean - margin), min(1.0, mean + margin)
    return Interval(mean, low, high, f"mean over {len(areas)} folds, t limits cut to [0, 1]")


METRIC_FAMILY = MetricFamily(
    (AUC, AUC_FOLD_MEAN, AUC_WITHIN_FOLDS, CHANCE_ERROR, AUC_BOOTSTRAP, AVERAGE_PRECISION), 20, of_model=ranking
)


def permuted_null_rows(
    permutations: Sequence[tuple[float, float]], n: int, events: int, confidence: float = 0.95
) -> pd.DataFrame:
    """Return the metric rows of the permuted null of ``n`` studies with ``events`` deaths: the mean AUC of
    ``permutations``, each an AUC and its standard error under chance, and the root mean square of these errors.

    The limits of the AUC are percentiles where at least one AUC is beyond each, else the smallest and the largest AUC;
    the method says which."""
    drawn, errors = np.asarray(permutations, dtype=np.float64).reshape(-1, 2).T
    if not len(drawn) or np.isnan(drawn).any() or np.isnan(errors).any():
        raise ValueError("the permuted null needs an AUC and an error a permutation, without missing values")
    tail = (1 - confidence) / 2
    trainings = f"{len(drawn)} {'training' if len(drawn) == 1 else 'trainings'} on permuted labels"
    method = f"smallest to largest of {trainings}"
    if len(drawn) * tail >= 1:
        method = f"percentiles {100 * tail:g} to {100 - 100 * tail:g} of {trainings}"
    low, high = np.quantile(drawn, (tail, 1 - tail)) if len(drawn) * tail >= 1 else (drawn.min(), drawn.max())
    limits = float(drawn.mean()), float(low), float(high)
    error = float(np.sqrt(np.mean(errors**2)))
    within = "spread over labels permuted by patient within folds"
    rows = [
        MetricRow(NULL, PERMUTED_NULL, WHOLE, AUC.name, *limits, n, events, method),
        MetricRow(NULL, PERMUTED_NULL, WHOLE, CHANCE_ERROR.name, error, math.nan, math.nan, n, events, within),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
