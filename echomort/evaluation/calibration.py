"""Whether predicted probabilities mean what they say."""

import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from echomort.evaluation.inputs import Booleans, Floats, expit, labels, logit, numbers, probabilities
from echomort.evaluation.interval import Interval, normal_quantile, undefined

BinRule = Literal["equal_width", "quantile"]
LOWESS_FRACTION = 0.75


@dataclass(frozen=True)
class Calibration:
    """Calibration of probabilities against labels.

    ``slope`` and ``intercept`` of the logistic regression on the log odds (1 and 0 are ideal); ``in_the_large`` is its
    intercept with the slope held at 1; ``observed_expected`` is deaths over the sum of probabilities.
    """

    slope: Interval
    intercept: float
    in_the_large: Interval
    observed_expected: Interval
    brier: float
    ece_width: float
    ece_quantile: float
    ici: float
    e50: float
    e90: float
    emax: float


def calibration_figures(y: Any, probability: Any, confidence: float = 0.95) -> Calibration:
    """Return every calibration figure of ``probability`` (n,) in [0, 1] for labels ``y`` (n,) 0/1."""
    died = labels(y)
    chance = probabilities("probability", probability, len(died))
    slope, intercept = calibration_slope(died, chance, confidence)
    distance = np.abs(smoothed(died, chance) - chance)
    return Calibration(
        slope=slope,
        intercept=intercept,
        in_the_large=calibration_in_the_large(died, chance, confidence),
        observed_expected=observed_expected(died, chance, confidence),
        brier=brier(died, chance),
        ece_width=expected_calibration_error(died, chance, "equal_width"),
        ece_quantile=expected_calibration_error(died, chance, "quantile"),
        ici=float(distance.mean()),
        e50=float(np.quantile(distance, 0.5)),
        e90=float(np.quantile(distance, 0.9)),
        emax=float(distance.max()),
    )


def brier(y: Any, probability: Any) -> float:
    """Return the mean squared difference of probability and label."""
    died = labels(y)
    return float(np.square(probabilities("probability", probability, len(died)) - died).mean())


def calibration_slope(y: Any, probability: Any, confidence: float = 0.95) -> tuple[Interval, float]:
    """Return the calibration slope with its Wald interval, and the intercept fitted with it."""
    died = labels(y)
    odds = logit(probabilities("probability", probability, len(died)))
    fitted = _logistic(died, odds)
    if fitted is None:
        return undefined("logistic regression, Wald", "separated classes, or probabilities all alike"), math.nan
    (intercept, slope), (_, error) = fitted
    return _wald(float(slope), float(error), confidence), float(intercept)


def calibration_in_the_large(y: Any, probability: Any, confidence: float = 0.95) -> Interval:
    """Return the intercept of the logistic regression whose slope on the log odds is held at 1."""
    died = labels(y)
    odds = logit(probabilities("probability", probability, len(died)))
    if died.all() or not died.any():
        return undefined("logistic regression with offset, Wald", "one class only")
    fit = _binomial(died, np.ones((len(died), 1)), offset=odds)
    return _wald(float(fit.params[0]), float(fit.bse[0]), confidence)


def observed_expected(y: Any, probability: Any, confidence: float = 0.95) -> Interval:
    """Return observed over expected deaths; limits on the log scale with the observed count taken as Poisson."""
    died = labels(y)
    expected = float(probabilities("probability", probability, len(died)).sum())
    observed = int(died.sum())
    if not observed or expected <= 0:
        return undefined("observed over expected, Poisson", "no death observed or expected")
    spread = math.exp(normal_quantile(confidence) / math.sqrt(observed))
    ratio = observed / expected
    return Interval(ratio, ratio / spread, ratio * spread, "observed over expected, log scale, Poisson")


def expected_calibration_error(y: Any, probability: Any, rule: BinRule, bins: int = 10) -> float:
    """Return the mean absolute gap of observed and predicted over bins, weighted by their size.

    The figure depends on the bins, so name the rule beside it: ``equal_width`` cuts [0, 1], ``quantile`` cuts at
    quantiles of the predictions.
    """
    died = labels(y)
    chance = probabilities("probability", probability, len(died))
    number = _bin_numbers(chance, rule, bins)
    size = np.bincount(number, minlength=bins)
    gap = np.bincount(number, weights=chance, minlength=bins) - np.bincount(number, weights=died, minlength=bins)
    return float(np.abs(gap).sum() / size.sum())


@dataclass(frozen=True)
class CalibrationCurve:
    """Points for a plot: per bin the mean prediction, the observed share with Wilson limits, the size; and the smooth
    curve (``grid``, ``smooth``)."""

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    size: Floats
    grid: Floats
    smooth: Floats


