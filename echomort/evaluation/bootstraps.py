"""All bootstrapped figures of an evaluation, each set of rows resampled once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from echomort.evaluation.metric import Metric
from echomort.evaluation.resampling import Resampling, Statistic, WeightedAuc, clustered_bootstrap
from echomort.evaluation.scored import Scored
from echomort.vocabulary.metric_table import OUT_OF_FOLD, WHOLE, MetricRow


@dataclass(frozen=True)
class Bootstrapped:
    """A figure that the bootstrap is to find: ``metric`` of ``scored``, by ``statistic`` on resamples of its rows."""

    scored: Scored
    metric: Metric
    statistic: Statistic
    subset: str = WHOLE
    evaluation: str = OUT_OF_FOLD


@dataclass(frozen=True)
class Areas:
    """Areas under the curve as statistics, each made once, so that figures of the same score share resampled areas."""

    _made: dict[tuple[bytes, bytes, bool], WeightedAuc] = field(default_factory=dict)

    def of(self, scored: Scored, soft: bool = False) -> WeightedAuc:
        """Return the AUC of ``scored``, or with ``soft`` that against the true probabilities of death."""
        key = scored.row_set, scored.score.tobytes(), soft
        if key not in self._made:
            self._made[key] = WeightedAuc(scored.chance if soft else scored.died, scored.score)
        return self._made[key]


def bootstrapped_rows(figures: Iterable[Bootstrapped], plan: Resampling) -> Iterator[MetricRow]:
    """Resample and yield the row of every figure; figures on the same rows share resamples and stand together."""
    by_rows: dict[bytes, list[Bootstrapped]] = {}
    for figure in figures:
        by_rows.setdefault(figure.scored.row_set, []).append(figure)
    for same in by_rows.values():
        statistics = {str(number): figure.statistic for number, figure in enumerate(same)}
        found = clustered_bootstrap(same[0].scored.rows["patient_key"], statistics, plan)
        for figure, interval in zip(same, found.values(), strict=True):
            yield figure.scored.row(figure.metric, interval, figure.subset, figure.evaluation)
