"""Paired tests of decisions on the same cases, and Holm's correction for several tests."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from echomort.evaluation.inputs import Floats, labels, numbers

Variant = Literal["exact", "corrected", "uncorrected"]


@dataclass(frozen=True)
class PairedTest:
    """Statistic (exact test: the smaller discordant count), two-sided p, degrees of freedom (exact test: 0)."""

    statistic: float
    p_value: float
    degrees: int


def mcnemar(a: Any, b: Any, variant: Variant = "exact") -> PairedTest:
    """Return McNemar's test of whether two decisions (n,) 0/1 (or their correctness) are positive equally often.

    ``exact`` is the binomial test on discordant pairs; the others are chi-squared with and without the continuity
    correction. p is 1 without a discordant pair.
    """
    first = labels(a)
    second = labels(b, len(first))
    only_a, only_b = int((first & ~second).sum()), int((~first & second).sum())
    degrees = 0 if variant == "exact" else 1
    if only_a + only_b == 0:
        return PairedTest(0.0, 1.0, degrees)
    from statsmodels.stats.contingency_tables import mcnemar as test

    result = test([[0, only_a], [only_b, 0]], exact=variant == "exact", correction=variant == "corrected")
    return PairedTest(float(result.statistic), min(float(result.pvalue), 1.0), degrees)


def cochran_q(*raters: Any) -> PairedTest:
    """Return Cochran's Q over two or more raters, each (n,) 0/1 on the same cases.

    With two raters it equals McNemar's test without the continuity correction. p is 1 where all raters agree on every
    case.
    """
    if len(raters) < 2:
        raise ValueError("Cochran's Q needs at least two raters")
    first = labels(raters[0])
    table = np.column_stack([first, *(labels(rater, len(first)) for rater in raters[1:])]).astype(int)
    if (table == table[:, :1]).all():
        return PairedTest(0.0, 1.0, len(raters) - 1)
    from statsmodels.stats.contingency_tables import cochrans_q

    result = cochrans_q(table)
    return PairedTest(float(result.statistic), float(result.pvalue), len(raters) - 1)


def holm(p_values: Any) -> Floats:
    """Return Holm's adjusted p values in the order of ``p_values``; NaN stays NaN and does not count as a test."""
    values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(len(values), math.nan)
    tested = np.flatnonzero(~np.isnan(values))
    if len(tested):
        order = tested[np.argsort(numbers("p_values", values[tested]), kind="stable")]
        factors = np.arange(len(order), 0, -1)
        adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return adjusted
