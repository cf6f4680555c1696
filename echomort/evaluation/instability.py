"""Instability: how much a patient's predicted risk differs between refits of the same model.

After Riley & Collins (Biom. J. 2023;65:2200302), whose refits are of bootstrap samples. Here they are the models that
the nested cross-validation trained anyway, each without one fold more than the model that scores the patient. They
share most of their training patients with it, so that they differ less than bootstrap refits would.
"""

from dataclasses import dataclass

import numpy as np

from echomort.evaluation.inputs import Floats, expit

BINS = 20
"""Groups of equal size by predicted risk in an instability plot. Chosen here."""
BAND = 0.95
"""Share of the refits' risks inside the band of a plot, as in Riley & Collins."""


@dataclass(frozen=True)
class Refits:
    """Risks (n,) as scored, and those of the same patients by the refits (n, k), NaN where there is none."""

    risk: Floats
    refits: Floats

    @property
    def differences(self) -> Floats:
        """The mean absolute difference (n,) of each patient's risk from those of the refits; their mean is the mean
        absolute prediction error (MAPE)."""
        return np.asarray(np.nanmean(np.abs(self.refits - self.risk[:, None]), axis=1))

    @property
    def each(self) -> int:
        """The number of refits of each patient."""
        return int((~np.isnan(self.refits)).sum(axis=1).min())

    def bands(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return for :data:`BINS` groups by risk the mean risk, and the lower limit, median and upper limit of the
        refits' risks."""
        groups = np.array_split(np.argsort(self.risk, kind="stable"), min(BINS, len(self.risk)))
        tail = (1 - BAND) / 2
        quantiles = [np.nanquantile(self.refits[group], (tail, 0.5, 1 - tail)) for group in groups]
        low, middle, high = np.array(quantiles).T
        return np.array([self.risk[group].mean() for group in groups]), low, middle, high


def refits_of(log_odds: Floats, without: Floats | None) -> Refits | None:
    """Return the refits of scores (n,) from ``without`` (n, k), log odds by models without one fold more; None where a
    patient has none."""
    if without is None or not len(log_odds) or np.isnan(without).all(axis=1).any():
        return None
    return Refits(expit(log_odds), np.where(np.isnan(without), np.nan, expit(np.nan_to_num(without))))
