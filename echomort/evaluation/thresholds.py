"""From scores to decisions: thresholds chosen away from the rows they judge, and the counts that follow."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from echomort.evaluation.inputs import Booleans, Floats, labels, numbers
from echomort.evaluation.interval import Interval, undefined

Rule = Literal["youden", "sensitivity", "specificity"]
WILSON = "Wilson"


@dataclass(frozen=True)
class Decisions:
    """Counts of a decision against the labels, and the shares they give, with Wilson's limits.

    ``ppv`` and ``npv`` hold at this set's prevalence only.
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
    """Return the threshold t (predict death where score >= t) that ``rule`` picks among the observed scores.

    ``youden`` has the greatest sensitivity + specificity (the lowest such t, for the sake of sensitivity);
    ``sensitivity`` is the highest t that still finds the ``target`` share of deaths; ``specificity`` the lowest t
    that still spares the ``target`` share of survivors. Raises :class:`ValueError` with one class only.
    """
    died = labels(y)
    values = numbers("score", score, len(died))
    if died.all() or not died.any():
        raise ValueError("a threshold needs deaths and survivors")
    candidates = np.append(np.unique(values), np.inf)
    found = _share_at_or_above(values[died], candidates)
    spared = 1 - _share_at_or_above(values[~died], candidates)
    if rule == "sensitivity":
        return float(candidates[np.flatnonzero(found >= target - 1e-12)[-1]])
    if rule == "specificity":
        return float(candidates[np.flatnonzero(spared >= target - 1e-12)[0]])
    return float(candidates[np.argmax(np.round(found + spared, 12))])


def out_of_fold_decisions(y: Any, score: Any, fold: Any, rule: Rule = "youden", target: float = 0.9) -> Booleans:
    """Return decisions (n,) in which each fold is judged by the threshold that ``rule`` picks on the other folds.

    Raises :class:`ValueError` with fewer than two folds, or where the other folds have one class only.
    """
    died = labels(y)
    values = numbers("score", score, len(died))
    folds = np.asarray(fold)
    names = np.unique(folds)
    if len(names) < 2:
        raise ValueError("a threshold chosen on other folds needs at least two folds")
    decided = np.empty(len(died), dtype=bool)
    for name in names:
        here = folds == name
        decided[here] = values[here] >= choose_threshold(died[~here], values[~here], rule, target)
    return decided


def decisions(y: Any, predicted: Any, confidence: float = 0.95) -> Decisions:
    """Return counts and shares of ``predicted`` (n,) 0/1 against labels ``y`` (n,) 0/1; empty shares are NaN."""
    died = labels(y)
    called = labels(predicted, len(died))
    hit, alarm = int((died & called).sum()), int((~died & called).sum())
    miss, rest = int((died & ~called).sum()), int((~died & ~called).sum())
    return Decisions(
        true_positive=hit,
        false_positive=alarm,
        true_negative=rest,
        false_negative=miss,
        sensitivity=proportion(hit, hit + miss, confidence),
        specificity=proportion(rest, rest + alarm, confidence),
        ppv=proportion(hit, hit + alarm, confidence),
        npv=proportion(rest, rest + miss, confidence),
        accuracy=proportion(hit + rest, len(died), confidence),
    )


def proportion(count: int, total: int, confidence: float = 0.95, method: str = "wilson") -> Interval:
    """Return ``count`` / ``total`` with Wilson's limits (``wilson``) or Clopper and Pearson's (``beta``)."""
    name = WILSON if method == "wilson" else "Clopper-Pearson"
    if total == 0:
        return undefined(name, "no case")
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(count, total, alpha=1 - confidence, method=method)
    return Interval(count / total, float(low), float(high), name)


def _share_at_or_above(values: Floats, thresholds: Floats) -> Floats:
    return 1 - np.searchsorted(np.sort(values), thresholds, side="left") / len(values)
