"""Discrimination: AUC, with DeLong's variance and paired test.

DeLong ER, DeLong DM, Clarke-Pearson DL, Biometrics 1988;44:837 (doi 10.2307/2531595), computed from midranks as in
Sun X, Xu W, IEEE Signal Processing Letters 2014;21:1389. It assumes independent rows, one study a patient; for others
use :func:`echomort.evaluation.clustered_bootstrap`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from echomort.evaluation.inputs import Booleans, Floats, labels, numbers
from echomort.evaluation.interval import ONE_CLASS, Interval, normal_quantile, undefined_interval

DELONG = "DeLong, Wald limits cut to [0, 1]"
DELONG_WITHIN = "pairs within a fold; DeLong, Wald limits cut to [0, 1]"


@dataclass(frozen=True)
class DeLongTest:
    """Two scores of the same rows: ``difference`` = ``auc_a`` - ``auc_b``, its limits, z with its sign, two-sided p."""

    auc_a: float
    auc_b: float
    difference: float
    low: float
    high: float
    z: float
    p_value: float
    n: int
    events: int
    note: str | None = None


def auc(y: Any, score: Any) -> float:
    """Return the area under the ROC curve (ties count half) of ``score`` (n,) for labels ``y`` (n,) 0/1.

    NaN with one class only. Raises :class:`ValueError` for labels other than 0 and 1, unequal lengths, missing values.

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
    0.875
    """
    died = labels(y)
    return _Placements(died, numbers("score", score, len(died))).auc


def chance_error(n: int, events: int) -> float:
    """Return the standard error of the AUC of a score that means nothing, on ``n`` rows of which ``events`` died: that
    of the Mann-Whitney statistic without ties; NaN with one class only."""
    survivors = n - events
    return math.sqrt((n + 1) / (12 * events * survivors)) if min(events, survivors) > 0 else math.nan


def delong_interval(y: Any, score: Any, confidence: float = 0.95) -> Interval:
    """Return the AUC of ``score`` with DeLong's interval (Wald, cut to [0, 1]).

    All is NaN with one class only. With a single death or survivor, or a perfect score, a note says why the limits are
    missing or have no width. Raises :class:`ValueError` as :func:`auc` does.
    """
    died = labels(y)
    placements = _Placements(died, numbers("score", score, len(died)))
    if math.isnan(placements.auc):
        return undefined_interval(DELONG, ONE_CLASS)
    margin = normal_quantile(confidence) * math.sqrt(placements.variance)
    low, high = (_clip(placements.auc + side * margin, 0.0) for side in (-1, 1))
    return Interval(placements.auc, low, high, DELONG, _variance_note(placements.variance))


def delong_interval_within(y: Any, score: Any, group: Any, confidence: float = 0.95) -> Interval:
    """Return the AUC over the pairs of a death and a survivor of the same ``group`` (n,), with its interval.

    For scores of several models, one a group, whose scales differ: pairs of two groups would mix them. With one group
    it is :func:`delong_interval`, whose note it has too. The variance is DeLong's with each placement weighted by the
    pairs that it is in, about the AUC of all groups: groups of one death or survivor count too. All is NaN where no
    group has both classes. Raises :class:`ValueError` as :func:`auc` does.
    """
    died = labels(y)
    values, groups = numbers("score", score, len(died)), np.asarray(group)
    parts = [_Placements(died[groups == one], values[groups == one]) for one in np.unique(groups)]
    parts = [part for part in parts if len(part.events)]
    pairs = sum(len(part.events) * len(part.survivors) for part in parts)
    if not pairs:
        return undefined_interval(DELONG_WITHIN, ONE_CLASS)
    area = sum(part.auc * len(part.events) * len(part.survivors) for part in parts) / pairs
    variance = _weighted_variance([(part.events, len(part.survivors) / pairs) for part in parts], area)
    variance += _weighted_variance([(part.survivors, len(part.events) / pairs) for part in parts], area)
    margin = normal_quantile(confidence) * math.sqrt(variance)
    low, high = (_clip(area + side * margin, 0.0) for side in (-1, 1))
    return Interval(area, low, high, DELONG_WITHIN, _variance_note(variance))


def delong_test(y: Any, a: Any, b: Any, confidence: float = 0.95) -> DeLongTest:
    """Return DeLong's paired test of the AUCs of scores ``a`` and ``b`` (n,) on the same labels ``y`` (n,) 0/1.

    Scores that rank all rows alike (identical, or monotone maps of one another) give z 0 and p 1. With one class only,
    or where the variance of a nonzero difference can't be estimated, z and p are NaN with a note.
    Raises :class:`ValueError` as :func:`auc` does.
    """
    died = labels(y)
    first, second = (_Placements(died, numbers(name, score, len(died))) for name, score in (("a", a), ("b", b)))
    difference = first.auc - second.auc
    variance = _mean_variance(first.events - second.events) + _mean_variance(first.survivors - second.survivors)
    z, p_value, note = _z_test(difference, variance, first.same_as(second))
    margin = 0.0 if first.same_as(second) else normal_quantile(confidence) * math.sqrt(variance)
    low, high = _clip(difference - margin, -1.0), _clip(difference + margin, -1.0)
    return DeLongTest(first.auc, second.auc, difference, low, high, z, p_value, len(died), int(died.sum()), note)


def roc_points(y: Any, score: Any) -> tuple[Floats, Floats]:
    """Return (false positive rates, true positive rates) of the ROC curve, (0, 0) to (1, 1); empty for one class."""
    died = labels(y)
    values = numbers("score", score, len(died))
    if died.all() or not died.any():
        return np.empty(0), np.empty(0)
    from sklearn.metrics import roc_curve

    false_positive, true_positive, _ = roc_curve(died, _finite_ranks(values))
    return false_positive, true_positive


class _Placements:
    """DeLong's placements: the rank of each death among the survivors (V10), and of each survivor among the deaths
    (V01)."""

    def __init__(self, died: Booleans, score: Floats) -> None:
        from scipy.stats import rankdata

        deaths, survivals = int(died.sum()), int((~died).sum())
        if not deaths or not survivals:
            self.events, self.survivors, self.auc, self.variance = np.empty(0), np.empty(0), math.nan, math.nan
            return
        overall = rankdata(score)
        self.events = (overall[died] - rankdata(score[died])) / survivals
        self.survivors = 1 - (overall[~died] - rankdata(score[~died])) / deaths
        self.auc = float(self.events.mean())
        self.variance = _mean_variance(self.events) + _mean_variance(self.survivors)

    def same_as(self, other: "_Placements") -> bool:
        return len(self.events) > 0 and bool(
            np.array_equal(self.events, other.events) and np.array_equal(self.survivors, other.survivors)
        )


def _mean_variance(values: Floats) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else math.nan


def _weighted_variance(parts: Sequence[tuple[Floats, float]], area: float) -> float:
    """Return the variance of the sum of independent values, each group with a weight, about ``area``."""
    count = sum(len(values) for values, _ in parts)
    if count < 2:
        return math.nan
    squares = sum(weight**2 * float(((values - area) ** 2).sum()) for values, weight in parts)
    return squares * count / (count - 1)


def _z_test(difference: float, variance: float, same: bool) -> tuple[float, float, str | None]:
    if same:
        return 0.0, 1.0, "both scores rank every pair alike"
    if math.isnan(difference):
        return math.nan, math.nan, ONE_CLASS
    if math.isnan(variance) or variance <= 0:
        return math.nan, math.nan, _variance_note(variance)
    z = difference / math.sqrt(variance)
    return z, math.erfc(abs(z) / math.sqrt(2)), None


def _variance_note(variance: float) -> str | None:
    if math.isnan(variance):
        return "fewer than two deaths or survivors: no variance"
    if variance > 0:
        return None
    return "no variance (classes fully separated, or scores all alike): the limits have no width"


def _clip(value: float, lowest: float) -> float:
    return value if math.isnan(value) else min(max(value, lowest), 1.0)


def _finite_ranks(score: Floats) -> Floats:
    """Return the ranks of ``score``: scikit-learn rejects infinite scores."""
    return np.unique(score, return_inverse=True)[1].astype(np.float64)
