"""The bootstrapped metrics of an evaluation: each set of rows is resampled once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from echomort.evaluation.interval import Interval, of_a_distance
from echomort.evaluation.metric import Metric
from echomort.evaluation.resampling import Resampling, Statistic, WeightedAuc, clustered_bootstrap
from echomort.evaluation.scored import ScoredRows
from echomort.vocabulary.metric_table import OUT_OF_FOLD, WHOLE, MetricRow


@dataclass(frozen=True)
class Bootstrapped:
    """A request: ``metric`` of ``scored``, computed by ``statistic`` on resamples of its rows.

    ``how`` is put before the method. ``is_distance``: a distance from 0, with limits of their own. ``exact``
    is the value on all rows, where the statistic saves time and is a little off.
    """

    scored: ScoredRows
    metric: Metric
    statistic: Statistic
    subset: str = WHOLE
    evaluation: str = OUT_OF_FOLD
    how: str = ""
    is_distance: bool = False
    exact: float | None = None

    def row(self, interval: Interval) -> MetricRow:
        """Return the row of the metric table, with the percentile ``interval`` of its statistic."""
        if self.exact is not None:
            interval = replace(interval, value=self.exact)
        if self.is_distance and np.isfinite(interval.low):
            interval = of_a_distance(interval, DISTANCE_METHOD)
        method = "; ".join(filter(None, (self.how, interval.method)))
        return self.scored.row(self.metric, replace(interval, method=method), self.subset, self.evaluation)


DISTANCE_METHOD = "patient bootstrap, the wider of basic and percentile"


@dataclass(frozen=True)
class SharedAucs:
    """AUCs as statistics. Each is built once, so that metrics of the same score share its values on the resamples."""

    _built: dict[tuple[bytes, bytes, bool], WeightedAuc] = field(default_factory=dict)

    def auc(self, scored: ScoredRows, soft: bool = False) -> WeightedAuc:
        """Return the AUC of ``scored``; with ``soft``, against the true probabilities of death."""
        key = scored.row_set_key, scored.score.tobytes(), soft
        if key not in self._built:
            self._built[key] = WeightedAuc(scored.true_risk if soft else scored.died, scored.score)
        return self._built[key]


def bootstrapped_rows(figures: Iterable[Bootstrapped], plan: Resampling) -> Iterator[MetricRow]:
    """Resample and yield one row a figure. Figures on the same rows share resamples and follow one another."""
    by_rows: dict[bytes, list[Bootstrapped]] = {}
    for figure in figures:
        by_rows.setdefault(figure.scored.row_set_key, []).append(figure)
    for group in by_rows.values():
        statistics = {str(number): figure.statistic for number, figure in enumerate(group)}
        intervals = clustered_bootstrap(group[0].scored.rows["patient_key"], statistics, plan)
        for figure, interval in zip(group, intervals.values(), strict=True):
            yield figure.row(interval)
