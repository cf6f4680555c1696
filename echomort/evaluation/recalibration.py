"""The recalibration ladder: how far the risks of a finished model have to be changed for other patients.

The rungs are *none*, *in the large* (one shift of the log odds) and *slope* (shift and slope). The more is changed, the
better the fit to these patients and the worse, with few deaths, to the next ones; a closed test procedure (Vergouwe Y
et al., Stat Med 2017;36:4529) climbs no higher than the data ask for. The figures of a rung are on risks whose map was
fitted on other patients.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from echomort.evaluation.calibration import (
    LARGEST_LOG_ODDS,
    calibration_in_the_large,
    calibration_slope,
    recalibrated_risks,
)
from echomort.evaluation.inputs import Floats, expit, labels, logit, numbers
from echomort.evaluation.interval import Interval
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED, SHIFTED

RUNGS = (OUT_OF_FOLD, SHIFTED, RECALIBRATED)
"""The rungs from the lowest, as evaluations of the metric table: none, in the large, slope."""
FOLDS = 10
"""Parts of the patients, each of which gets maps fitted on the others. Chosen here, as is usual."""


@dataclass(frozen=True)
class Ladder:
    """What is fitted on all patients, and how high the closed test procedure climbs.

    ``shift``: of the log odds, in the large. ``slope`` and ``intercept``: of the logistic regression on the log odds.
    ``p_none`` tests the risks as they are against the slope rung (two degrees of freedom), ``p_in_the_large`` the shift
    alone against it (one); NaN where the slope can't be estimated. ``advised`` is one of :data:`RUNGS`.
    """

    shift: Interval
    slope: Interval
    intercept: float
    p_none: float
    p_in_the_large: float
    advised: str


def climb(y: Any, log_odds: Any, confidence: float = 0.95) -> Ladder:
    """Return the ladder of ``log_odds`` (n,) for labels ``y`` (n,) 0/1 of both classes.

    The tests are likelihood-ratio tests at the level 1 - ``confidence``.
    """
    died = labels(y)
    values = _bounded(numbers("log_odds", log_odds, len(died)))
    shift = calibration_in_the_large(died, expit(values), confidence)
    slope, intercept = calibration_slope(died, expit(values), confidence)
    if math.isnan(slope.value):
        return Ladder(shift, slope, intercept, math.nan, math.nan, _without_slope(shift))
    lines = (values, values + shift.value, intercept + slope.value * values)
    as_is, shifted, sloped = (_deviance(died, line) for line in lines)
    p_none, p_shift = _tail(as_is - sloped, 2), _tail(shifted - sloped, 1)
    level = 1 - confidence
    place = 0 if p_none >= level else 1 if p_shift >= level else 2
    return Ladder(shift, slope, intercept, p_none, p_shift, RUNGS[place])


def rung_risks(y: Any, log_odds: Any, fold: Any) -> Iterator[tuple[str, Floats]]:
    """Yield each rung with its risks (n,): as they are, or by a map that was fitted on the other parts in ``fold``
    (n,)."""
    died = labels(y)
    values = _bounded(numbers("log_odds", log_odds, len(died)))
    yield OUT_OF_FOLD, expit(values)
    yield SHIFTED, _shifted(died, values, np.asarray(fold))
    yield RECALIBRATED, recalibrated_risks(died, values, fold)


def _shifted(died: np.ndarray, log_odds: Floats, fold: np.ndarray) -> Floats:
    risk = np.empty(len(died))
    for name in np.unique(fold):
        inside = fold == name
        shift = calibration_in_the_large(died[~inside], expit(log_odds[~inside])).value
        share = np.full(int(inside.sum()), died[~inside].mean())
        risk[inside] = share if math.isnan(shift) else expit(log_odds[inside] + shift)
    return risk


def _without_slope(shift: Interval) -> str:
    return OUT_OF_FOLD if shift.low <= 0 <= shift.high else SHIFTED


def _deviance(died: np.ndarray, log_odds: Floats) -> float:
    """Return minus twice the log-likelihood of ``died`` at ``log_odds``."""
    return float(2 * np.logaddexp(0, np.where(died, -log_odds, log_odds)).sum())


def _tail(fall: float, degrees: int) -> float:
    from scipy.stats import chi2

    return float(chi2.sf(max(fall, 0.0), degrees))


def _bounded(log_odds: Floats) -> Floats:
    """Return ``log_odds`` cut to what the calibration functions, which take probabilities, can hold."""
    return logit(expit(np.clip(log_odds, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS)))
