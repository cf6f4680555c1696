"""The words for a difference of two models: one rule for every sentence of the report.

A difference is called higher or lower only where its interval excludes 0 and, where its p is corrected for several
tests, the corrected p is below the level of the report. Interval and p are of pooled AUCs, in which the scales of the
folds' models have a part: the difference within folds, where they have none, must be no nearer to 0 than the interval.
Everything else is no clear difference.
"""

import math
from dataclasses import dataclass, replace

from echomort.evaluation.metrics.comparisons import (
    AUC_DIFFERENCE,
    AUC_DIFFERENCE_WITHIN,
    DELONG_P_HOLM,
    holm_family,
)
from echomort.report.numbers import Figure, Numbers
from echomort.report.words import counted, number, p_phrase, signed, span
from echomort.vocabulary.metric_table import COMPARISON

UNCLEAR = "no clear difference"
RULE = (
    "Higher and lower are said where the interval of the difference excludes 0, its p, corrected for the other tests "
    "of its family, is below {level}, and the difference within folds is no nearer to 0 than the interval; all else is "
    "no clear difference. Intervals and p values are of pooled AUCs."
)


@dataclass(frozen=True)
class Difference:
    """A difference of two models, the first less the second, with the ``p_value`` after Holm's correction over the
    ``tests`` of its ``family``, and the difference ``within`` folds; NaN where there is none."""

    figure: Figure
    level: str
    significance: float
    p_value: float = math.nan
    tests: int = 0
    family: str = ""
    within: float = math.nan

    @property
    def direction(self) -> str:
        """``higher``, ``lower`` or ``no clear difference``."""
        if not math.isnan(self.p_value) and self.p_value >= self.significance:
            return UNCLEAR
        if self.figure.low > 0 and not self.within < self.figure.low:
            return "higher"
        return "lower" if self.figure.high < 0 and not self.within > self.figure.high else UNCLEAR

    @property
    def words(self) -> str:
        """``higher by 0.031 (95 % interval 0.010 to 0.052, p = 0.004 corrected over 5 tests)``."""
        limits = span(self.figure.low, self.figure.high)
        inside = [f"{self.level} interval {limits}" if limits else "no interval"]
        if not math.isnan(self.p_value):
            inside.append(f"{p_phrase(self.p_value)} corrected over {counted(self.tests, 'test')}")
        if not math.isnan(self.within):
            inside.append(f"within folds {signed(self.within)}")
        if self.direction == UNCLEAR:
            return f"{UNCLEAR} ({signed(self.figure.value)}, {', '.join(inside)})"
        return f"{self.direction} by {number(abs(self.figure.value))} ({', '.join(inside)})"


def difference(numbers: Numbers, first: str, second: str, metric: str, subset: str = "all") -> Difference | None:
    """Return the difference of ``metric`` between two models in the metric table; None where it is not there.

    It is found in either order: the table may have the second model less the first.
    """
    for pair, sign in ((f"{first} vs {second}", 1), (f"{second} vs {first}", -1)):
        figure = numbers.get(pair, metric, subset, COMPARISON)
        if figure.is_known:
            return Difference(figure if sign > 0 else _reversed(figure), numbers.level, numbers.significance)
    return None


def auc_difference(numbers: Numbers, first: str, second: str) -> Difference | None:
    """Return the difference of two AUCs with its corrected p and that within folds; None where the two were not
    compared."""
    found = difference(numbers, first, second, AUC_DIFFERENCE.name)
    within = difference(numbers, first, second, AUC_DIFFERENCE_WITHIN.name)
    if found and within:
        found = replace(found, within=within.figure.value)
    for pair in (f"{first} vs {second}", f"{second} vs {first}"):
        test = numbers.get(pair, DELONG_P_HOLM.name, evaluation=COMPARISON)
        if found and test.is_known:
            family, tests = holm_family(test.method)
            return replace(found, p_value=test.value, tests=tests, family=family)
    return found


def _reversed(figure: Figure) -> Figure:
    return replace(figure, value=-figure.value, low=-figure.high, high=-figure.low)
