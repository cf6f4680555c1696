"""Patient-clustered bootstrap: patients are drawn with replacement, and all their rows go with them.

A resample is a vector of row weights (how often the row's patient was drawn), so that a statistic is evaluated on
hundreds of resamples at once by cumulative sums over rows sorted beforehand, and two models are compared on the same
resamples by construction.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echomort.evaluation.inputs import Floats
from echomort.evaluation.interval import Interval

Statistic = Callable[[Floats], Floats]
"""Weights (resamples, n) -> values (resamples,), NaN where the resample does not define the statistic."""

METHOD = "patient bootstrap, percentile"
CHUNK_VALUES = 250_000  # 2 MB: a chunk and its cumulative sums stay in the cache


@dataclass(frozen=True)
class Resampling:
    """How often to resample, the share that the limits hold, and the seed."""

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

    ``patients`` (n,) are keys of any kind, one a row. Every statistic sees the same resamples, so the interval of a
    paired difference comes from a statistic that subtracts one from another (:func:`difference`). A resample without
    both classes is left out and counted in the note.
    """
    plan = resampling or Resampling()
    rows = np.unique(np.asarray(patients), return_inverse=True)[1].ravel()
    drawn: dict[str, list[Floats]] = {name: [] for name in statistics}
    for weights in patient_weights(rows, plan):
        for name, statistic in statistics.items():
            drawn[name].append(statistic(weights))
    whole = np.ones((1, len(rows)))
    return {
        name: _percentiles(float(statistic(whole)[0]), np.concatenate(drawn[name]), plan)
        for name, statistic in statistics.items()
    }


def patient_weights(rows: NDArray[np.intp], plan: Resampling) -> Iterator[Floats]:
    """Yield chunks (at most CHUNK_VALUES values) of row weights (resamples, n) for patient numbers ``rows`` (n,)."""
    random = np.random.default_rng(plan.seed)
    patients = int(rows.max()) + 1 if len(rows) else 0
    if not patients:
        raise ValueError("no rows to resample")
    left, chunk = plan.resamples, max(1, CHUNK_VALUES // max(len(rows), patients))
    while left > 0:
        size = min(chunk, left)
        picked = random.integers(patients, size=(size, patients)) + np.arange(size)[:, None] * patients
        counts = np.bincount(picked.ravel(), minlength=size * patients).reshape(size, patients)
        yield counts[:, rows].astype(np.float64)
        left -= size


class WeightedAuc:
    """AUC of a fixed score under row weights, ties counted half; rows are never paired with themselves.

    ``chance`` (n,) is the probability of the event: 0 or 1 for labels, anything between for the soft AUC.
    """

    def __init__(self, chance: Any, score: Any) -> None:
        values = np.asarray(score, dtype=np.float64)
        self._order = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self._event = np.asarray(chance, dtype=np.float64)[self._order]
        self._survival = 1 - self._event
        self._can_die = np.flatnonzero(self._event > 0)
        self._first = np.searchsorted(ordered, ordered[self._can_die], side="left")
        self._past = np.searchsorted(ordered, ordered[self._can_die], side="right")
        self._is_tied = bool((self._past - self._first > 1).any())
        self._latest: tuple[Floats, Floats] | None = None

    def __call__(self, weights: Floats) -> Floats:
        """Return the AUC of each resample; the latest answer is kept for the statistics that share it."""
        if self._latest is None or self._latest[0] is not weights:
            self._latest = weights, self._areas(weights)
        return self._latest[1]

    def _areas(self, weights: Floats) -> Floats:
        ordered = np.take(weights, self._order, axis=1)
        below = np.zeros((len(weights), len(self._order) + 1))
        np.cumsum(ordered * self._survival, axis=1, out=below[:, 1:])
        events = np.take(ordered, self._can_die, axis=1) * self._event[self._can_die]
        with_itself = np.square(ordered) @ (self._event * self._survival)
        pairs = events.sum(axis=1) * below[:, -1] - with_itself
        return _ratio(self._wins(events, below, with_itself), pairs)

    def _wins(self, events: Floats, below: Floats, with_itself: Floats) -> Floats:
        first = np.take(below, self._first, axis=1)
        if not self._is_tied:
            return np.asarray(np.einsum("rn,rn->r", events, first))
        past = np.take(below, self._past, axis=1)
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
        called = np.cumsum(ordered, axis=1)[:, self._last_of_tie]
        found = np.cumsum(ordered * self._died, axis=1)[:, self._last_of_tie]
        precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
        gained = np.diff(found, axis=1, prepend=0.0)
        return _ratio((gained * precision).sum(axis=1), found[:, -1])


def weighted_mean(values: Any) -> Statistic:
    """Return the statistic that averages ``values`` (n,), for example squared errors for the Brier score."""
    fixed = np.asarray(values, dtype=np.float64)
    return lambda weights: _ratio(weights @ fixed, weights.sum(axis=1))


def difference(first: Statistic, second: Statistic) -> Statistic:
    """Return the statistic ``first`` - ``second`` on the same resample."""
    return lambda weights: first(weights) - second(weights)


def recovered(model: Statistic, oracle: Statistic) -> Statistic:
    """Return the headroom statistic: (model - 0.5) / (oracle - 0.5), NaN where the oracle does not exceed 0.5."""

    def share(weights: Floats) -> Floats:
        best = oracle(weights) - 0.5
        return _ratio(model(weights) - 0.5, np.where(best > 0, best, 0.0))

    return share


def largest_gap(right: Any, members: Sequence[Any]) -> Statistic:
    """Return the statistic highest less lowest share of ``right`` (n,) among groups, each ``members`` (n,): for example
    of deaths called, or of survivors spared. NaN where a resample leaves a group empty; never below 0, so that chance
    alone makes it positive."""
    inside = np.stack([np.asarray(member, dtype=np.float64) for member in members], axis=1)
    hits = inside * np.asarray(right, dtype=np.float64)[:, None]
    return lambda weights: np.ptp(_ratio(weights @ hits, weights @ inside), axis=1)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0))


def _percentiles(value: float, drawn: Floats, plan: Resampling) -> Interval:
    defined = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(defined):
        return Interval(value, float("nan"), float("nan"), METHOD, "not defined on these rows")
    tail = (1 - plan.confidence) / 2
    low, high = np.quantile(defined, (tail, 1 - tail))
    lost = len(drawn) - len(defined)
    return Interval(value, float(low), float(high), METHOD, f"{lost} resamples left out: one class" if lost else None)
