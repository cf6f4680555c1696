"""Sample sizes: how many patients it takes to develop, and to evaluate, a model of a binary outcome.

Development: Riley et al., Stat Med 2019;38:1276 and BMJ 2020;368:m441 (pmsampsize); the Cox-Snell R2 from a C
statistic: Riley, Van Calster, Collins, Stat Med 2021;40:859. Evaluation: Riley et al., Stat Med 2021;40:4230
(pmvalsampsize). The formulas hold for regression; trees and networks need more.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from echomort.evaluation.inputs import Floats, expit, logit, numbers
from echomort.evaluation.interval import normal_quantile

SHRINKAGE = 0.9
"""Factor by which effects shrink in new patients, at least (0 to 1): at most 10 % overfitting. Riley et al. 2020."""
OPTIMISM = 0.05
"""Largest optimism in Nagelkerke's R2. Riley et al. 2020."""
RISK_MARGIN = 0.05
"""Largest margin of error of the overall risk, a probability. Riley et al. 2020."""
OE_WIDTH, SLOPE_WIDTH, C_WIDTH = 0.2, 0.2, 0.1
"""Widths of the 95 % intervals of observed / expected, of the calibration slope and of the C statistic that an
evaluation should reach: the defaults of pmvalsampsize."""
LARGEST = 10**9
"""Patients: a larger minimum is not searched for. Chosen here: more than any archive has."""

_GRID = np.linspace(-12, 12, 4801)
"""Points of numerical integration, in standard deviations; the error is below 1e-9."""


@dataclass(frozen=True)
class DevelopmentSize:
    """The fewest patients for each criterion, and for all of them (``needed``)."""

    shrinkage: int
    optimism: int
    overall_risk: int

    @property
    def needed(self) -> int:
        """The fewest patients that meet every criterion."""
        return max(self.shrinkage, self.optimism, self.overall_risk)


@dataclass(frozen=True)
class Precision:
    """A figure of an evaluation: the ``target`` width of its 95 % interval, the fewest patients that reach it (None:
    more than :data:`LARGEST`), and the width that is expected with the patients at hand."""

    figure: str
    target: float
    needed: int | None
    width: float


def development_size(r2: float, parameters: int, prevalence: float) -> DevelopmentSize:
    """Return the fewest patients to develop a model with ``parameters`` candidate parameters.

    ``r2``: the Cox-Snell R2 that is expected of it; ``prevalence``: the share of deaths, within (0, 1). Raises
    :class:`ValueError` where ``r2`` is not above 0, or as high as no model's at that prevalence can be.
    """
    _check_share("prevalence", prevalence)
    most = highest_r2(prevalence)
    if not 0 < r2 < min(most, SHRINKAGE):
        raise ValueError(f"a Cox-Snell R2 lies between 0 and {most:.3f} at this prevalence")
    return DevelopmentSize(
        _patients_for_shrinkage(r2, parameters, SHRINKAGE),
        _patients_for_shrinkage(r2, parameters, r2 / (r2 + OPTIMISM * most)),
        math.ceil((normal_quantile(0.95) / RISK_MARGIN) ** 2 * prevalence * (1 - prevalence)),
    )


def _patients_for_shrinkage(r2: float, parameters: int, shrinkage: float) -> int:
    return math.ceil(parameters / ((shrinkage - 1) * math.log1p(-r2 / shrinkage)))


def highest_r2(prevalence: float) -> float:
    """Return the Cox-Snell R2 of a perfect model at ``prevalence``: Nagelkerke's R2 is the share of it."""
    return 1 - math.exp(2 * _log_likelihood(prevalence))


def _log_likelihood(prevalence: float) -> float:
    """Return the mean log likelihood of the same risk, ``prevalence``, for all."""
    return prevalence * math.log(prevalence) + (1 - prevalence) * math.log1p(-prevalence)


