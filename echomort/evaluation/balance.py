"""Standardised mean differences between two groups of patients. Austin, Stat Med 2009;28:3083, equations 1 and 2."""

from typing import Any

import numpy as np

from echomort.evaluation.inputs import numbers


def standardised_difference(first: Any, second: Any, is_binary: bool) -> float:
    """Return the difference of the means, first less second, in units of the pooled standard deviation.

    Both are vectors without missing values; of binary ones (0 or 1) the standard deviation is that of the proportion.
    NaN where a group has fewer than two values, or where nothing varies but the means differ.
    """
    groups = numbers("first", first), numbers("second", second)
    if min(map(len, groups)) < 2:
        return float("nan")
    means = [float(group.mean()) for group in groups]
    proportions, samples = [mean * (1 - mean) for mean in means], [float(group.var(ddof=1)) for group in groups]
    variances = proportions if is_binary else samples
    difference, pooled = means[0] - means[1], float(np.sqrt(np.mean(variances)))
    if pooled > 0:
        return difference / pooled
    return 0.0 if difference == 0 else float("nan")
