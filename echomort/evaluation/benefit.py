"""Net benefit of acting on a probability (Vickers AJ, Elkin EB, Med Decis Making 2006;26:565)."""

from typing import Any

import numpy as np

from echomort.evaluation.inputs import Floats, labels, probabilities
from echomort.evaluation.resampling import Statistic, weighted_means


def net_benefit(y: Any, probability: Any, threshold: float) -> float:
    """Return net benefit of treating where ``probability`` >= ``threshold``: TP/n - FP/n * odds(threshold)."""
    return float(benefits(y, probability, threshold).mean())


def benefits(y: Any, probability: Any, threshold: float) -> Floats:
    """Return the benefit (n,) of each row, whose mean is the net benefit: 1 for a death that is treated, less the odds
    of ``threshold`` for a survivor who is."""
    died = labels(y)
    treated = probabilities("probability", probability, len(died)) >= _checked(threshold)
    return np.where(treated, np.where(died, 1.0, -threshold / (1 - threshold)), 0.0)


def net_benefit_treat_all(y: Any, threshold: float) -> float:
    """Return net benefit of treating everyone (treating no one is worth 0)."""
    died = labels(y)
    return net_benefit(died, np.ones(len(died)), threshold)


def decision_curve(y: Any, probability: Any, thresholds: Any) -> Floats:
    """Return net benefit (t,) at each of ``thresholds`` (t,)."""
    return np.array([net_benefit(y, probability, float(threshold)) for threshold in np.asarray(thresholds)])


def decision_statistic(y: Any, probability: Any, thresholds: Any) -> Statistic:
    """Return net benefit as a statistic: weights (resamples, n) -> (resamples, t), at each of ``thresholds`` (t,)."""
    return weighted_means(np.stack([benefits(y, probability, float(one)) for one in np.asarray(thresholds)]))


def _checked(threshold: float) -> float:
    if not 0 < threshold < 1:
        raise ValueError("a decision threshold lies between 0 and 1")
    return threshold
