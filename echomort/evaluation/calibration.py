"""Calibration: the agreement of predicted probabilities with observed deaths."""

import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from echomort.evaluation.inputs import Booleans, Floats, expit, labels, logit, numbers, probabilities
from echomort.evaluation.interval import ONE_CLASS, Interval, normal_quantile, undefined_interval
from echomort.evaluation.loess import Loess, few_knots, loess
from echomort.evaluation.resampling import Resampling, Statistic, pointwise_band

BinRule = Literal["equal_width", "quantile"]
GRID = 41
"""Points of a calibration curve that is drawn. Chosen here: the curve is smooth."""
BINS = 10
"""Bins of the calibration curve and of the expected calibration error: tenths, as is usual."""
LARGEST_LOG_ODDS = 30.0
"""Log odds are cut to this before recalibration: a risk within 1e-13 of 0 or 1. Chosen here, against overflow."""


@dataclass(frozen=True)
class Calibration:
    """Calibration of probabilities against labels.

    ``slope`` and ``intercept`` are those of the logistic regression on the log odds (ideal: 1 and 0); ``in_the_large``
    is its intercept with the slope fixed at 1; ``observed_expected`` is deaths over the sum of probabilities. ``ici``,
    ``e50``, ``e90``, ``emax`` are mean, quantiles and maximum of the distance between risk and loess curve (Austin &
    Steyerberg, Stat. Med. 2019;38:4051).
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
    """Return all calibration metrics of ``probability`` (n,) in [0, 1] for labels ``y`` (n,) 0/1."""
    died = labels(y)
    risk = probabilities("probability", probability, len(died))
    slope, intercept = calibration_slope(died, risk, confidence)
    distance = np.abs(smoothed_risks(died, risk) - risk)
    return Calibration(
        slope=slope,
        intercept=intercept,
        in_the_large=calibration_in_the_large(died, risk, confidence),
        observed_expected=observed_expected(died, risk, confidence),
        brier=brier(died, risk),
        ece_width=expected_calibration_error(died, risk, "equal_width"),
        ece_quantile=expected_calibration_error(died, risk, "quantile"),
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
    """Return the calibration slope with its Wald interval, and the intercept of the same regression."""
    died = labels(y)
    log_odds = logit(probabilities("probability", probability, len(died)))
    fitted = _logistic(died, log_odds)
    if fitted is None:
        note = "separated classes, or probabilities all alike"
        return undefined_interval("logistic regression, Wald", note), math.nan
    (intercept, slope), (_, error) = fitted
    return _wald(float(slope), float(error), confidence), float(intercept)


def calibration_in_the_large(y: Any, probability: Any, confidence: float = 0.95) -> Interval:
    """Return the intercept of the logistic regression whose slope on the log odds is fixed at 1."""
    died = labels(y)
    log_odds = logit(probabilities("probability", probability, len(died)))
    if died.all() or not died.any():
        return undefined_interval("logistic regression with offset, Wald", ONE_CLASS)
    fit = _binomial(died, np.ones((len(died), 1)), offset=log_odds)
    return _wald(float(fit.params[0]), float(fit.bse[0]), confidence)


def observed_expected(y: Any, probability: Any, confidence: float = 0.95) -> Interval:
    """Return observed over expected deaths; limits on the log scale, the observed count taken as Poisson."""
    died = labels(y)
    expected = float(probabilities("probability", probability, len(died)).sum())
    observed = int(died.sum())
    if not observed or expected <= 0:
        return undefined_interval("observed over expected, Poisson", "no death observed or expected")
    spread = math.exp(normal_quantile(confidence) / math.sqrt(observed))
    ratio = observed / expected
    return Interval(ratio, ratio / spread, ratio * spread, "observed over expected, log scale, Poisson")


def expected_calibration_error(y: Any, probability: Any, rule: BinRule, bins: int = BINS) -> float:
    """Return the mean absolute gap between observed and predicted share over bins, weighted by their size.

    The result depends on the bins, so report the rule with it: ``equal_width`` divides [0, 1], ``quantile`` divides at
    quantiles of the predictions.
    """
    died = labels(y)
    risk = probabilities("probability", probability, len(died))
    number = _bin_numbers(risk, rule, bins)
    size = np.bincount(number, minlength=bins)
    gap = np.bincount(number, weights=risk, minlength=bins) - np.bincount(number, weights=died, minlength=bins)
    return float(np.abs(gap).sum() / size.sum())


@dataclass(frozen=True)
class CalibrationCurve:
    """Points of a calibration plot: for each bin the mean prediction, the observed share with Wilson limits and the
    size; and the loess curve (``smooth`` at the risks ``grid``) with its pointwise band."""

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    size: Floats
    grid: Floats
    smooth: Floats
    smooth_low: Floats
    smooth_high: Floats


def calibration_curve(y: Any, probability: Any, plan: Resampling, bins: int = BINS) -> CalibrationCurve:
    """Return the points of a calibration plot, binned at quantiles of the predictions; empty bins are omitted.

    Each row is a patient. The band of the curve is bootstrapped by ``plan``; curve and band run between the 1st and the
    99th percentile of the predictions, beyond which there is next to nothing to fit.
    """
    from statsmodels.stats.proportion import proportion_confint

    died = labels(y)
    risk = probabilities("probability", probability, len(died))
    number = _bin_numbers(risk, "quantile", bins)
    size = np.bincount(number, minlength=bins)
    filled = size > 0
    deaths = np.bincount(number, weights=died, minlength=bins)[filled]
    predicted = np.bincount(number, weights=risk, minlength=bins)[filled] / size[filled]
    low, high = proportion_confint(deaths, size[filled], alpha=1 - plan.confidence, method="wilson")
    first, last = np.quantile(risk, (0.01, 0.99))
    grid = np.unique(np.linspace(first, last, GRID))
    curve = Loess(risk, died.astype(float), grid)
    smooth, band = curve.at_knots(np.ones((1, len(risk))))[0], pointwise_band(range(len(risk)), curve.at_knots, plan)
    return CalibrationCurve(
        predicted, deaths / size[filled], low, high, size[filled].astype(float), grid, smooth, *band
    )


def smoothed_risks(y: Any, probability: Any) -> Floats:
    """Return the observed risk (n,) at each row's probability, by :mod:`~echomort.evaluation.loess`."""
    died = labels(y)
    return loess(probabilities("probability", probability, len(died)), died.astype(float))


