"""Patient-clustered bootstrap: patients are drawn with replacement, each with all rows.

A resample is a vector of row weights: how often the row's patient was drawn. A statistic is evaluated on hundreds of
resamples at once, by cumulative sums over rows that are sorted once. All statistics see the same resamples, which makes
comparisons of two models paired.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echomort.evaluation.inputs import Floats
from echomort.evaluation.interval import Interval

Statistic = Callable[[Floats], Floats]
"""Weights (resamples, n) -> values (resamples,), NaN where the resample does not define the statistic."""

METHOD = "patient bootstrap, percentile"
CHUNK_VALUES = 250_000
"""Weights (float64) that are computed at once, 2 MB: a chunk and its cumulative sums fit into a processor's cache.
Chosen here, for speed."""


@dataclass(frozen=True)
class Resampling:
    """Number of resamples, confidence level of the limits, and seed."""

    resamples: int = 2000
    confidence: float = 0.95
    seed: int = 1

    def __post_init__(self) -> None:
        if self.resamples < 1 or not 0 < self.confidence < 1:
            raise ValueError("resamples must be at least 1 and confidence between 0 and 1")


def clustered_bootstrap(
    patients: Any, statistics: Mapping[str, Statistic], resampling: Resampling | None = None
) -> dict[str, Interval]:
    """Return percentile intervals of ``statistics`` when whole patients are resampled.

    ``patients`` (n,) are keys of any type, one a row. All statistics see the same resamples; for the interval of a
    paired difference use :func:`difference`. Resamples without both classes are left out; the note counts them.
    """
    plan = resampling or Resampling()
    rows = np.unique(np.asarray(patients), return_inverse=True)[1].ravel()
    values_by_statistic: dict[str, list[Floats]] = {name: [] for name in statistics}
    for weights in patient_weights(rows, plan):
        for name, statistic in statistics.items():
            values_by_statistic[name].append(statistic(weights))
    unweighted = np.ones((1, len(rows)))
    return {
        name: _percentiles(float(statistic(unweighted)[0]), np.concatenate(values_by_statistic[name]), plan)
        for name, statistic in statistics.items()
    }


def pointwise_band(patients: Any, curve: Statistic, plan: Resampling) -> tuple[Floats, Floats]:
    """Return the percentile limits (points,) of each point of ``curve``, which maps weights (resamples, n) to values
    (resamples, points), when whole patients are resampled. The band holds at each point, not for the whole curve."""
    rows = np.unique(np.asarray(patients), return_inverse=True)[1].ravel()
    curves = np.concatenate([curve(weights) for weights in patient_weights(rows, plan)])
    tail = (1 - plan.confidence) / 2
    low, high = np.nanquantile(curves, (tail, 1 - tail), axis=0)
    return low, high


def patient_weights(rows: NDArray[np.intp], plan: Resampling) -> Iterator[Floats]:
    """Yield chunks (at most ``CHUNK_VALUES``) of row weights (resamples, n) for patient numbers ``rows`` (n,)."""
    random = np.random.default_rng(plan.seed)
    patients = int(rows.max()) + 1 if len(rows) else 0
    if not patients:
        raise ValueError("no rows to resample")
    left, chunk = plan.resamples, max(1, CHUNK_VALUES // max(len(rows), patients))
    while left > 0:
        size = min(chunk, left)
        draws = random.integers(patients, size=(size, patients)) + np.arange(size)[:, None] * patients
        counts = np.bincount(draws.ravel(), minlength=size * patients).reshape(size, patients)
        yield counts[:, rows].astype(np.float64)
        left -= size


class WeightedAuc:
    """AUC of a fixed score under row weights, ties counted half; a row is never paired with itself.

    ``probability`` (n,) is that of the event: 0 or 1 for labels, values between for the AUC against true risks.
    """

    def __init__(self, probability: Any, score: Any) -> None:
        values = np.asarray(score, dtype=np.float64)
        self._order = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self._event = np.asarray(probability, dtype=np.float64)[self._order]
        self._survival = 1 - self._event
        self._can_die = np.flatnonzero(self._event > 0)
        self._first = np.searchsorted(ordered, ordered[self._can_die], side="left")
        self._past = np.searchsorted(ordered, ordered[self._can_die], side="right")
        self._is_tied = bool((self._past - self._first > 1).any())
        self._latest: tuple[Floats, Floats] | None = None

    def __call__(self, weights: Floats) -> Floats:
        """Return the AUC of each resample. The latest result is cached for the statistics that share it."""
        if self._latest is None or self._latest[0] is not weights:
            self._latest = weights, self._areas(weights)
        return self._latest[1]

    def _areas(self, weights: Floats) -> Floats:
        ordered = np.take(weights, self._order, axis=1)
        survivors_below = np.zeros((len(weights), len(self._order) + 1))
        np.cumsum(ordered * self._survival, axis=1, out=survivors_below[:, 1:])
        events = np.take(ordered, self._can_die, axis=1) * self._event[self._can_die]
        with_itself = np.square(ordered) @ (self._event * self._survival)
        pairs = events.sum(axis=1) * survivors_below[:, -1] - with_itself
        return ratios(self._concordant(events, survivors_below, with_itself), pairs)

    def _concordant(self, events: Floats, survivors_below: Floats, with_itself: Floats) -> Floats:
        first = np.take(survivors_below, self._first, axis=1)
        if not self._is_tied:
            return np.asarray(np.einsum("rn,rn->r", events, first))
        past = np.take(survivors_below, self._past, axis=1)
        return np.asarray((np.einsum("rn,rn->r", events, first + past) - with_itself) / 2)


class WeightedAveragePrecision:
    """Average precision of a fixed score under row weights (step-wise, tied scores together)."""

    def __init__(self, died: Any, score: Any) -> None:
        values = np.asarray(score, dtype=np.float64)
        self._order = np.argsort(-values, kind="stable")
        self._died = np.asarray(died, dtype=np.float64)[self._order]
        self._last_of_tie = np.flatnonzero(np.append(np.diff(values[self._order]) != 0, True))

    def __call__(self, weights: Floats) -> Floats:
        ordered = weights[:, self._order]
        positives = np.cumsum(ordered, axis=1)[:, self._last_of_tie]
        true_positives = np.cumsum(ordered * self._died, axis=1)[:, self._last_of_tie]
        precision = np.divide(true_positives, positives, out=np.zeros_like(true_positives), where=positives > 0)
        recall_steps = np.diff(true_positives, axis=1, prepend=0.0)
        return ratios((recall_steps * precision).sum(axis=1), true_positives[:, -1])


def weighted_means(values: Floats) -> Statistic:
    """Return the statistic that averages each row of ``values`` (points, n): (resamples, n) -> (resamples, points)."""
    return lambda weights: (weights @ values.T) / weights.sum(axis=1, keepdims=True)


def column(statistic: Statistic, place: int = 0) -> Statistic:
    """Return one point of a statistic of several."""
    return lambda weights: statistic(weights)[:, place]


def weighted_mean(values: Any) -> Statistic:
    """Return the statistic that averages ``values`` (n,), for example squared errors for the Brier score."""
    fixed = np.asarray(values, dtype=np.float64)
    return lambda weights: ratios(weights @ fixed, weights.sum(axis=1))


def reweighted(statistic: Statistic, row_weights: Floats) -> Statistic:
    """Return ``statistic`` of rows that have weights (n,) of their own, for example for censoring."""
    return lambda weights: statistic(weights * row_weights)


def improvement(error: Statistic, reference: Statistic) -> Statistic:
    """Return the statistic 1 - ``error`` / ``reference``: the share of the reference's error that is saved."""
    return lambda weights: 1 - ratios(error(weights), reference(weights))


