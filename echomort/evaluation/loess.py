"""Loess: local quadratic regression on one variable (Cleveland & Devlin, J. Am. Stat. Assoc. 1988;83:596).

Equal to R's ``loess(y ~ x, span = 0.75, degree = 2, family = "gaussian")`` with ``surface = "direct"``: R's defaults,
with which Austin & Steyerberg (Stat. Med. 2019;38:4051) define the integrated calibration index, without the
interpolation that R uses to save time.
"""

import numpy as np
from numpy.typing import NDArray

from echomort.evaluation.inputs import Floats

SPAN = 0.75
"""Share of the rows in a neighbourhood: R's default, and Austin & Steyerberg's."""
LARGEST_EXACT = 500
"""Different values of x up to which each has a fit of its own. Chosen here, to keep the cost linear."""
GROUPS = 1000
"""Beyond that, rows are averaged in this many groups of like x. Chosen here, as are the knots."""
KNOTS = 51
"""And fits at this many quantiles and this many even steps, joined by straight lines. Chosen here: on 20,000
rows within 0.0005 of fits of all rows at every row (tests/evaluation/test_calibration.py)."""
SAME = 1e-12
"""Distance below which two values of x are one: their mean may be off by rounding."""
LEAST_DETERMINANT = 1e-10
"""Share of the product of its diagonal below which a local regression's determinant is taken for 0. Chosen here, well
above float64's rounding."""


class Loess:
    """The loess curve of ``y`` (n,) on ``x`` (n,), for any weights of the rows.

    Weights are frequencies: how often a row counts. The widths of the neighbourhoods are those of equal weights, so
    that a curve is linear in ``y`` and many resamples cost one matrix product.
    """

    def __init__(self, x: Floats, y: Floats, knots: Floats | None = None) -> None:
        self._x, self._y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        self.knots = _knots(self._x) if knots is None else knots
        """Values of x (k,), ascending, at which the curve is fitted."""
        self._widths = _widths(self._x, self.knots)
        self._order = np.argsort(self._x, kind="stable")
        self._starts = _starts(self._x[self._order])

    def at_knots(self, weights: Floats) -> Floats:
        """Return the curves (resamples, k) at :attr:`knots` for row ``weights`` (resamples, n); NaN where nothing of a
        neighbourhood is left."""
        rows, deaths = self._grouped(weights), self._grouped(weights * self._y)
        away, kernel = self._kernel()
        moments = [rows @ (kernel * away**power).T for power in range(5)]
        responses = [deaths @ (kernel * away**power).T for power in range(3)]
        return _intercepts(moments, responses)

    def _grouped(self, weights: Floats) -> Floats:
        """Return the sums (resamples, groups) of ``weights`` (resamples, n) over rows of like x."""
        return np.asarray(np.add.reduceat(weights[:, self._order], self._starts, axis=1))

    def _kernel(self) -> tuple[Floats, Floats]:
        """Return the distance of each group of rows from each knot in widths of its neighbourhood, and its tricube
        weight, both (k, groups)."""
        size = np.diff(np.append(self._starts, len(self._x)))
        middle = np.add.reduceat(self._x[self._order], self._starts) / size
        near = self._widths[:, None] > 0
        away = (middle - self.knots[:, None]) / np.where(near, self._widths[:, None], 1.0)
        tricube = np.clip(1 - np.abs(away) ** 3, 0, None) ** 3
        return away, np.where(near, tricube, (np.abs(away) < SAME).astype(float))

    def at_rows(self, weights: Floats) -> Floats:
        """Return the curves (resamples, n) at the rows, straight between the knots."""
        curves = self.at_knots(weights)
        if len(self.knots) == 1:
            return np.repeat(curves, len(self._x), axis=1)
        right = np.clip(np.searchsorted(self.knots, self._x), 1, len(self.knots) - 1)
        left = right - 1
        share = (self._x - self.knots[left]) / (self.knots[right] - self.knots[left])
        return curves[:, left] * (1 - share) + curves[:, right] * share


def loess(x: Floats, y: Floats) -> Floats:
    """Return the curve (n,) of ``y`` (n,) on ``x`` (n,) at the rows; see the module."""
    if not len(x):
        return np.empty(0)
    return np.asarray(Loess(x, y).at_rows(np.ones((1, len(x))))[0])


def few_knots(x: Floats) -> Floats:
    """Return values of x, at most twice :data:`KNOTS`, between which a curve on ``x`` (n,) is next to straight."""
    different = np.unique(x)
    if len(different) <= 2 * KNOTS:
        return different
    return np.unique([*np.quantile(x, np.linspace(0, 1, KNOTS)), *np.linspace(x.min(), x.max(), KNOTS)])


def _knots(x: Floats) -> Floats:
    different = np.unique(x)
    return different if len(different) <= LARGEST_EXACT else few_knots(x)


def _starts(x: Floats) -> NDArray[np.intp]:
    """Return where each group of like values of ``x`` (n,), ascending, begins."""
    different = np.flatnonzero(np.append(True, np.diff(x) > 0))
    if len(different) <= LARGEST_EXACT:
        return different
    return np.unique(np.linspace(0, len(x), GROUPS, endpoint=False).astype(np.intp))


def _widths(x: Floats, knots: Floats) -> Floats:
    """Return the distance (k,) of the farthest row in each knot's neighbourhood; 0 where all are at the knot."""
    neighbours = max(1, min(len(x), int(SPAN * len(x) + 1e-5)))
    return np.array([np.partition(np.abs(x - knot), neighbours - 1)[neighbours - 1] for knot in knots])


def _intercepts(moments: list[Floats], responses: list[Floats]) -> Floats:
    """Return the value at the knot of each local regression: quadratic, straight where the rows do not define that, or
    their mean."""
    (s0, s1, s2, s3, s4), (t0, t1, t2) = moments, responses
    first, second, third = s2 * s4 - s3**2, s1 * s4 - s2 * s3, s1 * s3 - s2**2
    determinant = s0 * first - s1 * second + s2 * third
    curved = _quotient(t0 * first - t1 * second + t2 * third, determinant, s0 * s2 * s4)
    straight = _quotient(t0 * s2 - t1 * s1, s0 * s2 - s1**2, s0 * s2)
    mean = np.divide(t0, s0, out=np.full_like(s0, np.nan), where=s0 > 0)
    return np.where(np.isnan(curved), np.where(np.isnan(straight), mean, straight), curved)


def _quotient(numerator: Floats, determinant: Floats, scale: Floats) -> Floats:
    defined = (scale > 0) & (determinant > LEAST_DETERMINANT * scale)
    return np.divide(numerator, determinant, out=np.full_like(scale, np.nan), where=defined)