def integrated_calibration_index(y: Any, probability: Any) -> Statistic:
    """Return the ICI as a statistic: the mean distance between ``probability`` (n,) and the loess curve of a resample,
    over the resample's rows. The curve has few knots, to save time: :func:`calibration_figures` has the exact ICI."""
    died = labels(y)
    risk = probabilities("probability", probability, len(died))
    curve = Loess(risk, died.astype(float), few_knots(risk))
    return lambda weights: (np.abs(curve.at_rows(weights) - risk) * weights).sum(axis=1) / weights.sum(axis=1)


def recalibrated_risks(
    y: Any, log_odds: Any, fold: Any, without: Floats | None = None, weights: Floats | None = None
) -> Floats:
    """Return Platt-recalibrated probabilities (n,): each fold's map (slope, intercept) is fitted on the other folds.

    Column j of ``without`` (n, k) holds the log odds from which the map for fold j is fitted: those by models that were
    not trained on fold j either. Without it they are ``log_odds``, for scores that no label has influenced. ``weights``
    (n,) are those of the rows in fitting, for example for censoring. Where the other folds can't define a map
    (one class, separation, constant scores), their observed share is used. Raises :class:`ValueError` with fewer than
    two folds.
    """
    died = labels(y)
    log_odds = numbers("log_odds", log_odds, len(died))
    folds = np.asarray(fold)
    names = np.unique(folds)
    if len(names) < 2:
        raise ValueError("recalibration out of fold needs at least two folds")
    log_odds = np.clip(log_odds, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS)
    risk, weights = np.empty(len(died)), np.ones(len(died)) if weights is None else weights
    for name in names:
        inside = folds == name
        learnt = log_odds if without is None else np.clip(without[:, name], -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS)
        fitted = ~inside & (weights > 0)
        risk[inside] = _platt(died[fitted], learnt[fitted], log_odds[inside], weights[fitted])
    return risk


def _platt(died: Booleans, log_odds: Floats, target: Floats, weights: Floats) -> Floats:
    fitted = _logistic(died, log_odds, weights)
    if fitted is None:
        return np.full(len(target), np.average(died, weights=weights))
    intercept, slope = fitted[0]
    return expit(intercept + slope * target)


def _logistic(died: Booleans, log_odds: Floats, weights: Floats | None = None) -> tuple[Floats, Floats] | None:
    """Return (intercept, slope) and their standard errors, or None where the likelihood has no maximum."""
    if died.all() or not died.any() or np.ptp(log_odds) == 0 or _are_separated(died, log_odds):
        return None
    fit = _binomial(died, np.column_stack([np.ones(len(log_odds)), log_odds]), weights=weights)
    return np.asarray(fit.params), np.asarray(fit.bse)


def _are_separated(died: Booleans, log_odds: Floats) -> bool:
    return bool(log_odds[died].min() >= log_odds[~died].max() or log_odds[died].max() <= log_odds[~died].min())


def _binomial(died: Booleans, design: Floats, offset: Floats | None = None, weights: Floats | None = None) -> Any:
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # extreme log odds overflow harmlessly inside the link
        return GLM(died.astype(float), design, family=Binomial(), offset=offset, freq_weights=weights).fit(
            maxiter=100, tol=1e-12
        )


def _wald(value: float, error: float, confidence: float) -> Interval:
    margin = normal_quantile(confidence) * error
    return Interval(value, value - margin, value + margin, "logistic regression, Wald")


def _bin_numbers(risk: Floats, rule: BinRule, bins: int) -> np.ndarray:
    if rule == "equal_width":
        return np.asarray(np.minimum((risk * bins).astype(int), bins - 1))
    edges = np.quantile(risk, np.linspace(0, 1, bins + 1)[1:-1])
    return np.searchsorted(edges, risk, side="right")
