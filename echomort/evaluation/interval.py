"""An estimate with its confidence interval."""

from dataclasses import dataclass, replace

ONE_CLASS = "one class only"
"""Note of an estimate on rows that all died, or all survived."""


@dataclass(frozen=True)
class Interval:
    """An estimate, its confidence limits, the method, and a note where the result needs an explanation.

    An undefined estimate (one class only, no discordant pair) is NaN with a ``note``; nothing is raised.
    """

    value: float
    low: float
    high: float
    method: str
    note: str | None = None


def reflected(interval: Interval, method: str) -> Interval:
    """Return the basic bootstrap interval of a distance from 0, from its percentile ``interval``: the limits reflected
    about the estimate, and cut at 0. Resampling makes a distance larger than it is, so that percentiles never reach
    0, not even for a model that is calibrated perfectly. Where the distance is 0 or nearly so, the reflected limits
    hold it less often than they say (0 itself: 7 of 10 intervals of 95 %)."""
    low, high = (max(0.0, 2 * interval.value - limit) for limit in (interval.high, interval.low))
    return replace(interval, low=low, high=high, method=method)


def undefined_interval(method: str, note: str) -> Interval:
    """Return NaN with ``note``, for an estimate that is not defined on the data."""
    return Interval(float("nan"), float("nan"), float("nan"), method, note)


def without_limits(value: float, method: str) -> Interval:
    """Return ``value`` without limits (NaN)."""
    return Interval(value, float("nan"), float("nan"), method)


def normal_quantile(confidence: float) -> float:
    """Return z such that a standard normal lies within +-z with probability ``confidence``."""
    from statistics import NormalDist

    if not 0 < confidence < 1:
        raise ValueError("confidence must lie between 0 and 1")
    return NormalDist().inv_cdf(0.5 + confidence / 2)
