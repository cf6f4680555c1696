"""Thresholds, chosen on other rows than they are applied to, and the decisions that follow from them."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from echomort.evaluation.inputs import Booleans, Floats, labels, numbers
from echomort.evaluation.interval import Interval, undefined_interval

Rule = Literal["youden", "sensitivity", "specificity"]
WILSON = "Wilson"
TOLERANCE = 1e-12
"""Share: a sensitivity or specificity this far below its target still reaches it. Rounding of float64."""
DECIMALS = 12
"""Sums of sensitivity and specificity that agree to this many decimals are equal. Rounding of float64."""


@dataclass(frozen=True)
class Decisions:
    """Counts of decisions against the labels, and the shares that follow, with Wilson's limits.

    ``ppv`` and ``npv`` are valid only at the prevalence of these rows.
    """

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int
    sensitivity: Interval
    specificity: Interval
    ppv: Interval
    npv: Interval
    accuracy: Interval


def choose_threshold(y: Any, score: Any, rule: Rule = "youden", target: float = 0.9) -> float:
    """Return the threshold t (predict death where score >= t) that ``rule`` chooses among the observed scores.

    ``youden`` maximises sensitivity + specificity (of equal ones the lowest t, which favours sensitivity);
    ``sensitivity`` is the highest t whose sensitivity reaches ``target``; ``specificity`` the lowest t whose
    specificity reaches ``target``. Raises :class:`ValueError` with one class only.
    """
    died = labels(y)
    values = numbers("score", score, len(died))
    if died.all() or not died.any():
        raise ValueError("a threshold needs deaths and survivors")
    candidates = np.append(np.unique(values), np.inf)
    sensitivity = _share_at_or_above(values[died], candidates)
    specificity = 1 - _share_at_or_above(values[~died], candidates)
    if rule == "sensitivity":
        return float(candidates[np.flatnonzero(sensitivity >= target - TOLERANCE)[-1]])
    if rule == "specificity":
        return float(candidates[np.flatnonzero(specificity >= target - TOLERANCE)[0]])
    return float(candidates[np.argmax(np.round(sensitivity + specificity, DECIMALS))])


def out_of_fold_decisions(  # noqa: PLR0913, PLR0917 - a score, and how its threshold is chosen
    y: Any, score: Any, fold: Any, rule: Rule = "youden", target: float = 0.9, without: Floats | None = None
) -> Booleans:
    """Return decisions (n,) by the threshold that ``rule`` chooses, for each fold, on the other folds.

    Column j of ``without`` (n, k) holds the scores on which the threshold for fold j is chosen: those by models that
    were not trained on fold j either. Without it they are ``score``, for scores that no label has influenced.
    Raises :class:`ValueError` with fewer than two folds, or where the other folds have one class only.
    """
    died = labels(y)
    values = numbers("score", score, len(died))
    folds = np.asarray(fold)
    names = np.unique(folds)
    if len(names) < 2:
        raise ValueError("a threshold chosen on other folds needs at least two folds")
    predicted = np.empty(len(died), dtype=bool)
    for name in names:
        inside = folds == name
        learnt = values if without is None else without[:, name]
        predicted[inside] = values[inside] >= choose_threshold(died[~inside], learnt[~inside], rule, target)
    return predicted


def decisions(y: Any, predicted: Any, confidence: float = 0.95) -> Decisions:
    """Return counts and shares of ``predicted`` (n,) 0/1 against labels ``y`` (n,) 0/1; empty shares are NaN."""
    died = labels(y)
    positive = labels(predicted, len(died))
    true_positive, false_positive = int((died & positive).sum()), int((~died & positive).sum())
    false_negative, true_negative = int((died & ~positive).sum()), int((~died & ~positive).sum())
    return Decisions(
        true_positive=true_positive,
        false_positive=false_positive,
        true_negative=true_negative,
        false_negative=false_negative,
        sensitivity=proportion(true_positive, true_positive + false_negative, confidence),
        specificity=proportion(true_negative, true_negative + false_positive, confidence),
        ppv=proportion(true_positive, true_positive + false_positive, confidence),
        npv=proportion(true_negative, true_negative + false_negative, confidence),
        accuracy=proportion(true_positive + true_negative, len(died), confidence),
    )


def proportion(count: int, total: int, confidence: float = 0.95, method: str = "wilson") -> Interval:
    """Return ``count`` / ``total`` with Wilson's limits (``wilson``) or Clopper and Pearson's (``beta``)."""
    name = WILSON if method == "wilson" else "Clopper-Pearson"
    if total == 0:
        return undefined_interval(name, "no case")
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(count, total, alpha=1 - confidence, method=method)
    return Interval(count / total, float(low), float(high), name)


def _share_at_or_above(values: Floats, thresholds: Floats) -> Floats:
    return 1 - np.searchsorted(np.sort(values), thresholds, side="left") / len(values)
