"""A figure with its interval."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An estimate, its confidence limits, how they were made, and what a reader must know where that is not usual.

    Undefined figures (one class only, no discordant pair) are NaN with a ``note``, never an exception.
    """

    value: float
    low: float
    high: float
    method: str
    note: str | None = None


def undefined(method: str, note: str) -> Interval:
    """Return the interval of a figure that the data do not define."""
    return Interval(float("nan"), float("nan"), float("nan"), method, note)


def bare(value: float, method: str) -> Interval:
    """Return the interval of a figure without limits."""
    return Interval(value, float("nan"), float("nan"), method)


def normal_quantile(confidence: float) -> float:
    """Return z such that a standard normal lies within +-z with probability ``confidence``."""
    from statistics import NormalDist

    if not 0 < confidence < 1:
        raise ValueError("confidence must lie between 0 and 1")
    return NormalDist().inv_cdf(0.5 + confidence / 2)
