"""The results of an experiment: its cells in order, few patients protected, as a table and as CSV."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from echomort.evaluation.too_few import SUPPRESSED, suppressed
from echomort.experiments.published import EXPERIMENTS, UNKNOWN, Experiment, Quoted, quoted
from echomort.experiments.words import (
    NETWORKS,
    PICTURES,
    VARIABLES,
    horizon_name,
    input_name,
    network_name,
    picture_name,
)
from echomort.report.numbers import Figure
from echomort.report.words import counted
from echomort.vocabulary.model_names import ALL_VIEWS, ANY_VIEW

COLUMNS = (
    *("experiment", "cell", "view", "network", "picture", "variables", "horizon_days", "most_patients", "evaluated"),
    *("auc", "auc_low", "auc_high", "fold_low", "fold_high", "patients", "deaths", "trained_patients", "reason"),
    *("brier", "brier_of_none", "cpu_seconds"),
)
"""The columns of the table ``experiment_cell``."""
NOT_MADE = "not made yet"
NOT_COUNTED = f"{SUPPRESSED}: its deaths and survivors are not known"
DIGITS = 4
"""Decimals of an AUC in the CSV. Chosen here: more would tell apart single patients."""
CSV_COLUMNS = (
    *("experiment", "view", "network", "picture", "variables", "horizon_days", "most_patients", "evaluated"),
    *("ours_trained_patients", "ours_patients", "ours_deaths", "ours_auc", "ours_auc_low", "ours_auc_high"),
    *(
        "ours_fold_low",
        "ours_fold_high",
        "ours_brier",
        "ours_brier_of_none",
        "ours_cpu_seconds",
        "ours_without",
        "ours_synthetic",
        "preprint",
        "preprint_source",
    ),
)


@dataclass(frozen=True)
class Result:
    """One cell of an experiment. ``area`` is its AUC with the interval, NaN where it has none, and the patients and
    deaths that it is of; ``folds`` the lowest and the highest AUC of a fold; ``trained`` the patients that it was
    trained on; ``reason`` why it has no AUC (empty where it has one). ``brier`` is the error of its risks, and
    ``brier_of_none`` that of one risk for all, NaN where it was not judged so; ``cpu_seconds`` what its training cost,
    NaN where nothing was trained."""

    experiment: str
    cell: str
    view: str | None
    network: str | None
    picture: str | None
    variables: str
    horizon_days: int
    most_patients: int | None
    evaluated: str
    area: Figure = field(default_factory=Figure)
    folds: tuple[float, float] = (math.nan, math.nan)
    trained: int | None = None
    reason: str = ""
    brier: float = math.nan
    brier_of_none: float = math.nan
    cpu_seconds: float = math.nan

    @property
    def is_known(self) -> bool:
        """Whether it has an AUC."""
        return self.area.is_known

    @property
    def is_made(self) -> bool:
        """Whether it was made, with an AUC or a reason why it has none."""
        return self.reason != NOT_MADE

    @property
    def has_interval(self) -> bool:
        """Whether its AUC has both limits."""
        return math.isfinite(self.area.low) and math.isfinite(self.area.high)

    @property
    def published(self) -> Quoted | None:
        """What the preprint gives for it; None where nothing is known."""
        return None if self.view == ANY_VIEW else quoted(self.experiment, self.view, self.network, self.variables)

    @property
    def inputs(self) -> str:
        """Its inputs in a few words."""
        return input_name(self.view, self.variables)

    @property
    def name(self) -> str:
        """What tells it apart from the other cells of its experiment, in words."""
        network = [network_name(self.network)] if self.network and self.experiment in ("figure2", "study") else []
        picture = [picture_name(self.picture)] if self.experiment in ("resolution", "flow", "inputs") else []
        horizon = [horizon_name(self.horizon_days)] if self.experiment in ("figure3", "study") else []
        return ", ".join([self.inputs, *network, *picture, *horizon, *self._size()])

    def _size(self) -> list[str]:
        if self.experiment != "figure5":
            return []
        return ["all patients" if self.most_patients is None else counted(self.most_patients, "patient")]


@dataclass(frozen=True)
class Display:
    """How an experiment is shown. ``planned``: its cells, those without a row included (None: not known); those with
    fewer deaths or survivors than ``suppress_below`` have no AUC; ``confidence``: the level of the intervals."""

    planned: int | None = None
    suppress_below: int = 10
    confidence: float = 0.95


USUAL = Display()
"""The default of the settings ``evaluation.suppress_below_events`` and ``evaluation.confidence``."""


@dataclass(frozen=True)
class Findings:
    """The results of one experiment in order, and how they are shown."""

    experiment: str
    results: Sequence[Result]
    is_synthetic: bool
    display: Display = USUAL

    @property
    def about(self) -> Experiment:
        """What the preprint did and found."""
        return EXPERIMENTS[self.experiment]

    @property
    def known(self) -> list[Result]:
        """The results that have an AUC."""
        return [result for result in self.results if result.is_known]

    @property
    def ours(self) -> str:
        """How this archive's own figures are called, where the preprint's stand beside them."""
        return "ours (synthetic)" if self.is_synthetic else "ours"

    @property
    def level(self) -> str:
        """The level of the intervals, in per cent."""
        return f"{100 * self.display.confidence:g} %"

    @property
    def counts_text(self) -> str:
        """How many cells have a figure, have none, and are not made yet, in a sentence."""
        made = [result for result in self.results if result.is_made]
        left = max((self.display.planned or 0) - len(made), len(self.results) - len(made))
        parts = [f"{counted(len(self.known), 'cell')} with an AUC"]
        parts += [f"{len(made) - len(self.known):,} without"] if len(made) > len(self.known) else []
        parts += [f"{left:,} not made yet"] if left > 0 else []
        return f"{', '.join(parts)}."


def findings(cells: pd.DataFrame, experiment: str, is_synthetic: bool, display: Display = USUAL) -> Findings:
    """Return the results of ``experiment`` from rows of table ``experiment_cell``. Raises :class:`KeyError` for an
    unknown experiment."""
    return Findings(experiment, results(cells, experiment, display.suppress_below), is_synthetic, display)


def results(cells: pd.DataFrame, experiment: str, suppress_below: int = 10) -> list[Result]:
    """Return the results of ``experiment`` from rows of table ``experiment_cell``, in the order in which they are
    listed. Those of fewer deaths or survivors than ``suppress_below`` have no AUC and no deaths.

    Raises :class:`KeyError` for an unknown experiment.
    """
    known = EXPERIMENTS[experiment].name
    frame = cells.reindex(columns=list(COLUMNS))
    of_it: list[Any] = frame[frame["experiment"] == known].to_dict("records")
    return sorted((_protected(_result(row), suppress_below) for row in of_it), key=_order)


def _result(row: Mapping[str, Any]) -> Result:
    value, low, high = (_float(row[name]) for name in ("auc", "auc_low", "auc_high"))
    area = Figure(value, low, high, _int(row["patients"]), _int(row["deaths"]))
    if not area.is_known:
        area = Figure(n=area.n, events=area.events)
    return Result(
        experiment=str(row["experiment"]),
        cell=str(row["cell"]),
        view=_text(row["view"]),
        network=_text(row["network"]),
        picture=_text(row["picture"]),
        variables=_text(row["variables"]) or "none",
        horizon_days=int(row["horizon_days"]),
        most_patients=_int(row["most_patients"]),
        evaluated=str(row["evaluated"]),
        area=area,
        folds=(_float(row["fold_low"]), _float(row["fold_high"])) if area.is_known else (math.nan, math.nan),
        trained=_int(row["trained_patients"]),
        brier=_float(row["brier"]),
        brier_of_none=_float(row["brier_of_none"]),
        cpu_seconds=_float(row["cpu_seconds"]),
        reason="" if area.is_known else _text(row["reason"]) or NOT_MADE,
    )


def _protected(result: Result, least: int) -> Result:
    """Return ``result`` without figures if it has few deaths or survivors, or if these are not known."""
    n, events = result.area.n, result.area.events
    if n is None or events is None:
        few, reason = result.is_known, NOT_COUNTED
    else:
        few, reason = min(events, n - events) < least, suppressed(least)
    if not few:
        return result
    shown = Figure(n=n if n is not None and n >= least else None)
    why = reason if result.is_known else result.reason
    none = math.nan
    return replace(result, area=shown, folds=(none, none), brier=none, brier_of_none=none, reason=why)


def _order(result: Result) -> tuple[Any, ...]:
    video = 0 if result.view is None else 2 if result.view == ALL_VIEWS else 1
    size = math.inf if result.most_patients is None else result.most_patients
    return (
        *(video, result.view or ""),
        _place(VARIABLES, result.variables),
        _place(NETWORKS, result.network or ""),
        _place(PICTURES, result.picture or ""),
        *(result.horizon_days, size, result.cell),
    )


def _place(known: Mapping[str, str], name: str) -> tuple[int, str]:
    order = list(known)
    return (order.index(name), "") if name in known else (len(order), name)


def results_csv(found: Findings) -> str:
    """Return the results as CSV, one row a cell. Columns that begin with ``ours`` are of this archive, those that begin
    with ``preprint`` are quoted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows(_csv_row(result, found.is_synthetic) for result in found.results)
    return text.getvalue()


def _csv_row(result: Result, is_synthetic: bool) -> list[str]:
    area, preprint = result.area, result.published
    values: list[Any] = [
        *(result.experiment, result.view or "no_video", result.network, result.picture, result.variables),
        *(result.horizon_days, "all" if result.most_patients is None else result.most_patients, result.evaluated),
        *(result.trained, area.n, area.events, area.value, area.low, area.high, *result.folds),
        *(result.brier, result.brier_of_none, result.cpu_seconds, result.reason, str(is_synthetic).lower()),
        *((preprint.text, preprint.source) if preprint else (UNKNOWN, "")),
    ]
    return [_plain(value) for value in values]


def _plain(value: Any) -> str:
    """Return a value as a cell of a CSV; text that a spreadsheet would take for a formula is quoted."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.{DIGITS}f}"
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _float(value: Any) -> float:
    return math.nan if pd.isna(value) else float(value)


def _int(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)