def difference(first: Statistic, second: Statistic) -> Statistic:
    """Return the statistic ``first`` - ``second`` on the same resample."""
    return lambda weights: first(weights) - second(weights)


def headroom_share(model: Statistic, oracle: Statistic) -> Statistic:
    """Return the statistic (model - 0.5) / (oracle - 0.5) of two AUCs; NaN where the oracle does not exceed 0.5."""

    def share(weights: Floats) -> Floats:
        best = oracle(weights) - 0.5
        return ratios(model(weights) - 0.5, np.where(best > 0, best, 0.0))

    return share


def ratios(numerator: Floats, denominator: Floats) -> Floats:
    """Return ``numerator`` / ``denominator``, NaN where the denominator is not positive."""
    undefined = np.full(np.shape(numerator), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=undefined, where=denominator > 0))


def _percentiles(value: float, values: Floats, plan: Resampling) -> Interval:
    defined = values[~np.isnan(values)]
    if np.isnan(value) or not len(defined):
        return Interval(value, float("nan"), float("nan"), METHOD, "not defined on these rows")
    tail = (1 - plan.confidence) / 2
    low, high = np.quantile(defined, (tail, 1 - tail))
    left_out = len(values) - len(defined)
    note = f"{left_out} resamples left out: one class" if left_out else None
    return Interval(value, float(low), float(high), METHOD, note)
