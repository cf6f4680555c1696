"""Gaps between groups of patients, and the test whether belonging to a group matters.

A gap is the highest less the lowest of a ratio among groups. Chance alone makes one, the larger the more groups there
are: whether it may be chance is a question for the permutation test (Good, Permutation, Parametric and Bootstrap Tests
of Hypotheses, 2005).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.resampling import CHUNK_VALUES, Statistic, ratios

PERMUTATIONS = 2000
"""Permutations of a test: p values down to 0.0005, with a standard error of 0.005 at 0.05. Chosen here."""
RISK_STRATA = 10
"""Groups of patients of like predicted risk: tenths, as in calibration plots. Chosen here."""


@dataclass(frozen=True)
class GroupRatio:
    """A ratio of sums over the members of a group: ``numerator`` (n,) over ``denominator`` (n,).

    ``strata`` (n,) are numbers of the patients who may be exchanged under the null hypothesis.
    """

    numerator: Floats
    denominator: Floats
    strata: NDArray[np.intp]


def share_among(correct: Booleans, cases: Booleans) -> GroupRatio:
    """Return the share of ``correct`` among ``cases``, both (n,); patients who are cases change groups with each other,
    and so do the others, so that each group keeps its number of cases."""
    return GroupRatio((correct & cases).astype(float), cases.astype(float), cases.astype(np.intp))


def observed_over_expected(died: Booleans, risk: Floats) -> GroupRatio:
    """Return deaths over the sum of ``risk`` (n,); patients change groups within tenths of risk, so that groups whose
    patients are at a higher risk stay so, and the test is of calibration alone."""
    order = np.argsort(np.argsort(risk, kind="stable"), kind="stable")
    return GroupRatio(died.astype(float), risk, order * RISK_STRATA // len(risk))


def mean_of(values: Floats) -> GroupRatio:
    """Return the mean of ``values`` (n,), for example of net benefit; all patients change groups with each other."""
    return GroupRatio(values, np.ones(len(values)), np.zeros(len(values), dtype=np.intp))


def largest_gap(ratio: GroupRatio, members: Sequence[Booleans]) -> Statistic:
    """Return the statistic highest less lowest ``ratio`` among groups, each a mask (n,) in ``members``. Which groups
    these are is decided on all rows, so that the statistic is negative on resamples where they change places: the
    largest gap of each resample would be larger than that of the data more often than not. NaN where a resample leaves
    one of the two empty."""
    inside = np.stack([np.asarray(member, dtype=np.float64) for member in members])
    found = ratios(inside @ ratio.numerator, inside @ ratio.denominator)
    pair = inside[[np.argmax(found), np.argmin(found)]]
    above, below = pair * ratio.numerator, pair * ratio.denominator
    return lambda weights: -np.diff(ratios(weights @ above.T, weights @ below.T), axis=1)[:, 0]


def permutation_p(ratio: GroupRatio, members: Sequence[Booleans], seed: int) -> float:
    """Return the share of permutations (of which the data themselves are one) whose gap is at least that of the data:
    each gives the patients of all groups to the groups anew, within the strata of ``ratio``."""
    shown = np.any(members, axis=0)
    group = np.argmax(members, axis=0)[shown]
    kept = GroupRatio(ratio.numerator[shown], ratio.denominator[shown], ratio.strata[shown])
    found = _gaps(kept, group[None], len(members))[0]
    if np.isnan(found):
        return float("nan")
    as_large = sum(
        int((~(_gaps(kept, permuted, len(members)) < found - 1e-12)).sum())
        for permuted in _permuted(group, kept.strata, seed)
    )
    return (1 + as_large) / (1 + PERMUTATIONS)


def _permuted(group: NDArray[np.intp], strata: NDArray[np.intp], seed: int) -> Iterator[NDArray[np.intp]]:
    """Yield chunks of ``group`` (permutations, n), permuted within ``strata``."""
    random = np.random.default_rng(seed)
    by_stratum = np.argsort(strata, kind="stable")
    left, chunk = PERMUTATIONS, max(1, CHUNK_VALUES // len(group))
    while left > 0:
        size = min(chunk, left)
        drawn = np.argsort(strata + random.random((size, len(group))), axis=1)
        permuted = np.empty_like(drawn)
        permuted[:, by_stratum] = group[drawn]
        yield permuted
        left -= size


def _gaps(ratio: GroupRatio, group: NDArray[np.intp], groups: int) -> Floats:
    """Return the gap (permutations,) for group numbers ``group`` (permutations, n)."""
    size = len(group)
    place = (group + np.arange(size)[:, None] * groups).ravel()
    above, below = (
        np.bincount(place, weights=np.tile(values, size), minlength=size * groups).reshape(size, groups).astype(float)
        for values in (ratio.numerator, ratio.denominator)
    )
    return np.asarray(np.ptp(ratios(above, below), axis=1))
