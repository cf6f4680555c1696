"""Metrics by name, with small groups suppressed before anything can print them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from echomort.evaluation.metrics.coverage import SCORED_SHARE
from echomort.evaluation.metrics.discrimination import AUC_WITHIN_FOLDS
from echomort.evaluation.too_few import NO_RESULT, SUPPRESSED, has_too_few, no_result, suppressed, too_few_words
from echomort.report.disclosure import Counts, groups_with_figures
from echomort.report.words import ModelWords, count, counted, model_words, span
from echomort.vocabulary.metric_table import (
    COLUMNS,
    COMPARISON,
    CONTROL,
    COVERAGE,
    HELD_OUT,
    IMPORTANCE,
    NULL,
    OF_STUDIES,
    OUT_OF_FOLD,
    RECALIBRATED,
    SHIFTED,
    WHOLE,
)

NOT_MODELS = frozenset({"cohort"})
"""Values of the column ``model`` that name no model."""
KINDS_BEST_FIRST = ("fusion", "video", "view", "ehr", "score")
"""Kinds of model in the order in which :meth:`Numbers.best` prefers them: that with the most inputs first. The order is
fixed, whatever their results."""
BESIDE_A_SMALL_ONE = f"{SUPPRESSED}: it would reveal a group with few deaths or survivors"
"""How the method of a group begins that is withheld with a small one."""
RESULTS = frozenset({OUT_OF_FOLD, RECALIBRATED, SHIFTED, COMPARISON, NULL, CONTROL, IMPORTANCE})
"""Evaluations whose figures are results, and none with too few deaths or survivors."""
Key = tuple[str, str, str, str]
"""A row of the metric table: evaluation, model, subset, metric."""


@dataclass(frozen=True)
class Figure:
    """One row of the metric table."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int | None = None
    events: int | None = None
    method: str = ""
    of_studies: bool = False
    """Whether ``n`` counts studies; else it counts patients, with one study each."""

    @property
    def is_known(self) -> bool:
        """Whether the value is a finite number."""
        return math.isfinite(self.value)

    @property
    def counts_text(self) -> str:
        """``410 patients, 103 deaths``, or nothing where the counts are not known."""
        if self.n is None or self.events is None:
            return ""
        if self.of_studies:
            return f"{counted(self.n, 'study', 'studies')}, {count(self.events)} before a death"
        return f"{counted(self.n, 'patient')}, {counted(self.events, 'death')}"

    @property
    def percent_limits(self) -> str:
        """The limits of a share, in per cent."""
        return span(100 * self.low, 100 * self.high, 0)

    @property
    def is_suppressed(self) -> bool:
        """Whether the group is too small to be printed."""
        return self.method.startswith(SUPPRESSED)

    @property
    def is_no_result(self) -> bool:
        """Whether the figure is withheld since too few of all patients died or survived; the counts are known."""
        return self.method.startswith(NO_RESULT)

    @property
    def few_words(self) -> str:
        """``too few deaths (4)``, of a figure that is no result; the reason alone where the counts are not known."""
        if self.n is None or self.events is None:
            return self.method.partition(": ")[2]
        return too_few_words(self.n, self.events)


