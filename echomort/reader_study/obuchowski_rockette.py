"""The analysis of Obuchowski and Rockette: two conditions, the same readers and cases, one figure of merit.

The figure of merit of reader j under condition i is ``mu + tau_i + R_j + (tau R)_ij + e_ij``. The errors e are
correlated, since all readers see the same cases; their covariances are estimated by the jackknife over cases. Readers
are a random sample (:func:`random_readers_change`, :func:`random_readers_mean`) or the only readers that matter
(:func:`fixed_readers_change`). Cases are a random sample in all three.

Obuchowski NA, Rockette HE, Commun Stat Simul Comput 1995;24:285; with the degrees of freedom of Hillis SL, Stat Med
2007;26:596 and the analysis of one condition of Hillis SL, Stat Med 2014;33:330.
"""

import math
from dataclasses import dataclass

import numpy as np

from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.interval import Interval, undefined_interval

RANDOM_READERS = "Obuchowski-Rockette, readers and cases random, jackknife, Hillis' degrees of freedom"
FIXED_READERS = "Obuchowski-Rockette, these readers, cases random, jackknife, normal"
FEWEST_READERS = 2
"""Readers that an analysis needs whose readers are a sample: one reader has no variance between readers."""
FEWEST_CASES = 2
"""Deaths, and survivors, that the jackknife needs: it leaves one out."""


@dataclass(frozen=True)
class Merits:
    """Figures of merit and the covariance of their errors.

    ``values`` is (conditions, readers); ``covariance`` is (conditions, readers, conditions, readers).
    """

    values: Floats
    covariance: Floats

    @property
    def readers(self) -> int:
        """How many readers there are."""
        return int(self.values.shape[1])

    def covariance_between(self, same_condition: bool, same_reader: bool, condition: int | None = None) -> float:
        """Return the mean covariance of pairs with the same or different condition and reader; 0 without a pair.

        Same and same is the variance of an error; the other three are Cov1, Cov2 and Cov3 of the publication.
        ``condition`` restricts both of a pair to one condition.
        """
        conditions, readers = (np.eye(size, dtype=bool) for size in self.values.shape)
        chosen = (conditions[:, None, :, None] == same_condition) & (readers[None, :, None, :] == same_reader)
        if condition is not None:
            chosen[np.arange(len(conditions)) != condition] = False
        pairs = self.covariance[chosen]
        return float(pairs.mean()) if pairs.size else 0.0


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error and degrees of freedom (infinite: normal); NaN where it can't be estimated."""

    value: float
    error: float
    degrees: float

    def interval(self, confidence: float, lowest: float, method: str) -> Interval:
        """Return the value with its limits, cut to [``lowest``, 1]."""
        from scipy.stats import t

        if not math.isfinite(self.error):
            return undefined_interval(method, "too few readers or cases")
        margin = float(t.ppf(0.5 + confidence / 2, self.degrees)) * self.error
        note = None if self.error > 0 else "no variance: the limits have no width"
        return Interval(self.value, max(self.value - margin, lowest), min(self.value + margin, 1.0), method, note)

    @property
    def p_value(self) -> float:
        """Two-sided p of the value 0; NaN where the value has no variance and is not 0."""
        from scipy.stats import t

        if self.error > 0:
            return float(2 * t.sf(abs(self.value) / self.error, self.degrees))
        return 1.0 if self.value == 0 and self.error == 0 else math.nan


UNDEFINED = Estimate(math.nan, math.nan, math.nan)


def share_merits(right: Booleans) -> Merits | None:
    """Return the shares of correct answers among ``right`` (conditions, readers, cases); None with too few cases."""
    cases = right.shape[-1]
    if cases < FEWEST_CASES:
        return None
    values = right.astype(np.float64)
    share = values.mean(axis=-1)
    return Merits(share, _jackknife((share[..., None] * cases - values) / (cases - 1)))


def area_merits(rating: Floats, died: Booleans) -> Merits | None:
    """Return the areas under the ROC curves (ties count half) of ``rating`` (conditions, readers, cases).

    None with too few deaths or survivors.
    """
    deaths, survivors = int(died.sum()), int((~died).sum())
    if min(deaths, survivors) < FEWEST_CASES:
        return None
    event, survivor = rating[..., died, None], rating[..., None, ~died]
    wins = (event > survivor) + 0.5 * (event == survivor)
    area = wins.mean(axis=(-2, -1))
    without_death = (area[..., None] * deaths - wins.mean(axis=-1)) / (deaths - 1)
    without_survivor = (area[..., None] * survivors - wins.mean(axis=-2)) / (survivors - 1)
    return Merits(area, _jackknife(np.concatenate([without_death, without_survivor], axis=-1)))


def random_readers_change(merits: Merits) -> Estimate:
    """Return condition 1 less condition 0 for readers and cases like these: both are samples."""
    readers = merits.readers
    if readers < FEWEST_READERS:
        return UNDEFINED
    change = merits.values[1] - merits.values[0]
    interaction = float(change.var(ddof=1)) / 2
    variance = interaction + readers * _excess(merits)
    degrees = _degrees(variance, interaction, readers)
    return Estimate(float(change.mean()), math.sqrt(2 * variance / readers), degrees)


def fixed_readers_change(merits: Merits) -> Estimate:
    """Return condition 1 less condition 0 for these readers on cases like these: cases alone are a sample."""
    change = float((merits.values[1] - merits.values[0]).mean())
    own = merits.covariance_between(True, True) - merits.covariance_between(False, True)
    variance = own + (merits.readers - 1) * _excess(merits)
    return Estimate(change, math.sqrt(max(2 * variance / merits.readers, 0.0)), math.inf)


def random_readers_mean(merits: Merits, condition: int) -> Estimate:
    """Return the mean of one condition for readers and cases like these, from the data of that condition alone."""
    readers, values = merits.readers, merits.values[condition]
    if readers < FEWEST_READERS:
        return UNDEFINED
    between = float(values.var(ddof=1))
    variance = between + readers * max(merits.covariance_between(True, False, condition), 0.0)
    return Estimate(float(values.mean()), math.sqrt(variance / readers), _degrees(variance, between, readers))


def _excess(merits: Merits) -> float:
    """Cov2 - Cov3, at least 0: how far cases are harder for all readers under one condition than under the other."""
    return max(merits.covariance_between(True, False) - merits.covariance_between(False, False), 0.0)


def _degrees(variance: float, mean_square: float, readers: int) -> float:
    """Hillis 2007, for two conditions, or one: infinite where readers do not differ."""
    return (readers - 1) * (variance / mean_square) ** 2 if mean_square > 0 else math.inf


def _jackknife(left_out: Floats) -> Floats:
    """Return the jackknife covariance of ``left_out`` (conditions, readers, cases), each without one case."""
    cases = left_out.shape[-1]
    apart = left_out - left_out.mean(axis=-1, keepdims=True)
    return np.asarray(np.einsum("ijk,mnk->ijmn", apart, apart) * (cases - 1) / cases)
