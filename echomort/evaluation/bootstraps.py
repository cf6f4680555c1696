"""All bootstrapped figures of an evaluation, each set of rows resampled once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from echomort.evaluation.inputs import Booleans, expit
from echomort.evaluation.resampling import (
    Resampling,
    Statistic,
    WeightedAuc,
    WeightedAveragePrecision,
    clustered_bootstrap,
    difference,
    largest_gap,
    recovered,
    weighted_mean,
)
from echomort.evaluation.scored import Row, Scored
from echomort.vocabulary.metric_table import OUT_OF_FOLD


@dataclass
class Bootstraps:
    """Figures asked for so far, by the rows they need; figures on the same rows share resamples and areas."""

    plan: Resampling
    _asked: dict[bytes, list[tuple[Scored, str, str, str, Statistic]]] = field(default_factory=dict)
    _areas: dict[tuple[bytes, bytes, bool], WeightedAuc] = field(default_factory=dict)

    def ask(
        self, scored: Scored, metric: str, statistic: Statistic, evaluation: str = OUT_OF_FOLD, subset: str = "all"
    ) -> None:
        """Add the figure ``metric`` of ``scored``."""
        self._asked.setdefault(scored.row_set, []).append((scored, metric, subset, evaluation, statistic))

    def ask_gaps(self, scored: Scored, called: Booleans, variable: str, members: Sequence[Booleans]) -> None:
        """Add, between the groups of ``variable``, the largest gap in sensitivity and in specificity of the decisions
        ``called`` (n,)."""
        died, right = scored.died, called == scored.died
        gaps = {"sensitivity_gap": died, "specificity_gap": ~died}
        for metric, among in gaps.items():
            self.ask(scored, metric, largest_gap(right, [member & among for member in members]), subset=variable)

    def ask_discrimination(self, scored: Scored, oracles: dict[str, Scored]) -> None:
        """Add AUC, average precision, Brier score and, where the truth is known, soft AUC and headroom."""
        self.ask(scored, "auc_bootstrap", self._area(scored))
        self.ask(scored, "average_precision", WeightedAveragePrecision(scored.died, scored.score))
        if scored.is_odds:
            self.ask(scored, "brier", weighted_mean(np.square(expit(scored.score) - scored.died)))
        if scored.chance is None:
            return
        self.ask(scored, "soft_auc", self._area(scored, soft=True))
        for name, oracle in oracles.items():
            best = self._area(oracle.on_rows_of(scored), soft=True)
            self.ask(scored, f"headroom_{name.removeprefix('oracle_')}", recovered(self._area(scored, soft=True), best))

    def ask_difference(self, pair: Scored, second: Scored, evaluation: str) -> None:
        """Add the paired differences of AUC and soft AUC of two models on the same rows."""
        hard = difference(self._area(pair), self._area(second))
        self.ask(pair, "auc_difference_bootstrap", hard, evaluation)
        if pair.chance is not None:
            soft = difference(self._area(pair, soft=True), self._area(second, soft=True))
            self.ask(pair, "soft_auc_difference", soft, evaluation)

    def rows(self) -> Iterator[Row]:
        """Resample and yield a metric row for every figure asked for."""
        for asked in self._asked.values():
            statistics = {str(number): statistic for number, (*_, statistic) in enumerate(asked)}
            found = clustered_bootstrap(asked[0][0].rows["patient_key"], statistics, self.plan)
            for (scored, metric, subset, evaluation, _), interval in zip(asked, found.values(), strict=True):
                yield scored.row(metric, interval, subset, evaluation)

    def _area(self, scored: Scored, soft: bool = False) -> WeightedAuc:
        key = scored.row_set, scored.score.tobytes(), soft
        if key not in self._areas:
            self._areas[key] = WeightedAuc(scored.chance if soft else scored.died, scored.score)
        return self._areas[key]