class Numbers:
    """A metric table (``vocabulary.metric_table``) by names; a figure that is not in it has the value NaN.

    Groups (``subset`` has a ``=``) with fewer than ``suppress_below`` deaths or survivors are suppressed, with the
    groups that would reveal them by subtraction, and so are clinical scores whose patients are too few: their figures
    have no value. Nor have those of any other model with too few (:mod:`echomort.evaluation.too_few`), whose counts
    are given. ``confidence`` is the level of the table's intervals.
    """

    def __init__(self, metrics: pd.DataFrame, suppress_below: int = 10, confidence: float = 0.95) -> None:
        frame = metrics.reindex(columns=list(COLUMNS))
        self.least = suppress_below
        self.level = f"{100 * confidence:g} %"
        self.significance = 1 - confidence
        rows: dict[Key, Figure] = {
            (str(row[0]), str(row[1]), str(row[2]), str(row[3])): _figure(str(row[0]), row[4:])
            for row in frame.itertuples(index=False, name=None)
        }
        reasons = _reasons_to_withhold(rows, suppress_below)
        whole = {key[1] for key, figure in rows.items() if figure.is_suppressed and key[2] == WHOLE}
        self._rows = {
            key: _withheld(figure, reasons[key], suppress_below)
            if key in reasons
            else replace(figure, events=None)
            if key[1] in whole and key[0] != HELD_OUT
            else figure
            for key, figure in rows.items()
        }

    def get(self, model: str, metric: str, subset: str = "all", evaluation: str = OUT_OF_FOLD) -> Figure:
        """Return one figure, NaN where the table lacks it."""
        return self._rows.get((evaluation, model, subset, metric), Figure())

    def auc(self, model: str) -> Figure:
        """Return the AUC of ``model`` over all its rows; of the permuted null, its mean over permutations."""
        return self.get(model, "auc", evaluation=NULL if model_words(model).kind == "null" else OUT_OF_FOLD)

    def auc_within_folds(self, model: str) -> Figure:
        """Return the AUC of ``model`` over the pairs of a death and a survivor of the same fold."""
        return self.get(model, AUC_WITHIN_FOLDS.name)

    def models(self, *kinds: str) -> list[tuple[str, ModelWords]]:
        """Return the models that have an AUC row, known or not, of ``kinds`` (all), in the order of the report."""
        return [pair for pair in self._ranked if not kinds or pair[1].kind in kinds]

    @cached_property
    def _ranked(self) -> list[tuple[str, ModelWords]]:
        found = {model for evaluation, model, subset, metric in self._rows if (subset, metric) == ("all", "auc")}
        found |= {model for evaluation, model, _, metric in self._rows if metric == "coverage"}
        named = [(model, model_words(model)) for model in found - NOT_MODELS]
        return sorted(named, key=lambda pair: (pair[1].place, pair[0]))

    def estimable(self, *kinds: str) -> list[tuple[str, ModelWords]]:
        """Return the models of ``kinds`` (all) whose AUC is known, in the order of the report."""
        return [pair for pair in self.models(*kinds) if self.auc(pair[0]).is_known]

    def best(self) -> str | None:
        """Return the main model of the report: the first of ``KINDS_BEST_FIRST`` that has an AUC, be it the highest or
        not."""
        return next((model for kind in KINDS_BEST_FIRST for model, _ in self.estimable(kind)), None)

    def without_result(self) -> Figure | None:
        """Return the counts of what would be the main model, where no model has an AUC since too few died or survived;
        else None."""
        if self.best() is not None:
            return None
        models = (model for kind in KINDS_BEST_FIRST for model, _ in self.models(kind))
        return next((self.auc(model) for model in models if self.too_few(model)), None)

    def too_few(self, model: str) -> bool:
        """Return whether ``model`` was evaluated with too few deaths or survivors for its figures to be a result."""
        return self.auc(model).is_no_result

    def subsets(self, model: str, metric: str = "auc") -> list[tuple[str, Figure]]:
        """Return (subset, figure) of ``model`` in the order of the table, without the subset of all rows."""
        return [
            (subset, figure)
            for (evaluation, name, subset, kind), figure in self._rows.items()
            if (evaluation, name, kind) == (OUT_OF_FOLD, model, metric) and subset != "all"
        ]

    def of_subset(self, evaluation: str, subset: str, metric: str) -> list[tuple[str, Figure]]:
        """Return (model, figure) of ``metric`` on ``subset`` in an ``evaluation``, in the order of the report."""
        found = [
            (model, figure)
            for (kind, model, part, name), figure in self._rows.items()
            if (kind, part, name) == (evaluation, subset, metric)
        ]
        return sorted(found, key=lambda pair: model_words(pair[0].partition(" vs ")[0]).place)

    def folds(self, model: str) -> dict[str, Figure]:
        """Return the AUC of each fold."""
        return {
            subset.removeprefix("fold "): figure for subset, figure in self.subsets(model) if subset.startswith("fold ")
        }

    def comparisons(self) -> list[str]:
        """Return the names of the paired comparisons."""
        return list(dict.fromkeys(key[1] for key in self._rows if key[0] == COMPARISON))

    def importance(self) -> list[tuple[str, Figure]]:
        """Return (variable, fall of the AUC when it is shuffled) of the health-record trees."""
        return [
            (subset, figure) for (evaluation, _, subset, _), figure in self._rows.items() if evaluation == IMPORTANCE
        ]

    def not_computed(self) -> list[tuple[str, str, Figure]]:
        """Return (clinical score, reason or ``all``, share of patients without the score), largest share first."""
        found = [
            (model, subset, figure)
            for (evaluation, model, subset, _), figure in self._rows.items()
            if evaluation == COVERAGE and figure.value > 0
        ]
        return sorted(found, key=lambda one: (model_words(one[0]).place, one[1] != "all", -one[2].value, one[1]))

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield every row as JSON values; suppressed figures have neither a number nor a count of deaths."""
        for (evaluation, model, subset, metric), figure in self._rows.items():
            yield {
                **{"evaluation": evaluation, "model": model, "subset": subset, "metric": metric},
                **{name: _json(getattr(figure, name)) for name in ("value", "low", "high", "n", "events", "method")},
                "counted": "studies" if figure.of_studies else "patients",
            }


def _figure(evaluation: str, row: tuple[Any, ...]) -> Figure:
    value, low, high = (_float(part) for part in row[:3])
    n, events = (None if pd.isna(part) else int(part) for part in row[3:5])
    method = "" if pd.isna(row[5]) else str(row[5])
    if method.startswith((SUPPRESSED, NO_RESULT)):
        value = low = high = math.nan
    return Figure(value, low, high, n, events, method, evaluation in OF_STUDIES)


def _reasons_to_withhold(rows: Mapping[Key, Figure], least: int) -> dict[Key, str]:
    """Return why each figure that is not to be shown is withheld: of a model with too few deaths or survivors, of a
    group that is small, or that would reveal a small one, and of the gaps between groups of which one is withheld for
    that. A set apart is part of no total."""
    few = suppressed(least)
    reasons = {
        key: few if key[0] == COMPARISON or model_words(key[1]).kind == "score" else no_result(least)
        for key, figure in rows.items()
        if _is_result(key, figure) and has_too_few(figure.n or 0, figure.events or 0, least)
    }
    reasons |= {key: figure.method for key, figure in rows.items() if figure.is_suppressed or figure.is_no_result}
    groups: dict[tuple[str, str], dict[str, Counts]] = {}
    for key, figure in rows.items():
        evaluation, model, subset, _ = key
        variable, equals, _ = subset.partition("=")
        if equals and figure.n is not None and figure.events is not None:
            counts = figure.events, figure.n - figure.events
            if min(counts) < least:
                reasons[key] = few
            if evaluation != HELD_OUT:
                groups.setdefault((model, variable), {})[subset] = counts
    for (model, variable), inside in groups.items():
        shown = groups_with_figures(inside, least)
        beside = {name for name, counts in inside.items() if name not in shown and min(counts) >= least}
        if beside:
            of_model = (key for key in rows if key[1] == model and key[0] != HELD_OUT)
            reasons |= {key: BESIDE_A_SMALL_ONE for key in of_model if key[2] in {*beside, variable}}
    return reasons


def _withheld(figure: Figure, reason: str, least: int) -> Figure:
    """Return ``figure`` without value and deaths, and without its patients if they are few; of one that is no result
    the counts are kept."""
    if reason.startswith(NO_RESULT):
        return Figure(n=figure.n, events=figure.events, method=reason, of_studies=figure.of_studies)
    return Figure(n=figure.n if figure.n is None or figure.n >= least else None, method=reason)


def _is_result(key: Key, figure: Figure) -> bool:
    """Whether a row is a figure of a model on all its patients: neither a count nor a share of them, nor of a fold."""
    evaluation, model, subset, metric = key
    described = model in NOT_MODELS or metric == SCORED_SHARE.name or subset.startswith("fold ")
    return evaluation in RESULTS and not described and figure.n is not None and figure.events is not None


def _float(value: Any) -> float:
    return math.nan if pd.isna(value) else float(value)


def _json(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