def calibration_curve(y: Any, probability: Any, bins: int = 10, confidence: float = 0.95) -> CalibrationCurve:
    """Return a calibration plot's points, binned at quantiles of the predictions (empty bins left out)."""
    from statsmodels.stats.proportion import proportion_confint

    died = labels(y)
    chance = probabilities("probability", probability, len(died))
    number = _bin_numbers(chance, "quantile", bins)
    size = np.bincount(number, minlength=bins)
    kept = size > 0
    deaths = np.bincount(number, weights=died, minlength=bins)[kept]
    predicted = np.bincount(number, weights=chance, minlength=bins)[kept] / size[kept]
    low, high = proportion_confint(deaths, size[kept], alpha=1 - confidence, method="wilson")
    order = np.argsort(chance, kind="stable")
    smooth = smoothed(died, chance)[order]
    return CalibrationCurve(predicted, deaths / size[kept], low, high, size[kept].astype(float), chance[order], smooth)


def smoothed(y: Any, probability: Any) -> Floats:
    """Return the observed risk at each row's probability, by lowess (span 0.75) without robustness iterations.

    The iterations must be off: their weights take rare deaths for outliers and throw them away. Above 2,000 rows
    neighbours within a hundredth of the range share a fit, which keeps the cost linear.
    """
    from statsmodels.nonparametric.smoothers_lowess import lowess

    died = labels(y)
    chance = probabilities("probability", probability, len(died))
    if len(chance) == 0 or np.ptp(chance) == 0:
        return np.full(len(chance), died.mean() if len(died) else math.nan)
    delta = 0.01 * float(np.ptp(chance)) if len(chance) > 2000 else 0.0
    with np.errstate(invalid="ignore"):
        curve = lowess(died.astype(float), chance, frac=LOWESS_FRACTION, it=0, delta=delta, return_sorted=False)
    return _mended_at_ties(curve, died, chance)


def _mended_at_ties(curve: Floats, died: Booleans, chance: Floats) -> Floats:
    """Where one probability fills a whole neighbourhood lowess has no width to fit in: take the observed share."""
    group, size = np.unique(chance, return_inverse=True, return_counts=True)[1:]
    share = np.bincount(group, weights=died) / size
    crowded = (size[group] >= int(LOWESS_FRACTION * len(chance))) | np.isnan(curve)
    return np.where(crowded, share[group], curve)


def recalibrated(y: Any, log_odds: Any, fold: Any) -> Floats:
    """Return Platt-recalibrated probabilities (n,): each fold's map (slope, intercept) is fitted on the other folds.

    Where the others can't define a map (one class, separation, constant scores) their observed share is given.
    Raises :class:`ValueError` with fewer than two folds.
    """
    died = labels(y)
    odds = numbers("log_odds", log_odds, len(died))
    folds = np.asarray(fold)
    names = np.unique(folds)
    if len(names) < 2:
        raise ValueError("recalibration out of fold needs at least two folds")
    odds = np.clip(odds, -30, 30)
    chance = np.empty(len(died))
    for name in names:
        here = folds == name
        chance[here] = _platt(died[~here], odds[~here], odds[here])
    return chance


def _platt(died: Booleans, odds: Floats, wanted: Floats) -> Floats:
    fitted = _logistic(died, odds)
    if fitted is None:
        return np.full(len(wanted), died.mean())
    intercept, slope = fitted[0]
    return expit(intercept + slope * wanted)


def _logistic(died: Booleans, odds: Floats) -> tuple[Floats, Floats] | None:
    """(intercept, slope) and their standard errors, or None where the likelihood has no maximum."""
    if died.all() or not died.any() or np.ptp(odds) == 0 or _separated(died, odds):
        return None
    fit = _binomial(died, np.column_stack([np.ones(len(odds)), odds]))
    return np.asarray(fit.params), np.asarray(fit.bse)


def _separated(died: Booleans, odds: Floats) -> bool:
    return bool(odds[died].min() >= odds[~died].max() or odds[died].max() <= odds[~died].min())


def _binomial(died: Booleans, design: Floats, offset: Floats | None = None) -> Any:
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # extreme log odds overflow harmlessly inside the link
        return GLM(died.astype(float), design, family=Binomial(), offset=offset).fit(maxiter=100, tol=1e-12)


def _wald(value: float, error: float, confidence: float) -> Interval:
    margin = normal_quantile(confidence) * error
    return Interval(value, value - margin, value + margin, "logistic regression, Wald")


def _bin_numbers(chance: Floats, rule: BinRule, bins: int) -> np.ndarray:
    if rule == "equal_width":
        return np.asarray(np.minimum((chance * bins).astype(int), bins - 1))
    edges = np.quantile(chance, np.linspace(0, 1, bins + 1)[1:-1])
    return np.searchsorted(edges, chance, side="right")
