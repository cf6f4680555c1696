"""Calibration of predicted risks, as scored and after recalibration on the other folds."""

import math
from collections.abc import Iterator

import numpy as np

from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.calibration import calibration_figures, integrated_calibration_index
from echomort.evaluation.evaluated import EvaluatedModel
from echomort.evaluation.inputs import Floats, expit
from echomort.evaluation.interval import without_limits
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import Figures, MetricFamily
from echomort.evaluation.resampling import weighted_mean
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED, MetricRow

SECTION = "calibration"

SLOPE = Metric("calibration_slope", "Slope", 2, None, 1, SECTION)
IN_THE_LARGE = Metric("calibration_in_the_large", "In the large", 2, None, 0, SECTION)
OBSERVED_EXPECTED = Metric("observed_expected", "Observed / expected", 2, None, 1, SECTION)
BRIER = Metric("brier", "Brier", 3, "lower", 0, SECTION, shows_limits=False)
ICI = Metric("ici", "ICI", 3, "lower", 0, SECTION)
E90 = Metric("e90", "E90", 3, "lower", 0, SECTION)
ECE_QUANTILE = Metric("ece_quantile", "ECE", 3, "lower", 0, SECTION)
ECE_WIDTH = Metric("ece_width", "ECE, equal width", 3, "lower", 0)
E50 = Metric("e50", "E50", 3, "lower", 0)
EMAX = Metric("emax", "Emax", 3, "lower", 0)

LOESS = "loess, span 0.75, degree 2"
METHODS = {
    BRIER: "mean squared error",
    ECE_WIDTH: "10 bins of equal width",
    ECE_QUANTILE: "10 bins at quantiles",
    E50: LOESS,
    E90: LOESS,
    EMAX: LOESS,
}
"""Metric without confidence limits -> how it is computed, in the order of the rows."""


def calibration(model: EvaluatedModel) -> Figures:
    """Yield the calibration as scored and recalibrated; none for a score of another outcome, or one that only ranks."""
    scored = model.scored
    if model.has_decisions and model.recalibrated is None:
        yield scored.row(SLOPE, without_limits(math.nan, "not applicable: a ranking, or another outcome"))
    elif model.has_decisions and model.recalibrated is not None:
        yield from _figures(model, expit(scored.score), OUT_OF_FOLD)
        yield from _figures(model, model.recalibrated, RECALIBRATED)
    if model.has_all_metrics and scored.is_log_odds:
        yield Bootstrapped(scored, BRIER, weighted_mean(np.square(expit(scored.score) - scored.died)))


def _figures(model: EvaluatedModel, risk: Floats, evaluation: str) -> Iterator[MetricRow | Bootstrapped]:
    scored = model.scored
    figures = calibration_figures(scored.died, risk, model.settings.confidence)
    yield scored.row(SLOPE, figures.slope, evaluation=evaluation)
    yield scored.row(IN_THE_LARGE, figures.in_the_large, evaluation=evaluation)
    yield scored.row(OBSERVED_EXPECTED, figures.observed_expected, evaluation=evaluation)
    ici = integrated_calibration_index(scored.died, risk)
    yield Bootstrapped(scored, ICI, ici, evaluation=evaluation, how=LOESS, is_distance=True, exact=figures.ici)
    for metric, method in METHODS.items():
        if metric != BRIER or evaluation != OUT_OF_FOLD:  # the Brier score out of fold is bootstrapped
            yield scored.row(metric, without_limits(getattr(figures, metric.name), method), evaluation=evaluation)


METRIC_FAMILY = MetricFamily(
    (SLOPE, IN_THE_LARGE, OBSERVED_EXPECTED, BRIER, ICI, E90, ECE_QUANTILE, ECE_WIDTH, E50, EMAX),
    30,
    of_model=calibration,
)