def r2_from_c(c_statistic: float, prevalence: float) -> float:
    """Return the Cox-Snell R2 of a model with ``c_statistic``, within (0.5, 1), whose linear predictor is normal with
    equal variance among those who die and those who live; by integration, where the paper simulates."""
    _check_share("prevalence", prevalence)
    predictor, weight = _binormal(c_statistic, prevalence)
    risk = expit(predictor)
    gain = -weight @ (risk * np.logaddexp(0, -predictor) + (1 - risk) * np.logaddexp(0, predictor))
    return 1 - math.exp(2 * (_log_likelihood(prevalence) - float(gain)))


def _binormal(c_statistic: float, prevalence: float) -> tuple[Floats, Floats]:
    """Return linear predictors and their weights (sum 1) where deaths are ``distance`` standard deviations higher."""
    if not 0.5 < c_statistic < 1:
        raise ValueError("the C statistic must lie between 0.5 and 1")
    distance = math.sqrt(2) * normal_quantile(2 * c_statistic - 1)
    position = _GRID + distance / 2
    lived, died = np.exp(-(position**2) / 2), np.exp(-((position - distance) ** 2) / 2)
    weight = (1 - prevalence) * lived + prevalence * died
    return logit(np.array([prevalence])) + distance * position - distance**2 / 2, weight / weight.sum()


def evaluation_precision(predictor: Any, c_statistic: float, prevalence: float, patients: int) -> list[Precision]:
    """Return how precise an evaluation with ``patients`` is, and how many it would take: observed / expected,
    calibration slope, C statistic.

    ``predictor`` (n,): calibrated log odds, as they are expected of the patients; n is not the sample size.
    """
    _check_share("prevalence", prevalence)
    slope = _slope_error(numbers("predictor", predictor))
    z = normal_quantile(0.95)
    widths: dict[str, tuple[float, Callable[[float], float]]] = {
        "observed / expected": (OE_WIDTH, lambda n: 2 * math.sinh(min(z * _oe_error(prevalence, n), 700.0))),
        "calibration slope": (SLOPE_WIDTH, lambda n: 2 * z * slope / math.sqrt(n)),
    }
    found = [
        Precision(name, target, _fewest(width, target), width(patients)) for name, (target, width) in widths.items()
    ]
    return [*found, c_precision(c_statistic, prevalence, patients)]


def c_precision(c_statistic: float, prevalence: float, patients: int) -> Precision:
    """Return how precise the C statistic of an evaluation with ``patients`` is, and how many it would take."""
    _check_share("prevalence", prevalence)
    _check_share("C statistic", c_statistic)

    def width(n: float) -> float:
        return 2 * normal_quantile(0.95) * _c_error(c_statistic, prevalence, n)

    return Precision("C statistic", C_WIDTH, _fewest(width, C_WIDTH), width(patients))


def _oe_error(prevalence: float, patients: float) -> float:
    """Return the standard error of log(observed / expected). Riley et al. 2021, section 3.1."""
    return math.sqrt((1 - prevalence) / (prevalence * patients))


def _slope_error(predictor: Floats) -> float:
    """Return the standard error of the calibration slope times the root of n, by Fisher's information at slope 1.
    Infinite where the predictor has one value. Riley et al. 2021, section 3.2."""
    spread = expit(predictor) * expit(-predictor)
    whole, first, second = (float(np.mean(spread * predictor**power)) for power in (0, 1, 2))
    determinant = whole * second - first**2
    return math.sqrt(whole / determinant) if determinant > 0 else math.inf


def _c_error(c: float, prevalence: float, patients: float) -> float:
    """Return the standard error of the C statistic. Newcombe, Stat Med 2006;25:559, method 4."""
    half = patients / 2 - 1
    variance = c * (1 - c) * (1 + half * ((1 - c) / (2 - c) + c / (1 + c)))
    return math.sqrt(max(variance, 0.0) / (patients**2 * prevalence * (1 - prevalence)))


def _fewest(width: Callable[[float], float], target: float) -> int | None:
    """Return the fewest patients with ``width`` at most ``target``, by bisection: widths fall as patients grow."""
    low, high = 2, LARGEST
    if width(high) > target:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if width(middle) <= target else (middle + 1, high)
    return low


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"the {name} must lie between 0 and 1")
